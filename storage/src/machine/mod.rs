//! The replicated state as openraft drives it: entries applied, snapshots built and installed.

mod apply;
mod error;
mod open;
mod search;
mod snapshots;
mod start;
mod status;

use std::sync::Arc;

use openraft::storage::RaftStateMachine;
use openraft::{OptionalSend, Snapshot, StorageError};
use parking_lot::Mutex;
use raftgate_model::clock::Clock;

use apply::Committed;
pub use error::OpenError;
pub use open::{MachineConfig, OpenProgress, Opened, open, open_with_log};
pub use snapshots::SnapshotBuilder;
pub use start::{LogExtent, StartSource};
pub use status::{MachineStatus, SnapshotWriting};

pub use crate::copy::CopyStatus;
use crate::copy::{Copier, Summed};
use crate::log::SnapshotMark;
use crate::snapshot::{SnapshotError, SnapshotFile, SnapshotFolder, SnapshotInfo};
use crate::types::{Answers, Entry, LogId, Membership, SnapshotMeta, TypeConfig};
use crate::view::View;

/// What the machine's parts share.
pub(crate) struct Inner {
    view: Arc<View>,
    committed: Mutex<Committed>,
    copier: Copier,
    folder: SnapshotFolder,
    current: Mutex<Option<SnapshotFile>>,
    /// Held while a snapshot is written: there is one walk at a time.
    building: tokio::sync::Mutex<()>,
    mark: SnapshotMark,
    clock: Arc<dyn Clock>,
    status: Arc<MachineStatus>,
}

/// The state machine of this node's Raft.
#[derive(Clone)]
pub struct StateMachine {
    inner: Arc<Inner>,
}

impl StateMachine {
    /// The state for reading.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.inner.view)
    }

    /// What the persistent copy does.
    #[must_use]
    pub fn copy_status(&self) -> Arc<CopyStatus> {
        Arc::clone(self.inner.copier.status())
    }

    /// What was done with snapshots.
    #[must_use]
    pub fn status(&self) -> Arc<MachineStatus> {
        Arc::clone(&self.inner.status)
    }

    /// Where the log and the members stood at the newest applied entry.
    #[must_use]
    pub fn position(&self) -> (Option<LogId>, Membership) {
        let committed = self.inner.committed.lock();
        (committed.last_applied, committed.membership.clone())
    }

    /// The sum over all records at some entry not older than the newest at the time of the call.
    ///
    /// `None` only while the process ends.
    pub async fn digest(&self) -> Option<Summed> {
        let answer = self.inner.copier.digest();
        answer.await.ok()
    }

    /// Waits until the persistent copy is as far as the state was at the time of the call.
    pub async fn flush_copy(&self) {
        // The thread goes away only with the process.
        let _ = self.inner.copier.flush().await;
    }

    /// The newest durable snapshot.
    #[must_use]
    pub fn current_snapshot(&self) -> Option<SnapshotFile> {
        self.inner.current.lock().clone()
    }

    /// The folder of snapshots, to receive one into.
    #[must_use]
    pub fn folder(&self) -> SnapshotFolder {
        self.inner.folder.clone()
    }

    /// What the newest durable snapshot says about itself.
    #[must_use]
    pub fn current_snapshot_info(&self) -> Option<SnapshotInfo> {
        let current = self.inner.current.lock();
        let info = current.as_ref()?.info().ok()?;
        Some(info.clone())
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), StorageError<u64>> {
        Ok(self.position())
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Answers>, StorageError<u64>>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut answers = Vec::new();
        for entry in entries {
            answers.push(self.inner.apply(entry).await?);
        }
        Ok(answers)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder::new(Arc::clone(&self.inner))
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFile>, StorageError<u64>> {
        Ok(Box::new(SnapshotFile::blank()))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<SnapshotFile>,
    ) -> Result<(), StorageError<u64>> {
        let installed = snapshots::install(Arc::clone(&self.inner), *snapshot).await;
        installed.map_err(|error| error::installing(meta, &error))
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<Snapshot<TypeConfig>>, StorageError<u64>> {
        let current = self.current_snapshot();
        let snapshot = current.map(|file| -> Result<_, SnapshotError> {
            Ok(Snapshot {
                meta: file.meta()?,
                snapshot: Box::new(file),
            })
        });
        snapshot.transpose().map_err(|error| error::reading(&error))
    }
}

#[cfg(test)]
#[path = "machine_tests/mod.rs"]
mod tests;
