//! Configuration records: APIs, policies and what came from the definitions folder.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ApiId, OrgId, PolicyId, Revision};
use crate::seal::Sealed;
use crate::state::{RouteKey, SourcePath};
use crate::time::Timestamp;

/// An API as it is kept: its document sealed, because definitions hold shared secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiRecord {
    /// The `api_id`.
    pub id: ApiId,
    /// The organisation.
    pub org: OrgId,
    /// The definition as JSON text, sealed under the key ring.
    pub document: Sealed,
    /// SHA-256 of the definition's text, so that an identical one is seen without opening it.
    pub document_hash: [u8; 32],
    /// The listen paths that the API holds.
    pub routes: Arc<[RouteKey]>,
    /// The file that made it, if one did.
    pub source: Option<SourcePath>,
    /// When this version came into force.
    pub updated_at: Timestamp,
    /// The revision of this version.
    pub revision: Revision,
}

/// A policy as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// The policy's `id`.
    pub id: PolicyId,
    /// The organisation; the policy makes sessions for APIs of the same one alone.
    pub org: OrgId,
    /// The policy as JSON text.
    pub document: Arc<str>,
    /// The file that made it, if one did.
    pub source: Option<SourcePath>,
    /// The revision of this version.
    pub revision: Revision,
}

/// What was last applied from one file of the definitions folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// SHA-256 of the file's content when it was applied.
    pub content_hash: [u8; 32],
    /// What the file made.
    pub made: Made,
}

/// What a definition file makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Made {
    /// An API.
    Api(ApiId),
    /// A policy.
    Policy(PolicyId),
}
