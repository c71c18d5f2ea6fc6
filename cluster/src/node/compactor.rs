//! Decides when a snapshot is due, by the bytes of the log that it would free.

use std::time::Duration;

use openraft::RaftMetrics;
use raftgate_storage::log::LogGauge;
use raftgate_storage::types::{Node, TypeConfig};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often the log is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of log entries below which no snapshot is due.
const LOG_BYTES_MIN: u64 = 64 << 20;

/// Whether the log behind the last snapshot is worth a new one: more than [`LOG_BYTES_MIN`], and more than half of
/// what writing the snapshot costs.
fn is_due(log_bytes: u64, snapshot_bytes: u64) -> bool {
    log_bytes > LOG_BYTES_MIN.max(snapshot_bytes / 2)
}

/// Asks for snapshots when they are due, until Raft ends.
pub(super) async fn compact(
    raft: openraft::Raft<TypeConfig>,
    metrics: watch::Receiver<RaftMetrics<u64, Node>>,
    log: LogGauge,
) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let covered = metrics.borrow().snapshot.map(|log_id| log_id.index);
        let log_bytes = log.bytes_after(covered);
        // The size of the last snapshot is asked for only when it can matter.
        if !is_due(log_bytes, 0) || !is_due(log_bytes, snapshot_bytes(&raft).await) {
            continue;
        }
        // While one is being built this is ignored.
        if raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}

async fn snapshot_bytes(raft: &openraft::Raft<TypeConfig>) -> u64 {
    let Ok(Some(snapshot)) = raft.get_snapshot().await else {
        return 0;
    };
    snapshot.snapshot.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_due_by_the_bytes_it_frees() {
        assert!(!is_due(64 << 20, 0));
        assert!(is_due((64 << 20) + 1, 128 << 20));
        assert!(!is_due(100 << 20, 300 << 20));
        assert!(is_due(151 << 20, 300 << 20));
    }
}
