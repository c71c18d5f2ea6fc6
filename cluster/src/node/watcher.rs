//! Follows Raft's own report: publishes who leads, keeps cluster time, and ends the process when Raft ends.

use std::sync::Arc;
use std::time::Duration;

use openraft::metrics::RaftServerMetrics;
use openraft::{RaftMetrics, ServerState};
use raftgate_model::clock::Clock;
use raftgate_model::id::NodeId;
use raftgate_storage::fatal::end_process;
use raftgate_storage::types::Node;
use raftgate_storage::view::View;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::clock::ClockEstimate;
use crate::status::{Leadership, QUORUM_FRESH, Role};

/// How often a leader asks itself whether its quorum is fresh.
const FRESHNESS_INTERVAL: Duration = Duration::from_millis(200);

/// How long Raft may be silent before this node doubts its own leadership: Raft reports at least once in 225 ms.
const SILENCE_MAX: Duration = Duration::from_millis(1000);

/// Publishes who leads, until Raft ends.
pub(super) async fn follow_leadership(
    mut server: watch::Receiver<RaftServerMetrics<u64, Node>>,
    mut metrics: watch::Receiver<RaftMetrics<u64, Node>>,
    leadership: watch::Sender<Leadership>,
) {
    let mut heard = tokio::time::Instant::now();
    let mut ticks = tokio::time::interval(FRESHNESS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut now = leadership_of(&server.borrow_and_update());
        let leads = now.role == Role::Leader;
        if leads {
            if metrics.has_changed().unwrap_or(false) {
                heard = tokio::time::Instant::now();
            }
            let acknowledged = metrics.borrow_and_update().millis_since_quorum_ack;
            now.quorum_is_fresh = heard.elapsed() <= SILENCE_MAX
                && acknowledged.is_some_and(|ms| ms <= QUORUM_FRESH.as_ms());
        }
        leadership.send_if_modified(|published| {
            let differs = *published != now;
            *published = now;
            differs
        });
        tokio::select! {
            changed = server.changed() => if changed.is_err() {
                break;
            },
            _ = ticks.tick(), if leads => {}
        }
    }
}

/// Ends the process when Raft ends by itself; to be dropped before Raft is shut down on purpose.
pub(super) async fn end_with_raft(
    mut server: watch::Receiver<RaftServerMetrics<u64, Node>>,
    metrics: watch::Receiver<RaftMetrics<u64, Node>>,
) {
    while server.changed().await.is_ok() {}
    end_if_failed(&metrics);
    end_process("raft", "it ended");
}

/// Ends the process if Raft has ended although nobody asked it to.
pub(super) fn end_if_failed(metrics: &watch::Receiver<RaftMetrics<u64, Node>>) {
    if let Err(fatal) = &metrics.borrow().running_state {
        end_process("raft", &fatal.to_string());
    }
}

/// Keeps the estimate of cluster time at what is applied, until the view is gone.
pub(super) async fn follow_clock(
    view: Arc<View>,
    clock: Arc<dyn Clock>,
    estimate: Arc<ClockEstimate>,
) {
    let mut applied = view.subscribe();
    let mut newest = view.clock();
    while applied.changed().await.is_ok() {
        // Entries of consensus itself carry no stamp, and say nothing of the time.
        let stamp = view.clock();
        if stamp > newest {
            newest = stamp;
            estimate.observe(stamp, clock.boot_time());
        }
    }
}

fn leadership_of(server: &RaftServerMetrics<u64, Node>) -> Leadership {
    Leadership {
        role: match server.state {
            ServerState::Leader => Role::Leader,
            ServerState::Follower | ServerState::Candidate => Role::Voter,
            ServerState::Learner | ServerState::Shutdown => Role::Learner,
        },
        term: server.vote.leader_id().term,
        leader: server.current_leader.map(NodeId),
        quorum_is_fresh: false,
    }
}
