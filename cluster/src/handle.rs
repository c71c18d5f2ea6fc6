//! The one handle through which everybody above reaches consensus.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use raftgate_model::clock::Clock;
use raftgate_model::command::Command;
use raftgate_model::id::{LogIndex, NodeId};
use raftgate_model::time::{Timestamp, Ttl};
use raftgate_storage::view::{AppliedMark, View};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::batch::{Committed, Lane};
use crate::clock::ClockVerdict;
use crate::error::{ProposeError, SnapshotError, WaitError};
use crate::metrics::MetricsValues;
use crate::node::{NodeConfig, Running, Stop};
use crate::snapshot;
use crate::status::{Leadership, Member, Status};
use crate::waiters::AppliedWaiters;

/// A running node, as the rest of the process uses it; cloned freely, and usable from any runtime with timers.
///
/// When the last one is dropped the node ends in the background; [`ClusterHandle::shutdown`] waits for it.
#[derive(Clone)]
pub struct ClusterHandle {
    inner: Arc<Inner>,
}

struct Inner {
    node: NodeId,
    write_timeout: Duration,
    running: Running,
    view: Arc<View>,
    clock: Arc<dyn Clock>,
    waiters: AppliedWaiters,
    stop: Stop,
}

impl ClusterHandle {
    pub(crate) fn new(
        config: &NodeConfig,
        running: Running,
        view: Arc<View>,
        clock: Arc<dyn Clock>,
        stop: Stop,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                node: config.node,
                write_timeout: config.write_timeout,
                waiters: AppliedWaiters::new(view.subscribe()),
                running,
                view,
                clock,
                stop,
            }),
        }
    }

    /// Has a command carried out once by the cluster; returns when it is durable and applied on this node.
    ///
    /// Dropping the future withdraws a command that is not on its way yet; one that is may still be carried out.
    ///
    /// # Errors
    /// See [`ProposeError`]: a refusal by the state is one of them, and only [`ProposeError::Timeout`] leaves open
    /// whether the command was carried out.
    pub async fn propose(&self, lane: Lane, command: Command) -> Result<Committed, ProposeError> {
        self.propose_within(&lane, command, self.inner.write_timeout)
            .await
    }

    /// Makes sure that this node's state was the cluster's newest at some moment after the call; changes nothing.
    ///
    /// An entry that was proposed since is applied here, and with it everything before it, whoever led then.
    ///
    /// # Errors
    /// As [`ClusterHandle::propose`]; nothing is known then.
    pub async fn barrier(&self) -> Result<LogIndex, ProposeError> {
        // Sweeping nothing is an entry as cheap as any, and needs no kind of command of its own.
        let nothing = Command::Sweep(Vec::new());
        let committed = self.propose(Lane::Administration, nothing).await?;
        Ok(committed.index)
    }

    /// As [`ClusterHandle::propose`], with a time limit of its own.
    ///
    /// # Errors
    /// As [`ClusterHandle::propose`].
    pub async fn propose_within(
        &self,
        lane: &Lane,
        command: Command,
        timeout: Duration,
    ) -> Result<Committed, ProposeError> {
        let running = &self.inner.running;
        let result = running.intake.propose(lane, command, timeout).await;
        running.metrics.count_proposal(lane, result.as_ref().err());
        result
    }

    /// The replicated state as applied on this node.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.inner.view
    }

    /// Tells of every newer applied entry; a slow receiver sees only the newest.
    #[must_use]
    pub fn applied(&self) -> watch::Receiver<AppliedMark> {
        self.inner.view.subscribe()
    }

    /// Returns once an entry of the log is applied on this node.
    ///
    /// # Errors
    /// It was not applied in time, or too many wait already.
    pub async fn wait_applied(&self, index: LogIndex, deadline: Instant) -> Result<(), WaitError> {
        self.inner.waiters.wait(index, deadline).await
    }

    /// Cluster time: the state's clock, advanced by the time that passed on this machine since.
    ///
    /// Never goes back, and is never behind the state's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let estimate = self.inner.running.estimate.at(self.inner.clock.boot_time());
        estimate.max(self.inner.view.clock())
    }

    /// Who leads, and whether this node may act as leader.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.running.leadership.clone()
    }

    /// This node's id.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.inner.node
    }

    /// What this node says of itself and the cluster, from memory.
    #[must_use]
    pub fn status(&self) -> Status {
        let running = &self.inner.running;
        let raft = running.raft_metrics.borrow().clone();
        let leadership = *running.leadership.borrow();
        let membership = raft.membership_config.membership();
        let acknowledged = |node: u64| {
            let matched = raft.replication.as_ref()?.get(&node)?.as_ref()?;
            Some(LogIndex(matched.index))
        };
        let members = membership
            .nodes()
            .map(|(id, node)| Member {
                node: NodeId(*id),
                name: node.name.clone(),
                address: node.address.clone(),
                is_voter: membership.voter_ids().any(|voter| voter == *id),
                acknowledged: acknowledged(*id),
            })
            .collect();
        Status {
            node: self.inner.node,
            leadership,
            members,
            last_log: raft.last_log_index.map(LogIndex),
            committed: running.log.committed().map(LogIndex),
            applied: self.inner.view.applied(),
            snapshot: raft.snapshot.map(|log_id| LogIndex(log_id.index)),
            since_quorum_ack: raft.millis_since_quorum_ack.map(Ttl::from_ms),
            now: self.now(),
            wal: running.log.wal(),
            applied_waiters: self.inner.waiters.waiting(),
            verdict: self.verdict(leadership),
        }
    }

    /// What is wrong with this node, as a sentence; empty when all is well.
    fn verdict(&self, leadership: Leadership) -> String {
        let running = &self.inner.running;
        let mut found = Vec::new();
        if leadership.leader.is_none() {
            found.push("there is no leader: writes wait".to_owned());
        } else if leadership.leader == Some(self.inner.node) && !leadership.quorum_is_fresh {
            found.push("this leader has not heard from a quorum lately".to_owned());
        }
        if running.log.is_running_full() {
            found.push("the disk of the log is running full".to_owned());
        }
        found.extend(running.state.troubles());
        match running.stamper.lock().verdict() {
            ClockVerdict::Followed => {}
            ClockVerdict::Ahead(by) => found.push(format!(
                "this machine's clock stepped {} s ahead and is not followed",
                by.as_s()
            )),
            ClockVerdict::Behind(by) => found.push(format!(
                "this machine's clock is {} s behind and is not followed",
                by.as_s()
            )),
        }
        found.join("; ")
    }

    /// The counters of this node.
    #[must_use]
    pub fn metrics(&self) -> MetricsValues {
        let running = &self.inner.running;
        let (commands, bytes) = running.intake.waiting();
        let last = running.raft_metrics.borrow().last_log_index.unwrap_or(0);
        MetricsValues {
            flushes: running.log.flushes(),
            queued_commands: commands as u64,
            queued_bytes: bytes as u64,
            apply_lag: last.saturating_sub(self.inner.view.applied().0),
            snapshots_built: running.state.machine.snapshots_built(),
            snapshots_failed: running.state.machine.snapshots_failed(),
            snapshots_installed: running.state.machine.snapshots_installed(),
            state_rebuilt: running.state.machine.rebuilt(),
            copy_failed: running.state.copy.failed(),
            log_repaired: running.log.wal().is_some_and(|wal| wal.repaired),
            ..running.metrics.values()
        }
    }

    /// Writes a snapshot of the state, as of now or later, to a new file.
    ///
    /// # Errors
    /// The disk refuses the snapshot, which is tried once; the file exists or cannot be written; or the snapshot was not
    /// ready in time.
    pub async fn save_snapshot(&self, path: &Path) -> Result<LogIndex, SnapshotError> {
        let applied = self.inner.view.applied();
        snapshot::save(&self.inner.running, applied, path).await
    }

    /// Ends the node in order: what was taken is finished, further commands are turned away.
    ///
    /// Returns when nothing of it runs any more; a second call waits for the same end.
    pub async fn shutdown(&self) {
        self.inner.stop.ask();
        self.inner.stop.wait().await;
    }
}
