//! Commands of the OAuth endpoints.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::NotifyTerms;
use crate::id::{ApiId, ApiKeyId, ClientId, CodeId, FamilyId, GrantId, Revision};
use crate::oauth::pkce::PkceChallenge;
use crate::oauth::scope::Scope;
use crate::state::ClientKey;
use crate::state::record::{CodeRedirect, SessionSource};
use crate::time::Ttl;
use crate::token::{AuthCode, RefreshToken};

/// A client that proved itself at the edge, and by which credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticatedClient {
    /// The registration.
    pub key: ClientKey,
    /// The revision of the credentials that were checked; a later change refuses the command.
    pub credentials_revision: Revision,
}

/// How long issued tokens live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetimes {
    /// The access token.
    pub access: Ttl,
    /// The refresh token; `None` when the API issues none.
    pub refresh: Option<Ttl>,
}

/// Issues an authorization code for a request that the identity server approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssueCode {
    /// The new code.
    pub id: CodeId,
    /// The client it is for.
    pub client: ClientKey,
    /// Where the browser is sent with it.
    pub redirect: CodeRedirect,
    /// The PKCE challenge as sent.
    pub challenge: Option<PkceChallenge>,
    /// What the tokens will be allowed; `None` means the client's policy.
    pub session: Option<SessionSource>,
    /// The scope asked for.
    pub scope: Option<Scope>,
    /// How long the code lives.
    pub lifetime: Ttl,
}

/// Exchanges an authorization code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RedeemCode {
    /// The code that was presented; its tag is checked.
    pub code: AuthCode,
    /// Who presents it.
    pub client: AuthenticatedClient,
    /// The redirect URI of the exchange.
    pub redirect_uri: Option<Arc<str>>,
    /// The challenge that the presented verifier makes.
    pub verifier: Option<PkceChallenge>,
    /// The new access token.
    pub grant: GrantId,
    /// The new family.
    pub family: FamilyId,
    /// How long the tokens live.
    pub lifetimes: Lifetimes,
    /// How long a repeated exchange gets the same answer.
    pub retry_window: Ttl,
    /// Whether and how the resource owner's application is told.
    pub notify: Option<NotifyTerms>,
}

/// Issues an access token for an authorization request that the identity server approved: no code, no refresh token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssueImplicit {
    /// The new access token.
    pub grant: GrantId,
    /// The client it is for.
    pub client: ClientKey,
    /// What the token will be allowed; `None` means the client's policy.
    pub session: Option<SessionSource>,
    /// The scope asked for.
    pub scope: Option<Scope>,
    /// How long the token lives.
    pub lifetime: Ttl,
}

/// Issues an access token for client credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssueClientCredentials {
    /// Who asks.
    pub client: AuthenticatedClient,
    /// The new access token.
    pub grant: GrantId,
    /// The scope asked for.
    pub scope: Option<Scope>,
    /// How long the token lives.
    pub lifetime: Ttl,
}

/// Issues tokens for a user whose password was checked at the edge; a token of the same user and client ends with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssuePassword {
    /// Who asks.
    pub client: AuthenticatedClient,
    /// The user.
    pub user: ApiKeyId,
    /// The version of the user whose password was checked; a later change refuses the command.
    pub user_revision: Revision,
    /// The new access token.
    pub grant: GrantId,
    /// The new family.
    pub family: FamilyId,
    /// The scope asked for.
    pub scope: Option<Scope>,
    /// How long the tokens live.
    pub lifetimes: Lifetimes,
    /// Whether and how the resource owner's application is told.
    pub notify: Option<NotifyTerms>,
}

/// Refreshes a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refresh {
    /// The refresh token that was presented; its tag is checked.
    pub token: RefreshToken,
    /// Who presents it.
    pub client: AuthenticatedClient,
    /// The narrower scope asked for, `None` for the family's.
    pub scope: Option<Scope>,
    /// The new access token.
    pub grant: GrantId,
    /// How long the tokens live.
    pub lifetimes: Lifetimes,
    /// How long a repeated refresh gets the same answer; zero for public clients.
    pub retry_window: Ttl,
    /// Whether and how the resource owner's application is told.
    pub notify: Option<NotifyTerms>,
}

/// Revokes one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoke {
    /// The token.
    pub target: RevokeTarget,
    /// Whose it must be.
    pub owner: RevokeOwner,
}

/// Whose a token must be to be revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RevokeOwner {
    /// The client that authenticated (RFC 7009 section 2.1).
    Client(ClientKey),
    /// Anybody's of this API.
    Api(ApiId),
    /// Anybody's: the operator asks.
    Anyone,
    /// The client of this id at any of these APIs: the operator speaks for it.
    ClientAt {
        /// The `client_id`.
        client: ClientId,
        /// The APIs.
        apis: Arc<[ApiId]>,
    },
}

/// The token to revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RevokeTarget {
    /// An access token; its refresh family lives on.
    Access(GrantId),
    /// A refresh token's family, with its access token.
    Refresh(FamilyId),
    /// A refresh token's family, its access token aside.
    RefreshAlone(FamilyId),
}
