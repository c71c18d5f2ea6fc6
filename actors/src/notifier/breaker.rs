//! A breaker per API: a sink that keeps failing is left alone for a while, then tried with one message.

use raftgate_model::time::{Timestamp, Ttl};

/// Failures in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;

/// How many messages may be on their way to one API's sink.
pub(super) const IN_FLIGHT_MAX: usize = 16;

/// What a sink has shown of itself lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    failures: u32,
    closed_again_at: Option<Timestamp>,
}

impl Breaker {
    /// How many messages may be on their way now: all, one to probe, or none.
    #[must_use]
    pub(super) fn allowance(&self, now: Timestamp) -> usize {
        match self.closed_again_at {
            None => IN_FLIGHT_MAX,
            Some(at) if at <= now => 1,
            Some(_) => 0,
        }
    }

    /// When an open breaker lets a probe through.
    #[must_use]
    pub(super) fn probe_at(&self) -> Option<Timestamp> {
        self.closed_again_at
    }

    /// A message was taken: the sink is well.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A message was not taken; enough of them in a row open the breaker for `pause`.
    pub(super) fn failed(&mut self, now: Timestamp, pause: Ttl) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_TO_OPEN {
            self.closed_again_at = Some(now.plus(pause));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Ttl = Ttl::from_s(10);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_s(1000 + seconds)
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_time_lets_one_probe_through() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(at(0), PAUSE);
            assert_eq!(breaker.allowance(at(0)), IN_FLIGHT_MAX);
        }
        breaker.failed(at(0), PAUSE);
        assert_eq!(breaker.allowance(at(9)), 0);
        assert_eq!(breaker.allowance(at(10)), 1);
        breaker.failed(at(10), PAUSE);
        assert_eq!(
            breaker.allowance(at(19)),
            0,
            "a failed probe opens it again"
        );
        breaker.succeeded();
        assert_eq!(breaker.allowance(at(19)), IN_FLIGHT_MAX);
    }

    #[test]
    fn a_success_between_failures_keeps_it_closed() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            breaker.failed(at(0), PAUSE);
            breaker.failed(at(0), PAUSE);
            breaker.succeeded();
        }
        assert_eq!(breaker.allowance(at(0)), IN_FLIGHT_MAX);
    }
}
