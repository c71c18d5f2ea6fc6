//! OAuth clients as they are kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ApiId, ClientId, PolicyId, Revision};
use crate::keyring::KeyRing;
use crate::seal::{Sealed, SecretKind, SecretOwner, SecretVerifier};
use crate::secret::Secret;
use crate::state::ClientKey;
use crate::time::Timestamp;

/// A client's registration with one API (RFC 6749 section 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// The API of the registration.
    pub api: ApiId,
    /// The `client_id`.
    pub id: ClientId,
    /// How the client proves itself.
    pub secret: ClientSecret,
    /// What else the registration says.
    pub text: ClientText,
    /// From when on the client is refused, `None` for never.
    pub expires_at: Option<Timestamp>,
    /// The revision at which the client was registered or its secret last changed.
    pub credentials_revision: Revision,
}

impl ClientRecord {
    /// The place of the registration.
    #[must_use]
    pub fn key(&self) -> ClientKey {
        ClientKey {
            api: self.api.clone(),
            client: self.id.clone(),
        }
    }

    /// Whether this is the client's secret; a public one has none.
    #[must_use]
    pub fn has_secret(&self, keys: &KeyRing, secret: &Secret) -> bool {
        let owner = SecretOwner {
            kind: SecretKind::Client,
            id: self.id.as_str(),
        };
        let presented = keys.secret_verifier(owner, secret.expose());
        matches!(&self.secret, ClientSecret::Confidential { verifier, .. } if *verifier == presented)
    }
}

/// The free part of a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientText {
    /// The registered redirect URIs as given, several joined by the configured separator.
    pub redirect_uri: Arc<str>,
    /// The policy that makes this client's sessions.
    pub policy: Option<PolicyId>,
    /// `meta_data`, a JSON object as text; `None` when it was not given.
    pub meta_data: Option<Arc<str>>,
    /// `description`.
    pub description: Arc<str>,
}

/// How a client proves itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClientSecret {
    /// A public client: no secret, PKCE instead (RFC 6749 section 2.1).
    Public,
    /// A confidential client.
    Confidential {
        /// A keyed hash of the secret, for the check.
        verifier: SecretVerifier,
        /// The secret, sealed, to be shown again; `None` with `hash_client_secrets`.
        sealed: Option<Sealed>,
    },
}

impl ClientSecret {
    /// Whether this is a public client.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Public)
    }
}
