//! Building snapshots beside the applying, and installing those of peers.

use std::sync::Arc;
use std::time::Duration;

use openraft::storage::RaftSnapshotBuilder;
use openraft::{Snapshot, StorageError};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::apply::PendingSnapshot;
use super::{Inner, error};
use crate::background_thread::run_behind;
use crate::copy::Summed;
use crate::snapshot::{
    Progress, SnapshotError, SnapshotFile, SnapshotHead, SnapshotOrigin, snapshot_id,
};
use crate::types::{LogId, TypeConfig};
use crate::view::{Loading, Walk};

/// How long to wait before a snapshot is tried again that the disk refused.
const RETRY_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 30_000 });

/// How often long work is reported, in percent.
const REPORT_STEP: u64 = 10;

/// Builds one snapshot of the state as it is when the building begins.
pub struct SnapshotBuilder {
    inner: Arc<Inner>,
}

impl SnapshotBuilder {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Builds a snapshot, however long the disk refuses: openraft would end over a full disk, which the log outlives.
    ///
    /// Who waits for it learns of every attempt from the status, and need not wait as long.
    async fn build(&mut self) -> Result<SnapshotFile, SnapshotError> {
        let inner = &self.inner;
        let _alone = inner.building.lock().await;
        loop {
            let error = match build_once(inner).await {
                Ok(file) => {
                    inner.adopt(&file);
                    inner.status.count_built();
                    tracing::info!(?file, bytes = file.bytes(), "wrote a snapshot");
                    return Ok(file);
                }
                Err(error) => error,
            };
            tracing::error!(%error, "could not write a snapshot");
            inner.status.count_failed(&error);
            match error {
                SnapshotError::Io { .. } => inner.status.pause(RETRY_PAUSE).await,
                other => return Err(other),
            }
        }
    }
}

async fn build_once(inner: &Inner) -> Result<SnapshotFile, SnapshotError> {
    let (head, walk, summed) = begin(inner).ok_or(SnapshotError::Busy)?;
    let folder = inner.folder.clone();
    let build = move || {
        // The copier may be gone only because the node ends.
        let expected = || summed.blocking_recv().ok().map(|summed| summed.digest);
        folder.build(head, walk, expected, &mut reporter("writing a snapshot"))
    };
    let built = spawn_blocking(move || run_behind("snapshot", build));
    match built.await {
        Ok(Ok(built)) => built,
        Ok(Err(error)) => Err(SnapshotError::Io {
            action: "write",
            path: "a snapshot".to_owned(),
            error,
        }),
        // The runtime ends.
        Err(_) => Err(SnapshotError::Blank),
    }
}

/// Takes hold of one point in time: nothing is committed meanwhile.
fn begin(inner: &Inner) -> Option<(SnapshotHead, Walk, oneshot::Receiver<Summed>)> {
    let committed = inner.committed.lock();
    let walk = inner.view.walk()?;
    let summed = inner.copier.digest();
    let meta = inner.view.meta();
    let created_at = inner.clock.now();
    let head = SnapshotHead {
        id: snapshot_id(committed.last_applied, created_at),
        origin: SnapshotOrigin::Built,
        cluster: meta.cluster,
        incarnation: meta.incarnation,
        ancestors: meta.ancestors.to_vec(),
        last_log_id: committed.last_applied,
        keys: meta.keys.to_vec(),
        membership: committed.membership.clone(),
        revision: meta.revision,
        clock: meta.clock,
        created_at,
    };
    Some((head, walk, summed))
}

impl Inner {
    /// Makes a durable snapshot the current one, unless a newer one was received while it was written.
    pub(super) fn adopt(&self, file: &SnapshotFile) {
        let last = last_of(file);
        if let Some(last) = last {
            self.mark.reach(last.index);
        }
        let mut current = self.current.lock();
        if current
            .as_ref()
            .is_some_and(|current| last_of(current) > last)
        {
            return;
        }
        self.status.hold_bytes(file.bytes());
        *current = Some(file.clone());
    }
}

fn last_of(file: &SnapshotFile) -> Option<LogId> {
    file.info().ok()?.head.last_log_id
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError<u64>> {
        let file = self
            .build()
            .await
            .map_err(|error| error::building(&error))?;
        let meta = file.meta().map_err(|error| error::building(&error))?;
        Ok(Snapshot {
            meta,
            snapshot: Box::new(file),
        })
    }
}

/// Replaces the whole state by a received snapshot.
pub(super) async fn install(inner: Arc<Inner>, file: SnapshotFile) -> Result<(), SnapshotError> {
    // A walk over the old state may go on: it holds the old tables.
    let install = spawn_blocking(move || install_blocking(&inner, file));
    install.await.unwrap_or(Err(SnapshotError::Blank))
}

fn install_blocking(inner: &Inner, file: SnapshotFile) -> Result<(), SnapshotError> {
    let file = own_copy(inner, file)?;
    let loading = load(&file, &mut reporter("installing a snapshot"))?;
    let head = &file.info()?.head;
    {
        let mut committed = inner.committed.lock();
        let index = head.last_log_id.map_or(0, |last| last.index);
        inner
            .view
            .replace(loading, raftgate_model::id::LogIndex(index));
        committed.last_applied = head.last_log_id;
        committed.membership = head.membership.clone();
        // Until an entry after it is applied, the log is not known to have been cut to it.
        committed.pending = Some(PendingSnapshot {
            id: head.id.clone(),
            last: head.last_log_id,
        });
        inner.copier.replace(file.clone());
    }
    inner.adopt(&file);
    inner.status.count_installed();
    tracing::info!(?file, "a snapshot took the place of the state");
    Ok(())
}

/// The snapshot in this node's own folder: received there, or copied from where it is.
fn own_copy(inner: &Inner, file: SnapshotFile) -> Result<SnapshotFile, SnapshotError> {
    if inner.folder.holds(&file)? {
        return Ok(file);
    }
    let mut incoming = inner.folder.receive()?;
    let mut refused = None;
    let copied = file.copy_into(&mut |piece| {
        incoming.append(piece).map_err(|error| {
            refused = Some(error);
            std::io::ErrorKind::Other.into()
        })
    });
    if let Err(error) = copied {
        return Err(refused.unwrap_or_else(|| SnapshotError::Io {
            action: "read",
            path: format!("{file:?}"),
            error,
        }));
    }
    incoming.finish(&mut |_| {})
}

/// Reads a snapshot into a second state.
pub(super) fn load(
    file: &SnapshotFile,
    progress: &mut dyn FnMut(Progress),
) -> Result<Loading, SnapshotError> {
    let grants = file.info()?.totals.kinds.get("grants").copied();
    let loading = Loading::new(usize::try_from(grants.unwrap_or_default()).unwrap_or_default());
    let mut reader = file.reader()?;
    while let Some(records) = reader.next_records()? {
        for (key, record) in records {
            loading.put(&key, record);
        }
        progress(reader.progress());
    }
    progress(reader.progress());
    Ok(loading)
}

/// Logs how far some long work is, in big steps.
pub(super) fn reporter(what: &'static str) -> impl FnMut(Progress) {
    let mut reported = 0;
    move |progress| {
        let percent = progress
            .done
            .saturating_mul(100)
            .checked_div(progress.total)
            .unwrap_or(100);
        if percent >= reported + REPORT_STEP {
            reported = percent - percent % REPORT_STEP;
            tracing::info!(percent = reported, "{what}");
        }
    }
}
