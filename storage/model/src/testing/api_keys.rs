//! Commands on keys, users and admin tokens.

use super::Scenario;
use crate::admin_token::{AdminName, AdminRole};
use crate::command::{ApiKeyNaming, Command, NewAdminToken, PasswordChange, PutApiKey, Retention};
use crate::id::{ApiKeyId, OrgId};
use crate::keyring::PasswordHash;
use crate::seal::SecretVerifier;
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
            _ => Command::PutApiKey(self.put_api_key(id)?),
        })
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
            org: OrgId::new(&format!("org-{}", self.choices.below(2))).ok()?,
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
