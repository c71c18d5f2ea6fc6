//! What the node counts: plain counters, exported as values for whoever publishes them.

use std::sync::atomic::{AtomicU64, Ordering};

use raftgate_storage::latency::{LatencyHistogram, LatencyValues};

use crate::batch::{LANE_NAMES, Lane};
use crate::error::ProposeError;

/// The upper bounds of the buckets of batch sizes, in commands.
pub const BATCH_SIZE_BOUNDS: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// The outcomes of proposals, as metrics call them.
pub const OUTCOME_NAMES: [&str; 8] = [
    "committed",
    "refused",
    "no_quorum",
    "queue_full",
    "too_large",
    "storage_full",
    "timeout",
    "shutting_down",
];

/// The counters of one node since its start.
#[derive(Debug, Default)]
pub struct ClusterMetrics {
    proposals: [[AtomicU64; OUTCOME_NAMES.len()]; LANE_NAMES.len()],
    batches: [AtomicU64; BATCH_SIZE_BOUNDS.len()],
    /// From the forming of a batch until it was applied.
    pub(crate) commits: LatencyHistogram,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricsValues {
    /// Proposals by lane ([`LANE_NAMES`]) and outcome ([`OUTCOME_NAMES`]).
    pub proposals: [[u64; OUTCOME_NAMES.len()]; LANE_NAMES.len()],
    /// Batches by their size, each in the first bucket of [`BATCH_SIZE_BOUNDS`] that holds it.
    pub batches: [u64; BATCH_SIZE_BOUNDS.len()],
    /// From the forming of a batch until it was applied.
    pub commits: LatencyValues,
    /// From the appending of log entries until they were on disk.
    pub flushes: LatencyValues,
    /// How many commands wait for a batch.
    pub queued_commands: u64,
    /// How many bytes they have.
    pub queued_bytes: u64,
    /// How many entries of the log are not applied yet.
    pub apply_lag: u64,
    /// How many snapshots were written.
    pub snapshots_built: u64,
    /// How many attempts to write a snapshot failed.
    pub snapshots_failed: u64,
    /// How many snapshots of peers took the place of the state.
    pub snapshots_installed: u64,
    /// Whether the start had to build the state anew, because what it should begin with was lost, damaged or stale.
    pub state_rebuilt: bool,
    /// Whether the persistent copy of the state failed, so that the next start builds it anew.
    pub copy_failed: bool,
    /// Whether the start cleared a torn end of the log, which no acknowledged write was in.
    pub log_repaired: bool,
}

impl ClusterMetrics {
    pub(crate) fn count_proposal(&self, lane: &Lane, error: Option<&ProposeError>) {
        let outcome = match error {
            None => 0,
            Some(ProposeError::Refused(_)) => 1,
            Some(ProposeError::NoQuorum) => 2,
            Some(ProposeError::QueueFull) => 3,
            Some(ProposeError::TooLarge { .. }) => 4,
            Some(ProposeError::StorageFull) => 5,
            Some(ProposeError::Timeout) => 6,
            Some(ProposeError::ShuttingDown) => 7,
        };
        let counter = self
            .proposals
            .get(lane.position())
            .and_then(|lane| lane.get(outcome));
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_batch(&self, commands: usize) {
        let bucket = BATCH_SIZE_BOUNDS.partition_point(|bound| *bound < commands);
        if let Some(counter) = self.batches.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counters that are kept here; the rest is zero.
    pub(crate) fn values(&self) -> MetricsValues {
        MetricsValues {
            proposals: self.proposals.each_ref().map(load),
            batches: load(&self.batches),
            commits: self.commits.values(),
            ..MetricsValues::default()
        }
    }
}

fn load<const N: usize>(counters: &[AtomicU64; N]) -> [u64; N] {
    counters
        .each_ref()
        .map(|counter| counter.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposals_are_counted_by_lane_and_outcome() {
        let metrics = ClusterMetrics::default();
        metrics.count_proposal(&Lane::Sweep, None);
        metrics.count_proposal(&Lane::Revocation, Some(&ProposeError::ShuttingDown));
        let values = metrics.values();
        assert_eq!(values.proposals, {
            let mut expected = [[0; 8]; 4];
            expected[3][0] = 1;
            expected[0][7] = 1;
            expected
        });
    }

    #[test]
    fn a_batch_falls_into_the_first_bucket_that_holds_it() {
        let metrics = ClusterMetrics::default();
        for commands in [1, 2, 3, 256] {
            metrics.count_batch(commands);
        }
        assert_eq!(metrics.values().batches, [1, 1, 1, 0, 0, 0, 0, 0, 1]);
    }
}
