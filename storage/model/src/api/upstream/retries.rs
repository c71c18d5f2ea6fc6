//! Second tries of a request whose first one came to nothing, for those who ask for them.

use super::{bounded, refuse_unknown};
use crate::json::{DocumentFaults, Node};

const KEYS: [&str; 2] = ["attempts", "on"];
const ATTEMPTS: u32 = 2;
/// With the first one; more would only multiply the load of an upstream in trouble.
const ATTEMPTS_BOUNDS: (u32, u32) = (2, 5);
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

/// Outcomes of a try that another one follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryOn(u8);

impl RetryOn {
    /// Nothing.
    pub const NOTHING: Self = Self(0);
    /// There was no connection.
    pub const CONNECT: Self = Self(1);
    /// The connection ended before an answer began.
    pub const CLOSED: Self = Self(1 << 1);
    /// The answer did not begin in time.
    pub const TIMEOUT: Self = Self(1 << 2);

    /// Whether any of these outcomes is among ours.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets as one.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of(word: &str) -> Option<Self> {
        match word {
            "connect" => Some(Self::CONNECT),
            "closed" => Some(Self::CLOSED),
            "timeout" => Some(Self::TIMEOUT),
            _ => None,
        }
    }
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
        return RetryOn::CONNECT.and(RetryOn::CLOSED);
    }
    let items = list.items(REASONS_MAX, faults);
    let mut on = RetryOn::NOTHING;
    for item in &items {
        let Some(word) = item.text(faults) else {
            continue;
        };
        match RetryOn::of(word) {
            Some(reason) => on = on.and(reason),
            None => faults.add(item.path(), "must be connect, closed or timeout"),
        }
    }
    if items.is_empty() && list.value().is_some_and(serde_json::Value::is_array) {
        let reason = "must name what is tried again: connect, closed or timeout";
        faults.add(list.path(), reason);
    }
    on
}
