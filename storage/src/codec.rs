//! How values become bytes on disk and on the wire: the one file that knows the binary format.
//!
//! Every encoding begins with a version byte and is limited in length, both ways. Integers are variable-length, so
//! that the million small records of a big state stay small.

mod entry;
mod record;

use bincode::Options;
use raftgate_model::command::Command;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use entry::{decode_entry, encode_entry};
pub use record::{
    RECORD_BYTES_MAX, decode_key, decode_record, encode_key, encode_record, encode_record_into,
};

/// The version of all encodings, the first byte of each; it rises with the format of the data directory.
const VERSION: u8 = 5;

/// The longest encoded log entry, in bytes.
pub const ENTRY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest encoded vote, log id or membership, in bytes.
pub const CONTROL_BYTES_MAX: usize = 1024 * 1024;

/// Why a value could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It would be longer than its limit.
    #[error("the encoded {what} would be longer than {bytes_max} bytes")]
    TooLong {
        /// What was encoded.
        what: &'static str,
        /// The limit.
        bytes_max: usize,
    },
    /// The value cannot be expressed.
    #[error("the {what} cannot be encoded: {reason}")]
    Inexpressible {
        /// What was encoded.
        what: &'static str,
        /// What the format says.
        reason: String,
    },
}

/// Why bytes could not be decoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is not a single byte.
    #[error("the {what} is empty")]
    Empty {
        /// What was decoded.
        what: &'static str,
    },
    /// The bytes were written by a version of raftgate that this one does not know.
    #[error("the {what} has format version {found}, this raftgate reads version {VERSION}")]
    UnknownVersion {
        /// What was decoded.
        what: &'static str,
        /// The version found.
        found: u8,
    },
    /// The bytes are longer than anything of this kind may be.
    #[error("the {what} has {bytes} bytes, more than {bytes_max}")]
    TooLong {
        /// What was decoded.
        what: &'static str,
        /// How many there are.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A command of a newer version: this node must stop rather than diverge.
    #[error(
        "command kind {kind} is unknown to this raftgate: it was proposed by a newer version; upgrade this node"
    )]
    UnknownCommand {
        /// The command's number.
        kind: u32,
    },
    /// The bytes are no encoding of such a value.
    #[error("the {what} is malformed: {reason}")]
    Malformed {
        /// What was decoded.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl DecodeError {
    fn malformed(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed {
            what,
            reason: reason.into(),
        }
    }
}

/// Encodes any value of the cluster's own types, after a version byte.
///
/// # Errors
/// The value is longer than `bytes_max` or cannot be expressed.
pub fn encode<T: Serialize + ?Sized>(
    what: &'static str,
    value: &T,
    bytes_max: usize,
) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![VERSION];
    append(what, value, &mut bytes, bytes_max)?;
    Ok(bytes)
}

/// Decodes what [`encode`] made; trailing bytes are an error.
///
/// # Errors
/// The bytes are too many, of another version, or no encoding of a `T`.
pub fn decode<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<T, DecodeError> {
    read(what, versioned(what, bytes, bytes_max)?)
}

/// The bytes after the version byte.
fn versioned<'a>(
    what: &'static str,
    bytes: &'a [u8],
    bytes_max: usize,
) -> Result<&'a [u8], DecodeError> {
    if bytes.len() > bytes_max {
        return Err(DecodeError::TooLong {
            what,
            bytes: bytes.len(),
            bytes_max,
        });
    }
    match bytes.split_first() {
        None => Err(DecodeError::Empty { what }),
        Some((&VERSION, rest)) => Ok(rest),
        Some((&found, _)) => Err(DecodeError::UnknownVersion { what, found }),
    }
}

/// The bytes that a command takes in a log entry, beside its length.
#[must_use]
pub fn command_bytes(command: &Command) -> usize {
    // A command that cannot be encoded, which none is, weighs nothing and fails when its entry is encoded.
    let bytes = format().serialized_size(command).unwrap_or(0);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn format() -> impl Options {
    bincode::DefaultOptions::new()
}

/// Appends a value's encoding to bytes that may be `bytes_max` long afterwards.
fn append<T: Serialize + ?Sized>(
    what: &'static str,
    value: &T,
    bytes: &mut Vec<u8>,
    bytes_max: usize,
) -> Result<(), EncodeError> {
    let room = bytes_max.saturating_sub(bytes.len()) as u64;
    format()
        .with_limit(room)
        .serialize_into(bytes, value)
        .map_err(|error| match *error {
            bincode::ErrorKind::SizeLimit => EncodeError::TooLong { what, bytes_max },
            other => EncodeError::Inexpressible {
                what,
                reason: other.to_string(),
            },
        })
}

/// Reads a value from exactly these bytes.
fn read<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, DecodeError> {
    format()
        .with_limit(bytes.len() as u64)
        .reject_trailing_bytes()
        .deserialize(bytes)
        .map_err(|error| DecodeError::malformed(what, error.to_string()))
}

#[cfg(test)]
#[path = "codec/tests.rs"]
mod tests;
