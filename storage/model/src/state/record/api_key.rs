//! Keys and basic-auth users as they are kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{FamilyId, GrantId, OrgId, Revision};
use crate::keyring::PasswordHash;
use crate::seal::Sealed;
use crate::session::SessionRules;
use crate::state::ClientKey;
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
    /// What clients got for the password last, the newest at the end (Tyk's `oauth_keys`).
    pub logins: Arc<[Login]>,
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
    /// The revision of the first version: later ones are the same key or user, and one that was deleted before is another.
    pub first_revision: Revision,
}

/// How many clients' logins a user remembers.
pub const LOGINS_MAX: usize = 256;

/// What a client got for a user's password last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The client.
    pub client: ClientKey,
    /// The access token.
    pub grant: GrantId,
    /// The refresh-token family, if there is one: its present access token descends from this login.
    pub family: Option<FamilyId>,
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
