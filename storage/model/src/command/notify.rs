//! Commands of the notification queue.

use serde::{Deserialize, Serialize};

use crate::answer::NotificationRef;
use crate::state::record::AttemptFailure;
use crate::time::Ttl;

/// On which terms a token's notification is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyTerms {
    /// How many messages of the API may wait; the oldest gives way.
    pub queued_max: u32,
}

/// An attempt that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationAttempt {
    /// The message.
    pub notification: NotificationRef,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptOutcome {
    /// A 2xx answer: the message leaves the queue.
    Delivered,
    /// Anything else.
    Failed {
        /// What was met.
        failure: AttemptFailure,
        /// How many attempts there are in all.
        attempts_max: u32,
        /// How long to wait before the next.
        retry_after: Ttl,
    },
}
