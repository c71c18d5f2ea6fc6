//! Changes of several log entries on their way into one batch: each record stands once, as it ends.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;

use ahash::RandomState;
use raftgate_model::state::{Change, Record, RecordKey};

use super::key::copy_key;
use super::weight::units;
use crate::codec::{EncodeError, encode_key, encode_record};
use crate::digest::StateDigest;

/// How many changed records are gathered before they are written. Once the queue is full, whoever writes waits for as long
/// as a batch takes, so it is kept short: 4,096 records at a time doubled the p99 of tokens and gained little.
pub(super) const RECORDS_MAX: usize = 512;
/// How much is gathered before it is written, in units of about 256 bytes: 4 MiB, or one entry that is longer.
const UNITS_MAX: u32 = 16_384;

/// A record before the first and after the last of the gathered changes.
struct Net {
    before: Option<Record>,
    after: Option<Record>,
}

/// One record of a batch: its key in the copy, and its encoding unless it is removed.
pub(super) type Write = (Vec<u8>, Option<Vec<u8>>);

/// What a batch does to the copy.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pub(super) writes: Vec<Write>,
    /// The records of the tree grew by so many.
    pub(super) added: i64,
}

/// Gathered changes.
#[derive(Default)]
pub(super) struct Pending {
    changes: HashMap<RecordKey, Net, RandomState>,
    units: u32,
}

impl Pending {
    /// Whether as much was gathered as one batch may hold.
    pub(super) fn is_full(&self) -> bool {
        self.changes.len() >= RECORDS_MAX || self.units >= UNITS_MAX
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.units == 0
    }

    pub(super) fn add(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.units = self.units.saturating_add(units(&change));
            match self.changes.entry(change.key) {
                Place::Occupied(mut net) => net.get_mut().after = change.after,
                Place::Vacant(place) => {
                    place.insert(Net {
                        before: change.before,
                        after: change.after,
                    });
                }
            }
        }
    }

    /// Encodes what was gathered and carries it into the digest; nothing is gathered afterwards.
    pub(super) fn encode(&mut self, digest: &mut StateDigest) -> Result<Writes, EncodeError> {
        let mut made = Writes::default();
        self.units = 0;
        for (key, net) in self.changes.drain() {
            let sum_key = encode_key(&key)?;
            let mut gone = None;
            if let Some(before) = &net.before {
                digest.remove(&sum_key, &encode_record(before)?);
                gone = Some(copy_key(&key, before)?);
                made.added -= 1;
            }
            if let Some(after) = &net.after {
                let record = encode_record(after)?;
                digest.add(&sum_key, &record);
                let place = copy_key(&key, after)?;
                // A token that was issued again under the same id stands elsewhere.
                gone = gone.filter(|gone| *gone != place);
                made.writes.push((place, Some(record)));
                made.added += 1;
            }
            if let Some(gone) = gone {
                made.writes.push((gone, None));
            }
        }
        Ok(made)
    }
}
