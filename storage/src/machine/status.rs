//! What the state machine did since the process started, for metrics, status and whoever waits for a snapshot.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::snapshot::SnapshotError;

/// How the writing of snapshots fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotWriting {
    /// How many were written.
    pub built: u64,
    /// How many attempts failed.
    pub failed: u64,
    /// Why the last attempt failed; `None` when it did not.
    pub trouble: Option<String>,
}

/// What the state machine did since the process started.
#[derive(Debug, Default)]
pub struct MachineStatus {
    writing: watch::Sender<SnapshotWriting>,
    asked: Notify,
    snapshots_installed: AtomicU64,
    snapshot_bytes: AtomicU64,
    rebuilt: AtomicBool,
}

impl MachineStatus {
    /// Follows the writing of snapshots, attempt by attempt.
    #[must_use]
    pub fn snapshot_writing(&self) -> watch::Receiver<SnapshotWriting> {
        self.writing.subscribe()
    }

    /// Has a snapshot that waits for its next attempt tried at once; does nothing when none waits.
    pub fn retry_snapshot_now(&self) {
        self.asked.notify_waiters();
    }

    /// How many snapshots were written.
    #[must_use]
    pub fn snapshots_built(&self) -> u64 {
        self.writing.borrow().built
    }

    /// How many snapshots of peers took the place of the state.
    #[must_use]
    pub fn snapshots_installed(&self) -> u64 {
        self.snapshots_installed.load(Ordering::Relaxed)
    }

    /// How many attempts to write a snapshot failed.
    #[must_use]
    pub fn snapshots_failed(&self) -> u64 {
        self.writing.borrow().failed
    }

    /// How long the newest snapshot is, in bytes; zero when there is none.
    #[must_use]
    pub fn snapshot_bytes(&self) -> u64 {
        self.snapshot_bytes.load(Ordering::Relaxed)
    }

    /// Whether something that the state could have been read from at the start was lost, damaged or stale.
    #[must_use]
    pub fn rebuilt(&self) -> bool {
        self.rebuilt.load(Ordering::Relaxed)
    }

    pub(super) fn count_built(&self) {
        self.writing.send_modify(|writing| {
            writing.built += 1;
            writing.trouble = None;
        });
    }

    pub(super) fn count_failed(&self, error: &SnapshotError) {
        self.writing.send_modify(|writing| {
            writing.failed += 1;
            writing.trouble = Some(error.to_string());
        });
    }

    pub(super) fn count_installed(&self) {
        self.snapshots_installed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hold_bytes(&self, bytes: u64) {
        self.snapshot_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn note_rebuild(&self) {
        self.rebuilt.store(true, Ordering::Relaxed);
    }

    /// Waits before an attempt is repeated, unless somebody asks for it earlier.
    pub(super) async fn pause(&self, pause: Duration) {
        // Both ends mean the same: try again.
        let _ = tokio::time::timeout(pause, self.asked.notified()).await;
    }
}
