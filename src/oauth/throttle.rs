//! Guessing is slowed: failed proofs are counted per pair of identity and address.
//!
//! Only wrong secrets and passwords count; malformed requests, bad codes and bad grants do not. Counters are this node's own
//! and bounded: pairs whose window is over go first, then the oldest.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use parking_lot::Mutex;
use raftgate_model::time::{Timestamp, Ttl};

/// Failures inside one window that close the door.
const FAILURES_MAX: u32 = 10;
/// How long failures are remembered.
const WINDOW: Ttl = Ttl::from_s(60);
/// How many pairs are remembered.
const PAIRS_MAX: usize = 65_536;

/// Counts failed proofs of secrets.
#[derive(Debug, Default)]
pub struct Throttle {
    pairs: Mutex<Pairs>,
    hasher: ahash::RandomState,
}

/// The pairs that failed of late, in the order in which their windows began.
///
/// Every worker waits for the one lock around it, so making room takes constant time per failure, whatever the number of
/// pairs: each is queued once and taken off once.
#[derive(Debug, Default)]
struct Pairs {
    // Keyed by a hash of the pair: an identity is what a caller claims, of any length, and not kept.
    failures: HashMap<u64, Failures, ahash::RandomState>,
    /// The keys of `failures`, each once.
    by_age: VecDeque<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Timestamp,
    count: u32,
}

/// Whose secret is tried, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What kind of identity: names of different kinds do not share a counter.
    pub kind: &'static str,
    /// The name that is claimed.
    pub identity: &'a str,
    /// Where it comes from.
    pub address: IpAddr,
}

/// Too many failures: nothing is tried before this has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyFailures {
    /// What `Retry-After` says.
    pub retry_after: Ttl,
}

impl Throttle {
    /// Whether a secret may be tried at all.
    ///
    /// # Errors
    /// Too many were wrong inside the window.
    pub fn check(&self, attempt: Attempt<'_>, now: Timestamp) -> Result<(), TooManyFailures> {
        match self.pairs.lock().failures.get(&self.key(attempt)) {
            Some(failures) if failures.count >= FAILURES_MAX && failures.is_open(now) => {
                Err(TooManyFailures {
                    retry_after: failures.since.plus(WINDOW).since(now),
                })
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong secret.
    pub fn failed(&self, attempt: Attempt<'_>, now: Timestamp) {
        let key = self.key(attempt);
        self.pairs.lock().count(key, now);
    }

    fn key(&self, attempt: Attempt<'_>) -> u64 {
        self.hasher
            .hash_one((attempt.kind, attempt.identity, attempt.address))
    }
}

impl Failures {
    const fn first(now: Timestamp) -> Self {
        Self {
            since: now,
            count: 1,
        }
    }

    fn is_open(&self, now: Timestamp) -> bool {
        now < self.since.plus(WINDOW)
    }
}

impl Pairs {
    fn count(&mut self, key: u64, now: Timestamp) {
        self.forget_closed(now);
        let Some(failures) = self.failures.get_mut(&key) else {
            if self.by_age.len() >= PAIRS_MAX {
                self.forget_oldest();
            }
            self.by_age.push_back(key);
            self.failures.insert(key, Failures::first(now));
            return;
        };
        if failures.is_open(now) {
            failures.count = failures.count.saturating_add(1);
        } else {
            // Only after the clock was set back: otherwise what is over stands in front and is gone.
            *failures = Failures::first(now);
        }
    }

    fn forget_closed(&mut self, now: Timestamp) {
        while let Some(oldest) = self.by_age.front()
            && self
                .failures
                .get(oldest)
                .is_none_or(|failures| !failures.is_open(now))
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.by_age.pop_front() {
            self.failures.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_s(1000 + seconds)
    }

    fn attempt(identity: &str, last: u8) -> Attempt<'_> {
        Attempt {
            kind: "client",
            identity,
            address: Ipv4Addr::new(10, 0, 0, last).into(),
        }
    }

    #[test]
    fn the_eleventh_try_inside_a_minute_is_refused_and_the_window_ends() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            assert_eq!(throttle.check(attempt("app", 1), at(0)), Ok(()));
            throttle.failed(attempt("app", 1), at(0));
        }
        let refused = throttle.check(attempt("app", 1), at(20));
        assert_eq!(
            refused,
            Err(TooManyFailures {
                retry_after: Ttl::from_s(40)
            })
        );
        assert_eq!(throttle.check(attempt("app", 1), at(60)), Ok(()));
        throttle.failed(attempt("app", 1), at(60));
        assert_eq!(throttle.check(attempt("app", 1), at(61)), Ok(()));
    }

    #[test]
    fn other_identities_addresses_and_kinds_are_not_held_up() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            throttle.failed(attempt("app", 1), at(0));
        }
        assert_eq!(throttle.check(attempt("other", 1), at(0)), Ok(()));
        assert_eq!(throttle.check(attempt("app", 2), at(0)), Ok(()));
        let control = Attempt {
            kind: "control",
            ..attempt("app", 1)
        };
        assert_eq!(throttle.check(control, at(0)), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_pair_makes_room() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            throttle.failed(attempt("first", 1), at(0));
        }
        for _ in 0..10 {
            throttle.failed(attempt("second", 1), at(0));
        }
        for number in 2..PAIRS_MAX {
            throttle.failed(attempt(&number.to_string(), 1), at(0));
        }
        let is_refused = |identity| throttle.check(attempt(identity, 1), at(0)).is_err();
        assert!(is_refused("first"));
        throttle.failed(attempt("one more", 1), at(0));
        assert!(!is_refused("first"));
        assert!(is_refused("second"));
        assert_sizes(&throttle, PAIRS_MAX);
        throttle.failed(attempt("late", 1), at(61));
        assert_sizes(&throttle, 1);
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_no_pair_twice() {
        let throttle = Throttle::default();
        throttle.failed(attempt("ahead", 1), at(1000));
        for seconds in [0, 61, 122] {
            throttle.failed(attempt("app", 1), at(seconds));
        }
        assert_sizes(&throttle, 2);
        throttle.failed(attempt("app", 1), at(1060));
        assert_sizes(&throttle, 1);
    }

    /// How many pairs are remembered, in both of the places that know them.
    fn assert_sizes(throttle: &Throttle, expected: usize) {
        let pairs = throttle.pairs.lock();
        assert_eq!(
            (pairs.failures.len(), pairs.by_age.len()),
            (expected, expected)
        );
    }
}
