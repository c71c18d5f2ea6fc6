//! What a node is told when it starts, and the settings of consensus that nobody is asked about.

use std::path::PathBuf;
use std::time::Duration;

use openraft::SnapshotPolicy;
use raftgate_model::command::Found;
use raftgate_model::id::NodeId;

use super::StartError;

/// How often a leader shows that it is there; also how long a message to a peer may take.
const HEARTBEAT_MS: u64 = 150;
/// The shortest silence after which a voter stands for election.
const ELECTION_MIN_MS: u64 = 450;
/// The longest.
const ELECTION_MAX_MS: u64 = 650;
/// How long a peer may take to install a snapshot.
const SNAPSHOT_TIMEOUT_MS: u64 = 600_000;
/// How many entries one message to a peer carries; their bytes are bounded by the log.
const MESSAGE_ENTRIES_MAX: u64 = 256;
/// How many entries in the newest snapshot the log keeps for peers that are a little behind.
const KEPT_BEHIND_SNAPSHOT: u64 = 512;
/// How many entries are purged at once.
const PURGE_ENTRIES: u64 = 64;

/// Who a node is and how long its writes may take.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Its id, for good.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Where peers reach it, `HOST:PORT`.
    pub address: String,
    /// The data directory, which this process holds locked.
    pub data_dir: PathBuf,
    /// How long a write may take before its caller is told that its outcome is unknown.
    pub write_timeout: Duration,
    /// With what to found a cluster if the directory is new; without, a new directory is an error.
    pub founding: Option<Found>,
}

pub(super) fn raft_config() -> Result<openraft::Config, StartError> {
    openraft::Config {
        cluster_name: "raftgate".to_owned(),
        heartbeat_interval: HEARTBEAT_MS,
        election_timeout_min: ELECTION_MIN_MS,
        election_timeout_max: ELECTION_MAX_MS,
        install_snapshot_timeout: SNAPSHOT_TIMEOUT_MS,
        max_payload_entries: MESSAGE_ENTRIES_MAX,
        max_in_snapshot_log_to_keep: KEPT_BEHIND_SNAPSHOT,
        purge_batch_size: PURGE_ENTRIES,
        // Entries differ in size by a factor of thousands: the log's bytes decide, not their number.
        snapshot_policy: SnapshotPolicy::Never,
        ..openraft::Config::default()
    }
    .validate()
    .map_err(|error| StartError::Settings(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    #[test]
    fn the_settings_are_valid() {
        let config = raft_config().unwrap();
        assert_eq!(config.snapshot_policy, SnapshotPolicy::Never);
    }
}
