//! The links to peers, of which this version has none: a cluster of one voter asks nobody.

use std::future::Future;

use openraft::error::{Fatal, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, Snapshot};
use raftgate_storage::types::{Node, TypeConfig, Vote};

/// Makes links that reach nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoPeers;

/// A link to a peer that cannot be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoLink;

#[derive(Debug, thiserror::Error)]
#[error("this version of raftgate has no links to peers")]
struct NoPeerLinks;

type RpcResult<T> = Result<T, RPCError<u64, Node, RaftError<u64>>>;

impl RaftNetworkFactory<TypeConfig> for NoPeers {
    type Network = NoLink;

    async fn new_client(&mut self, _target: u64, _node: &Node) -> NoLink {
        NoLink
    }
}

impl RaftNetwork<TypeConfig> for NoLink {
    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> RpcResult<AppendEntriesResponse<u64>> {
        Err(RPCError::Unreachable(Unreachable::new(&NoPeerLinks)))
    }

    async fn vote(
        &mut self,
        _request: VoteRequest<u64>,
        _option: RPCOption,
    ) -> RpcResult<VoteResponse<u64>> {
        Err(RPCError::Unreachable(Unreachable::new(&NoPeerLinks)))
    }

    async fn full_snapshot(
        &mut self,
        _vote: Vote,
        _snapshot: Snapshot<TypeConfig>,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<u64>, StreamingError<TypeConfig, Fatal<u64>>> {
        Err(StreamingError::Unreachable(Unreachable::new(&NoPeerLinks)))
    }
}
