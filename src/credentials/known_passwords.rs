//! Passwords that were right a while ago, so that the next request with them costs no hash.
//!
//! What is kept is a keyed digest of user, version and password: an entry says nothing, and one of a user that was changed or
//! deleted since is never asked for again.

use std::collections::{HashSet, VecDeque};

use ahash::RandomState;
use parking_lot::Mutex;

/// Parts, each behind its own lock.
const PARTS: usize = 16;
/// How many passwords one part remembers; then the oldest goes.
const PART_MAX: usize = 1024;

/// The digest of a user, its version and a password.
pub(super) type PasswordDigest = [u8; 16];

/// The passwords that were right.
#[derive(Default)]
pub(super) struct KnownPasswords {
    parts: [Mutex<Part>; PARTS],
}

#[derive(Default)]
struct Part {
    known: HashSet<PasswordDigest, RandomState>,
    order: VecDeque<PasswordDigest>,
}

impl KnownPasswords {
    pub(super) fn contains(&self, digest: &PasswordDigest) -> bool {
        self.part(digest)
            .is_some_and(|part| part.lock().known.contains(digest))
    }

    pub(super) fn remember(&self, digest: PasswordDigest) {
        let Some(part) = self.part(&digest) else {
            return;
        };
        let mut part = part.lock();
        if !part.known.insert(digest) {
            return;
        }
        part.order.push_back(digest);
        if part.order.len() > PART_MAX
            && let Some(oldest) = part.order.pop_front()
        {
            part.known.remove(&oldest);
        }
    }

    fn part(&self, digest: &PasswordDigest) -> Option<&Mutex<Part>> {
        let first = digest.first().copied().unwrap_or_default();
        self.parts.get(usize::from(first) % PARTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_right_is_remembered_until_newer_ones_take_its_place() {
        let passwords = KnownPasswords::default();
        let digest = |number: u64| u128::from(number).to_le_bytes();
        assert!(!passwords.contains(&digest(1)));
        passwords.remember(digest(1));
        passwords.remember(digest(1));
        assert!(passwords.contains(&digest(1)));
        // All of these fall into the same part.
        let others = (1..=PART_MAX as u64).map(|number| digest(1 + number * 256));
        others.for_each(|other| passwords.remember(other));
        assert!(!passwords.contains(&digest(1)));
        assert!(passwords.contains(&digest(1 + PART_MAX as u64 * 256)));
        assert!(
            passwords
                .parts
                .iter()
                .all(|part| part.lock().known.len() <= PART_MAX)
        );
    }
}
