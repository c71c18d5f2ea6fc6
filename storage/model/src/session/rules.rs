//! `key_rules`: a session object in Tyk's JSON, given when a client is authorized.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::access::{is_limit, limits_of_apis};
use super::document::replace;
use super::fields::SESSION;
use super::meta::merge_meta;
use super::{AccessRight, AccessRights};
use crate::id::{ApiId, ClientId, OrgId, PolicyId};
use crate::json::{DocumentFaults, Node, Shape, parse_object};
use crate::path_pattern::PatternOrigin;
use crate::time::Timestamp;

/// The longest session object, in bytes.
pub const SESSION_BYTES_MAX: usize = 32 * 1024;

/// The longest session object that is read from the state, in bytes: a client's metadata stands in it too, and numbers
/// are written out.
const STORED_BYTES_MAX: usize = 256 * 1024;

/// Where Tyk's developers leave their address in a client's metadata.
const DEVELOPER_EMAIL: &str = "tyk_developer_email";

/// The most tags that one session may have.
const TAGS_MAX: usize = 256;

/// Why a text cannot be the rules of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The text is not a session object, or one with parts that cannot be honoured.
    #[error("key_rules: {0}")]
    Document(#[from] DocumentFaults),
    /// The session names neither an API nor a policy, which would open every API.
    #[error("key_rules.access_rights: must name at least one API")]
    NoAccessRights,
}

/// What a session may call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rights<'a> {
    /// What the policy of this id grants, whatever the session itself lists (Tyk's rule).
    Policy(&'a PolicyId),
    /// The APIs listed.
    Listed(&'a AccessRights),
    /// Every API: neither rights nor a policy are named.
    Master,
}

/// A session object; stored and serialized as its JSON text, read once on the first question.
///
/// A stored text that can no longer be read grants nothing. Its path patterns were checked before it was stored, and are
/// compiled when they are needed.
#[derive(Clone)]
pub struct SessionRules {
    text: Arc<str>,
    read: OnceLock<Arc<Read>>,
}

/// What was understood of the text.
#[derive(Clone, Debug, Default, PartialEq)]
struct Read {
    org: Option<OrgId>,
    rights: AccessRights,
    policy: Option<PolicyId>,
    oauth_client: Option<ClientId>,
    expires_s: i64,
    inactive: bool,
    limited: bool,
    meta_data: Option<Map<String, Value>>,
    tags: Vec<String>,
    alias: String,
    unreadable: bool,
}

impl SessionRules {
    /// Checks a session object and keeps its text.
    ///
    /// # Errors
    /// The text is not a JSON object of at most [`SESSION_BYTES_MAX`] bytes, a field has the wrong kind of value, a part
    /// is not supported, or no API is named and `allow_master_keys` is off.
    pub fn from_json(text: &str, allow_master_keys: bool) -> Result<Self, SessionError> {
        let read = Read::from_text(text, SESSION_BYTES_MAX, PatternOrigin::Given)?;
        if read.is_master() && !allow_master_keys {
            return Err(SessionError::NoAccessRights);
        }
        Ok(Self {
            text: Arc::from(text),
            read: OnceLock::from(Arc::new(read)),
        })
    }

    /// The JSON text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same session with a client's `meta_data` in it; where both have a key, the session's value stays (Tyk).
    ///
    /// `None` when that changes nothing. What cannot be read was checked when it was taken, and is left alone.
    #[must_use]
    pub fn with_client_meta(&self, client_meta: &str) -> Option<Self> {
        let client: Map<String, Value> = serde_json::from_str(client_meta).ok()?;
        let own = self.meta_data();
        if client
            .keys()
            .all(|key| own.is_some_and(|own| own.contains_key(key)))
        {
            return None;
        }
        let merged = merge_meta(Some(&client), own);
        let mut object = parse_object(&self.text, STORED_BYTES_MAX).ok()?;
        replace(
            &mut object,
            "meta_data",
            Some(Value::Object(merged.clone())),
        );
        let read = Read {
            meta_data: Some(merged),
            ..self.read().clone()
        };
        Some(Self {
            text: Arc::from(Value::Object(object).to_string()),
            read: OnceLock::from(Arc::new(read)),
        })
    }

    /// A user's session as the password grant lends it to a client: the client's `meta_data` in place of the user's (Tyk),
    /// ending when the user's does. What the client says as `tyk_developer_email` becomes the alias.
    #[must_use]
    pub fn lent_to_client(&self, client_meta: Option<&str>, expires_s: i64) -> Self {
        let client = client_meta.and_then(|meta| serde_json::from_str(meta).ok());
        let meta: Option<Map<String, Value>> = client;
        let mut object = parse_object(&self.text, STORED_BYTES_MAX).unwrap_or_default();
        let email = meta.as_ref().and_then(|meta| meta.get(DEVELOPER_EMAIL));
        let alias = email.and_then(Value::as_str).map(str::to_owned);
        let mut read = Read {
            expires_s,
            ..self.read().clone()
        };
        if let Some(alias) = alias {
            replace(&mut object, "alias", Some(Value::from(alias.as_str())));
            read.alias = alias;
        }
        replace(&mut object, "expires", Some(Value::from(expires_s)));
        replace(&mut object, "meta_data", meta.clone().map(Value::Object));
        read.meta_data = meta;
        Self {
            text: Arc::from(Value::Object(object).to_string()),
            read: OnceLock::from(Arc::new(read)),
        }
    }

    fn read(&self) -> &Read {
        self.read.get_or_init(|| {
            let unreadable = |_| Read {
                unreadable: true,
                ..Read::default()
            };
            let read = Read::from_text(&self.text, STORED_BYTES_MAX, PatternOrigin::Stored);
            Arc::new(read.unwrap_or_else(unreadable))
        })
    }

    /// Where the session's rights come from.
    #[must_use]
    pub fn rights(&self) -> Rights<'_> {
        let read = self.read();
        match &read.policy {
            Some(policy) => Rights::Policy(policy),
            None if read.is_master() => Rights::Master,
            None => Rights::Listed(&read.rights),
        }
    }

    /// The listed right to an API; none for a session whose rights come from a policy or that is a master key.
    #[must_use]
    pub fn grants(&self, api: &ApiId) -> Option<&AccessRight> {
        match self.rights() {
            Rights::Listed(rights) => rights.get(api),
            Rights::Policy(_) | Rights::Master => None,
        }
    }

    /// Whether the session opens every API because it names none.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.rights() == Rights::Master
    }

    /// The policy that makes the session's rights, if it names one.
    #[must_use]
    pub fn policy(&self) -> Option<&PolicyId> {
        self.read().policy.as_ref()
    }

    /// The session's organisation; the API's where it names none.
    #[must_use]
    pub fn org(&self) -> Option<&OrgId> {
        self.read().org.as_ref()
    }

    /// The OAuth client that the session says to be of (`oauth_client_id`); a text that can be no client's id names none.
    #[must_use]
    pub fn oauth_client(&self) -> Option<&ClientId> {
        self.read().oauth_client.as_ref()
    }

    /// When the session ends by its own `expires`; -1 and 0 mean never. A past time is for the caller to disregard.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let seconds = u64::try_from(self.read().expires_s).ok()?;
        (seconds > 0).then(|| Timestamp::from_unix_s(seconds))
    }

    /// Whether the session is switched off (`is_inactive`).
    #[must_use]
    pub fn is_inactive(&self) -> bool {
        self.read().inactive
    }

    /// Whether the session carries a rate limit or a quota, also one of a single API; this version keeps them and does not
    /// enforce them.
    #[must_use]
    pub fn has_limits(&self) -> bool {
        self.read().limited
    }

    /// The session's metadata.
    #[must_use]
    pub fn meta_data(&self) -> Option<&Map<String, Value>> {
        self.read().meta_data.as_ref()
    }

    /// The session's tags.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.read().tags
    }

    /// The session's name for people.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.read().alias
    }
}

impl Read {
    fn from_text(
        text: &str,
        bytes_max: usize,
        patterns: PatternOrigin,
    ) -> Result<Self, DocumentFaults> {
        let object = parse_object(text, bytes_max)?;
        let mut faults = DocumentFaults::default();
        let read = Self::from_object(&object, patterns, &mut faults);
        faults.or(read)
    }

    fn from_object(
        object: &Map<String, Value>,
        patterns: PatternOrigin,
        faults: &mut DocumentFaults,
    ) -> Self {
        // What was stored was checked then: later tables must not judge it otherwise.
        if patterns == PatternOrigin::Given {
            Shape::check_members(SESSION, object, faults);
        }
        refuse_bindings(object, faults);
        let listed = Node::member(object, "access_rights", faults);
        let rights = AccessRights::read(&listed, patterns, faults);
        let limited = is_limit(object, faults) || !limits_of_apis(&listed, faults).is_empty();
        let meta_data = Node::member(object, "meta_data", faults)
            .object(faults)
            .cloned();
        let tags = Node::member(object, "tags", faults).items(TAGS_MAX, faults);
        let tags = tags
            .iter()
            .filter_map(|tag| tag.text(faults))
            .map(str::to_owned)
            .collect();
        let alias = Node::member(object, "alias", faults)
            .text(faults)
            .unwrap_or_default();
        Self {
            org: read_org(object, faults),
            rights,
            policy: read_policy(object, faults),
            oauth_client: Node::member(object, "oauth_client_id", faults)
                .filled_text(faults)
                .and_then(|id| ClientId::new(id).ok()),
            expires_s: Node::member(object, "expires", faults)
                .whole(faults)
                .unwrap_or(0),
            inactive: Node::member(object, "is_inactive", faults).flag(faults),
            limited,
            meta_data,
            tags,
            alias: alias.to_owned(),
            unreadable: false,
        }
    }

    fn is_master(&self) -> bool {
        self.rights.is_empty() && self.policy.is_none() && !self.unreadable
    }
}

fn read_org(object: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<OrgId> {
    let node = Node::member(object, "org_id", faults);
    let text = node.filled_text(faults)?;
    OrgId::new(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

/// The one policy of the session; the list comes before the older single field, as in Tyk.
fn read_policy(object: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<PolicyId> {
    let list = Node::member(object, "apply_policies", faults);
    let items = list.items(usize::MAX, faults);
    if items.len() > 1 {
        faults.add(
            list.path(),
            "names more than one policy, at most one is supported yet",
        );
        return None;
    }
    let single = Node::member(object, "apply_policy_id", faults);
    let node = items.first().unwrap_or(&single);
    let text = node.filled_text(faults)?;
    PolicyId::new(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

/// Fields that tie a session to something the check would have to see; ignored, they would open it to anybody.
fn refuse_bindings(object: &Map<String, Value>, faults: &mut DocumentFaults) {
    for key in ["certificate", "mtls_static_certificate_bindings"] {
        let node = Node::member(object, key, faults);
        if node.is_set() {
            faults.add(
                node.path(),
                "sessions bound to a client certificate are not supported yet",
            );
        }
    }
    // They would stand in the store as they are.
    for (key, inner) in [
        ("hmac_string", None),
        ("jwt_data", Some("secret")),
        ("basic_auth_data", Some("password")),
    ] {
        let node = Node::member(object, key, faults);
        let node = inner.map_or(node.clone(), |inner| node.get(inner, faults));
        if node.is_set() {
            faults.add(node.path(), "secrets of this kind are not supported yet");
        }
    }
}

impl PartialEq for SessionRules {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for SessionRules {}

impl fmt::Debug for SessionRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionRules({} bytes)", self.text.len())
    }
}

impl Serialize for SessionRules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for SessionRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self {
            text: Arc::from(text),
            read: OnceLock::new(),
        })
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
