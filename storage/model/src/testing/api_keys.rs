//! Commands on keys, users and admin tokens.

use super::Scenario;
use crate::admin_token::{AdminName, AdminRole};
use crate::command::{
    ApiKeyNaming, Command, IssuePassword, NewAdminToken, PasswordChange, PutApiKey, Retention,
    UpdateApiKey,
};
use crate::id::{ApiKeyId, FamilyId, GrantId, OrgId, Revision};
use crate::keyring::PasswordHash;
use crate::seal::SecretVerifier;
use crate::state::{ReadState, Record, RecordKey};
use crate::time::Ttl;

impl Scenario {
    /// A change of one of few keys, or of an admin token.
    pub(super) fn api_key(&mut self) -> Option<Command> {
        let number = u8::try_from(self.choices.below(6)).ok()?;
        let id = ApiKeyId::from_bytes([number; 16]);
        Some(match self.choices.below(10) {
            0 => Command::DeleteApiKey(id),
            1 => Command::CreateAdminToken(NewAdminToken {
                name: AdminName::new(&format!("admin-{number}")).ok()?,
                role: AdminRole::Operator,
                verifier: SecretVerifier::from_bytes([number; 32]),
            }),
            2 => Command::DeleteAdminToken(AdminName::new(&format!("admin-{number}")).ok()?),
            3 => Command::UpdateApiKey(UpdateApiKey {
                put: self.put_api_key(id)?,
                replaces: self.key_revision(id),
            }),
            _ => Command::PutApiKey(self.put_api_key(id)?),
        })
    }

    /// A login of one of few users, whose password was right just now or a while ago.
    pub(super) fn password(&mut self) -> Option<Command> {
        let user = ApiKeyId::from_bytes([u8::try_from(self.choices.below(6)).ok()?; 16]);
        let user_revision = self.key_revision(user);
        Some(Command::IssuePassword(IssuePassword {
            client: self.authenticated()?,
            user,
            user_revision,
            grant: GrantId::from_bytes(self.choices.bytes16()),
            family: FamilyId::from_bytes(self.choices.bytes16()),
            scope: self.scope(),
            lifetimes: self.lifetimes(),
            notify: self.notify(),
        }))
    }

    /// What a key was just now, or a while ago.
    fn key_revision(&mut self, id: ApiKeyId) -> Revision {
        match self.state.get(&RecordKey::ApiKey(id)) {
            Some(Record::ApiKey(key)) if !self.choices.once_in(5) => key.revision,
            _ => Revision::default(),
        }
    }

    fn put_api_key(&mut self, id: ApiKeyId) -> Option<PutApiKey> {
        let naming = match self.choices.below(4) {
            0 => ApiKeyNaming::Generated,
            1 => ApiKeyNaming::Updated,
            2 => ApiKeyNaming::Replaced,
            _ => ApiKeyNaming::Custom(self.sealed()?),
        };
        let lifetime = Ttl::from_s(self.choices.below(600));
        let ends = self.now.plus(lifetime).as_unix_s();
        Some(PutApiKey {
            id,
            naming,
            org: if self.choices.once_in(3) {
                OrgId::new(&format!("org-{}", self.choices.below(2))).ok()?
            } else {
                OrgId::default()
            },
            session: self.session_rules()?.into(),
            password: if self.choices.once_in(3) {
                PasswordChange::Set(PasswordHash::of_nobody())
            } else {
                PasswordChange::Kept
            },
            expires_s: i64::try_from(ends).ok()?.saturating_sub(200),
            first_lifetime: self.choices.once_in(4).then_some(lifetime),
            retention: match self.choices.below(4) {
                0 => Retention::Forever,
                1 => Retention::AfterExpiry(lifetime),
                2 => Retention::FromNow(lifetime),
                _ => Retention::FromNowOrExpiry(lifetime),
            },
        })
    }
}
