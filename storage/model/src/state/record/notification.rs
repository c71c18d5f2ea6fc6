//! The notification queue: messages that wait or failed, and each API's counters.

use serde::{Deserialize, Serialize};

use crate::id::{ClientId, FamilyId, NotificationId};
use crate::time::Timestamp;
use crate::token::{AccessToken, AuthCode, RefreshToken};

/// How many failed messages are listed for one API; later ones are only counted.
pub const FAILED_LISTED_MAX: u64 = 10_000;

/// How many bytes the messages of one API that wait may take, by [`Notification::size_bytes`].
pub const QUEUED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a message takes at the most besides its client's id, in memory and on disk: it names tokens, and holds none.
const MESSAGE_BYTES: u64 = 320;

/// The counters of one API's queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    /// The sequence of the next message.
    pub next_sequence: u64,
    /// No queued message stands below this sequence.
    pub head: u64,
    /// How many messages wait.
    pub queued: u64,
    /// How many failed messages are listed.
    pub failed_listed: u64,
    /// How many messages ever failed.
    pub failed_total: u64,
    /// How many bytes the messages that wait take.
    pub queued_bytes: u64,
}

/// One message; it names tokens by what they are derived from, never by their text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The stable id that receivers see as `webhook-id`.
    pub id: NotificationId,
    /// The client whose token it speaks of.
    pub client: ClientId,
    /// Why it is sent.
    pub kind: NotificationKind,
    /// The family that orders it after earlier messages, if there is one.
    pub family: Option<FamilyId>,
    /// The code that was exchanged.
    pub code: Option<AuthCode>,
    /// The access token that was issued.
    pub access: Option<AccessToken>,
    /// The refresh token that was issued.
    pub refresh: Option<RefreshToken>,
    /// The refresh token that was used.
    pub old_refresh: Option<RefreshToken>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Whether it waits or failed.
    pub state: NotificationState,
    /// Attempts made since it was queued or queued again.
    pub attempts: u32,
    /// What the last attempt met.
    pub last_failure: Option<AttemptFailure>,
}

impl Notification {
    /// What the message counts against [`QUEUED_BYTES_MAX`], the same in each of its states.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let client = u64::try_from(self.client.as_str().len()).unwrap_or(u64::MAX);
        MESSAGE_BYTES.saturating_add(client)
    }
}

/// Why a message is sent: `notification_type` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotificationKind {
    /// A token was issued for a code or a password.
    New,
    /// A token was refreshed.
    Refresh,
    /// An old refresh token was used again, and the family was revoked.
    Revoked,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotificationState {
    /// It waits for its next attempt.
    Queued {
        /// Not before this time.
        next_attempt_at: Timestamp,
    },
    /// It is given up until somebody asks for redelivery.
    Failed {
        /// When it was given up.
        at: Timestamp,
        /// Why.
        reason: FailureReason,
    },
}

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureReason {
    /// Every attempt failed.
    Attempts,
    /// The queue was full, and this was the oldest message.
    Overflow,
}

/// What an attempt met that was no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptFailure {
    /// An answer with a status that is not 2xx; a redirect is one.
    Status(u16),
    /// No answer in time.
    Timeout,
    /// No connection, or a broken one.
    Connection,
    /// The URL cannot be called at all.
    Unsendable,
}
