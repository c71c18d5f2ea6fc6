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
    /// Whose that is now.
    pub standing: SourceStanding,
}

/// Whose it is what a file made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceStanding {
    /// The file's, or nobody's any more.
    Applied,
    /// Another file's, which took it over.
    Displaced,
}

/// What a file's content is to what was last applied from the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceContent {
    /// The same.
    Applied,
    /// The same, and another file took over since what it made.
    Displaced,
    /// Another content.
    Changed,
}

impl SourceRecord {
    /// The same, after another file took over what this one made.
    ///
    /// The content stays known: a file that changes meanwhile counts again, one that does not waits for the other.
    #[must_use]
    pub fn displaced(&self) -> Self {
        Self {
            standing: SourceStanding::Displaced,
            ..self.clone()
        }
    }

    /// What a content with this hash is to what was last applied.
    #[must_use]
    pub fn compare(&self, content_hash: [u8; 32]) -> SourceContent {
        if self.content_hash != content_hash {
            return SourceContent::Changed;
        }
        match self.standing {
            SourceStanding::Applied => SourceContent::Applied,
            SourceStanding::Displaced => SourceContent::Displaced,
        }
    }
}

/// What a definition file makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Made {
    /// An API.
    Api(ApiId),
    /// A policy.
    Policy(PolicyId),
}
