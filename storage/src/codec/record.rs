//! Keys and records as they stand in the persistent copy and in snapshots.

use raftgate_model::state::{Record, RecordKey};

use super::{DecodeError, EncodeError, VERSION, append, read, versioned};

/// The longest encoded record or key, in bytes: a window of answers or a big definition.
pub const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

const KEY: &str = "record key";
const RECORD: &str = "record";

/// Encodes the name of a record.
///
/// # Errors
/// The key is longer than [`RECORD_BYTES_MAX`].
pub fn encode_key(key: &RecordKey) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![VERSION];
    append(KEY, key, &mut bytes, RECORD_BYTES_MAX)?;
    Ok(bytes)
}

/// Decodes the name of a record.
///
/// # Errors
/// What is wrong with the bytes.
pub fn decode_key(bytes: &[u8]) -> Result<RecordKey, DecodeError> {
    read(KEY, versioned(KEY, bytes, RECORD_BYTES_MAX)?)
}

/// Encodes a record.
///
/// # Errors
/// The record is longer than [`RECORD_BYTES_MAX`].
pub fn encode_record(record: &Record) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(128);
    encode_record_into(record, &mut bytes)?;
    Ok(bytes)
}

/// Appends the encoding of a record.
///
/// # Errors
/// The record is longer than [`RECORD_BYTES_MAX`].
pub fn encode_record_into(record: &Record, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    let bytes_max = bytes.len().saturating_add(RECORD_BYTES_MAX);
    bytes.push(VERSION);
    append(RECORD, record, bytes, bytes_max).map_err(|error| match error {
        EncodeError::TooLong { what, .. } => EncodeError::TooLong {
            what,
            bytes_max: RECORD_BYTES_MAX,
        },
        other => other,
    })
}

/// Decodes the record that stands under a key.
///
/// # Errors
/// What is wrong with the bytes; a record of another kind than the key's is malformed.
pub fn decode_record(key: &RecordKey, bytes: &[u8]) -> Result<Record, DecodeError> {
    let record = read(RECORD, versioned(RECORD, bytes, RECORD_BYTES_MAX)?)?;
    if is_of_kind(key, &record) {
        Ok(record)
    } else {
        Err(DecodeError::malformed(
            RECORD,
            "its kind is not that of its key",
        ))
    }
}

/// Whether a record may stand under a key.
fn is_of_kind(key: &RecordKey, record: &Record) -> bool {
    match key {
        RecordKey::Meta => matches!(record, Record::Meta(_)),
        RecordKey::Boot(_) => matches!(record, Record::Boot(_)),
        RecordKey::Api(_) => matches!(record, Record::Api(_)),
        RecordKey::Route(_) => matches!(record, Record::Route(_)),
        RecordKey::Policy(_) => matches!(record, Record::Policy(_)),
        RecordKey::Client(_) => matches!(record, Record::Client(_)),
        RecordKey::Mark(_) => matches!(record, Record::Mark(_)),
        RecordKey::Code(_) => matches!(record, Record::Code(_)),
        RecordKey::Grant(_) => matches!(record, Record::Grant(_)),
        RecordKey::Family(_) => matches!(record, Record::Family(_)),
        RecordKey::Outbox(_) => matches!(record, Record::Outbox(_)),
        RecordKey::Notification(_) => matches!(record, Record::Notification(_)),
        RecordKey::Source(_) => matches!(record, Record::Source(_)),
        RecordKey::ApiKey(_) => matches!(record, Record::ApiKey(_)),
        RecordKey::AdminTokens => matches!(record, Record::AdminTokens(_)),
    }
}
