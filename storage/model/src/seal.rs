//! Secrets inside replicated records: sealed when they must be shown again, as a verifier when they must be checked.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hmac::Mac as _;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::id::KeyId;
use crate::keyring::{KeyRing, UnknownKey};
use crate::secret::Secret;

/// The longest text that is sealed, in bytes; an API's definition is by far the longest kind.
pub const SEALED_TEXT_BYTES_MAX: usize = 1024 * 1024;

/// What kind of record a secret belongs to; part of what the seal covers, so the numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// An OAuth client's secret; the id is its `client_id`.
    Client,
    /// The name of a custom key or user; the id is that of its record.
    ApiKeyName,
    /// A named token of the control API.
    AdminToken,
    /// An API's definition, which holds shared secrets; the id is its `api_id`.
    ApiDefinition,
}

impl SecretKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Client => 1,
            Self::ApiKeyName => 2,
            Self::AdminToken => 3,
            Self::ApiDefinition => 7,
        }
    }
}

/// The record that a secret belongs to; a seal or verifier copied to another record is refused there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretOwner<'a> {
    /// What kind of record.
    pub kind: SecretKind,
    /// The id of the record among its kind.
    pub id: &'a str,
}

impl SecretOwner<'_> {
    /// Unambiguous, because the kind always fills one byte and the id the rest.
    fn associated_data(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.id.len());
        bytes.push(self.kind.byte());
        bytes.extend_from_slice(self.id.as_bytes());
        bytes
    }
}

/// A secret text under AES-256-GCM; says nothing without the key ring but its length.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The master key whose sealing subkey it is under.
    pub key: KeyId,
    nonce: [u8; 12],
    ciphertext: Box<[u8]>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Sealed(key {}, {} bytes)",
            self.key,
            self.ciphertext.len()
        )
    }
}

impl Sealed {
    /// How long the sealed text is, in bytes, its tag included.
    #[must_use]
    pub const fn ciphertext_bytes(&self) -> usize {
        self.ciphertext.len()
    }
}

/// A keyed hash of a secret: checks a presented one without unsealing, and cannot be turned back.
///
/// For secrets of machine-made strength; people's passwords need a slow hash. It is made under a key that is never
/// rotated, because a hash cannot be made again under another key.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretVerifier([u8; 32]);

impl SecretVerifier {
    /// A verifier from the keyed hash's bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for SecretVerifier {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretVerifier {}

impl fmt::Debug for SecretVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretVerifier(..)")
    }
}

/// Why a secret cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// The ring lacks the key that is asked for.
    #[error(transparent)]
    UnknownKey(#[from] UnknownKey),
    /// Longer than [`SEALED_TEXT_BYTES_MAX`].
    #[error("the secret is longer than {SEALED_TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// The seal was made for another record or under another key, or it was changed.
    #[error("the seal is broken, or belongs to another record or key")]
    Broken,
}

impl KeyRing {
    /// Seals a secret for its record under one of the ring's keys.
    ///
    /// The nonce is 12 random bytes from the command, never used twice under one key.
    ///
    /// # Errors
    /// The ring lacks the key, or the secret is too long.
    pub fn seal(
        &self,
        key: KeyId,
        owner: SecretOwner<'_>,
        nonce: [u8; 12],
        secret: &Secret,
    ) -> Result<Sealed, SealFault> {
        let cipher = self.cipher(key)?;
        if secret.expose().len() > SEALED_TEXT_BYTES_MAX {
            return Err(SealFault::TooLong);
        }
        let payload = Payload {
            msg: secret.expose().as_bytes(),
            aad: &owner.associated_data(),
        };
        let ciphertext = cipher
            .encrypt(&nonce.into(), payload)
            .map_err(|_| SealFault::TooLong)?;
        Ok(Sealed {
            key,
            nonce,
            ciphertext: ciphertext.into(),
        })
    }

    /// Opens a sealed secret of this record.
    ///
    /// # Errors
    /// The ring lacks the key, or the seal is not this record's.
    pub fn open(&self, owner: SecretOwner<'_>, sealed: &Sealed) -> Result<Secret, SealFault> {
        let payload = Payload {
            msg: &sealed.ciphertext,
            aad: &owner.associated_data(),
        };
        let opened = self
            .cipher(sealed.key)?
            .decrypt(&sealed.nonce.into(), payload);
        let mut text = opened.map(Zeroizing::new).map_err(|_| SealFault::Broken)?;
        // The buffer moves into the secret, so that nothing is left to wipe here.
        String::from_utf8(std::mem::take(&mut *text))
            .map(Secret::new)
            .map_err(|error| {
                drop(Zeroizing::new(error.into_bytes()));
                SealFault::Broken
            })
    }

    /// Seals a sealed secret again under another key, as a rotation asks; a new nonce is needed.
    ///
    /// # Errors
    /// As [`KeyRing::open`] and [`KeyRing::seal`].
    pub fn rewrap(
        &self,
        key: KeyId,
        owner: SecretOwner<'_>,
        nonce: [u8; 12],
        sealed: &Sealed,
    ) -> Result<Sealed, SealFault> {
        self.seal(key, owner, nonce, &self.open(owner, sealed)?)
    }

    /// The verifier of a record's secret: equal ones, compared in constant time, mean equal secrets.
    #[must_use]
    pub fn secret_verifier(&self, owner: SecretOwner<'_>, secret: &str) -> SecretVerifier {
        let id_len = owner.id.len() as u64;
        // The length of the id keeps (id, secret) pairs apart that would join to the same bytes.
        let mac = self.verifier_mac().chain_update([owner.kind.byte()]);
        let mac = mac
            .chain_update(id_len.to_be_bytes())
            .chain_update(owner.id)
            .chain_update(secret);
        SecretVerifier(mac.finalize().into_bytes().into())
    }

    fn cipher(&self, key: KeyId) -> Result<Aes256Gcm, UnknownKey> {
        Ok(Aes256Gcm::new(self.master(key)?.sealing().expose().into()))
    }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
