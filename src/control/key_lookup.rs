//! Which key, user or token a path of `/tyk/keys` names.

use std::sync::Arc;

use raftgate_actors::snapshot::GatewaySnapshot;
use raftgate_model::id::{ApiId, ApiKeyId, GrantId, OrgId};
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::session::{Rights, readings};
use raftgate_model::state::record::{ApiKeyName, ApiKeyRecord, Grant};
use raftgate_model::token::{ApiKeyToken, TokenKind};
use serde::Deserialize;

use super::{Control, ControlFailure};
use crate::config::oauth::UsersBy;

/// How many keys are listed.
const LISTED_MAX: usize = 100_000;
/// How many keys one look at the index brings.
const PAGE: usize = 1000;

/// How the name of a key is meant.
#[derive(Default, Deserialize)]
pub(super) struct KeyQuery {
    hashed: Option<String>,
    username: Option<String>,
    org_id: Option<String>,
    api_id: Option<String>,
}

/// What a name stands for.
pub(super) enum Found {
    /// A key or a user.
    Key(ApiKeyId, Arc<ApiKeyRecord>),
    /// An OAuth access token.
    Token(GrantId, Arc<Grant>),
}

impl KeyQuery {
    /// Names that are hashes where listings show them, and nothing else is said of them.
    pub(super) fn by_hash() -> Self {
        Self {
            hashed: Some("true".to_owned()),
            ..Self::default()
        }
    }

    /// The organisation and the API that it names; what cannot be an id is refused before anything is looked for.
    fn places(&self) -> Result<(Option<OrgId>, Option<ApiId>), ControlFailure> {
        let invalid =
            |name: &'static str| move |error| ControlFailure::Invalid(format!("{name}: {error}"));
        let org = filled(self.org_id.as_ref()).map(OrgId::new).transpose();
        let api = filled(self.api_id.as_ref()).map(ApiId::new).transpose();
        Ok((
            org.map_err(invalid("org_id"))?,
            api.map_err(invalid("api_id"))?,
        ))
    }

    /// Whether the name is a hash: whatever is said of it but nothing, as in Tyk.
    pub(super) fn is_hashed(&self) -> bool {
        filled(self.hashed.as_ref()).is_some()
    }
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

impl Control {
    /// What a name stands for, those that are over aside.
    pub(super) fn find_key(
        &self,
        name: &str,
        query: &KeyQuery,
    ) -> Result<Option<Found>, ControlFailure> {
        let places = query.places()?;
        if query.is_hashed() {
            if !self.compat.hash_keys {
                return Err(ControlFailure::Invalid(
                    "Key requested by hash but key hashing is not enabled".into(),
                ));
            }
            return Ok(self.by_hash(name));
        }
        if name.starts_with(TokenKind::Access.prefix()) {
            return Ok(self.by_token(name));
        }
        if name.starts_with(TokenKind::ApiKey.prefix()) {
            let found = self.keys.verify_api_key(name).ok();
            return Ok(found.and_then(|token| {
                let record = self.present(token.id)?;
                let same = record.name == ApiKeyName::Generated(token.birth);
                same.then_some(Found::Key(token.id, record))
            }));
        }
        let named_org = places.0.clone();
        // A name is looked for in the organisation that is named and in no other; a text that says its own is the key's.
        let is_elsewhere = |org: &OrgId, id: &str| {
            id == name && named_org.as_ref().is_some_and(|named| named != org)
        };
        let orgs = self.orgs_of(places);
        let is_user = filled(query.username.as_ref()).is_some();
        Ok(orgs.iter().find_map(|org| {
            let readings = if is_user {
                vec![(org.clone(), name.to_owned())]
            } else {
                readings(org, name)
            };
            let mut meant = readings
                .into_iter()
                .filter(|(org, id)| !is_elsewhere(org, id));
            meant.find_map(|(org, id)| {
                let id = self.keys.custom_key_id(&org, &id);
                let record = self.present(id)?;
                let is_meant = if record.is_user() {
                    self.compat.users_by == UsersBy::NameOrHash
                } else {
                    !is_user
                };
                is_meant.then_some(Found::Key(id, record))
            })
        }))
    }

    /// The organisations whose key may be meant: the one that is named, else all that have keys.
    fn orgs_of(&self, (org, api): (Option<OrgId>, Option<ApiId>)) -> Vec<OrgId> {
        if let Some(org) = org {
            return vec![org];
        }
        let of_api = api.and_then(|id| self.cluster.view().api(&id));
        let mut orgs: Vec<OrgId> = of_api.map(|api| api.org.clone()).into_iter().collect();
        orgs.push(OrgId::default());
        orgs.extend(self.cluster.view().orgs_with_keys());
        orgs
    }

    fn by_hash(&self, hash: &str) -> Option<Found> {
        let well_formed = hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = u128::from_str_radix(hash, 16)
            .ok()
            .filter(|_| well_formed)?
            .to_be_bytes();
        let id = ApiKeyId::from_bytes(bytes);
        match self.present(id) {
            Some(record) => Some(Found::Key(id, record)),
            None => self.living(GrantId::from_bytes(bytes)),
        }
    }

    fn by_token(&self, text: &str) -> Option<Found> {
        let token = self.keys.verify_access(text).ok()?;
        let found = self.living(token.id)?;
        let same = matches!(&found, Found::Token(_, grant) if grant.birth == token.birth);
        same.then_some(found)
    }

    /// An OAuth token that was not revoked.
    fn living(&self, id: GrantId) -> Option<Found> {
        let view = self.cluster.view();
        let grant = view.grant(&id)?;
        let revoked = view.revoked_since(&grant.client_key(), grant.revision);
        (!revoked).then_some(Found::Token(id, grant))
    }

    fn present(&self, id: ApiKeyId) -> Option<Arc<ApiKeyRecord>> {
        let record = self.cluster.view().api_key(&id)?;
        (!record.is_gone(self.cluster.now())).then_some(record)
    }

    /// The texts of keys and the names of users, or what stands for them with `compat.hash_keys`.
    pub(super) fn list_keys(
        &self,
        org: Option<&str>,
        api: Option<&str>,
    ) -> Result<Vec<String>, ControlFailure> {
        let view = self.cluster.view();
        let orgs = match org.map(OrgId::new) {
            Some(Ok(org)) => vec![org],
            Some(Err(_)) => return Ok(Vec::new()),
            None => view.orgs_with_keys(),
        };
        let api = match api.map(ApiId::new) {
            Some(Ok(api)) => Some(api),
            Some(Err(_)) => return Ok(Vec::new()),
            None => None,
        };
        let now = self.cluster.now();
        let snapshot = self.registry.source().current();
        let mut texts = Vec::new();
        for org in &orgs {
            let mut after = None;
            loop {
                let page = view.api_keys_of(org, after.as_ref(), PAGE);
                let Some((last, _)) = page.last() else {
                    break;
                };
                after = Some(*last);
                for (id, record) in &page {
                    let asked_for = api.as_ref().is_none_or(|api| opens(record, api, &snapshot));
                    if asked_for && !record.is_gone(now) {
                        texts.extend(self.key_text(*id, record));
                    }
                    if texts.len() >= LISTED_MAX {
                        return Ok(texts);
                    }
                }
            }
        }
        Ok(texts)
    }

    /// What a listing shows of a key; nothing of one whose name cannot be opened, which hides no other.
    fn key_text(&self, id: ApiKeyId, record: &ApiKeyRecord) -> Option<String> {
        if self.compat.hash_keys {
            return Some(id.to_string());
        }
        opened(&self.keys, id, record)
    }
}

/// The text of a key or the name of a user, unless it cannot be told, which the log says.
fn opened(keys: &KeyRing, id: ApiKeyId, record: &ApiKeyRecord) -> Option<String> {
    match &record.name {
        ApiKeyName::Generated(birth) => {
            let token = ApiKeyToken { birth: *birth, id };
            let text = keys.mint_api_key(&token).inspect_err(|fault| {
                tracing::error!(key = %id, %fault, "the text of a key cannot be made");
            });
            Some(text.ok()?.expose().to_owned())
        }
        ApiKeyName::Custom(sealed) => {
            let owner = SecretOwner {
                kind: SecretKind::ApiKeyName,
                id: &id.to_string(),
            };
            let name = keys.open(owner, sealed).inspect_err(|fault| {
                tracing::error!(key = %id, %fault, "the name of a key cannot be opened");
            });
            Some(format!("{}{}", record.org, name.ok()?.expose()))
        }
    }
}

/// Whether a key has a right to an API, of its own or by its policy; one that opens every API is listed for none (Tyk).
fn opens(record: &ApiKeyRecord, api: &ApiId, snapshot: &GatewaySnapshot) -> bool {
    let rights = match record.session.rights() {
        Rights::Listed(rights) => Some(rights),
        Rights::Policy(id) => snapshot
            .policy(id)
            .map(|policy| &policy.policy.access_rights),
        Rights::Master => None,
    };
    rights.is_some_and(|rights| rights.get(api).is_some())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use raftgate_model::id::{KeyId, Revision};
    use raftgate_model::secret::Secret;
    use raftgate_model::session::SessionRules;
    use raftgate_model::time::Timestamp;

    use super::*;
    use crate::test_ring::ring;

    fn named(keys: &KeyRing, id: ApiKeyId, name: &str) -> ApiKeyRecord {
        let owner = SecretOwner {
            kind: SecretKind::ApiKeyName,
            id: &id.to_string(),
        };
        let sealed = keys.seal(KeyId(1), owner, [0; 12], &Secret::from(name));
        ApiKeyRecord {
            name: ApiKeyName::Custom(sealed.unwrap()),
            org: OrgId::default(),
            session: Arc::new(SessionRules::from_json("{}", true).unwrap()),
            password: None,
            logins: Arc::from([]),
            expires_s: 0,
            ends_at: None,
            created_at: Timestamp::ZERO,
            updated_at: Timestamp::ZERO,
            revision: Revision(1),
            first_revision: Revision(1),
        }
    }

    #[test]
    fn one_key_whose_name_cannot_be_opened_hides_no_other() {
        let keys = ring(1);
        let id = ApiKeyId::from_bytes([7; 16]);
        let records = [
            named(&keys, id, "alice"),
            named(&ring(9), id, "bob"),
            named(&keys, id, "carol"),
        ];
        let texts = records
            .iter()
            .filter_map(|record| opened(&keys, id, record));
        assert_eq!(texts.collect::<Vec<_>>(), ["defaultalice", "defaultcarol"]);
    }
}
