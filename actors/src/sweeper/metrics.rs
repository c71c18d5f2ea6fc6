//! What the sweeper counts on this node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(super) struct SweeperMetrics {
    swept: AtomicU64,
    batches: AtomicU64,
    failed: AtomicU64,
}

/// The counters since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweeperValues {
    /// Records that this node had removed.
    pub swept: u64,
    /// Batches that they were removed in.
    pub batches: u64,
    /// Batches of which it is not known that they were carried out.
    pub failed: u64,
}

impl SweeperMetrics {
    pub(super) fn count(&self, swept: u32) {
        self.swept.fetch_add(u64::from(swept), Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// The running sweeper's numbers; clones are of the same one.
#[derive(Clone, Debug)]
pub struct SweeperHandle {
    metrics: Arc<SweeperMetrics>,
}

impl SweeperHandle {
    pub(super) fn new(metrics: Arc<SweeperMetrics>) -> Self {
        Self { metrics }
    }

    /// The counters of this node.
    #[must_use]
    pub fn metrics(&self) -> SweeperValues {
        SweeperValues {
            swept: self.metrics.swept.load(Ordering::Relaxed),
            batches: self.metrics.batches.load(Ordering::Relaxed),
            failed: self.metrics.failed.load(Ordering::Relaxed),
        }
    }
}
