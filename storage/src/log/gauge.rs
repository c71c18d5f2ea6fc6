//! What others may see of the log while openraft owns it.

use std::sync::{Arc, Weak};

use super::entries::LogEntries;
use crate::latency::{LatencyHistogram, LatencyValues};
use crate::wal::{Room, Space, WalStatus};

/// Figures of the log for status, metrics and the snapshot policy; cloned freely.
///
/// Does not keep the log open: the figures of one that was closed are those of an empty one.
#[derive(Clone)]
pub struct LogGauge {
    pub(super) entries: Weak<LogEntries>,
    pub(super) flushes: Arc<LatencyHistogram>,
}

impl LogGauge {
    /// How long appended entries took until they were on disk.
    #[must_use]
    pub fn flushes(&self) -> LatencyValues {
        self.flushes.values()
    }

    /// The last entry known to be committed, as it was last saved.
    #[must_use]
    pub fn committed(&self) -> Option<u64> {
        self.entries.upgrade()?.committed()
    }

    /// How many bytes of entries a snapshot up to this index would leave; all of them without one.
    #[must_use]
    pub fn bytes_after(&self, index: Option<u64>) -> u64 {
        self.entries.upgrade().map_or(0, |entries| match index {
            Some(index) => entries.wal.payload_bytes_after(index),
            None => entries.wal.status().bytes_since_purge,
        })
    }

    /// Whether entries of these lengths, in bytes, find a place; on a disk that is running full, with `left_bytes` to spare.
    #[must_use]
    pub fn room_for(&self, entries: &[usize], left_bytes: u64) -> Room {
        self.entries
            .upgrade()
            .map_or(Room::Ready, |open| open.wal.room_for(entries, left_bytes))
    }

    /// Whether the disk has no space for another segment of the log.
    #[must_use]
    pub fn is_running_full(&self) -> bool {
        matches!(self.wal().map(|wal| wal.space), Some(Space::Low { .. }))
    }

    /// The write-ahead log's own figures; `None` once it was closed.
    #[must_use]
    pub fn wal(&self) -> Option<WalStatus> {
        Some(self.entries.upgrade()?.wal.status())
    }
}
