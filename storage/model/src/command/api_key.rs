//! Commands on keys, basic-auth users and admin tokens.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::admin_token::{AdminName, AdminRole};
use crate::id::{ApiKeyId, OrgId, Revision};
use crate::keyring::PasswordHash;
use crate::seal::{Sealed, SecretVerifier};
use crate::session::SessionRules;
use crate::time::Ttl;

/// Creates, replaces or updates a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutApiKey {
    /// The key.
    pub id: ApiKeyId,
    /// Whether it may be new, and how it is then presented.
    pub naming: ApiKeyNaming,
    /// The organisation.
    pub org: OrgId,
    /// The session object.
    pub session: Arc<SessionRules>,
    /// What becomes of the password.
    pub password: PasswordChange,
    /// When the session ends, in unix seconds; a past time counts as not given (Tyk).
    pub expires_s: i64,
    /// How long a key that is new lives, if its policy says so.
    pub first_lifetime: Option<Ttl>,
    /// How long the record is kept.
    pub retention: Retention,
}

/// Updates a key that is still as it was read, because what it shall be was worked out from that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateApiKey {
    /// What the key shall be.
    pub put: PutApiKey,
    /// The revision of the key that was read.
    pub replaces: Revision,
}

/// Whether a key may be new, and how it is then presented.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ApiKeyNaming {
    /// It is new; its text is derived from the entry that this command stands in.
    Generated,
    /// It is created or replaced under a text that somebody chose.
    Custom(Sealed),
    /// It is there already and replaced, as if it were new.
    Replaced,
    /// It is there already, and what is not said stays.
    Updated,
}

/// What becomes of a key's password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PasswordChange {
    /// It stays if the key is updated; a new key has none, and a user is not replaced.
    Kept,
    /// It is this one.
    Set(PasswordHash),
}

/// How long the record of a key is kept (Tyk's `post_expiry_action` and `session_lifetime`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retention {
    /// For ever.
    Forever,
    /// So long after the session's end; for ever if it has none.
    AfterExpiry(Ttl),
    /// So long from now, whatever the session's end.
    FromNow(Ttl),
    /// So long from now, but not before the session's end; for ever if it has none.
    FromNowOrExpiry(Ttl),
}

/// Makes an admin token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewAdminToken {
    /// Its name, which must be free.
    pub name: AdminName,
    /// What it is good for.
    pub role: AdminRole,
    /// A keyed hash of the token.
    pub verifier: SecretVerifier,
}
