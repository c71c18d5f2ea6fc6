//! People's passwords: argon2id (RFC 9106) under a pepper of the key ring, so that a copied store can be guessed at by nobody
//! who lacks the ring.
//!
//! Hashing takes tens of milliseconds on purpose: never on a thread that serves requests.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use hmac::Mac as _;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::KeyRing;
use super::purpose::leading_half;
use crate::id::{ApiKeyId, Revision};
use crate::secret::Secret;

/// Memory of one hash, in KiB, and passes over it: the first recommendation of OWASP's password storage cheat sheet.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 512;

/// A password's hash with its salt and the work that it took.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    memory_kib: u32,
    passes: u32,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl PasswordHash {
    /// A hash that no password has, with the usual work: checked where nobody has the name that was given, so that the time
    /// of the answer does not tell.
    #[must_use]
    pub const fn of_nobody() -> Self {
        Self {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: [0; 16],
            hash: [0; 32],
        }
    }
}

impl KeyRing {
    /// Hashes a password under a salt that is never used twice; `None` for one that is empty or too long.
    #[must_use]
    pub fn hash_password(&self, password: &Secret, salt: [u8; 16]) -> Option<PasswordHash> {
        let length = password.expose().len();
        if length == 0 || length > PASSWORD_BYTES_MAX {
            return None;
        }
        let mut made = PasswordHash {
            salt,
            ..PasswordHash::of_nobody()
        };
        made.hash = *self.stretched(password, &made)?;
        Some(made)
    }

    /// Whether a password is the one that was hashed; compares in constant time.
    #[must_use]
    pub fn is_password(&self, password: &Secret, known: &PasswordHash) -> bool {
        if password.expose().len() > PASSWORD_BYTES_MAX {
            return false;
        }
        let stretched = self.stretched(password, known);
        stretched.is_some_and(|hash| hash.as_slice().ct_eq(known.hash.as_slice()).into())
    }

    /// A digest of a user's version and a password, by which a node remembers that they belong together.
    #[must_use]
    pub fn checked_password(
        &self,
        user: &ApiKeyId,
        version: Revision,
        password: &Secret,
    ) -> [u8; 16] {
        let mac = self.checked_password_mac();
        let mac = mac
            .chain_update(user.as_bytes())
            .chain_update(version.0.to_be_bytes())
            .chain_update(password.expose());
        leading_half(&mac.finalize().into_bytes().into())
    }

    fn stretched(&self, password: &Secret, terms: &PasswordHash) -> Option<Zeroizing<[u8; 32]>> {
        let params = Params::new(terms.memory_kib, terms.passes, LANES, Some(32)).ok()?;
        let pepper = self.password_pepper().expose();
        let argon =
            Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).ok()?;
        let mut hash = Zeroizing::new([0; 32]);
        argon
            .hash_password_into(password.expose().as_bytes(), &terms.salt, &mut *hash)
            .ok()?;
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::id::KeyId;
    use crate::secret::counting_bytes as counting;

    #[test]
    fn a_password_is_known_by_its_hash_under_this_ring_alone() {
        let ring = KeyRing::new(KeyId(1), counting(0), counting(32));
        let password = Secret::from("correct horse");
        let hash = ring.hash_password(&password, [7; 16]).unwrap();
        assert!(ring.is_password(&password, &hash));
        for wrong in ["", "correct hors", "Correct horse", &"x".repeat(600)] {
            assert!(!ring.is_password(&Secret::from(wrong), &hash), "{wrong}");
        }
        let elsewhere = KeyRing::new(KeyId(1), counting(0), counting(33));
        assert!(!elsewhere.is_password(&password, &hash));
        let salted_otherwise = ring.hash_password(&password, [8; 16]).unwrap();
        assert_ne!(hash, salted_otherwise);
        assert!(!ring.is_password(&Secret::from(""), &PasswordHash::of_nobody()));
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }

    #[test]
    fn what_is_remembered_names_user_version_and_password() {
        let ring = KeyRing::new(KeyId(1), counting(0), counting(32));
        let digest = |user, version, password: &str| {
            let user = ApiKeyId::from_bytes([user; 16]);
            ring.checked_password(&user, Revision(version), &Secret::from(password))
        };
        let known = digest(1, 2, "p");
        assert_eq!(known, digest(1, 2, "p"));
        for other in [digest(2, 2, "p"), digest(1, 3, "p"), digest(1, 2, "q")] {
            assert_ne!(known, other);
        }
    }

    #[test]
    fn what_is_no_password_is_not_hashed() {
        let ring = KeyRing::new(KeyId(1), counting(0), counting(32));
        assert!(ring.hash_password(&Secret::from(""), [0; 16]).is_none());
        let long = Secret::new("x".repeat(PASSWORD_BYTES_MAX + 1));
        assert!(ring.hash_password(&long, [0; 16]).is_none());
    }
}
