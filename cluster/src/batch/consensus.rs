//! What the batcher asks of consensus.

use std::future::Future;

use raftgate_model::answer::Answer;
use raftgate_model::id::LogIndex;
use raftgate_model::time::Timestamp;
use raftgate_storage::types::Proposal;

/// What became of a proposal.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is committed, and applied on this node.
    Applied {
        /// The entry that carries it.
        index: LogIndex,
        /// An answer per request, by position.
        answers: Vec<Answer>,
    },
    /// This node does not lead, or ceased to: it may or may not be committed some time.
    NotLeader,
    /// Consensus has ended on this node: it may or may not be committed some time.
    Stopped,
}

/// Consensus had ended on this node before it took a proposal, which is in no log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

/// Whether a proposal can be taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It can.
    Ready,
    /// Not now, but perhaps soon, when there is a leader: commands wait for it.
    Waiting,
    /// Not now, but perhaps soon, when the log has made room on its disk: commands wait for it.
    NoRoomYet,
    /// The log's disk has no room: commands are turned away.
    Full,
}

/// Where proposals go: this node's Raft, a test's stand-in, and with several nodes the link to the leader.
pub(crate) trait Consensus: Send + 'static {
    /// Resolves to what became of one proposal.
    type Pending: Future<Output = Outcome> + Send + Unpin + 'static;

    /// Hands a proposal over behind all earlier ones, unless consensus has ended already.
    fn submit(
        &mut self,
        proposal: Proposal,
    ) -> impl Future<Output = Result<Self::Pending, Ended>> + Send;

    /// Whether proposals whose entries have these lengths, in bytes, can be taken now; those on their way are to be named too.
    fn readiness(&self, entries: &[usize]) -> Readiness;

    /// Returns when [`Consensus::readiness`] may have changed from [`Readiness::Waiting`]; may be dropped and called again.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;

    /// The stamp of a batch that is formed now.
    fn stamp(&mut self) -> Timestamp;
}
