//! The newest entries of the log, decoded, so that applying and replicating them costs a pointer each.

use std::collections::VecDeque;
use std::ops::Range;

use crate::types::Entry;

/// Consecutive entries up to the last of the log, bounded by the bytes of their encodings.
#[derive(Debug)]
pub(super) struct RecentEntries {
    entries: VecDeque<(Entry, usize)>,
    bytes: usize,
    bytes_max: usize,
}

impl RecentEntries {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// The index of the oldest entry kept.
    pub(super) fn first(&self) -> Option<u64> {
        self.entries.front().map(|(entry, _)| entry.log_id.index)
    }

    /// Keeps the entry that follows; one that does not begins anew.
    pub(super) fn push(&mut self, entry: Entry, bytes: usize) {
        let follows = self
            .entries
            .back()
            .is_none_or(|(last, _)| last.log_id.index.checked_add(1) == Some(entry.log_id.index));
        if !follows {
            self.entries.clear();
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.push_back((entry, bytes));
        while self.bytes > self.bytes_max && self.entries.len() > 1 {
            self.drop_oldest();
        }
    }

    /// Drops entries from `from` on.
    pub(super) fn truncate(&mut self, from: u64) {
        while let Some((_, bytes)) = self
            .entries
            .pop_back_if(|(entry, _)| entry.log_id.index >= from)
        {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Drops entries up to `upto`.
    pub(super) fn purge(&mut self, upto: u64) {
        while self.first().is_some_and(|first| first <= upto) {
            self.drop_oldest();
        }
    }

    /// The entries of a range, at least one if there is any, until their encodings exceed `bytes_max`.
    ///
    /// Nothing if the range begins before what is kept.
    pub(super) fn read(&self, range: Range<u64>, bytes_max: usize) -> Vec<Entry> {
        let Some(skipped) = self
            .first()
            .and_then(|first| range.start.checked_sub(first))
        else {
            return Vec::new();
        };
        let mut bytes = 0_usize;
        self.entries
            .iter()
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
            .take_while(|(entry, entry_bytes)| {
                let fits = bytes == 0 || bytes.saturating_add(*entry_bytes) <= bytes_max;
                bytes = bytes.saturating_add(*entry_bytes);
                entry.log_id.index < range.end && fits
            })
            .map(|(entry, _)| entry.clone())
            .collect()
    }

    fn drop_oldest(&mut self) {
        if let Some((_, bytes)) = self.entries.pop_front() {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use openraft::{CommittedLeaderId, EntryPayload, LogId};

    use super::*;

    fn entry(index: u64) -> Entry {
        Entry {
            log_id: LogId::new(CommittedLeaderId::new(1, 1), index),
            payload: EntryPayload::Blank,
        }
    }

    fn indexes(recent: &RecentEntries, range: Range<u64>, bytes_max: usize) -> Vec<u64> {
        let entries = recent.read(range, bytes_max);
        entries.iter().map(|entry| entry.log_id.index).collect()
    }

    fn filled(range: Range<u64>) -> RecentEntries {
        let mut recent = RecentEntries::new(100);
        range.for_each(|index| recent.push(entry(index), 10));
        recent
    }

    #[test]
    fn the_oldest_give_way_above_the_limit() {
        let recent = filled(5..25);
        assert_eq!(recent.first(), Some(15));
        assert_eq!(indexes(&recent, 20..22, usize::MAX), [20, 21]);
        assert_eq!(indexes(&recent, 20..99, usize::MAX), [20, 21, 22, 23, 24]);
        assert_eq!(indexes(&recent, 14..20, usize::MAX), [0; 0]);
        assert_eq!(indexes(&recent, 30..40, usize::MAX), [0; 0]);
    }

    #[test]
    fn one_entry_is_kept_and_read_however_large() {
        let mut recent = filled(1..4);
        recent.push(entry(4), 1000);
        assert_eq!(recent.first(), Some(4));
        assert_eq!(indexes(&recent, 4..9, 1), [4]);
        recent.push(entry(5), 10);
        assert_eq!(recent.first(), Some(5));
    }

    #[test]
    fn a_read_stops_before_its_limit() {
        let recent = filled(0..10);
        assert_eq!(indexes(&recent, 0..10, 35), [0, 1, 2]);
        assert_eq!(indexes(&recent, 0..10, 5), [0]);
    }

    #[test]
    fn truncating_and_purging_leave_the_middle() {
        let mut recent = filled(1..11);
        recent.truncate(8);
        recent.purge(3);
        assert_eq!(indexes(&recent, 4..99, usize::MAX), [4, 5, 6, 7]);
        recent.push(entry(8), 10);
        assert_eq!(indexes(&recent, 7..99, usize::MAX), [7, 8]);
        recent.truncate(0);
        assert_eq!(recent.first(), None);
    }

    #[test]
    fn a_gap_begins_anew() {
        let mut recent = filled(1..4);
        recent.push(entry(9), 10);
        assert_eq!(recent.first(), Some(9));
    }
}
