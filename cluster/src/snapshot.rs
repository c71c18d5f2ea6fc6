//! Copying a snapshot out of the node while it runs.

use std::path::Path;
use std::time::Duration;

use raftgate_model::id::LogIndex;

use crate::error::SnapshotError;
use crate::node::Running;

/// How long building a snapshot may take.
const BUILD_TIMEOUT: Duration = Duration::from_secs(600);

/// How often a snapshot is asked for again: asking is ignored while an earlier one is being built.
const ASK_INTERVAL: Duration = Duration::from_millis(100);

/// Has a snapshot built that holds at least what is applied, and copies it.
pub(crate) async fn save(
    running: &Running,
    applied: LogIndex,
    path: &Path,
) -> Result<LogIndex, SnapshotError> {
    tokio::time::timeout(BUILD_TIMEOUT, build(running, applied))
        .await
        .map_err(|_| SnapshotError::Timeout)??;
    let snapshot = running.raft.get_snapshot().await;
    let snapshot = snapshot
        .map_err(|_| SnapshotError::ShuttingDown)?
        .ok_or(SnapshotError::Timeout)?;
    let index = snapshot.meta.last_log_id.map_or(0, |log_id| log_id.index);
    let to = path.to_owned();
    tokio::task::spawn_blocking(move || snapshot.snapshot.copy_to(&to))
        .await
        .map_err(|_| SnapshotError::ShuttingDown)?
        .map_err(|error| SnapshotError::Write {
            path: path.display().to_string(),
            error,
        })?;
    Ok(LogIndex(index))
}

/// Asks for snapshots until the newest holds what is applied.
async fn build(running: &Running, applied: LogIndex) -> Result<(), SnapshotError> {
    let mut metrics = running.raft_metrics.clone();
    let mut patience = Duration::ZERO;
    loop {
        let covered = metrics.wait_for(|raft| {
            raft.snapshot
                .is_some_and(|log_id| log_id.index >= applied.0)
        });
        match tokio::time::timeout(patience, covered).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(_)) => return Err(SnapshotError::ShuttingDown),
            Err(_) => patience = ASK_INTERVAL,
        }
        let asked = running.raft.trigger().snapshot().await;
        asked.map_err(|_| SnapshotError::ShuttingDown)?;
    }
}
