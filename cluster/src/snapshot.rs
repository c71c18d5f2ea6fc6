//! Copying a snapshot out of the node while it runs.

use std::path::Path;
use std::time::Duration;

use raftgate_model::id::LogIndex;

use crate::error::SnapshotError;
use crate::node::Running;

/// How long building a snapshot may take.
const BUILD_TIMEOUT: Duration = Duration::from_secs(600);

/// Has a snapshot built that holds at least what is applied, and copies it.
pub(crate) async fn save(
    running: &Running,
    applied: LogIndex,
    path: &Path,
) -> Result<LogIndex, SnapshotError> {
    let stopped = |_| SnapshotError::ShuttingDown;
    let mut metrics = running.raft_metrics.clone();
    running
        .raft
        .trigger()
        .snapshot()
        .await
        .map_err(|_| SnapshotError::ShuttingDown)?;
    let covers = |raft: &openraft::RaftMetrics<u64, _>| {
        raft.snapshot
            .is_some_and(|log_id| log_id.index >= applied.0)
    };
    let built = async {
        // One that was being built already may begin earlier: then a second one is asked for.
        loop {
            let before = metrics.borrow_and_update().snapshot;
            if covers(&metrics.borrow()) {
                return Ok(());
            }
            metrics
                .wait_for(|raft| raft.snapshot != before)
                .await
                .map_err(stopped)?;
            if !covers(&metrics.borrow()) {
                let asked = running.raft.trigger().snapshot().await;
                asked.map_err(|_| SnapshotError::ShuttingDown)?;
            }
        }
    };
    tokio::time::timeout(BUILD_TIMEOUT, built)
        .await
        .map_err(|_| SnapshotError::Timeout)??;
    let snapshot = running
        .raft
        .get_snapshot()
        .await
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
