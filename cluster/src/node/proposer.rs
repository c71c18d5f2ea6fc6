//! The batcher's way into this node's Raft, and the clock that stamps.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use openraft::ServerState;
use openraft::metrics::RaftServerMetrics;
use openraft::raft::ClientWriteResult;
use parking_lot::Mutex;
use raftgate_model::clock::Clock;
use raftgate_model::id::LogIndex;
use raftgate_model::time::Timestamp;
use raftgate_storage::log::LogGauge;
use raftgate_storage::types::{Node, Proposal, TypeConfig};
use raftgate_storage::view::View;
use raftgate_storage::wal::Room;
use tokio::sync::{oneshot, watch};

use crate::batch::{BATCH_BYTES_MAX, Consensus, Ended, Outcome, Readiness};
use crate::clock::{ClockVerdict, Stamper};

/// The room that batches leave in the log on a disk that is running full: consensus adds entries of its own, and a refused
/// one ends the node.
const ROOM_LEFT_BYTES: u64 = 4 * BATCH_BYTES_MAX as u64;

/// Proposes through this node's Raft.
pub(super) struct RaftProposer {
    pub(super) raft: openraft::Raft<TypeConfig>,
    pub(super) server: watch::Receiver<RaftServerMetrics<u64, Node>>,
    pub(super) log: LogGauge,
    pub(super) view: Arc<View>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stamper: Arc<Mutex<Stamper>>,
}

impl Consensus for RaftProposer {
    type Pending = RaftAnswer;

    async fn submit(&mut self, proposal: Proposal) -> Result<RaftAnswer, Ended> {
        // Its only error is that the task of Raft is gone, which then was not handed the proposal.
        let taken = self.raft.client_write_ff(proposal).await;
        taken.map(RaftAnswer).map_err(|_| Ended)
    }

    fn readiness(&self, entries: &[usize]) -> Readiness {
        if self.server.borrow().state != ServerState::Leader {
            return Readiness::Waiting;
        }
        match self.log.room_for(entries, ROOM_LEFT_BYTES) {
            Room::Ready => Readiness::Ready,
            Room::Soon => Readiness::NoRoomYet,
            Room::None => Readiness::Full,
        }
    }

    async fn changed(&mut self) {
        if self.server.changed().await.is_err() {
            // Raft has ended; whoever watches it ends the batcher or the process.
            std::future::pending::<()>().await;
        }
    }

    fn stamp(&mut self) -> Timestamp {
        let (wall, boot) = (self.clock.now(), self.clock.boot_time());
        let mut stamper = self.stamper.lock();
        let before = stamper.verdict();
        stamper.observe(self.view.clock());
        let stamp = stamper.stamp(wall, boot);
        let verdict = stamper.verdict();
        drop(stamper);
        if std::mem::discriminant(&before) != std::mem::discriminant(&verdict) {
            report(verdict);
        }
        stamp
    }
}

fn report(verdict: ClockVerdict) {
    match verdict {
        ClockVerdict::Followed => tracing::info!("this machine's clock is credible again"),
        ClockVerdict::Ahead(by) | ClockVerdict::Behind(by) => tracing::error!(
            by_s = by.as_s(),
            "this machine's clock stepped; cluster time goes on without it"
        ),
    }
}

/// The answer to one proposal.
pub(super) struct RaftAnswer(oneshot::Receiver<ClientWriteResult<TypeConfig>>);

impl Future for RaftAnswer {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|result| match result {
                Ok(Ok(response)) => Outcome::Applied {
                    index: LogIndex(response.log_id.index),
                    answers: response.data.0,
                },
                Ok(Err(_)) => Outcome::NotLeader,
                Err(_) => Outcome::Stopped,
            })
    }
}
