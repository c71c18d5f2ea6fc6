//! Which configuration records there are, and which of them changed of late.

use std::collections::BTreeMap;
use std::ops::Bound;

use raftgate_model::id::Revision;

/// What changed of one kind of configuration record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<K> {
    /// The records whose version is newer than what was asked for, in the order of their versions.
    pub ids: Vec<K>,
    /// The newest version of them all, or what was asked for if none is newer.
    pub newest: Option<Revision>,
    /// How many records of this kind there are, changed or not.
    pub count: usize,
}

/// The versions of one kind of record, by id and by age.
#[derive(Debug)]
pub(super) struct Versions<K> {
    by_id: BTreeMap<K, Revision>,
    by_age: BTreeMap<Revision, Vec<K>>,
}

impl<K> Default for Versions<K> {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            by_age: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Versions<K> {
    /// Takes note of a record's version, or of its end.
    pub(super) fn set(&mut self, id: &K, version: Option<Revision>) {
        let before = match version {
            Some(version) => self.by_id.insert(id.clone(), version),
            None => self.by_id.remove(id),
        };
        if let Some(before) = before
            && let Some(of_age) = self.by_age.get_mut(&before)
        {
            of_age.retain(|other| other != id);
            if of_age.is_empty() {
                self.by_age.remove(&before);
            }
        }
        if let Some(version) = version {
            self.by_age.entry(version).or_default().push(id.clone());
        }
    }

    /// The ids after one, in order.
    pub(super) fn page(&self, after: Option<&K>, limit: usize) -> Vec<K> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.by_id.range((start, Bound::Unbounded));
        rest.take(limit).map(|(id, _)| id.clone()).collect()
    }

    /// What changed after a revision; everything after none.
    pub(super) fn since(&self, after: Option<Revision>) -> Changed<K> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let newer = self.by_age.range((start, Bound::Unbounded));
        Changed {
            ids: newer.flat_map(|(_, ids)| ids).cloned().collect(),
            newest: self.by_age.last_key_value().map(|(age, _)| *age).max(after),
            count: self.by_id.len(),
        }
    }
}
