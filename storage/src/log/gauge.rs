//! What others may see of the log while openraft owns it.

use std::sync::Arc;

use super::entries::LogEntries;
use crate::latency::{LatencyHistogram, LatencyValues};
use crate::wal::{Space, WalStatus};

/// Figures of the log for status, metrics and the snapshot policy; cloned freely.
#[derive(Clone)]
pub struct LogGauge {
    pub(super) entries: Arc<LogEntries>,
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
        self.entries.committed()
    }

    /// How many bytes of entries a snapshot up to this index would leave; all of them without one.
    #[must_use]
    pub fn bytes_after(&self, index: Option<u64>) -> u64 {
        match index {
            Some(index) => self.entries.wal.payload_bytes_after(index),
            None => self.entries.wal.status().bytes_since_purge,
        }
    }

    /// Whether the disk has no room for entries of this many bytes.
    #[must_use]
    pub fn is_full(&self, bytes: u64) -> bool {
        match self.entries.wal.status().space {
            Space::Ample => false,
            Space::Low { room_bytes } => room_bytes < bytes,
        }
    }

    /// The write-ahead log's own figures.
    #[must_use]
    pub fn wal(&self) -> WalStatus {
        self.entries.wal.status()
    }
}
