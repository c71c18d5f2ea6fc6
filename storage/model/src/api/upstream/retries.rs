//! Second tries of a request whose first one came to nothing, for those who ask for them.

use std::ops::RangeInclusive;

use super::{bounded, refuse_unknown};
use crate::json::{DocumentFaults, Node};

const KEYS: [&str; 2] = ["attempts", "on"];
const ATTEMPTS: u32 = 2;
/// With the first one; more would only multiply the load of an upstream in trouble.
const ATTEMPTS_BOUNDS: RangeInclusive<u32> = 2..=5;
/// Longer than what there is to name, so that a repetition is no fault.
const REASONS_MAX: usize = 16;

/// What is tried again, and how often at most.
///
/// Only what is idempotent (RFC 9110 section 9.2.2), is at hand as a whole, and got no byte of an answer is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySpec {
    /// How many tries there are in all, the first one included.
    pub attempts: u8,
    /// What a try has to come to.
    pub on: RetryOn,
}

/// What a try came to that another one may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setback {
    /// There was no connection.
    Connect,
    /// The connection ended before an answer began.
    Closed,
    /// The answer did not begin in time.
    Timeout,
}

impl Setback {
    fn of(word: &str) -> Option<Self> {
        match word {
            "connect" => Some(Self::Connect),
            "closed" => Some(Self::Closed),
            "timeout" => Some(Self::Timeout),
            _ => None,
        }
    }
}

/// The setbacks that another try follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryOn(u8);

impl RetryOn {
    /// None of them.
    pub const NOTHING: Self = Self(0);

    /// Whether this setback is one of them.
    #[must_use]
    pub const fn contains(self, setback: Setback) -> bool {
        self.0 & bit(setback) != 0
    }

    /// These, and one more.
    #[must_use]
    pub const fn with(self, setback: Setback) -> Self {
        Self(self.0 | bit(setback))
    }
}

const fn bit(setback: Setback) -> u8 {
    1 << setback as u8
}

impl RetrySpec {
    /// Reads `raftgate.retries`.
    pub(super) fn read(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Self> {
        node.value()?;
        refuse_unknown(node, &KEYS, faults);
        node.value().filter(|value| value.is_object())?;
        let attempts = node.get("attempts", faults);
        let attempts = bounded(&attempts, ATTEMPTS_BOUNDS, ATTEMPTS, faults);
        Some(Self {
            attempts: u8::try_from(attempts).unwrap_or(u8::MAX),
            on: read_on(&node.get("on", faults), faults),
        })
    }
}

/// A list that is not there names what costs no time.
fn read_on(list: &Node<'_>, faults: &mut DocumentFaults) -> RetryOn {
    if list.value().is_none() {
        return RetryOn::NOTHING
            .with(Setback::Connect)
            .with(Setback::Closed);
    }
    let items = list.items(REASONS_MAX, faults);
    let mut on = RetryOn::NOTHING;
    for item in &items {
        let Some(word) = item.text(faults) else {
            continue;
        };
        match Setback::of(word) {
            Some(setback) => on = on.with(setback),
            None => faults.add(item.path(), "must be connect, closed or timeout"),
        }
    }
    if items.is_empty() && list.value().is_some_and(serde_json::Value::is_array) {
        let reason = "must name what is tried again: connect, closed or timeout";
        faults.add(list.path(), reason);
    }
    on
}
