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
///
/// Raft itself keeps trying while the disk refuses; this ends with the first attempt that fails.
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
    let machine = &running.state.machine;
    let mut attempts = machine.snapshot_writing();
    let failed_before = attempts.borrow_and_update().failed;
    let mut patience = Duration::ZERO;
    loop {
        let covered = metrics.wait_for(|raft| {
            raft.snapshot
                .is_some_and(|log_id| log_id.index >= applied.0)
        });
        let refused = attempts.wait_for(|attempts| attempts.failed > failed_before);
        tokio::select! {
            biased;
            covered = covered => return match covered {
                Ok(_) => Ok(()),
                Err(_) => Err(SnapshotError::ShuttingDown),
            },
            refused = refused => return Err(match refused {
                Ok(attempts) => SnapshotError::Refused {
                    reason: attempts.trouble.clone().unwrap_or_default(),
                },
                Err(_) => SnapshotError::ShuttingDown,
            }),
            () = tokio::time::sleep(patience) => patience = ASK_INTERVAL,
        }
        machine.retry_snapshot_now();
        let asked = running.raft.trigger().snapshot().await;
        asked.map_err(|_| SnapshotError::ShuttingDown)?;
    }
}
