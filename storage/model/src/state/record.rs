//! The records of the replicated state.
//!
//! Records are shared by `Arc`: reading one clones a pointer. Free JSON stands in them as text, secrets
//! sealed or as a keyed hash; nothing here yields a usable token, code or secret without the key ring.

mod api_key;
mod client;
mod config;
mod meta;
mod notification;
mod token;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::admin_token::AdminToken;
use crate::id::{ApiId, Revision};

pub use api_key::{ApiKeyName, ApiKeyRecord, LOGINS_MAX, Login};
pub use client::{ClientRecord, ClientSecret, ClientText};
pub use config::{ApiRecord, Made, PolicyRecord, SourceContent, SourceRecord, SourceStanding};
pub use meta::{ANSWERS_PER_BOOT_MAX, BootWindow, KeptAnswer, Meta};
pub use notification::{
    AttemptFailure, FAILED_LISTED_MAX, FailureReason, Notification, NotificationKind,
    NotificationState, Outbox, QUEUED_BYTES_MAX,
};
pub use token::{Code, CodeRedirect, CodeUse, Family, Grant, SessionSource};

/// One record, of any kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// See [`Meta`].
    Meta(Arc<Meta>),
    /// See [`BootWindow`].
    Boot(Arc<BootWindow>),
    /// See [`ApiRecord`].
    Api(Arc<ApiRecord>),
    /// The API that owns a listen path.
    Route(ApiId),
    /// See [`PolicyRecord`].
    Policy(Arc<PolicyRecord>),
    /// See [`ClientRecord`].
    Client(Arc<ClientRecord>),
    /// Everything of the subject issued at or before this revision is revoked.
    Mark(Revision),
    /// See [`Code`].
    Code(Arc<Code>),
    /// See [`Grant`].
    Grant(Arc<Grant>),
    /// See [`Family`].
    Family(Arc<Family>),
    /// See [`Outbox`].
    Outbox(Arc<Outbox>),
    /// See [`Notification`].
    Notification(Arc<Notification>),
    /// See [`SourceRecord`].
    Source(Arc<SourceRecord>),
    /// See [`ApiKeyRecord`].
    ApiKey(Arc<ApiKeyRecord>),
    /// Every admin token, in the order in which they were made; few, so they stand together.
    AdminTokens(Arc<[AdminToken]>),
}

impl Record {
    /// Whether this is a notification that waits for an attempt.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        match self {
            Self::Notification(message) => {
                matches!(message.state, NotificationState::Queued { .. })
            }
            _ => false,
        }
    }
}
