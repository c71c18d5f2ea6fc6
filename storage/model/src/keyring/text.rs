//! The key ring as text for its file: versioned JSON with base64 keys.
//!
//! Faults say what is wrong and where, and never repeat any part of the text.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::master::MasterKey;
use super::{KeyRing, LookupKey, MASTER_KEYS_MAX, UnknownKey};
use crate::id::KeyId;
use crate::secret::{Secret, SecretBytes};

/// The longest text that is read as a key ring, in bytes; a full ring stays far below.
pub const RING_TEXT_BYTES_MAX: usize = 64 * 1024;

const FORMAT: &str = "raftgate-keyring";
const VERSION: u32 = 1;

/// Why a text is no key ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingTextFault {
    /// Longer than [`RING_TEXT_BYTES_MAX`].
    #[error("the key ring is longer than {RING_TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// Not JSON, or a field is missing, unknown or of the wrong type.
    #[error("the key ring is not valid: line {line}, column {column}")]
    NotValid {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 when the text ends too early.
        column: usize,
    },
    /// Bytes that are no text at all.
    #[error("the key ring is not text (UTF-8)")]
    NotText,
    /// JSON that does not call itself a key ring.
    #[error("this is no key ring: \"format\" is not \"{FORMAT}\"")]
    OtherFormat,
    /// Written by a later version of raftgate.
    #[error(
        "the key ring has format version {found}, and this raftgate reads up to {VERSION}: use a newer one"
    )]
    NewerVersion {
        /// The version that the text states.
        found: u32,
    },
    /// A version that never was.
    #[error("the key ring has format version 0, which does not exist")]
    NoSuchVersion,
    /// The lookup key is not 32 bytes of base64url without padding.
    #[error("\"lookup\" is not 32 bytes of base64url without padding")]
    DamagedLookup,
    /// A key is not 32 bytes of base64url without padding.
    #[error("\"key\" of key {0} is not 32 bytes of base64url without padding")]
    DamagedKey(KeyId),
    /// Two entries have one id.
    #[error("the key ring lists key {0} twice")]
    ListedTwice(KeyId),
    /// More than [`MASTER_KEYS_MAX`] keys.
    #[error("the key ring lists more than {MASTER_KEYS_MAX} keys")]
    TooManyKeys,
    /// The active key is not among the keys.
    #[error("\"active\" names key {0}, which the key ring does not list")]
    ActiveMissing(KeyId),
    /// The keys are not those that the text was written with.
    #[error("the key ring is damaged: \"check\" does not fit its keys")]
    CheckFails,
}

/// What every version has.
#[derive(Deserialize)]
struct Heading<'a> {
    format: &'a str,
    version: u32,
}

/// Texts of keys are borrowed from the input, so that reading leaves no copies behind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingText<'a> {
    #[serde(rename = "format")]
    _format: IgnoredAny,
    #[serde(rename = "version")]
    _version: IgnoredAny,
    active: KeyId,
    lookup: &'a str,
    #[serde(borrow)]
    keys: Vec<KeyText<'a>>,
    check: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText<'a> {
    id: KeyId,
    key: &'a str,
}

impl KeyRing {
    /// The ring as text, which is as secret as the ring.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        // Large enough from the start: growing would leave unwiped copies of the keys behind.
        let mut text = String::with_capacity(256 + 96 * self.keys.len());
        text.push_str(&format!(
            "{{\n  \"format\": \"{FORMAT}\",\n  \"version\": {VERSION},\n"
        ));
        text.push_str(&format!("  \"active\": {},\n  \"lookup\": \"", self.active));
        push_encoded(&mut text, &self.lookup.material);
        text.push_str("\",\n  \"keys\": [");
        let mut separator = "\n";
        for key in &self.keys {
            text.push_str(separator);
            text.push_str(&format!("    {{ \"id\": {}, \"key\": \"", key.id));
            push_encoded(&mut text, &key.material);
            text.push_str("\" }");
            separator = ",\n";
        }
        text.push_str("\n  ],\n  \"check\": \"");
        URL_SAFE_NO_PAD.encode_string(self.sum(), &mut text);
        text.push_str("\"\n}\n");
        Secret::new(text)
    }

    /// Reads a ring from the bytes of its text.
    ///
    /// # Errors
    /// What is wrong with the text; never any part of it.
    pub fn from_text_bytes(bytes: &[u8]) -> Result<Self, RingTextFault> {
        if bytes.len() > RING_TEXT_BYTES_MAX {
            return Err(RingTextFault::TooLong);
        }
        Self::from_text(std::str::from_utf8(bytes).map_err(|_| RingTextFault::NotText)?)
    }

    /// Reads a ring from its text.
    ///
    /// # Errors
    /// What is wrong with the text; never any part of it.
    pub fn from_text(text: &str) -> Result<Self, RingTextFault> {
        if text.len() > RING_TEXT_BYTES_MAX {
            return Err(RingTextFault::TooLong);
        }
        let heading: Heading<'_> = serde_json::from_str(text).map_err(|error| not_valid(&error))?;
        match heading {
            Heading { format, .. } if format != FORMAT => return Err(RingTextFault::OtherFormat),
            Heading { version: 0, .. } => return Err(RingTextFault::NoSuchVersion),
            Heading { version: found, .. } if found > VERSION => {
                return Err(RingTextFault::NewerVersion { found });
            }
            Heading { .. } => {}
        }
        let text: RingText<'_> = serde_json::from_str(text).map_err(|error| not_valid(&error))?;
        assemble(&text)
    }
}

fn assemble(text: &RingText<'_>) -> Result<KeyRing, RingTextFault> {
    if text.keys.len() > MASTER_KEYS_MAX {
        return Err(RingTextFault::TooManyKeys);
    }
    let lookup = decode(text.lookup).ok_or(RingTextFault::DamagedLookup)?;
    let mut keys: Vec<Arc<MasterKey>> = Vec::with_capacity(text.keys.len());
    for KeyText { id, key } in &text.keys {
        let material = decode(key).ok_or(RingTextFault::DamagedKey(*id))?;
        match keys.binary_search_by_key(id, |key| key.id) {
            Ok(_) => return Err(RingTextFault::ListedTwice(*id)),
            Err(place) => keys.insert(place, Arc::new(MasterKey::new(*id, material))),
        }
    }
    let ring = KeyRing {
        keys,
        active: text.active,
        lookup: Arc::new(LookupKey::new(lookup)),
    };
    match ring.master(ring.active) {
        Err(UnknownKey(id)) => Err(RingTextFault::ActiveMissing(id)),
        Ok(_) if text.check != URL_SAFE_NO_PAD.encode(ring.sum()) => Err(RingTextFault::CheckFails),
        Ok(_) => Ok(ring),
    }
}

fn push_encoded(text: &mut String, key: &SecretBytes<32>) {
    URL_SAFE_NO_PAD.encode_string(key.expose(), text);
}

fn decode(text: &str) -> Option<SecretBytes<32>> {
    // The decoder asks for whole groups: 33 bytes of room for 32.
    let mut bytes = Zeroizing::new([0_u8; 33]);
    let len = URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()?;
    let key: &[u8; 32] = bytes.get(..len)?.try_into().ok()?;
    Some(SecretBytes::new(*key))
}

/// Only the place: serde's own words would repeat the value that it found.
fn not_valid(error: &serde_json::Error) -> RingTextFault {
    RingTextFault::NotValid {
        line: error.line(),
        column: error.column(),
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
