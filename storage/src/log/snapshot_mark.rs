//! How far the newest durable snapshot reaches: what the log may be purged behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The end of the newest snapshot that is on disk, folder entry included; shared by who writes snapshots and the log.
#[derive(Clone, Debug, Default)]
pub struct SnapshotMark {
    /// One more than the index, zero for none.
    next: Arc<AtomicU64>,
}

impl SnapshotMark {
    /// Notes that a snapshot up to this entry is durable; an older one changes nothing.
    pub fn reach(&self, index: u64) {
        self.next
            .fetch_max(index.saturating_add(1), Ordering::AcqRel);
    }

    /// The last entry that is in a durable snapshot.
    #[must_use]
    pub fn covered(&self) -> Option<u64> {
        self.next.load(Ordering::Acquire).checked_sub(1)
    }
}
