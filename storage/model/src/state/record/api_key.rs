//! Keys and basic-auth users as they are kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{OrgId, Revision};
use crate::keyring::PasswordHash;
use crate::seal::Sealed;
use crate::session::SessionRules;
use crate::time::Timestamp;
use crate::token::TokenBirth;

/// A key, or a basic-auth user if it has a password.
///
/// A user is never accepted as a key: who knows the name alone would be let in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyRecord {
    /// What its holder presents.
    pub name: ApiKeyName,
    /// The organisation.
    pub org: OrgId,
    /// The session object as it was given, without password and dates.
    pub session: Arc<SessionRules>,
    /// The password of a basic-auth user.
    pub password: Option<PasswordHash>,
    /// From when on it is refused, in unix seconds; below 1 it never is.
    pub expires_s: i64,
    /// From when on it is as if it had never been, `None` for never.
    pub ends_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The revision of this version: what was found out about an older one says nothing about it.
    pub revision: Revision,
}

/// What the holder of a key presents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ApiKeyName {
    /// A text that is derived from this and the key's id.
    Generated(TokenBirth),
    /// A text that somebody chose, or a user's name: sealed, so that listings can show it.
    Custom(Sealed),
}

impl ApiKeyRecord {
    /// Whether its session is over.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        u64::try_from(self.expires_s)
            .is_ok_and(|seconds| seconds > 0 && Timestamp::from_unix_s(seconds) <= now)
    }

    /// Whether the record itself is over, and only waits to be swept.
    #[must_use]
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|ends_at| ends_at <= now)
    }

    /// Whether this is a basic-auth user.
    #[must_use]
    pub const fn is_user(&self) -> bool {
        self.password.is_some()
    }
}
