//! One attempt from beginning to end: write the message, post it, have the result recorded.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use awc::Client;
use futures_util::FutureExt as _;
use raftgate_cluster::batch::Lane;
use raftgate_cluster::error::ProposeError;
use raftgate_model::answer::NotificationRef;
use raftgate_model::api::NotificationSpec;
use raftgate_model::command::{AttemptOutcome, Command, NotificationAttempt};
use raftgate_model::keyring::KeyRing;
use raftgate_model::state::NotificationKey;
use raftgate_model::state::record::AttemptFailure;
use tracing::{error, warn};

use super::deliver;
use super::metrics::NotifierMetrics;
use super::payload::{payload, webhook_id};
use super::plan::Waiting;
use super::sinks::Showing;
use super::terms::DeliveryTerms;
use crate::cluster_access::ClusterAccess;

/// How often a result is offered for recording before the attempt is forgotten.
const RECORD_TRIES_MAX: u32 = 3;
/// The shortest pause between two of these.
const RECORD_PAUSE_MIN: Duration = Duration::from_millis(100);

/// What every attempt uses; does not change while the notifier lives.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) cluster: ClusterAccess,
    pub(super) keys: Arc<KeyRing>,
    pub(super) terms: Arc<DeliveryTerms>,
    pub(super) metrics: Arc<NotifierMetrics>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// The message's place.
    pub(super) key: NotificationKey,
    /// What the receiver showed of itself.
    pub(super) showing: Showing,
    /// Whether the state knows of the attempt.
    pub(super) record: Recording,
}

/// Whether the state knows of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recording {
    /// It does, or the message is gone.
    Recorded,
    /// It may not: the message will be sent once more.
    Unrecorded,
}

impl Courier {
    /// Makes one attempt; `receiver` is none when there is nothing to call.
    pub(super) async fn attempt(
        self,
        client: Client,
        waiting: Waiting,
        receiver: Option<NotificationSpec>,
    ) -> Ended {
        let result = match &receiver {
            Some(receiver) => self.send(&client, &waiting, receiver).await,
            None => Err(AttemptFailure::Unsendable),
        };
        self.metrics.count_attempt(result);
        let record = self.record(&waiting, result).await;
        if record == Recording::Recorded {
            self.note_giving_up(&waiting, result);
        }
        let showing = match result {
            Ok(()) => Showing::Took,
            Err(AttemptFailure::Unsendable) => Showing::NotAsked,
            Err(_) => Showing::Failed,
        };
        let (key, _) = waiting;
        Ended {
            key,
            showing,
            record,
        }
    }

    /// Posts the message. A panic on the way counts as a message that cannot be sent: it must not hold up the others.
    async fn send(
        &self,
        client: &Client,
        (key, message): &Waiting,
        receiver: &NotificationSpec,
    ) -> Result<(), AttemptFailure> {
        let payload = match payload(message, &self.keys, receiver, self.cluster.now()) {
            Ok(payload) => payload,
            Err(error) => {
                error!(api = %key.api, id = webhook_id(message.id), %error,
                    "notification cannot be written");
                return Err(AttemptFailure::Unsendable);
            }
        };
        let (secret, timeout) = (&receiver.shared_secret, self.terms.timeout);
        let posted = deliver::post(client, &receiver.url, secret.expose(), payload, timeout);
        let Ok(result) = AssertUnwindSafe(posted).catch_unwind().await else {
            error!(api = %key.api, id = webhook_id(message.id), "sending a notification panicked");
            return Err(AttemptFailure::Unsendable);
        };
        result
    }

    /// Has the result recorded. What was surely not recorded is offered again, and a delivery in any case: that message
    /// is gone then, while a failure recorded twice would cost it an attempt.
    async fn record(
        &self,
        (key, message): &Waiting,
        result: Result<(), AttemptFailure>,
    ) -> Recording {
        let attempt = message.attempts.saturating_add(1);
        let outcome = match result {
            Ok(()) => AttemptOutcome::Delivered,
            Err(failure) => AttemptOutcome::Failed {
                failure,
                attempts_max: self.terms.attempts_max,
                retry_after: self.terms.wait_after(attempt),
            },
        };
        let notification = NotificationRef {
            key: key.clone(),
            id: message.id,
        };
        let command = Command::NotificationAttempted(NotificationAttempt {
            notification,
            outcome,
        });
        for tries_left in (0..RECORD_TRIES_MAX).rev() {
            let lane = Lane::Tokens(key.api.clone());
            let error = match self.cluster.propose(lane, command.clone()).await {
                // A refusal says that the message is gone.
                Ok(_) | Err(ProposeError::Refused(_)) => return Recording::Recorded,
                Err(error) => error,
            };
            let is_lost = match error {
                ProposeError::Timeout => result.is_err(),
                ProposeError::ShuttingDown | ProposeError::TooLarge { .. } => true,
                _ => false,
            };
            if is_lost || tries_left == 0 {
                self.metrics.count_unrecorded();
                warn!(api = %key.api, id = webhook_id(message.id), %error,
                    "attempt at a notification not recorded, it will be made again");
                return Recording::Unrecorded;
            }
            let pause = error.retry_after().map_or(0, |pause| pause.as_ms());
            tokio::time::sleep(Duration::from_millis(pause).max(RECORD_PAUSE_MIN)).await;
        }
        Recording::Unrecorded
    }

    /// Says once that a message was given up.
    fn note_giving_up(&self, (key, message): &Waiting, result: Result<(), AttemptFailure>) {
        let Err(failure) = result else { return };
        if message.attempts.saturating_add(1) >= self.terms.attempts_max {
            self.metrics.count_given_up();
            warn!(api = %key.api, id = webhook_id(message.id), last = ?failure,
                "notification given up");
        }
    }
}
