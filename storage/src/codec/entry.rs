//! Log entries: each command of a batch stands apart, so that a newer one is told from a broken one.

use std::sync::Arc;

use openraft::EntryPayload;
use raftgate_model::command::{BATCH_COMMANDS_MAX, Batch, Command, Origin, Request};
use raftgate_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DecodeError, ENTRY_BYTES_MAX, EncodeError, VERSION, append, read, versioned};
use crate::types::{Entry, LogId, Node, Proposal};

const ENTRY: &str = "log entry";
const COMMAND: &str = "command";

/// How many kinds of command this version knows: their numbers are below it. An architecture test counts them.
pub(super) const COMMAND_KINDS: u32 = 28;

/// An entry without its commands, which follow it one by one.
#[derive(Serialize, Deserialize)]
struct Head {
    log_id: LogId,
    payload: HeadPayload,
}

#[derive(Serialize, Deserialize)]
enum HeadPayload {
    Blank,
    Membership(openraft::Membership<u64, Node>),
    Batch {
        stamp: Timestamp,
        origins: Vec<Origin>,
        requests: Vec<RequestHead>,
    },
}

/// A request without its command.
#[derive(Serialize, Deserialize)]
struct RequestHead {
    origin: u16,
    sequence: u64,
}

/// Encodes a log entry.
///
/// # Errors
/// The entry is longer than [`ENTRY_BYTES_MAX`].
pub fn encode_entry(entry: &Entry) -> Result<Vec<u8>, EncodeError> {
    let (payload, requests): (_, &[Request]) = match &entry.payload {
        EntryPayload::Blank => (HeadPayload::Blank, &[]),
        EntryPayload::Membership(membership) => (HeadPayload::Membership(membership.clone()), &[]),
        EntryPayload::Normal(Proposal(batch)) => (head_of(batch), &batch.requests),
    };
    let head = Head {
        log_id: entry.log_id,
        payload,
    };
    let mut bytes = vec![VERSION];
    append_block(ENTRY, &head, &mut bytes)?;
    for request in requests {
        append_block(ENTRY, &request.command, &mut bytes)?;
    }
    Ok(bytes)
}

fn head_of(batch: &Batch) -> HeadPayload {
    HeadPayload::Batch {
        stamp: batch.stamp,
        origins: batch.origins.clone(),
        requests: batch
            .requests
            .iter()
            .map(|request| RequestHead {
                origin: request.origin,
                sequence: request.sequence,
            })
            .collect(),
    }
}

/// Decodes a log entry.
///
/// # Errors
/// [`DecodeError::UnknownCommand`] if a newer version proposed it, else what is wrong with the bytes.
pub fn decode_entry(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let mut rest = versioned(ENTRY, bytes, ENTRY_BYTES_MAX)?;
    let head: Head = read(ENTRY, take_block(&mut rest)?)?;
    let payload = match head.payload {
        HeadPayload::Blank => EntryPayload::Blank,
        HeadPayload::Membership(membership) => EntryPayload::Membership(membership),
        HeadPayload::Batch {
            stamp,
            origins,
            requests,
        } => {
            if requests.len() > BATCH_COMMANDS_MAX {
                return Err(DecodeError::malformed(ENTRY, "too many commands"));
            }
            let requests = requests
                .into_iter()
                .map(|request| {
                    Ok(Request {
                        origin: request.origin,
                        sequence: request.sequence,
                        command: decode_command(take_block(&mut rest)?)?,
                    })
                })
                .collect::<Result<_, DecodeError>>()?;
            EntryPayload::Normal(Proposal(Arc::new(Batch {
                stamp,
                origins,
                requests,
            })))
        }
    };
    if !rest.is_empty() {
        return Err(DecodeError::malformed(
            ENTRY,
            "bytes after the last command",
        ));
    }
    Ok(Entry {
        log_id: head.log_id,
        payload,
    })
}

fn decode_command(bytes: &[u8]) -> Result<Command, DecodeError> {
    read(COMMAND, bytes).map_err(|error| match kind_of(bytes) {
        Some(kind) if kind >= COMMAND_KINDS => DecodeError::UnknownCommand { kind },
        _ => error,
    })
}

/// The number that a command's encoding begins with; one byte for the first 251 kinds.
fn kind_of(bytes: &[u8]) -> Option<u32> {
    match bytes.first().copied()? {
        kind @ 0..=250 => Some(u32::from(kind)),
        251 => {
            let number: [u8; 2] = bytes.get(1..3)?.try_into().ok()?;
            Some(u32::from(u16::from_le_bytes(number)))
        }
        _ => None,
    }
}

/// Appends a value with its length before it.
fn append_block<T: Serialize>(
    what: &'static str,
    value: &T,
    bytes: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let at = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    append(what, value, bytes, ENTRY_BYTES_MAX)?;
    let length = bytes.len().saturating_sub(at).saturating_sub(4);
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(place) = bytes.get_mut(at..at.saturating_add(4)) {
        place.copy_from_slice(&length);
    }
    Ok(())
}

/// Takes the bytes of the next value off the front.
fn take_block<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let cut = || DecodeError::malformed(ENTRY, "it ends too early");
    let (length, after) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
    let (block, after) = after.split_at_checked(length).ok_or_else(cut)?;
    *rest = after;
    Ok(block)
}
