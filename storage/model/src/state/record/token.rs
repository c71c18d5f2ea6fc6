//! Codes, grants and refresh-token families: what tokens are derived from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ApiId, ApiKeyId, ClientId, FamilyId, GrantId, PolicyId, Revision};
use crate::oauth::pkce::PkceChallenge;
use crate::oauth::scope::Scope;
use crate::session::SessionRules;
use crate::state::ClientKey;
use crate::time::Timestamp;
use crate::token::TokenBirth;

/// Where a grant's rights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SessionSource {
    /// The policy of this id, resolved at every check: editing it acts on living tokens.
    Policy(PolicyId),
    /// The `key_rules` given at authorization; they replace the policy.
    Rules(Arc<SessionRules>),
}

/// An authorization code; kept after its use until it expires, so that a second use is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// Where the code's text is derived from.
    pub birth: TokenBirth,
    /// When in the order of commands it was issued.
    pub revision: Revision,
    /// The API it was issued for.
    pub api: ApiId,
    /// The client it was issued to.
    pub client: ClientId,
    /// Where the browser was sent with it.
    pub redirect: CodeRedirect,
    /// The PKCE challenge (RFC 7636).
    pub challenge: Option<PkceChallenge>,
    /// What the tokens will be allowed.
    pub session: SessionSource,
    /// The scope asked for.
    pub scope: Option<Scope>,
    /// From when on the code is refused.
    pub expires_at: Timestamp,
    /// Set once the code was exchanged, or burnt by a client that it was not issued to.
    pub used: Option<CodeUse>,
}

impl Code {
    /// The registration that the code was issued to.
    #[must_use]
    pub fn client_key(&self) -> ClientKey {
        ClientKey {
            api: self.api.clone(),
            client: self.client.clone(),
        }
    }
}

/// The redirect URI that a code was issued for (RFC 6749 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeRedirect {
    /// As sent at authorization: the exchange must name the same.
    Sent(Arc<str>),
    /// The client's first registered one, as none was sent: the exchange names none or this one.
    Registered(Arc<str>),
}

impl CodeRedirect {
    /// The URI itself.
    #[must_use]
    pub fn uri(&self) -> &str {
        match self {
            Self::Sent(uri) | Self::Registered(uri) => uri,
        }
    }

    /// Whether an exchange may present this redirect URI, or none.
    #[must_use]
    pub fn accepts(&self, presented: Option<&str>) -> bool {
        match (self, presented) {
            (Self::Registered(_), None) => true,
            (Self::Sent(_), None) => false,
            (_, Some(presented)) => self.uri() == presented,
        }
    }
}

/// What became of a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeUse {
    /// Exchanged for tokens.
    Exchanged {
        /// When, by the state's clock.
        at: Timestamp,
        /// A hash of redirect URI and verifier of the exchange, which has no scope of its own (RFC 6749 section 4.1.3).
        request: [u8; 32],
        /// The access token that it yielded.
        grant: GrantId,
        /// The refresh-token family that it yielded.
        family: Option<FamilyId>,
    },
    /// Presented by another client and refused for good.
    Burnt,
}

/// An access token's grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Where the token's text is derived from.
    pub birth: TokenBirth,
    /// When in the order of commands it was issued.
    pub revision: Revision,
    /// When it was issued, by the state's clock.
    pub issued_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// The API it was issued through.
    pub api: ApiId,
    /// The client it was issued to.
    pub client: ClientId,
    /// The refresh-token family it belongs to.
    pub family: Option<FamilyId>,
    /// What it is allowed.
    pub session: SessionSource,
    /// Its scope.
    pub scope: Option<Scope>,
}

impl Grant {
    /// The registration that the grant was issued to.
    #[must_use]
    pub fn client_key(&self) -> ClientKey {
        ClientKey {
            api: self.api.clone(),
            client: self.client.clone(),
        }
    }
}

/// A refresh-token family; the state knows its present generation alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Where the refresh tokens' texts are derived from; the same for all generations.
    pub birth: TokenBirth,
    /// When in the order of commands the family began.
    pub revision: Revision,
    /// The API it was issued through.
    pub api: ApiId,
    /// The client it was issued to.
    pub client: ClientId,
    /// The one generation that may be refreshed.
    pub generation: u32,
    /// The access token that lives with the present generation.
    pub grant: GrantId,
    /// What its tokens are allowed.
    pub session: SessionSource,
    /// The scope of the authorization; a refresh may narrow its own token, never widen.
    pub scope: Option<Scope>,
    /// From when on the present generation is refused.
    pub expires_at: Timestamp,
    /// When the present generation came to be, by the state's clock.
    pub rotated_at: Timestamp,
    /// A hash of the request that made the present generation, for a repeated one.
    pub request: [u8; 32],
    /// The user whose password it was issued for; none with other grants than the password grant.
    pub user: Option<ApiKeyId>,
}

impl Family {
    /// The registration that the family was issued to.
    #[must_use]
    pub fn client_key(&self) -> ClientKey {
        ClientKey {
            api: self.api.clone(),
            client: self.client.clone(),
        }
    }
}
