//! Commands of the notification queue.

use serde::{Deserialize, Serialize};

use crate::answer::NotificationRef;
use crate::state::record::AttemptFailure;
use crate::time::Ttl;

/// On which terms a notification is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyTerms {
    /// How many messages of the API may wait.
    pub queued_max: u32,
}

/// The wish that a failed message be sent once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redelivery {
    /// The message.
    pub notification: NotificationRef,
    /// How many may wait.
    pub terms: NotifyTerms,
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
