//! The types that consensus is assembled with.

use std::sync::Arc;

use raftgate_model::answer::Answer;
use raftgate_model::command::Batch;
use serde::{Deserialize, Serialize};

use crate::runtime::GuardedRuntime;
use crate::snapshot::SnapshotFile;

/// A node of the cluster as the log's membership entries name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The node's name, chosen by its operator.
    pub name: String,
    /// Where its private listener is reached, `HOST:PORT`.
    pub address: String,
}

/// What one log entry carries; cloned by pointer, because log, network and state machine each take one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Proposal(pub Arc<Batch>);

/// What the state answered to one log entry: one answer per request of the batch, by position.
///
/// Empty for entries that carry no batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(pub Vec<Answer>);

openraft::declare_raft_types!(
    /// The types of raftgate's one Raft group.
    pub TypeConfig:
        D = Proposal,
        R = Answers,
        NodeId = u64,
        Node = Node,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = SnapshotFile,
        AsyncRuntime = GuardedRuntime,
);

/// An entry of the log.
pub type Entry = openraft::Entry<TypeConfig>;
/// Names an entry of the log: the term of its leader and its index.
pub type LogId = openraft::LogId<u64>;
/// A node's vote.
pub type Vote = openraft::Vote<u64>;
/// Who is in the cluster, and which entry of the log says so.
pub type Membership = openraft::StoredMembership<u64, Node>;
/// What openraft knows of a snapshot.
pub type SnapshotMeta = openraft::SnapshotMeta<u64, Node>;
