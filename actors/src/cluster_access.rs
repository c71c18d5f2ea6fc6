//! What the actors that keep the state in order need of the cluster: its view, its time, its lead, and a way to propose.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use raftgate_cluster::batch::{Committed, Lane};
use raftgate_cluster::error::ProposeError;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_cluster::status::{Leadership, Role};
use raftgate_model::command::Command;
use raftgate_model::id::LogIndex;
use raftgate_model::time::Timestamp;
use raftgate_storage::view::View;
use tokio::sync::watch;

type Propose =
    dyn Fn(Lane, Command) -> BoxFuture<'static, Result<Committed, ProposeError>> + Send + Sync;
type Barrier = dyn Fn() -> BoxFuture<'static, Result<LogIndex, ProposeError>> + Send + Sync;

/// The cluster as upkeep sees it; cloned freely.
#[derive(Clone)]
pub struct ClusterAccess {
    view: Arc<View>,
    leadership: watch::Receiver<Leadership>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    propose: Arc<Propose>,
    barrier: Arc<Barrier>,
}

impl ClusterAccess {
    /// Access to a state, by way of functions that tell cluster time, have commands carried out, and make sure that the
    /// state is the newest.
    pub fn new<F, B>(
        view: Arc<View>,
        leadership: watch::Receiver<Leadership>,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        propose: impl Fn(Lane, Command) -> F + Send + Sync + 'static,
        barrier: impl Fn() -> B + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Committed, ProposeError>> + Send + 'static,
        B: Future<Output = Result<LogIndex, ProposeError>> + Send + 'static,
    {
        Self {
            view,
            leadership,
            now: Arc::new(now),
            propose: Arc::new(move |lane, command| propose(lane, command).boxed()),
            barrier: Arc::new(move || barrier().boxed()),
        }
    }

    /// The replicated state as applied on this node.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Cluster time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The term in which this node leads, if it leads now and a quorum said so lately.
    #[must_use]
    pub fn leading(&self) -> Option<u64> {
        let leadership = self.leadership.borrow();
        let leads = leadership.role == Role::Leader && leadership.quorum_is_fresh;
        leads.then_some(leadership.term)
    }

    /// Tells of every change of the lead; a slow receiver sees only the newest.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// Has a command carried out; returns when it is durable and applied on this node.
    ///
    /// # Errors
    /// As [`ClusterHandle::propose`].
    pub async fn propose(&self, lane: Lane, command: Command) -> Result<Committed, ProposeError> {
        (self.propose)(lane, command).await
    }

    /// Makes sure that this node's state was the cluster's newest at some moment after the call.
    ///
    /// # Errors
    /// As [`ClusterHandle::barrier`].
    pub async fn barrier(&self) -> Result<LogIndex, ProposeError> {
        (self.barrier)().await
    }
}

impl From<ClusterHandle> for ClusterAccess {
    fn from(cluster: ClusterHandle) -> Self {
        let (view, leadership) = (Arc::clone(cluster.view()), cluster.leadership());
        let (clock, confirmed) = (cluster.clone(), cluster.clone());
        let now = move || clock.now();
        let propose = move |lane, command| {
            let cluster = cluster.clone();
            async move { cluster.propose(lane, command).await }
        };
        let barrier = move || {
            let cluster = confirmed.clone();
            async move { cluster.barrier().await }
        };
        Self::new(view, leadership, now, propose, barrier)
    }
}

impl fmt::Debug for ClusterAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterAccess")
            .field("leadership", &*self.leadership.borrow())
            .finish_non_exhaustive()
    }
}
