//! One node: its Raft on a thread of its own, with everything that lives and ends with it.

mod boot_id;
mod compactor;
mod config;
mod life;
mod proposer;
mod start;
mod stop;
mod watcher;

use std::sync::Arc;

use openraft::RaftMetrics;
use openraft::metrics::RaftServerMetrics;
use openraft::storage::RaftStateMachine;
use parking_lot::Mutex;
use raftgate_storage::log::{LogGauge, LogStore};
use raftgate_storage::types::{Node as Peer, TypeConfig};
use raftgate_storage::view::View;
use tokio::sync::watch;

use crate::batch::Intake;
use crate::clock::{ClockEstimate, Stamper};
use crate::metrics::ClusterMetrics;
use crate::status::Leadership;

pub use config::NodeConfig;
pub use start::{StartError, start};

pub(crate) use stop::Stop;

/// What a node keeps on disk, opened and checked.
pub struct Storage<M: RaftStateMachine<TypeConfig>> {
    /// The Raft log.
    pub log: LogStore,
    /// The state machine.
    pub machine: M,
    /// The state as it is read.
    pub view: Arc<View>,
}

/// What the handle and the node's tasks share.
pub(crate) struct Running {
    pub(crate) raft: openraft::Raft<TypeConfig>,
    pub(crate) server: watch::Receiver<RaftServerMetrics<u64, Peer>>,
    pub(crate) raft_metrics: watch::Receiver<RaftMetrics<u64, Peer>>,
    pub(crate) leadership: watch::Receiver<Leadership>,
    pub(crate) log: LogGauge,
    pub(crate) intake: Arc<Intake>,
    pub(crate) metrics: Arc<ClusterMetrics>,
    pub(crate) stamper: Arc<Mutex<Stamper>>,
    pub(crate) estimate: Arc<ClockEstimate>,
}
