//! The entries of the log, from memory or from disk; what the store and all of its readers look at.

use std::fmt::Debug;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft::{OptionalSend, RaftLogReader, StorageError};
use parking_lot::Mutex;

use super::LogError;
use super::recent::RecentEntries;
use crate::codec::{self, CONTROL_BYTES_MAX};
use crate::types::{Entry, LogId, TypeConfig};
use crate::wal::Wal;

/// The encoded bytes of the newest entries that are kept decoded.
const RECENT_BYTES_MAX: usize = 4 << 20;

/// The encoded bytes of entries that one message to a peer carries, unless a single entry is larger.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The log's entries; the store changes them, readers look.
pub(super) struct LogEntries {
    pub(super) wal: Arc<Wal>,
    pub(super) recent: Mutex<RecentEntries>,
    /// One more than the index of the last entry known to be committed, zero for none.
    committed_next: AtomicU64,
}

impl LogEntries {
    pub(super) fn new(wal: Arc<Wal>) -> Self {
        Self {
            wal,
            recent: Mutex::new(RecentEntries::new(RECENT_BYTES_MAX)),
            committed_next: AtomicU64::new(0),
        }
    }

    pub(super) fn note_committed(&self, committed: Option<LogId>) {
        let next = committed.map_or(0, |committed| committed.index.saturating_add(1));
        self.committed_next.fetch_max(next, Ordering::AcqRel);
    }

    /// The last entry known to be committed.
    pub(super) fn committed(&self) -> Option<u64> {
        self.committed_next.load(Ordering::Acquire).checked_sub(1)
    }

    /// What was purged last.
    pub(super) fn purged(&self) -> Result<Option<LogId>, LogError> {
        let purged = self.wal.state().purged;
        let Some((_, payload)) = purged else {
            return Ok(None);
        };
        Ok(Some(codec::decode("purge", &payload, CONTROL_BYTES_MAX)?))
    }

    /// The last entry, or what was purged last when there is none.
    pub(super) fn last(&self) -> Result<Option<LogId>, LogError> {
        let purged = self.purged()?;
        let last = self.wal.state().last_index;
        match last {
            Some(index) if purged.is_none_or(|purged| purged.index < index) => {
                let entry = self.read_disk(index..index.saturating_add(1), 1)?.pop();
                let entry = entry.ok_or(LogError::MissingEntry { index })?;
                Ok(Some(entry.log_id))
            }
            _ => Ok(purged),
        }
    }

    /// Reads from the write-ahead log and decodes; blocks on the disk.
    fn read_disk(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, LogError> {
        let found = self.wal.read(range, bytes_max)?;
        found
            .iter()
            .map(|(_, payload)| Ok(codec::decode_entry(payload)?))
            .collect()
    }

    /// Reads a range, from memory if all of it is there, else on a thread that may wait for the disk.
    async fn read(
        self: Arc<Self>,
        range: Range<u64>,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, LogError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        {
            let recent = self.recent.lock();
            if recent.first().is_some_and(|first| first <= range.start) {
                return Ok(recent.read(range, bytes_max));
            }
        }
        tokio::task::spawn_blocking(move || self.read_disk(range, bytes_max))
            .await
            .map_err(|_| LogError::ReadCutShort)?
    }
}

/// Reads entries while the store goes on; cloned freely.
#[derive(Clone)]
pub struct LogReader {
    entries: Arc<LogEntries>,
}

impl LogReader {
    pub(super) fn new(entries: Arc<LogEntries>) -> Self {
        Self { entries }
    }
}

impl RaftLogReader<TypeConfig> for LogReader {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, StorageError<u64>> {
        let range = half_open(&range);
        let entries = Arc::clone(&self.entries);
        entries
            .read(range, usize::MAX)
            .await
            .map_err(LogError::reading)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError<u64>> {
        let entries = Arc::clone(&self.entries);
        entries
            .read(start..end, MESSAGE_BYTES_MAX)
            .await
            .map_err(LogError::reading)
    }
}

fn half_open(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}
