//! Guessing is slowed: failed proofs are counted per pair of identity and address.
//!
//! Only wrong secrets and passwords count; malformed requests, bad codes and bad grants do not. Counters are this node's own
//! and bounded. Whether there is anybody of a name plays no part in it: otherwise a table that is full would tell.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;
use raftgate_model::time::{Timestamp, Ttl};

/// Failures inside one window that close the door.
const FAILURES_MAX: u32 = 10;
/// How long failures are remembered.
const WINDOW: Ttl = Ttl::from_s(60);
/// How many pairs are remembered.
///
/// Whoever wants a pair forgotten has to let as many others fail as often, inside the window: it takes this number of
/// requests per further guess, and at under 10,000 requests per second waiting for the end of the window is quicker.
const PAIRS_MAX: usize = 65_536;

/// Fewer places than this are left as they are.
const COMPACT_MIN: usize = 64;

/// Counts failed proofs of secrets.
#[derive(Debug)]
pub struct Throttle {
    pairs: Mutex<Pairs>,
    hasher: ahash::RandomState,
}

/// The pairs that failed of late.
///
/// Every worker waits for the one lock around it, so making room takes constant time per failure on average, whatever the
/// number of pairs: each failure queues one place and takes it off once.
#[derive(Debug)]
struct Pairs {
    count_max: usize,
    // Keyed by a hash of the pair: an identity is what a caller claims, of any length, and not kept.
    failures: HashMap<u64, Failures, ahash::RandomState>,
    /// For each number of failures the pairs that had as many, in the order in which they came to it; those that have more
    /// by now or were forgotten stand here too.
    queues: [VecDeque<Place>; FAILURES_MAX as usize],
    /// The places in all queues.
    places: usize,
}

/// A pair in a queue: its key and the beginning of the window that it was queued for.
type Place = (u64, Timestamp);

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

impl Default for Throttle {
    fn default() -> Self {
        Self {
            pairs: Mutex::new(Pairs::new(PAIRS_MAX)),
            hasher: ahash::RandomState::default(),
        }
    }
}

impl Throttle {
    /// Whether a secret may be tried at all.
    ///
    /// # Errors
    /// Too many were wrong inside the window.
    pub fn check(&self, attempt: Attempt<'_>, now: Timestamp) -> Result<(), TooManyFailures> {
        let key = self.key(attempt);
        match self.pairs.lock().failures.get(&key) {
            Some(failures) if failures.count >= FAILURES_MAX && failures.is_open(now) => {
                Err(TooManyFailures {
                    retry_after: failures.since.plus(WINDOW).since(now),
                })
            }
            _ => Ok(()),
        }
    }

    /// Tries a secret unless too many were wrong by the time its turn comes, and counts it if it is wrong.
    ///
    /// For secrets that take long to try and may have to wait for it: many that were let in at once are refused when the
    /// first of them were wrong. Those that are tried at the same moment do not yet count against each other.
    ///
    /// # Errors
    /// Too many were wrong inside the window; this one was not tried.
    pub fn in_turn(
        &self,
        attempt: Attempt<'_>,
        now: impl Fn() -> Timestamp,
        is_right: impl FnOnce() -> bool,
    ) -> Result<bool, TooManyFailures> {
        self.check(attempt, now())?;
        let is_right = is_right();
        if !is_right {
            self.failed(attempt, now());
        }
        Ok(is_right)
    }

    /// Counts a wrong secret.
    pub fn failed(&self, attempt: Attempt<'_>, now: Timestamp) {
        let key = self.key(attempt);
        self.pairs.lock().count(key, now);
    }

    fn key(&self, attempt: Attempt<'_>) -> u64 {
        let address = counted(attempt.address);
        self.hasher
            .hash_one((attempt.kind, attempt.identity, address))
    }
}

/// The address that failures are counted for: one host has 2^64 addresses of IP version 6, which share the first half.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            Ipv6Addr::from(network).into()
        }
        address @ IpAddr::V4(_) => address,
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
    fn new(count_max: usize) -> Self {
        Self {
            count_max,
            failures: HashMap::default(),
            queues: Default::default(),
            places: 0,
        }
    }

    fn count(&mut self, key: u64, now: Timestamp) {
        self.forget_over(now);
        let failures = match self.failures.get(&key) {
            Some(failures) if failures.count >= FAILURES_MAX && failures.is_open(now) => return,
            Some(failures) if failures.is_open(now) => Failures {
                count: failures.count.saturating_add(1),
                ..*failures
            },
            Some(_) => Failures::first(now),
            None => {
                if self.failures.len() >= self.count_max {
                    self.make_room();
                }
                Failures::first(now)
            }
        };
        self.failures.insert(key, failures);
        for (queue, count) in self.queues.iter_mut().zip(1..) {
            if count == failures.count {
                queue.push_back((key, failures.since));
                self.places = self.places.saturating_add(1);
            }
        }
        self.compact();
    }

    /// Forgets pairs whose window is over, as far as they stand in front.
    fn forget_over(&mut self, now: Timestamp) {
        for (queue, count) in self.queues.iter_mut().zip(1..) {
            while let Some(place) = queue.front().copied() {
                let stands = stands(&self.failures, place, count);
                if stands && now < place.1.plus(WINDOW) {
                    break;
                }
                queue.pop_front();
                self.places = self.places.saturating_sub(1);
                if stands {
                    self.failures.remove(&place.0);
                }
            }
        }
    }

    /// Forgets one of the pairs with the fewest failures, the one that has had as many for the longest.
    fn make_room(&mut self) {
        for (queue, count) in self.queues.iter_mut().zip(1..) {
            while let Some(place) = queue.pop_front() {
                self.places = self.places.saturating_sub(1);
                if stands(&self.failures, place, count) {
                    self.failures.remove(&place.0);
                    return;
                }
            }
        }
    }

    /// Takes off places at which no pair stands any more, once there are as many as of the others.
    fn compact(&mut self) {
        if self.places <= self.failures.len().saturating_mul(2).max(COMPACT_MIN) {
            return;
        }
        for (queue, count) in self.queues.iter_mut().zip(1..) {
            queue.retain(|place| stands(&self.failures, *place, count));
        }
        self.places = self.queues.iter().map(VecDeque::len).sum();
    }
}

/// Whether a place in the queue of a number of failures is that of a pair as it is now.
fn stands(
    failures: &HashMap<u64, Failures, ahash::RandomState>,
    (key, since): Place,
    count: u32,
) -> bool {
    failures
        .get(&key)
        .is_some_and(|failures| failures.since == since && failures.count == count)
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
