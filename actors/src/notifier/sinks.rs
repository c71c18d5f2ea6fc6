//! What the notifier knows of each API's receiver: what is on its way to it, and how it fared lately.

use std::collections::{HashMap, HashSet};

use ahash::RandomState;
use raftgate_model::id::ApiId;
use raftgate_model::time::{Timestamp, Ttl};

use super::breaker::Breaker;

/// How many messages may be on their way to all receivers together.
///
/// Receivers that fail hold one place each at most (their breakers are open), so only more than a thousand of those could
/// delay a healthy one.
pub(super) const IN_FLIGHT_TOTAL_MAX: usize = 1024;

/// How an attempt changes what is known of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Showing {
    /// It took the message.
    Took,
    /// It did not.
    Failed,
    /// It was not asked: there is nothing to call.
    NotAsked,
}

/// One API's receiver.
#[derive(Debug, Default)]
struct Sink {
    /// The sequences of the messages on their way.
    in_flight: HashSet<u64>,
    breaker: Breaker,
    /// Nothing is sent before this time, whatever the breaker says.
    held_until: Option<Timestamp>,
}

impl Sink {
    fn is_held(&self, now: Timestamp) -> bool {
        self.held_until.is_some_and(|until| until > now)
    }
}

/// The receivers of all APIs that have been sent anything.
#[derive(Debug, Default)]
pub(super) struct Sinks {
    by_api: HashMap<ApiId, Sink, RandomState>,
    in_flight: usize,
}

impl Sinks {
    /// How many messages are on their way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many messages may be on their way to an API's receiver now, those that are included.
    pub(super) fn allowance(&self, api: &ApiId, now: Timestamp) -> usize {
        let room = IN_FLIGHT_TOTAL_MAX.saturating_sub(self.in_flight);
        match self.by_api.get(api) {
            None => Breaker::default().allowance(now).min(room),
            Some(sink) if sink.is_held(now) => 0,
            Some(sink) => {
                let room = sink.in_flight.len().saturating_add(room);
                sink.breaker.allowance(now).min(room)
            }
        }
    }

    /// The sequences of the messages that are on their way to an API's receiver.
    pub(super) fn sending(&mut self, api: &ApiId) -> &HashSet<u64> {
        &self.by_api.entry(api.clone()).or_default().in_flight
    }

    /// A message goes on its way.
    pub(super) fn sent(&mut self, api: &ApiId, sequence: u64) {
        let sink = self.by_api.entry(api.clone()).or_default();
        if sink.in_flight.insert(sequence) {
            self.in_flight = self.in_flight.saturating_add(1);
        }
    }

    /// A message is no longer on its way; a receiver that keeps failing is left alone for `pause`.
    pub(super) fn back(
        &mut self,
        api: &ApiId,
        sequence: u64,
        showing: Showing,
        now: Timestamp,
        pause: Ttl,
    ) {
        let sink = self.by_api.entry(api.clone()).or_default();
        if sink.in_flight.remove(&sequence) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        match showing {
            Showing::Took => sink.breaker.succeeded(),
            Showing::Failed => sink.breaker.failed(now, pause),
            Showing::NotAsked => {}
        }
    }

    /// Nothing is sent to an API's receiver for a while.
    pub(super) fn hold(&mut self, api: &ApiId, now: Timestamp, pause: Ttl) {
        let sink = self.by_api.entry(api.clone()).or_default();
        sink.held_until = Some(now.plus(pause));
    }

    /// When the next receiver that is left alone now may be tried again.
    pub(super) fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let times = self.by_api.values().flat_map(|sink| {
            let probe = sink.breaker.probe_at();
            [probe, sink.held_until]
        });
        times.flatten().filter(|at| *at > now).min()
    }

    /// Forgets receivers of APIs that are gone, and those of which nothing is known.
    pub(super) fn forget(&mut self, now: Timestamp, is_gone: impl Fn(&ApiId) -> bool) {
        self.by_api.retain(|api, sink| {
            let blank = sink.breaker == Breaker::default() && !sink.is_held(now);
            !sink.in_flight.is_empty() || !(blank || is_gone(api))
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use super::super::breaker::IN_FLIGHT_MAX;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(100);
    const PAUSE: Ttl = Ttl::from_s(10);

    fn api(name: &str) -> ApiId {
        ApiId::new(name).unwrap()
    }

    #[test]
    fn places_are_taken_and_given_back_once() {
        let (mut sinks, orders) = (Sinks::default(), api("orders"));
        sinks.sent(&orders, 1);
        sinks.sent(&orders, 1);
        assert_eq!(sinks.in_flight(), 1);
        for _ in 0..2 {
            sinks.back(&orders, 1, Showing::Took, NOW, PAUSE);
            assert_eq!(sinks.in_flight(), 0);
        }
    }

    #[test]
    fn all_receivers_together_have_a_limit() {
        let mut sinks = Sinks::default();
        for sequence in 0..(IN_FLIGHT_TOTAL_MAX as u64 - 3) {
            sinks.sent(&api("busy"), sequence);
        }
        sinks.sent(&api("known"), 0);
        assert_eq!(sinks.allowance(&api("known"), NOW), 3);
        assert_eq!(sinks.allowance(&api("new"), NOW), 2);
        sinks.sent(&api("new"), 0);
        sinks.sent(&api("new"), 1);
        assert_eq!(sinks.allowance(&api("third"), NOW), 0);
    }

    #[test]
    fn what_was_not_asked_says_nothing_of_the_receiver() {
        let (mut sinks, orders) = (Sinks::default(), api("orders"));
        for _ in 0..20 {
            sinks.back(&orders, 1, Showing::NotAsked, NOW, PAUSE);
        }
        assert_eq!(sinks.allowance(&orders, NOW), IN_FLIGHT_MAX);
        for _ in 0..5 {
            sinks.back(&orders, 1, Showing::Failed, NOW, PAUSE);
        }
        assert_eq!(sinks.allowance(&orders, NOW), 0);
        assert_eq!(sinks.next_after(NOW), Some(NOW.plus(PAUSE)));
        assert_eq!(sinks.next_after(NOW.plus(PAUSE)), None);
    }

    #[test]
    fn a_receiver_is_held_for_a_while() {
        let (mut sinks, orders) = (Sinks::default(), api("orders"));
        sinks.hold(&orders, NOW, PAUSE);
        assert_eq!(sinks.allowance(&orders, NOW), 0);
        assert_eq!(sinks.next_after(NOW), Some(NOW.plus(PAUSE)));
        assert_eq!(sinks.allowance(&orders, NOW.plus(PAUSE)), IN_FLIGHT_MAX);
    }

    #[test]
    fn only_what_says_something_is_remembered() {
        let mut sinks = Sinks::default();
        sinks.sent(&api("sending"), 1);
        sinks.sending(&api("blank"));
        sinks.hold(&api("held"), NOW, PAUSE);
        for _ in 0..5 {
            sinks.back(&api("broken"), 1, Showing::Failed, NOW, PAUSE);
            sinks.back(&api("gone"), 1, Showing::Failed, NOW, PAUSE);
        }
        sinks.forget(NOW, |id| *id == api("gone"));
        let mut kept: Vec<_> = sinks.by_api.keys().map(|id| id.as_str()).collect();
        kept.sort_unstable();
        assert_eq!(kept, ["broken", "held", "sending"]);
    }
}
