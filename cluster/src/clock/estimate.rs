//! What a node takes cluster time to be between two entries of the log.

use std::sync::Arc;

use arc_swap::ArcSwap;
use raftgate_model::time::{Timestamp, Ttl};

/// By which part of the elapsed time an estimate that runs ahead of the stamps is held back.
const SLEW: u64 = 16;

/// Cluster time as this node reads it: the newest stamp, advanced by the `CLOCK_BOOTTIME` that passed since.
///
/// Readings never go back. Stamps arrive a little late, each by another delay, so the least delayed ones lead; an
/// estimate that runs ahead of them goes on a little slower until they catch up. Reading takes no lock.
#[derive(Debug)]
pub struct ClockEstimate {
    anchor: ArcSwap<Anchor>,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    time: Timestamp,
    boot: Ttl,
    /// By how much `time` is ahead of the stamp: what is held back until the lead is gone.
    lead: Ttl,
}

impl ClockEstimate {
    /// An estimate that starts from a stamp that is known, at a `CLOCK_BOOTTIME`.
    #[must_use]
    pub fn new(stamp: Timestamp, boot: Ttl) -> Self {
        Self {
            anchor: ArcSwap::from_pointee(Anchor {
                time: stamp,
                boot,
                lead: Ttl::ZERO,
            }),
        }
    }

    /// Reads cluster time at a `CLOCK_BOOTTIME`.
    #[must_use]
    pub fn at(&self, boot: Ttl) -> Timestamp {
        self.anchor.load().at(boot)
    }

    /// Takes note of a stamp that was applied at a `CLOCK_BOOTTIME`; called by one task alone.
    pub fn observe(&self, stamp: Timestamp, boot: Ttl) {
        let time = stamp.max(self.at(boot));
        let lead = time.since(stamp);
        self.anchor.store(Arc::new(Anchor { time, boot, lead }));
    }
}

impl Anchor {
    fn at(&self, boot: Ttl) -> Timestamp {
        let elapsed_ms = boot.as_ms().saturating_sub(self.boot.as_ms());
        let held_back_ms = elapsed_ms.div_ceil(SLEW).min(self.lead.as_ms());
        let counted_ms = elapsed_ms.saturating_sub(held_back_ms);
        self.time.plus(Ttl::from_ms(counted_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_s(1000);

    fn ms(ms: u64) -> Ttl {
        Ttl::from_ms(ms)
    }

    #[test]
    fn it_goes_on_by_itself() {
        let estimate = ClockEstimate::new(START, ms(500));
        assert_eq!(estimate.at(ms(500)), START);
        assert_eq!(estimate.at(ms(2500)), START.plus(ms(2000)));
    }

    #[test]
    fn a_stamp_ahead_is_taken_at_once() {
        let estimate = ClockEstimate::new(START, ms(0));
        estimate.observe(START.plus(ms(900)), ms(100));
        assert_eq!(estimate.at(ms(100)), START.plus(ms(900)));
        assert_eq!(estimate.at(ms(150)), START.plus(ms(950)));
    }

    #[test]
    fn readings_never_go_back_however_far_behind_the_stamps_are() {
        let estimate = ClockEstimate::new(START, ms(0));
        let mut last = START;
        for boot in 1..30_000 {
            if boot % 37 == 0 {
                estimate.observe(START, ms(boot));
            }
            let read = estimate.at(ms(boot));
            assert!(read >= last, "at {boot} ms");
            last = read;
        }
    }

    #[test]
    fn an_estimate_ahead_is_held_back_until_the_stamps_catch_up() {
        let estimate = ClockEstimate::new(START.plus(ms(1000)), ms(0));
        for step in 1..=400 {
            estimate.observe(START.plus(ms(step * 100)), ms(step * 100));
        }
        assert_eq!(estimate.at(ms(40_000)), START.plus(ms(40_000)));
    }

    #[test]
    fn a_long_pause_without_stamps_loses_no_more_than_the_lead() {
        let estimate = ClockEstimate::new(START, ms(0));
        estimate.observe(START.plus(ms(99)), ms(100));
        assert_eq!(estimate.at(ms(36_000_000)), START.plus(ms(35_999_999)));
    }
}
