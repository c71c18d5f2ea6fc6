//! Guessing is slowed: failed proofs are counted per pair of identity and address.
//!
//! Only wrong secrets and passwords count; malformed requests, bad codes and bad grants do not. Counters are this node's own
//! and bounded: when the table is full, pairs whose window is over go first, then the oldest.

use std::collections::HashMap;
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
    // Keyed by a hash of the pair: an identity is what a caller claims, of any length, and not kept.
    pairs: Mutex<HashMap<u64, Failures, ahash::RandomState>>,
    hasher: ahash::RandomState,
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
        match self.pairs.lock().get(&self.key(attempt)) {
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
        let mut pairs = self.pairs.lock();
        if pairs.len() >= PAIRS_MAX && !pairs.contains_key(&key) {
            make_room(&mut pairs, now);
        }
        let failures = pairs.entry(key).or_insert(Failures {
            since: now,
            count: 0,
        });
        if !failures.is_open(now) {
            *failures = Failures {
                since: now,
                count: 0,
            };
        }
        failures.count = failures.count.saturating_add(1);
    }

    fn key(&self, attempt: Attempt<'_>) -> u64 {
        self.hasher
            .hash_one((attempt.kind, attempt.identity, attempt.address))
    }
}

impl Failures {
    fn is_open(&self, now: Timestamp) -> bool {
        now < self.since.plus(WINDOW)
    }
}

fn make_room(pairs: &mut HashMap<u64, Failures, ahash::RandomState>, now: Timestamp) {
    pairs.retain(|_, failures| failures.is_open(now));
    if pairs.len() < PAIRS_MAX {
        return;
    }
    let oldest = pairs
        .iter()
        .min_by_key(|(_, failures)| failures.since)
        .map(|(key, _)| *key);
    if let Some(oldest) = oldest {
        pairs.remove(&oldest);
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
    fn the_table_is_bounded() {
        let throttle = Throttle::default();
        for number in 0..(PAIRS_MAX + 100) {
            throttle.failed(attempt(&number.to_string(), 1), at(0));
        }
        assert!(throttle.pairs.lock().len() <= PAIRS_MAX);
        throttle.failed(attempt("late", 1), at(61));
        assert_eq!(
            throttle.pairs.lock().len(),
            1,
            "windows that are over go together"
        );
    }
}
