//! A sum over all records of a state: changed with each change, the same on every node, in every copy, in any order.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The wrapping sum of one 128-bit hash per record; equal states have equal digests.
///
/// It finds damage and divergence. It does not stand against somebody who writes records to match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateDigest(u128);

impl StateDigest {
    /// Takes a record into the sum; both parts as they are encoded.
    pub fn add(&mut self, key: &[u8], record: &[u8]) {
        self.0 = self.0.wrapping_add(hash(key, record));
    }

    /// Takes a record out of the sum.
    pub fn remove(&mut self, key: &[u8], record: &[u8]) {
        self.0 = self.0.wrapping_sub(hash(key, record));
    }

    /// The sum of two disjoint sets of records.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl fmt::Display for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The first 128 bits of SHA-256 over the key's length, the key and the record.
fn hash(key: &[u8], record: &[u8]) -> u128 {
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(record);
    let hash = hash.finalize();
    let mut first = [0; 16];
    first.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_changes_does_not_matter_and_what_is_removed_leaves_no_trace() {
        let mut one = StateDigest::default();
        one.add(b"a", b"1");
        one.add(b"b", b"2");
        one.add(b"c", b"3");
        one.remove(b"b", b"2");
        let mut other = StateDigest::default();
        other.add(b"c", b"3");
        other.add(b"a", b"1");
        assert_eq!(one, other);
        other.remove(b"a", b"1");
        other.remove(b"c", b"3");
        assert_eq!(other, StateDigest::default());
    }

    #[test]
    fn key_and_record_do_not_run_into_each_other() {
        let mut one = StateDigest::default();
        one.add(b"ab", b"c");
        let mut other = StateDigest::default();
        other.add(b"a", b"bc");
        assert_ne!(one, other);
    }

    /// Copies and snapshots on disk carry such sums.
    #[test]
    fn the_hash_does_not_drift() {
        let mut digest = StateDigest::default();
        digest.add(b"key", b"record");
        assert_eq!(digest.to_string(), "9a5d5883ac66829d0dabe28b600d2993");
    }
}
