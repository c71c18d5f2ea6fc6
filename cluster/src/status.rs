//! What a node says of itself and of the cluster.

use raftgate_model::id::{LogIndex, NodeId};
use raftgate_model::time::{Timestamp, Ttl};
use raftgate_storage::wal::WalStatus;

/// How old the last acknowledgement by a quorum may be for a leader that acts on its own.
pub const QUORUM_FRESH: Ttl = Ttl::from_ms(500);

/// What a node does in the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It takes the writes.
    Leader,
    /// It votes, and follows or stands for election.
    Voter,
    /// It follows without a vote.
    #[default]
    Learner,
}

/// Who leads, and whether this node may act as leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// What this node does.
    pub role: Role,
    /// The term of the election that this node last took part in.
    pub term: u64,
    /// The leader as far as this node knows, itself included.
    pub leader: Option<NodeId>,
    /// Whether a quorum acknowledged this node as leader within [`QUORUM_FRESH`]; false on every other node.
    pub quorum_is_fresh: bool,
}

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// The address of its private listener.
    pub address: String,
    /// Whether it votes.
    pub is_voter: bool,
    /// The last entry that it acknowledged to this node; known to a leader only.
    pub acknowledged: Option<LogIndex>,
}

/// A node's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub node: NodeId,
    /// Who leads.
    pub leadership: Leadership,
    /// All members, by node.
    pub members: Vec<Member>,
    /// The last entry of this node's log.
    pub last_log: Option<LogIndex>,
    /// The last entry that this node knows to be committed.
    pub committed: Option<LogIndex>,
    /// The last entry that is applied here.
    pub applied: LogIndex,
    /// The last entry in the newest snapshot.
    pub snapshot: Option<LogIndex>,
    /// How long ago a quorum last acknowledged this node as leader; `None` on every other node.
    pub since_quorum_ack: Option<Ttl>,
    /// Cluster time.
    pub now: Timestamp,
    /// The write-ahead log; `None` once the node has ended.
    pub wal: Option<WalStatus>,
    /// How many requests wait for an entry to be applied.
    pub applied_waiters: usize,
    /// What is wrong, as a sentence for operators; empty when all is well.
    pub verdict: String,
}
