//! How the callers of an API prove themselves.

use std::fmt;
use std::sync::Arc;

use crate::oauth::grant_type::{GrantTypes, ResponseTypes};
use crate::oauth::scope::DeclaredScopes;
use crate::secret::Secret;
use crate::time::Ttl;

/// Who may call an API.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    /// Anybody (`use_keyless`).
    Keyless,
    /// Holders of a key, or of an OAuth token whose session names the API (`use_standard_auth`).
    Token(CredentialPlace),
    /// Users with a password (`use_basic_auth`).
    Basic(CredentialPlace),
    /// Holders of a token that this API's authorization server issued (`use_oauth2`).
    OAuth(OAuthSpec),
}

/// The authorization server of one API.
#[derive(Clone, Debug, PartialEq)]
pub struct OAuthSpec {
    /// Where a token is looked for.
    pub credential: CredentialPlace,
    /// The grant types allowed at the token endpoint; a refresh token is issued only if it is among them.
    pub grant_types: GrantTypes,
    /// The response types allowed at the authorization endpoint.
    pub response_types: ResponseTypes,
    /// The login page that authorization requests are redirected to.
    pub login_redirect: Option<Arc<str>>,
    /// Who is told of issued tokens.
    pub notifications: Option<NotificationSpec>,
    /// The scopes that may be asked for (`raftgate.allowed_scopes`, or what an OAS document's flows declare); any where none are.
    pub scopes: Option<DeclaredScopes>,
    /// The longest life that `session_lifetime` leaves an access token.
    pub access_token_ttl_max: Option<Ttl>,
}

/// Where a credential is looked for (`auth_configs`); a filled query parameter beats the header, a filled cookie beats both.
///
/// At least one place is enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialPlace {
    /// The header's name in lower case.
    pub header: Option<Arc<str>>,
    /// The query parameter's name.
    pub query: Option<Arc<str>>,
    /// The cookie's name.
    pub cookie: Option<Arc<str>>,
}

impl Default for CredentialPlace {
    fn default() -> Self {
        Self {
            header: Some(Arc::from("authorization")),
            query: None,
            cookie: None,
        }
    }
}

/// Who is told of issued tokens, and the secret that the message carries.
#[derive(Clone)]
pub struct NotificationSpec {
    /// The receiver's `http` or `https` URL.
    pub url: Arc<str>,
    /// What `X-Tyk-Shared-Secret` says, and what messages are signed with; may be empty.
    pub shared_secret: Arc<Secret>,
}

impl PartialEq for NotificationSpec {
    /// Compares the secrets in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && self.shared_secret.ct_eq(other.shared_secret.expose())
    }
}

impl Eq for NotificationSpec {}

impl fmt::Debug for NotificationSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationSpec")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
