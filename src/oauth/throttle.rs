//! Guessing is slowed: failed proofs are counted per pair of identity and address.
//!
//! Only wrong secrets and passwords count; malformed requests, bad codes and bad grants do not. Counters are this node's own
//! and bounded: pairs whose window is over go first, then the oldest that may still try, and those that may not only when there
//! are no others. Names that nobody has are counted apart, so that making names up pushes out nobody who has a secret.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use parking_lot::Mutex;
use raftgate_model::time::{Timestamp, Ttl};

/// Failures inside one window that close the door.
const FAILURES_MAX: u32 = 10;
/// How long failures are remembered.
const WINDOW: Ttl = Ttl::from_s(60);
/// How many pairs of identities that there are, are remembered.
const PAIRS_MAX: usize = 65_536;
/// How many pairs of names that nobody has are remembered; forgetting one gives nothing away.
const UNKNOWN_PAIRS_MAX: usize = 8192;

/// Shorter queues than this are left as they are.
const COMPACT_MIN: usize = 64;

/// Counts failed proofs of secrets.
#[derive(Debug)]
pub struct Throttle {
    known: Mutex<Pairs>,
    unknown: Mutex<Pairs>,
    hasher: ahash::RandomState,
}

/// The pairs that failed of late.
///
/// Every worker waits for the one lock around it, so making room takes constant time per failure on average, whatever the
/// number of pairs: each is queued at most twice and taken off as often.
#[derive(Debug)]
struct Pairs {
    count_max: usize,
    // Keyed by a hash of the pair: an identity is what a caller claims, of any length, and not kept.
    failures: HashMap<u64, Failures, ahash::RandomState>,
    /// The pairs that may still try, by the beginning of their window; those that are refused meanwhile stand here too.
    trying: VecDeque<Place>,
    /// The pairs that may not, in the order in which they came to it.
    refused: VecDeque<Place>,
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
    /// Whether there is anybody of that name.
    pub standing: Standing,
}

/// Whether the name that is claimed is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is: a secret could be guessed.
    Known,
    /// It is nobody's.
    Unknown,
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
            known: Mutex::new(Pairs::new(PAIRS_MAX)),
            unknown: Mutex::new(Pairs::new(UNKNOWN_PAIRS_MAX)),
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
        match self.pairs(attempt.standing).lock().failures.get(&key) {
            Some(failures) if failures.is_refused() && failures.is_open(now) => {
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
        self.pairs(attempt.standing).lock().count(key, now);
    }

    const fn pairs(&self, standing: Standing) -> &Mutex<Pairs> {
        match standing {
            Standing::Known => &self.known,
            Standing::Unknown => &self.unknown,
        }
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

    const fn is_refused(&self) -> bool {
        self.count >= FAILURES_MAX
    }
}

impl Pairs {
    fn new(count_max: usize) -> Self {
        Self {
            count_max,
            failures: HashMap::default(),
            trying: VecDeque::new(),
            refused: VecDeque::new(),
        }
    }

    fn count(&mut self, key: u64, now: Timestamp) {
        self.forget_over(now);
        match self.failures.get_mut(&key) {
            Some(failures) if failures.is_open(now) => {
                failures.count = failures.count.saturating_add(1);
                if failures.count == FAILURES_MAX {
                    self.refused.push_back((key, failures.since));
                    compact(&mut self.refused, &self.failures, true);
                }
                return;
            }
            Some(failures) => *failures = Failures::first(now),
            None => {
                if self.failures.len() >= self.count_max {
                    self.make_room();
                }
                self.failures.insert(key, Failures::first(now));
            }
        }
        self.trying.push_back((key, now));
        compact(&mut self.trying, &self.failures, false);
    }

    /// Forgets pairs whose window is over, as far as they stand in front.
    fn forget_over(&mut self, now: Timestamp) {
        for (queue, refused) in [(&mut self.trying, false), (&mut self.refused, true)] {
            while let Some(place) = queue.front().copied() {
                let stands = stands(&self.failures, place, refused);
                if stands && now < place.1.plus(WINDOW) {
                    break;
                }
                queue.pop_front();
                if stands {
                    self.failures.remove(&place.0);
                }
            }
        }
    }

    /// Forgets the oldest pair that may still try, else the oldest that may not.
    fn make_room(&mut self) {
        for (queue, refused) in [(&mut self.trying, false), (&mut self.refused, true)] {
            while let Some(place) = queue.pop_front() {
                if stands(&self.failures, place, refused) {
                    self.failures.remove(&place.0);
                    return;
                }
            }
        }
    }
}

/// Takes off places of pairs that are refused or gone by now, which would pile up behind one from before the clock was set back.
fn compact(
    queue: &mut VecDeque<Place>,
    failures: &HashMap<u64, Failures, ahash::RandomState>,
    refused: bool,
) {
    if queue.len() > failures.len().saturating_mul(2).max(COMPACT_MIN) {
        queue.retain(|place| stands(failures, *place, refused));
    }
}

/// Whether a place is that of a pair as it is now.
fn stands(
    failures: &HashMap<u64, Failures, ahash::RandomState>,
    (key, since): Place,
    refused: bool,
) -> bool {
    failures
        .get(&key)
        .is_some_and(|failures| failures.since == since && failures.is_refused() == refused)
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
