//! The session object of a key as documents carry it: read in, and shown again with what the state and policies say.

use serde_json::{Map, Value, json};

use super::fields::SESSION;
use super::{SESSION_BYTES_MAX, SessionError, SessionRules};
use crate::command::Retention;
use crate::id::OrgId;
use crate::json::{DocumentFaults, Node, Shape, parse_object};
use crate::secret::Secret;
use crate::time::{Timestamp, Ttl};

/// How long an expired key is kept where neither it nor an API says: it can still be renewed meanwhile.
pub const KEPT_AFTER_EXPIRY: Ttl = Ttl::from_s(7 * 86_400);

/// Tyk's fields that say nothing while none of their own fields does.
const RECORDS: [&str; 3] = ["monitor", "jwt_data", "smoothing"];

/// What the state adds to a session that somebody gave.
#[derive(Clone, Copy, Debug)]
pub struct SessionFacts {
    /// When it ends, in unix seconds.
    pub expires_s: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Whether it is a basic-auth user's.
    pub is_user: bool,
}

/// How long APIs let sessions live (`session_lifetime`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionLifetime {
    /// They do not say.
    #[default]
    Unsaid,
    /// For ever.
    Endless,
    /// So long from each write, `or_expiry` not before the session's own end.
    Limited {
        /// The time.
        lifetime: Ttl,
        /// Whether an end that comes later counts.
        or_expiry: bool,
    },
}

impl SessionLifetime {
    /// Reads the two fields of an API.
    pub(crate) fn read(object: &Map<String, Value>, faults: &mut DocumentFaults) -> Self {
        let or_expiry = Node::member(object, "session_lifetime_respects_key_expiration", faults);
        let or_expiry = or_expiry.flag(faults);
        match Node::member(object, "session_lifetime", faults).whole(faults) {
            None | Some(0) => Self::Unsaid,
            Some(seconds) => {
                u64::try_from(seconds).map_or(Self::Endless, |seconds| Self::Limited {
                    lifetime: Ttl::from_s(seconds),
                    or_expiry,
                })
            }
        }
    }

    /// The longer of two (Tyk: the longest of all APIs that a session names).
    #[must_use]
    pub fn longest(self, other: Self) -> Self {
        match (self, other) {
            (Self::Endless, _) | (_, Self::Endless) => Self::Endless,
            (Self::Unsaid, said) | (said, Self::Unsaid) => said,
            (
                Self::Limited {
                    lifetime: one,
                    or_expiry: first,
                },
                Self::Limited {
                    lifetime: another,
                    or_expiry: second,
                },
            ) => Self::Limited {
                lifetime: one.max(another),
                or_expiry: first || second,
            },
        }
    }
}

/// A session object that was given for a key.
pub struct SessionDocument(Map<String, Value>);

impl SessionDocument {
    /// Reads a session object.
    ///
    /// # Errors
    /// It is no JSON object of at most [`SESSION_BYTES_MAX`] bytes.
    pub fn parse(text: &str) -> Result<Self, DocumentFaults> {
        parse_object(text, SESSION_BYTES_MAX).map(Self)
    }

    /// Takes the password out; an empty one is none.
    ///
    /// # Errors
    /// It is no text.
    pub fn take_password(&mut self) -> Result<Option<Secret>, DocumentFaults> {
        let mut faults = DocumentFaults::default();
        let node = Node::member(&self.0, "basic_auth_data", &mut faults);
        let _ = node.object(&mut faults);
        let password = node.get("password", &mut faults);
        let password = password.filled_text(&mut faults).map(Secret::from);
        remove(&mut self.0, "basic_auth_data");
        faults.or(password)
    }

    /// Whether it says that it is a basic-auth user's and has no password.
    ///
    /// Tyk shows `basic_auth_data` in the session of every key, and none of its fields says anything there.
    #[must_use]
    pub fn is_user_without_password(&self) -> bool {
        let mut faults = DocumentFaults::default();
        let node = Node::member(&self.0, "basic_auth_data", &mut faults);
        let mut of_user = |name: &str| node.get(name, &mut faults);
        let (password, hash_type) = (of_user("password"), of_user("hash_type"));
        let is_alone = password.value().is_some() && hash_type.value().is_none();
        !password.is_set() && (hash_type.is_set() || is_alone)
    }

    /// The organisation, if one is named.
    ///
    /// # Errors
    /// It cannot be the id of one.
    pub fn org(&self) -> Result<Option<OrgId>, DocumentFaults> {
        let mut faults = DocumentFaults::default();
        let node = Node::member(&self.0, "org_id", &mut faults);
        let org = node.filled_text(&mut faults).map(OrgId::new).transpose();
        let org = org.map_err(|error| faults.add(node.path(), error.to_string()));
        faults.or(org.ok().flatten())
    }

    /// The same session with the organisation that it belongs to, where it names none.
    #[must_use]
    pub fn of_org(mut self, org: &OrgId) -> Self {
        if self.org().is_ok_and(|named| named.is_none()) {
            self.set("org_id", json!(org.as_str()));
        }
        self
    }

    /// The session as it is kept: dates are the state's, fields that say nothing are left out.
    ///
    /// # Errors
    /// As [`SessionRules::from_json`].
    pub fn rules(&self, allow_master_keys: bool) -> Result<SessionRules, SessionError> {
        // Before fields that say nothing are left out: an empty text would be where a number is meant.
        let mut faults = DocumentFaults::default();
        Shape::check_members(SESSION, &self.0, &mut faults);
        faults.or(())?;
        let mut kept = self.0.clone();
        for key in ["date_created", "last_updated", "basic_auth_data"] {
            remove(&mut kept, key);
        }
        drop_unsaid(&mut kept);
        SessionRules::from_json(&Value::Object(kept).to_string(), allow_master_keys)
    }

    /// When the session ends, in unix seconds.
    ///
    /// # Errors
    /// It is no whole number.
    pub fn expires_s(&self) -> Result<i64, DocumentFaults> {
        let mut faults = DocumentFaults::default();
        let seconds = Node::member(&self.0, "expires", &mut faults).whole(&mut faults);
        faults.or(seconds.unwrap_or(0))
    }

    /// How long its record is kept: by itself, else by its APIs.
    ///
    /// # Errors
    /// A field has the wrong kind of value.
    pub fn retention(&self, of_apis: SessionLifetime) -> Result<Retention, DocumentFaults> {
        let mut faults = DocumentFaults::default();
        let action = Node::member(&self.0, "post_expiry_action", &mut faults);
        let grace = Node::member(&self.0, "post_expiry_grace_period", &mut faults);
        let grace = grace.whole(&mut faults).unwrap_or(0);
        let by_action = match action.filled_text(&mut faults) {
            Some("delete") => Some(Retention::AfterExpiry(Ttl::ZERO)),
            Some("retain") => match u64::try_from(grace) {
                Err(_) => Some(Retention::Forever),
                Ok(0) => None,
                Ok(seconds) => Some(Retention::AfterExpiry(Ttl::from_s(seconds))),
            },
            None => None,
            Some(_) => {
                faults.add(action.path(), "must be retain or delete");
                None
            }
        };
        let own = Node::member(&self.0, "session_lifetime", &mut faults);
        let own = own.whole(&mut faults).and_then(|s| u64::try_from(s).ok());
        let lifetime = match (own.filter(|seconds| *seconds > 0), of_apis) {
            (None, of_apis) => of_apis,
            (Some(seconds), SessionLifetime::Limited { or_expiry, .. }) => {
                SessionLifetime::Limited {
                    lifetime: Ttl::from_s(seconds),
                    or_expiry,
                }
            }
            (Some(seconds), _) => SessionLifetime::Limited {
                lifetime: Ttl::from_s(seconds),
                or_expiry: false,
            },
        };
        faults.or(by_action.unwrap_or(match lifetime {
            SessionLifetime::Unsaid => Retention::AfterExpiry(KEPT_AFTER_EXPIRY),
            SessionLifetime::Endless => Retention::Forever,
            SessionLifetime::Limited {
                lifetime,
                or_expiry: false,
            } => Retention::FromNow(lifetime),
            SessionLifetime::Limited {
                lifetime,
                or_expiry: true,
            } => Retention::FromNowOrExpiry(lifetime),
        }))
    }

    /// What shows a session that is kept.
    ///
    /// # Errors
    /// The text is no session object.
    pub fn of(rules: &SessionRules) -> Result<Self, DocumentFaults> {
        parse_object(rules.as_str(), usize::MAX).map(Self)
    }

    /// A session that nobody gave, such as that of a policy.
    #[must_use]
    pub fn empty() -> Self {
        Self(Map::new())
    }

    /// Sets a field, whatever its spelling so far.
    pub fn set(&mut self, key: &str, value: Value) {
        replace(&mut self.0, key, Some(value));
    }

    /// Names the one policy whose rights count from now on, whatever named one before.
    pub fn set_policies(&mut self, policies: &[String]) {
        remove(&mut self.0, "apply_policy_id");
        self.set("apply_policies", json!(policies));
    }

    /// Adds metadata that gives way to the session's own.
    pub fn add_meta(&mut self, meta: &Map<String, Value>) {
        let own = take(&mut self.0, "meta_data");
        let own = own.as_ref().and_then(Value::as_object);
        let merged = super::meta::merge_meta(Some(meta), own);
        self.set("meta_data", Value::Object(merged));
    }

    /// Lays a policy over the session: its rights and limits, its metadata over the session's, its tags beside them.
    pub fn apply_policy(&mut self, policy: &Map<String, Value>) {
        let mut faults = DocumentFaults::default();
        let mut of_policy = |key: &str| Node::member(policy, key, &mut faults).value().cloned();
        for key in [
            "access_rights",
            "rate",
            "per",
            "quota_max",
            "quota_renewal_rate",
            "throttle_interval",
            "throttle_retry_limit",
            "max_query_depth",
        ] {
            if let Some(value) = of_policy(key) {
                self.set(key, value);
            }
        }
        if let Some(Value::Object(meta)) = of_policy("meta_data") {
            let own = take(&mut self.0, "meta_data");
            let own = own.as_ref().and_then(Value::as_object);
            let merged = super::meta::merge_meta(own, Some(&meta));
            self.set("meta_data", Value::Object(merged));
        }
        if let Some(Value::Array(tags)) = of_policy("tags") {
            let mut all = match take(&mut self.0, "tags") {
                Some(Value::Array(own)) => own,
                _ => Vec::new(),
            };
            let new = tags.into_iter().filter(|tag| !all.contains(tag));
            let new: Vec<Value> = new.collect();
            all.extend(new);
            self.set("tags", Value::Array(all));
        }
        if of_policy("is_inactive") == Some(Value::Bool(true)) {
            self.set("is_inactive", Value::Bool(true));
        }
    }

    /// The JSON that shows the session.
    #[must_use]
    pub fn shown(mut self, facts: SessionFacts) -> String {
        self.set("expires", json!(facts.expires_s));
        self.set("date_created", Value::String(facts.created_at.rfc3339()));
        let updated_s = facts.updated_at.as_unix_s().to_string();
        self.set("last_updated", Value::String(updated_s));
        if facts.is_user {
            self.set("basic_auth_data", json!({"hash_type": "argon2id"}));
        }
        drop_unsaid(&mut self.0);
        Value::Object(self.0).to_string()
    }
}

/// Removes a field whatever its spelling.
fn remove(object: &mut Map<String, Value>, key: &str) {
    replace(object, key, None);
}

/// Puts a field in the place of those of its name, which counts whatever its case.
pub(super) fn replace(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    object.retain(|key, _| !key.eq_ignore_ascii_case(name));
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

fn take(object: &mut Map<String, Value>, key: &str) -> Option<Value> {
    let name = object
        .keys()
        .find(|name| name.eq_ignore_ascii_case(key))?
        .clone();
    object.shift_remove(&name)
}

/// Leaves Tyk's fields out that have the value which they have when they are not given.
fn drop_unsaid(object: &mut Map<String, Value>) {
    object.retain(|name, value| {
        let is = |field: &str| name.eq_ignore_ascii_case(field);
        let is_unsaid = match value {
            Value::Object(members) if RECORDS.into_iter().any(is) => {
                members.values().all(is_unsaid)
            }
            value => is_unsaid(value),
        };
        let mut known = SESSION.iter().copied().flatten();
        !(is_unsaid && known.any(|(field, _)| is(field)))
    });
}

fn is_unsaid(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
