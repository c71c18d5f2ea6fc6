//! The keys of the persistent copy: tokens in the order in which they were issued, so that new ones go to the end.

use raftgate_model::id::{CodeId, FamilyId, GrantId};
use raftgate_model::state::{Record, RecordKey};
use raftgate_model::token::TokenBirth;

use crate::codec::{DecodeError, EncodeError, decode_key, encode_key};

/// Where the copy's own position stands.
pub(super) const POSITION: &[u8] = &[0];

const OTHER: u8 = 1;
const CODE: u8 = 2;
const FAMILY: u8 = 3;
const GRANT: u8 = 4;

/// The copy's key of a record: tokens by the log entry of their birth, everything else by its own key.
pub(super) fn copy_key(key: &RecordKey, record: &Record) -> Result<Vec<u8>, EncodeError> {
    Ok(match (key, record) {
        (RecordKey::Grant(id), Record::Grant(grant)) => token(GRANT, grant.birth, id.as_bytes()),
        (RecordKey::Code(id), Record::Code(code)) => token(CODE, code.birth, id.as_bytes()),
        (RecordKey::Family(id), Record::Family(family)) => {
            token(FAMILY, family.birth, id.as_bytes())
        }
        (key, _) => {
            let mut bytes = vec![OTHER];
            bytes.extend_from_slice(&encode_key(key)?);
            bytes
        }
    })
}

fn token(kind: u8, birth: TokenBirth, id: &[u8; 16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(25);
    bytes.push(kind);
    bytes.extend_from_slice(&birth.index.0.to_be_bytes());
    bytes.extend_from_slice(id);
    bytes
}

/// The record key that a key of the copy stands for.
pub(super) fn record_key(bytes: &[u8]) -> Result<RecordKey, DecodeError> {
    let malformed = || DecodeError::Malformed {
        what: "key of the persistent copy",
        reason: format!("{} bytes of no known kind", bytes.len()),
    };
    let (kind, rest) = bytes.split_first().ok_or_else(malformed)?;
    if *kind == OTHER {
        return decode_key(rest);
    }
    let (_, id) = rest.split_last_chunk::<16>().ok_or_else(malformed)?;
    match *kind {
        GRANT => Ok(RecordKey::Grant(GrantId::from_bytes(*id))),
        CODE => Ok(RecordKey::Code(CodeId::from_bytes(*id))),
        FAMILY => Ok(RecordKey::Family(FamilyId::from_bytes(*id))),
        _ => Err(malformed()),
    }
}
