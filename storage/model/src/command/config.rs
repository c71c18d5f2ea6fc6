//! Commands that change configuration: APIs, policies, clients.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ApiId, ClientId, OrgId, PolicyId, Revision};
use crate::seal::Sealed;
use crate::state::record::{ClientSecret, ClientText};
use crate::state::{ClientKey, RouteKey, SourcePath};
use crate::time::Timestamp;

/// Creates or replaces an API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutApi {
    /// The `api_id`.
    pub id: ApiId,
    /// The definition's organisation: only its policies make sessions for the API.
    pub org: OrgId,
    /// The definition's text, sealed.
    pub document: Sealed,
    /// SHA-256 of the definition's text.
    pub document_hash: [u8; 32],
    /// The listen paths that the definition asks for; none when it is inactive.
    pub routes: Vec<RouteKey>,
    /// The file it comes from, if it comes from one.
    pub source: Option<SourceMark>,
}

/// Replaces an API that is still as it was read, because what it shall be was worked out from that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateApi {
    /// What the API shall be.
    pub put: PutApi,
    /// The revision of the API that was read.
    pub replaces: Revision,
}

/// Creates or replaces a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutPolicy {
    /// The policy's `id`.
    pub id: PolicyId,
    /// The policy's organisation.
    pub org: OrgId,
    /// The policy as JSON text.
    pub document: Arc<str>,
    /// The file it comes from, if it comes from one.
    pub source: Option<SourceMark>,
}

/// A file of the definitions folder and its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceMark {
    /// The file, relative to the folder.
    pub path: SourcePath,
    /// SHA-256 of its content.
    pub content_hash: [u8; 32],
}

/// Registers a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewClient {
    /// The APIs to register it with, at least one.
    pub apis: Vec<ApiId>,
    /// The `client_id`.
    pub id: ClientId,
    /// How it proves itself.
    pub secret: ClientSecret,
    /// Whether the caller chose the secret.
    pub origin: SecretOrigin,
    /// What else the registration says.
    pub text: ClientText,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Replaces what a registration says; the secret stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientUpdate {
    /// The registration.
    pub key: ClientKey,
    /// What it says from now on; another policy than before ends the client's tokens.
    pub text: ClientText,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Gives a registration another secret; the old one is dead at once, tokens stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewSecret {
    /// The registration.
    pub key: ClientKey,
    /// How the client proves itself from now on.
    pub secret: ClientSecret,
}

/// Where a secret comes from; decides whether two registrations can be identical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretOrigin {
    /// The caller gave it: an identical registration has the same one.
    Given,
    /// It was made for this request: any secret of the existing client will do.
    Generated,
}
