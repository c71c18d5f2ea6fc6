//! One node: its Raft on a thread of its own, with everything that lives and ends with it.

mod boot_id;
mod compactor;
mod config;
mod life;
mod proposer;
mod start;
mod state_gauge;
mod stop;
mod storage;
mod watcher;

use std::sync::Arc;

use openraft::RaftMetrics;
use openraft::metrics::RaftServerMetrics;
use parking_lot::Mutex;
use raftgate_storage::log::LogGauge;
use raftgate_storage::types::{Node as Peer, TypeConfig};
use tokio::sync::watch;

use crate::batch::Intake;
use crate::clock::{ClockEstimate, Stamper};
use crate::metrics::ClusterMetrics;
use crate::status::Leadership;

pub use config::NodeConfig;
pub use start::{StartError, start};
pub use storage::{
    COPY_FOLDER, LOG_FOLDER, SNAPSHOTS_FOLDER, Storage, StorageConfig, StorageError,
};

pub(crate) use state_gauge::StateGauge;
pub(crate) use stop::Stop;

/// What the handle and the node's tasks share.
pub(crate) struct Running {
    pub(crate) raft: openraft::Raft<TypeConfig>,
    pub(crate) server: watch::Receiver<RaftServerMetrics<u64, Peer>>,
    pub(crate) raft_metrics: watch::Receiver<RaftMetrics<u64, Peer>>,
    pub(crate) leadership: watch::Receiver<Leadership>,
    pub(crate) log: LogGauge,
    pub(crate) state: StateGauge,
    pub(crate) intake: Arc<Intake>,
    pub(crate) metrics: Arc<ClusterMetrics>,
    pub(crate) stamper: Arc<Mutex<Stamper>>,
    pub(crate) estimate: Arc<ClockEstimate>,
}

#[cfg(test)]
#[path = "node_tests/mod.rs"]
mod tests;
