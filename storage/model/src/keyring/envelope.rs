//! A key ring sealed under a passphrase, for `raftgate keys export` and `import`.
//!
//! The passphrase becomes an AES-256-GCM key by argon2id (RFC 9106). A checksum over the whole envelope tells a damaged
//! file from a wrong passphrase; it protects against accidents, the GCM tag against intent.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::purpose::leading_half;
use super::{KeyRing, RING_TEXT_BYTES_MAX, RingTextFault};
use crate::secret::{Secret, SecretBytes};

/// The shortest passphrase that a ring is exported under, in characters.
pub const PASSPHRASE_CHARS_MIN: usize = 8;
/// The longest envelope that is read, in bytes: a ring of full length in base64, and the other fields.
pub const ENVELOPE_BYTES_MAX: usize = 2 * RING_TEXT_BYTES_MAX;

const FORMAT: &str = "raftgate-keyring-export";
const VERSION: u32 = 1;
const KDF: &str = "argon2id";

/// Why a ring cannot be sealed under a passphrase or read from an envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// Fewer than [`PASSPHRASE_CHARS_MIN`] characters; only an export asks this.
    #[error("the passphrase is too short: it needs {PASSPHRASE_CHARS_MIN} characters or more")]
    PassphraseTooShort,
    /// Longer than [`ENVELOPE_BYTES_MAX`].
    #[error("the exported key ring is longer than {ENVELOPE_BYTES_MAX} bytes")]
    TooLong,
    /// Not JSON, or a field is missing, unknown or of the wrong type.
    #[error("the exported key ring is not valid: line {line}, column {column}")]
    NotValid {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 when the text ends too early.
        column: usize,
    },
    /// JSON that does not call itself an exported key ring.
    #[error("this is no exported key ring: \"format\" is not \"{FORMAT}\"")]
    OtherFormat,
    /// Written by a later version of raftgate.
    #[error(
        "the exported key ring has format version {found}, and this raftgate reads up to {VERSION}: use a newer one"
    )]
    NewerVersion {
        /// The version that the text states.
        found: u32,
    },
    /// A version that never was.
    #[error("the exported key ring has format version 0, which does not exist")]
    NoSuchVersion,
    /// The checksum does not match, or a field cannot be decoded.
    #[error("the exported key ring is damaged: its checksum does not match its content")]
    Damaged,
    /// The work that the text asks for is outside the bounds of [`PassphraseCost::new`].
    #[error("the exported key ring asks for argon2id parameters outside of what raftgate accepts")]
    CostOutOfBounds,
    /// The passphrase does not open it; nor would it if someone changed the file and its checksum on purpose.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The passphrase opened it, and what was inside is no key ring.
    #[error("the exported key ring opened, but its content is wrong: {0}")]
    Content(#[from] RingTextFault),
}

/// How much work a passphrase costs: the parameters of argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassphraseCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl PassphraseCost {
    /// 64 MiB, 3 passes, 4 lanes: the second recommended option of RFC 9106 section 4.
    pub const RECOMMENDED: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 4,
    };

    const MEMORY_KIB_MAX: u32 = 256 * 1024;
    const PASSES_MAX: u32 = 16;
    const LANES_MAX: u32 = 16;

    /// Parameters within what is accepted from a file: 8 KiB per lane to 256 MiB, at most 16 passes and 16 lanes.
    ///
    /// # Errors
    /// A parameter is outside of its bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, EnvelopeFault> {
        let in_bounds = (1..=Self::LANES_MAX).contains(&lanes)
            && (1..=Self::PASSES_MAX).contains(&passes)
            && (8 * lanes..=Self::MEMORY_KIB_MAX).contains(&memory_kib);
        if in_bounds {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        } else {
            Err(EnvelopeFault::CostOutOfBounds)
        }
    }

    /// What the GCM tag covers beside the ring: format, version and parameters.
    fn associated_data(self) -> Vec<u8> {
        format!(
            "{FORMAT} {VERSION} {KDF} {} {} {}",
            self.memory_kib, self.passes, self.lanes
        )
        .into_bytes()
    }

    fn derive(
        self,
        passphrase: &Secret,
        salt: &[u8; 16],
    ) -> Result<SecretBytes<32>, EnvelopeFault> {
        let refused = |_| EnvelopeFault::CostOutOfBounds;
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(refused)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), salt, &mut *key)
            .map_err(refused)?;
        Ok(SecretBytes::new(*key))
    }
}

/// The random bytes of one export; never used for a second one.
#[derive(Clone, Copy)]
pub struct EnvelopeSeed {
    /// The salt of argon2id.
    pub salt: [u8; 16],
    /// The nonce of AES-256-GCM.
    pub nonce: [u8; 12],
}

#[derive(Deserialize)]
struct Heading<'a> {
    format: &'a str,
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeText<'a> {
    #[serde(rename = "format")]
    _format: &'a str,
    #[serde(rename = "version")]
    _version: u32,
    kdf: &'a str,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: &'a str,
    nonce: &'a str,
    ciphertext: &'a str,
    checksum: &'a str,
}

impl KeyRing {
    /// The ring sealed under a passphrase, as a text that may be kept where the ring itself may not.
    ///
    /// Takes about a third of a second and 64 MiB at the recommended cost: not for a thread that serves requests.
    ///
    /// # Errors
    /// The passphrase is too short.
    pub fn export(
        &self,
        passphrase: &Secret,
        seed: EnvelopeSeed,
        cost: PassphraseCost,
    ) -> Result<String, EnvelopeFault> {
        if passphrase
            .expose()
            .chars()
            .take(PASSPHRASE_CHARS_MIN)
            .count()
            < PASSPHRASE_CHARS_MIN
        {
            return Err(EnvelopeFault::PassphraseTooShort);
        }
        let EnvelopeSeed { salt, nonce } = seed;
        let ring = self.to_text();
        let aad = cost.associated_data();
        let ciphertext = cipher(&cost.derive(passphrase, &salt)?)
            .encrypt(
                &nonce.into(),
                Payload {
                    msg: ring.expose().as_bytes(),
                    aad: &aad,
                },
            )
            .map_err(|_| EnvelopeFault::TooLong)?;
        let text = serde_json::json!({
            "format": FORMAT,
            "version": VERSION,
            "kdf": KDF,
            "memory_kib": cost.memory_kib,
            "passes": cost.passes,
            "lanes": cost.lanes,
            "salt": URL_SAFE_NO_PAD.encode(salt),
            "nonce": URL_SAFE_NO_PAD.encode(nonce),
            "ciphertext": URL_SAFE_NO_PAD.encode(&ciphertext),
            "checksum": checksum(&aad, seed, &ciphertext),
        });
        Ok(format!("{text:#}\n"))
    }

    /// Reads a ring from an envelope.
    ///
    /// Takes as long as the text asks for within the bounds of [`PassphraseCost::new`].
    ///
    /// # Errors
    /// What is wrong with the text, or that the passphrase is.
    pub fn import(text: &str, passphrase: &Secret) -> Result<Self, EnvelopeFault> {
        let (cost, seed, ciphertext) = parse(text)?;
        let ring = cipher(&cost.derive(passphrase, &seed.salt)?)
            .decrypt(
                &seed.nonce.into(),
                Payload {
                    msg: &ciphertext,
                    aad: &cost.associated_data(),
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| EnvelopeFault::WrongPassphrase)?;
        Ok(Self::from_text_bytes(&ring)?)
    }
}

fn parse(text: &str) -> Result<(PassphraseCost, EnvelopeSeed, Vec<u8>), EnvelopeFault> {
    if text.len() > ENVELOPE_BYTES_MAX {
        return Err(EnvelopeFault::TooLong);
    }
    let heading: Heading<'_> = serde_json::from_str(text).map_err(|error| not_valid(&error))?;
    match heading {
        Heading { format, .. } if format != FORMAT => return Err(EnvelopeFault::OtherFormat),
        Heading { version: 0, .. } => return Err(EnvelopeFault::NoSuchVersion),
        Heading { version: found, .. } if found > VERSION => {
            return Err(EnvelopeFault::NewerVersion { found });
        }
        Heading { .. } => {}
    }
    let text: EnvelopeText<'_> = serde_json::from_str(text).map_err(|error| not_valid(&error))?;
    let asked = PassphraseCost {
        memory_kib: text.memory_kib,
        passes: text.passes,
        lanes: text.lanes,
    };
    let seed = EnvelopeSeed {
        salt: decode_exact(text.salt)?,
        nonce: decode_exact(text.nonce)?,
    };
    let ciphertext = URL_SAFE_NO_PAD
        .decode(text.ciphertext)
        .map_err(|_| EnvelopeFault::Damaged)?;
    if text.kdf != KDF || text.checksum != checksum(&asked.associated_data(), seed, &ciphertext) {
        return Err(EnvelopeFault::Damaged);
    }
    let cost = PassphraseCost::new(asked.memory_kib, asked.passes, asked.lanes)?;
    Ok((cost, seed, ciphertext))
}

fn cipher(key: &SecretBytes<32>) -> Aes256Gcm {
    Aes256Gcm::new(key.expose().into())
}

fn checksum(associated_data: &[u8], seed: EnvelopeSeed, ciphertext: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(associated_data)
        .chain_update([0])
        .chain_update(seed.salt)
        .chain_update(seed.nonce)
        .chain_update(ciphertext)
        .finalize();
    URL_SAFE_NO_PAD.encode(leading_half(&digest.into()))
}

fn decode_exact<const N: usize>(text: &str) -> Result<[u8; N], EnvelopeFault> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| EnvelopeFault::Damaged)?;
    bytes.try_into().map_err(|_| EnvelopeFault::Damaged)
}

/// Only the place: serde's own words would repeat the value that it found.
fn not_valid(error: &serde_json::Error) -> EnvelopeFault {
    EnvelopeFault::NotValid {
        line: error.line(),
        column: error.column(),
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
