//! Filling a new copy from a snapshot while newer entries already go into it.

use std::collections::HashSet;

use ahash::RandomState;

use super::key::copy_key;
use super::pending::Write;
use super::store::{CopyError, Store};
use crate::codec::encode_record;
use crate::snapshot::{SnapshotFile, SnapshotReader};

/// A filling under way.
pub(super) struct Filling {
    reader: SnapshotReader,
    /// Places that entries newer than the snapshot wrote to; what the snapshot says of them is out of date.
    ///
    /// Bounded by what is applied while one snapshot is read: each write of a newer entry adds one key at most, and the
    /// reading takes seconds. It goes with the filling.
    newer: HashSet<Vec<u8>, RandomState>,
}

/// Whether there is more to fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Complete,
}

impl Filling {
    pub(super) fn begin(snapshot: &SnapshotFile) -> Result<Self, CopyError> {
        let reader = snapshot
            .reader()
            .map_err(|error| CopyError::Snapshot(error.to_string()))?;
        Ok(Self {
            reader,
            newer: HashSet::default(),
        })
    }

    /// Takes note of what newer entries are about to write.
    pub(super) fn note(&mut self, writes: &[Write]) {
        self.newer
            .extend(writes.iter().map(|(place, _)| place.clone()));
    }

    /// Fills in the next records.
    pub(super) fn step(&mut self, store: &Store) -> Result<Step, CopyError> {
        let records = self
            .reader
            .next_records()
            .map_err(|error| CopyError::Snapshot(error.to_string()))?;
        let Some(records) = records else {
            return Ok(Step::Complete);
        };
        let mut writes = Vec::with_capacity(records.len());
        for (key, record) in records {
            let place = copy_key(&key, &record)?;
            if !self.newer.contains(&place) {
                writes.push((place, Some(encode_record(&record)?)));
            }
        }
        store.write(writes, None)?;
        Ok(Step::More)
    }
}
