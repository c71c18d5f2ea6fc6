//! What runs on a node's thread from its first moment to its last.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use openraft::AsyncRuntime;
use openraft::storage::RaftStateMachine;
use parking_lot::Mutex;
use raftgate_model::clock::Clock;
use raftgate_model::id::BootId;
use raftgate_model::state::{ReadState, Record, RecordKey};
use raftgate_storage::log::LogStore;
use raftgate_storage::runtime::GuardedRuntime;
use raftgate_storage::types::{Node as Peer, TypeConfig};
use raftgate_storage::view::View;
use tokio::sync::{oneshot, watch};

use super::boot_id::Earlier;
use super::stop::Phase;
use super::{NodeConfig, Running, StartError, StateGauge, boot_id, compactor, config, watcher};
use crate::batch::{Batcher, Intake, RequestOrigin};
use crate::clock::{ClockEstimate, Stamper};
use crate::metrics::ClusterMetrics;
use crate::network::NoPeers;
use crate::node::proposer::RaftProposer;
use crate::status::Leadership;

/// What a node has on disk and in memory.
pub(super) struct Stored<M> {
    pub(super) log: LogStore,
    pub(super) machine: M,
    pub(super) view: Arc<View>,
    pub(super) gauge: StateGauge,
}

/// What a node is made of.
pub(super) struct Parts<M, F> {
    pub(super) stored: Stored<M>,
    /// What is left to do when Raft has ended.
    pub(super) closing: F,
}

/// A node that has begun, before anybody knows of it.
struct Begun {
    running: Running,
    batcher: Batcher<RaftProposer>,
    leadership: watch::Sender<Leadership>,
}

/// Begins, reports, works until it is asked to end, and ends.
pub(super) async fn live<M: RaftStateMachine<TypeConfig>, F: Future<Output = ()>>(
    config: NodeConfig,
    parts: Parts<M, F>,
    clock: Arc<dyn Clock>,
    ready: oneshot::Sender<Result<Running, StartError>>,
    asked: watch::Receiver<Phase>,
) {
    let Parts { stored, closing } = parts;
    let view = Arc::clone(&stored.view);
    let Begun {
        running,
        batcher,
        leadership,
    } = match begin(&config, stored, &clock).await {
        Ok(begun) => begun,
        Err(error) => {
            // Who started the node waits for this alone; without them there is nobody to tell.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let raft = running.raft.clone();
    let metrics = running.raft_metrics.clone();
    let intake = Arc::clone(&running.intake);
    let attendance = attend(&running, leadership, view, clock);
    // Who started the node may have gone away; then its handle is never made, and the node is asked to end.
    let _ = ready.send(Ok(running));
    let batching = GuardedRuntime::spawn(batcher.run());
    tokio::select! {
        () = attendance => {}
        () = until_drained(batching, &intake, asked) => {}
    }
    // A failure that made the batcher end before the watcher saw it is a failure all the same.
    watcher::end_if_failed(&metrics);
    let _ = raft.shutdown().await;
    closing.await;
}

/// Looks after Raft, its clock and its log; ends only with Raft.
fn attend(
    running: &Running,
    leadership: watch::Sender<Leadership>,
    view: Arc<View>,
    clock: Arc<dyn Clock>,
) -> impl Future<Output = ()> + Send + use<> {
    let raft = running.raft.clone();
    let (server, metrics) = (running.server.clone(), running.raft_metrics.clone());
    let (log, estimate) = (running.log.clone(), Arc::clone(&running.estimate));
    async move {
        tokio::join!(
            watcher::follow_leadership(server.clone(), metrics.clone(), leadership),
            watcher::end_with_raft(server, metrics.clone()),
            watcher::follow_clock(view, clock, estimate),
            compactor::compact(raft, metrics, log),
        );
    }
}

/// Waits to be asked to end, then lets the batcher finish what it has taken.
async fn until_drained(batching: impl Future, intake: &Intake, mut asked: watch::Receiver<Phase>) {
    // An error means that nobody holds the node any more, which asks the same.
    let _ = asked.wait_for(|phase| *phase != Phase::Running).await;
    intake.drain();
    batching.await;
}

/// Brings Raft up over its storage, leading at once where this node is the only voter.
async fn begin<M: RaftStateMachine<TypeConfig>>(
    config: &NodeConfig,
    stored: Stored<M>,
    clock: &Arc<dyn Clock>,
) -> Result<Begun, StartError> {
    let Stored {
        log,
        mut machine,
        view,
        gauge: state,
    } = stored;
    let (applied, _) = machine.applied_state().await.map_err(raft_error)?;
    log.check_reaches(applied)?;
    let logged = !log.is_empty()?;
    let gauge = log.gauge();
    let settings = Arc::new(config::raft_config()?);
    let raft = openraft::Raft::new(config.node.0, settings, NoPeers, log, machine)
        .await
        .map_err(raft_error)?;
    found_or_elect(&raft, config).await?;
    let boot = count_start(config, &view, logged)?;
    let (leadership, published) = watch::channel(Leadership::default());
    let running = Running {
        server: raft.server_metrics(),
        raft_metrics: raft.metrics(),
        leadership: published,
        log: gauge,
        state,
        intake: Intake::new(),
        metrics: Arc::new(ClusterMetrics::default()),
        stamper: Arc::new(Mutex::new(Stamper::new(view.clock()))),
        estimate: Arc::new(ClockEstimate::new(
            view.clock().max(clock.now()),
            clock.boot_time(),
        )),
        raft,
    };
    let proposer = RaftProposer {
        raft: running.raft.clone(),
        server: running.server.clone(),
        log: running.log.clone(),
        view,
        clock: Arc::clone(clock),
        stamper: Arc::clone(&running.stamper),
    };
    let origin = RequestOrigin {
        node: config.node,
        boot,
    };
    let (intake, metrics) = (Arc::clone(&running.intake), Arc::clone(&running.metrics));
    Ok(Begun {
        batcher: Batcher::new(intake, proposer, metrics, origin),
        running,
        leadership,
    })
}

/// Makes a new directory a cluster of one voter; in another one, a sole voter need not wait for silence.
async fn found_or_elect(
    raft: &openraft::Raft<TypeConfig>,
    config: &NodeConfig,
) -> Result<(), StartError> {
    if raft.is_initialized().await.map_err(raft_error)? {
        let voters = raft
            .with_raft_state(|state| {
                let membership = state.membership_state.effective();
                membership.voter_ids().collect::<Vec<_>>()
            })
            .await
            .map_err(raft_error)?;
        if voters == [config.node.0] {
            raft.trigger().elect().await.map_err(raft_error)?;
        }
        return Ok(());
    }
    if config.founding.is_none() {
        return Err(StartError::NotFounded);
    }
    let member = Peer {
        name: config.name.clone(),
        address: config.address.clone(),
    };
    let members = BTreeMap::from([(config.node.0, member)]);
    raft.initialize(members).await.map_err(raft_error)
}

/// Numbers this start, above every start of this node that the state knows.
fn count_start(config: &NodeConfig, view: &View, logged: bool) -> Result<BootId, StartError> {
    let applied = match view.get(&RecordKey::Boot(config.node)) {
        Some(Record::Boot(window)) => Some(window.boot),
        _ => None,
    };
    boot_id::next(&config.data_dir, Earlier { applied, logged }).map_err(|error| {
        StartError::BootId {
            path: config.data_dir.display().to_string(),
            error,
        }
    })
}

fn raft_error(error: impl Display) -> StartError {
    StartError::Raft(error.to_string())
}
