//! The state as one ordered map: the reference that other keepers are compared with.

use std::collections::BTreeMap;

use super::{Change, NotificationKey, ReadState, Record, RecordKey};
use crate::id::ApiId;

/// A state in one ordered map, for tests and for offline tools.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryState {
    records: BTreeMap<RecordKey, Record>,
}

impl MemoryState {
    /// Carries out the changes that `apply` decided.
    pub fn commit(&mut self, changes: &[Change]) {
        for change in changes {
            match &change.after {
                Some(record) => self.records.insert(change.key.clone(), record.clone()),
                None => self.records.remove(&change.key),
            };
        }
    }

    /// Puts one record, as a loader does.
    pub fn insert(&mut self, key: RecordKey, record: Record) {
        self.records.insert(key, record);
    }

    /// All records in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&RecordKey, &Record)> {
        self.records.iter()
    }
}

impl ReadState for MemoryState {
    fn get(&self, key: &RecordKey) -> Option<Record> {
        self.records.get(key).cloned()
    }

    fn first_queued(&self, api: &ApiId, from: u64) -> Option<u64> {
        let places = self.records.range(NotificationKey::places(api, from));
        places
            .filter(|(_, record)| record.is_queued())
            .find_map(|(key, _)| key.sequence())
    }
}
