//! The names of records: one enum, so that every table is listed in one place.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ApiId, ApiKeyId, ClientId, CodeId, FamilyId, GrantId, NodeId, PolicyId};

/// Names one record of the replicated state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecordKey {
    /// The one record about the state itself.
    Meta,
    /// The answers kept for one node's requests.
    Boot(NodeId),
    /// An API and its definition.
    Api(ApiId),
    /// Who owns a listen path on a host.
    Route(RouteKey),
    /// A policy.
    Policy(PolicyId),
    /// A client's registration with one API.
    Client(ClientKey),
    /// Since when everything older of a subject is revoked.
    Mark(Subject),
    /// An authorization code, also after its use until its expiry.
    Code(CodeId),
    /// An access token's grant.
    Grant(GrantId),
    /// A refresh-token family.
    Family(FamilyId),
    /// The counters of an API's notification queue.
    Outbox(ApiId),
    /// A notification, queued or failed.
    Notification(NotificationKey),
    /// What was last applied from a file of the definitions folder.
    Source(SourcePath),
    /// A key or a basic-auth user.
    ApiKey(ApiKeyId),
    /// The admin tokens.
    AdminTokens,
}

impl RecordKey {
    /// The place of a notification in its API's queue, `None` for records of other kinds.
    #[must_use]
    pub const fn sequence(&self) -> Option<u64> {
        match self {
            Self::Notification(place) => Some(place.sequence),
            _ => None,
        }
    }
}

/// A client is registered with an API: the same `client_id` may stand under several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientKey {
    /// The API of the registration.
    pub api: ApiId,
    /// The `client_id`.
    pub client: ClientId,
}

/// A listen path on a host; no two APIs share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteKey {
    /// The host in lower case, `None` for every host.
    pub host: Option<Arc<str>>,
    /// The normalised listen path.
    pub listen_path: Arc<str>,
}

/// The order of a notification inside its API's queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NotificationKey {
    /// The API whose application is told.
    pub api: ApiId,
    /// Counts up by one for every notification of the API.
    pub sequence: u64,
}

impl NotificationKey {
    /// The places of an API's queue from a sequence on.
    #[must_use]
    pub fn places(api: &ApiId, from: u64) -> RangeInclusive<RecordKey> {
        let place = |sequence| {
            RecordKey::Notification(Self {
                api: api.clone(),
                sequence,
            })
        };
        place(from)..=place(u64::MAX)
    }
}

/// A file of the definitions folder, relative to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourcePath(pub Arc<str>);

/// Whose tokens a revocation mark speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// Every token of the cluster.
    Everyone,
    /// Tokens issued through one API.
    Api(ApiId),
    /// Tokens of one client, issued through one API.
    Client(ClientKey),
}
