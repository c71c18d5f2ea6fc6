//! Starting a node: Raft over its storage, founding, and the thread that it all lives on.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::storage::RaftStateMachine;
use raftgate_model::clock::Clock;
use raftgate_model::command::{Command, Found};
use raftgate_storage::fatal::spawn_fatal_thread;
use raftgate_storage::log::LogError;
use raftgate_storage::types::TypeConfig;
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

use super::life::{self, Parts, Stored};
use super::stop::Phase;
use super::{NodeConfig, StateGauge, Stop, Storage};
use crate::batch::Lane;
use crate::error::ProposeError;
use crate::handle::ClusterHandle;

/// How long founding may take, election and disk included.
const FOUNDING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the end of a node waits for reads and snapshots that have begun.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The number of this start cannot be read or written.
    #[error("cannot count this start in {path}: {error}")]
    BootId {
        /// The data directory.
        path: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The system has no room for a thread or a runtime.
    #[error("cannot start the thread of consensus: {0}")]
    Thread(#[source] io::Error),
    /// The settings of consensus contradict each other.
    #[error("the settings of consensus: {0}")]
    Settings(String),
    /// The log does not fit the state.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Raft could not begin, mostly because its storage failed.
    #[error("consensus cannot begin: {0}")]
    Raft(String),
    /// The directory is new, and nothing was said of founding a cluster.
    #[error("the data directory holds no cluster")]
    NotFounded,
    /// The cluster could not be founded.
    #[error("the cluster cannot be founded: {0}")]
    Founding(#[source] ProposeError),
}

/// Starts a node, and founds a cluster of one voter if its directory is new.
///
/// On an initialised directory it returns once the local state can be read, without waiting for a leader.
///
/// # Errors
/// See [`StartError`]; nothing of the node runs any more then.
pub async fn start(
    config: NodeConfig,
    storage: Storage,
    clock: Arc<dyn Clock>,
) -> Result<ClusterHandle, StartError> {
    let Storage { log, machine, .. } = storage;
    let (view, copied) = (machine.view(), machine.clone());
    let parts = Parts {
        stored: Stored {
            log,
            gauge: StateGauge::of(&machine),
            machine,
            view,
        },
        closing: async move { copied.flush_copy().await },
    };
    start_parts(config, parts, clock).await
}

/// Starts a node over any state machine.
pub(super) async fn start_parts<M, F>(
    config: NodeConfig,
    parts: Parts<M, F>,
    clock: Arc<dyn Clock>,
) -> Result<ClusterHandle, StartError>
where
    M: RaftStateMachine<TypeConfig>,
    F: Future<Output = ()> + Send + 'static,
{
    let view = Arc::clone(&parts.stored.view);
    let (phase, asked) = watch::channel(Phase::Running);
    let (ready, started) = oneshot::channel();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Thread)?;
    let life = life::live(config.clone(), parts, Arc::clone(&clock), ready, asked);
    let ended = phase.clone();
    let thread = spawn_fatal_thread("raft", move || {
        runtime.block_on(life);
        runtime.shutdown_timeout(BLOCKING_TIMEOUT);
        ended.send_replace(Phase::Stopped);
    })
    .map_err(StartError::Thread)?;
    let stop = Stop::new(phase, thread);
    let running = match started.await {
        Ok(Ok(running)) => running,
        Ok(Err(error)) => {
            stop.wait().await;
            return Err(error);
        }
        Err(_) => return Err(StartError::Raft("its thread ended".to_owned())),
    };
    let handle = ClusterHandle::new(&config, running, Arc::clone(&view), clock, stop);
    if let Some(found) = config.founding
        && view.meta().cluster == [0; 16]
        && let Err(error) = name_cluster(&handle, found).await
    {
        handle.shutdown().await;
        return Err(error);
    }
    Ok(handle)
}

/// Proposes the cluster's name, which a start that was cut short may have left out.
async fn name_cluster(handle: &ClusterHandle, found: Found) -> Result<(), StartError> {
    let command = Command::Found(found);
    let proposed = handle.propose_within(&Lane::Administration, command, FOUNDING_TIMEOUT);
    match proposed.await {
        Ok(_) | Err(ProposeError::Refused(_)) => Ok(()),
        Err(error) => Err(StartError::Founding(error)),
    }
}
