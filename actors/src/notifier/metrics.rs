//! What the notifier counts on this node: plain counters, exported as values for whoever publishes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raftgate_model::state::record::AttemptFailure;
use raftgate_model::time::Ttl;
use tokio::sync::watch;

/// The results of attempts, as metrics call them; see [`NotifierValues::attempts`].
pub const ATTEMPT_RESULTS: [&str; 5] =
    ["delivered", "status", "timeout", "connection", "unsendable"];

/// The counters since the start of the process; they outlive a notifier that is started again.
#[derive(Debug, Default)]
pub(super) struct NotifierMetrics {
    attempts: [AtomicU64; ATTEMPT_RESULTS.len()],
    given_up: AtomicU64,
    unrecorded: AtomicU64,
    in_flight: watch::Sender<usize>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifierValues {
    /// Attempts that this node made, by result ([`ATTEMPT_RESULTS`]).
    pub attempts: [u64; ATTEMPT_RESULTS.len()],
    /// Messages whose last attempt failed at this node.
    pub given_up: u64,
    /// Attempts whose result could not be recorded; they are made again.
    pub unrecorded: u64,
    /// Messages on their way now.
    pub in_flight: u64,
    /// Messages of the whole cluster that wait for an attempt, as this node knows them.
    pub queued: u64,
    /// Messages of the whole cluster that were given up and are listed.
    pub failed: u64,
    /// How long the oldest waiting message has been waiting; zero when none does.
    pub oldest_queued_age: Ttl,
}

impl NotifierMetrics {
    pub(super) fn count_attempt(&self, result: Result<(), AttemptFailure>) {
        let place = match result {
            Ok(()) => 0,
            Err(AttemptFailure::Status(_)) => 1,
            Err(AttemptFailure::Timeout) => 2,
            Err(AttemptFailure::Connection) => 3,
            Err(AttemptFailure::Unsendable) => 4,
        };
        if let Some(counter) = self.attempts.get(place) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_given_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_unrecorded(&self) {
        self.unrecorded.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells how many messages are on their way.
    pub(super) fn in_flight(&self) -> watch::Receiver<usize> {
        self.in_flight.subscribe()
    }

    /// The counters that are kept here; the rest is zero.
    pub(super) fn values(&self) -> NotifierValues {
        NotifierValues {
            attempts: self
                .attempts
                .each_ref()
                .map(|counter| counter.load(Ordering::Relaxed)),
            given_up: self.given_up.load(Ordering::Relaxed),
            unrecorded: self.unrecorded.load(Ordering::Relaxed),
            in_flight: *self.in_flight.borrow() as u64,
            ..NotifierValues::default()
        }
    }
}

/// A message on its way: counted until this is dropped, however the attempt ends.
#[derive(Debug)]
pub(super) struct OnItsWay(Arc<NotifierMetrics>);

impl OnItsWay {
    pub(super) fn count(metrics: &Arc<NotifierMetrics>) -> Self {
        metrics
            .in_flight
            .send_modify(|count| *count = count.saturating_add(1));
        Self(Arc::clone(metrics))
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0
            .in_flight
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_by_result() {
        let metrics = NotifierMetrics::default();
        metrics.count_attempt(Ok(()));
        metrics.count_attempt(Err(AttemptFailure::Status(500)));
        metrics.count_attempt(Err(AttemptFailure::Status(302)));
        metrics.count_attempt(Err(AttemptFailure::Unsendable));
        assert_eq!(metrics.values().attempts, [1, 2, 0, 0, 1]);
    }

    #[test]
    fn a_message_is_on_its_way_until_its_attempt_is_dropped() {
        let metrics = Arc::new(NotifierMetrics::default());
        let one = OnItsWay::count(&metrics);
        let two = OnItsWay::count(&metrics);
        drop(one);
        assert_eq!(metrics.values().in_flight, 1);
        drop(two);
        assert_eq!(*metrics.in_flight().borrow(), 0);
    }
}
