//! What the state answers to a command: a domain refusal is a value, never an error of Raft.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ApiId, Incarnation, NotificationId};
use crate::oauth::scope::Scope;
use crate::state::NotificationKey;
use crate::state::record::ClientRecord;
use crate::time::Timestamp;
use crate::token::{AccessToken, AuthCode, RefreshToken, TokenBirth};

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// It was carried out.
    Done(Reply),
    /// It was judged and refused; nothing changed unless the refusal says so.
    Refused(Refusal),
    /// The request is older than the answers that are kept; whether it ran is not known here.
    Unknown,
}

/// What a command yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Nothing beyond having been done.
    Done,
    /// Whether the record was there before: replaced or deleted rather than created or absent.
    Stored {
        /// There was one before.
        existed: bool,
    },
    /// The cluster's present incarnation.
    Founded(Incarnation),
    /// The client as registered; one per API.
    Clients(Arc<[Arc<ClientRecord>]>),
    /// A code was issued.
    Code {
        /// What its text is derived from.
        code: AuthCode,
        /// From when on it is refused.
        expires_at: Timestamp,
    },
    /// Tokens were issued, or are given once more to the same client.
    Issued(Issued),
    /// A revocation was carried out.
    Revoked {
        /// The token was there and of that client.
        found: bool,
    },
    /// How many records a sweep removed.
    Swept(u32),
    /// A key was stored.
    ApiKey {
        /// What its text is derived from, if it is a generated one.
        birth: Option<TokenBirth>,
        /// There was one before.
        existed: bool,
    },
}

/// Tokens as the state knows them; their texts are derived from these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Issued {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token, if the API issues one.
    pub refresh: Option<RefreshToken>,
    /// The scope of the access token.
    pub scope: Option<Scope>,
    /// From when on the access token is refused.
    pub expires_at: Timestamp,
    /// The state's clock at this answer; `expires_in` is what is left from here.
    pub at: Timestamp,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The cluster is founded already.
    AlreadyFounded,
    /// There is no such API.
    UnknownApi,
    /// There is no such policy.
    UnknownPolicy,
    /// There is no such client under that API, or it expired.
    UnknownClient,
    /// The client's secret was changed after the request was checked.
    CredentialsChanged,
    /// A client of that id is registered differently.
    ClientExists,
    /// A public client has no secret that could be changed.
    PublicClient,
    /// The listen path belongs to another API.
    ListenPathTaken(ApiId),
    /// The code cannot be exchanged.
    Code(CodeFault),
    /// The refresh token cannot be used.
    Refresh(RefreshFault),
    /// The scope is wider than what was authorized.
    ScopeExceeded,
    /// Neither a policy nor rules make a session.
    NoSession,
    /// The token belongs to another client (RFC 7009 section 2.1).
    NotYours,
    /// There is no such notification.
    UnknownNotification,
    /// The notification waits or is being sent; only failed ones are redelivered.
    NotFailed,
    /// The key is not one that may be activated.
    UnsuitableKey,
    /// As many messages of the API wait as may; an old one that comes back would only be given up again.
    QueueFull,
    /// There is no such key.
    UnknownApiKey,
    /// There is an admin token of that name.
    AdminTokenExists,
    /// There are as many admin tokens as may be.
    TooManyAdminTokens,
    /// The user was deleted, changed or is over since the password was checked.
    UserChanged,
    /// A user would be replaced by a key without a password, which its name alone would open.
    PasswordMissing,
    /// The key was changed since it was read.
    ApiKeyChanged,
    /// The API was changed or deleted since it was read.
    ApiChanged,
}

/// Why a code cannot be exchanged (RFC 6749 section 5.2, `invalid_grant`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeFault {
    /// There is none, or it was revoked with its client.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was issued to another client, and is burnt now.
    OtherClient,
    /// It was issued to a client of this name through another API, and is as good there as before.
    OtherApi,
    /// The redirect URI is missing or differs from the one of the authorization.
    RedirectMismatch,
    /// The PKCE verifier is missing or does not fit the challenge.
    ChallengeMismatch,
    /// A verifier came for a code without a challenge.
    VerifierWithoutChallenge,
    /// It was used before; its tokens are revoked now.
    Reused,
}

/// Why a refresh token cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefreshFault {
    /// There is no such family, or it was revoked.
    Unknown,
    /// Its time is over.
    Expired,
    /// It belongs to another client; the family is revoked now.
    OtherClient,
    /// It was issued to a client of this name through another API, and is as good there as before.
    OtherApi,
    /// An older generation was used again; the family is revoked now.
    Reused,
}

/// Names a notification from outside: its id and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRef {
    /// Where it stands.
    pub key: NotificationKey,
    /// Its id; a place is never given to another message, the id makes sure of it.
    pub id: NotificationId,
}
