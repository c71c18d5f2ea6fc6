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
use raftgate_model::time::Timestamp;
use raftgate_storage::view::View;
use tokio::sync::watch;

type Propose =
    dyn Fn(Lane, Command) -> BoxFuture<'static, Result<Committed, ProposeError>> + Send + Sync;

/// The cluster as upkeep sees it; cloned freely.
#[derive(Clone)]
pub struct ClusterAccess {
    view: Arc<View>,
    leadership: watch::Receiver<Leadership>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    propose: Arc<Propose>,
}

impl ClusterAccess {
    /// Access to a state, by way of functions that tell cluster time and have commands carried out.
    pub fn new<F>(
        view: Arc<View>,
        leadership: watch::Receiver<Leadership>,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        propose: impl Fn(Lane, Command) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Committed, ProposeError>> + Send + 'static,
    {
        Self {
            view,
            leadership,
            now: Arc::new(now),
            propose: Arc::new(move |lane, command| propose(lane, command).boxed()),
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
}

impl From<ClusterHandle> for ClusterAccess {
    fn from(cluster: ClusterHandle) -> Self {
        let (view, leadership) = (Arc::clone(cluster.view()), cluster.leadership());
        let clock = cluster.clone();
        let now = move || clock.now();
        Self::new(view, leadership, now, move |lane, command| {
            let cluster = cluster.clone();
            async move { cluster.propose(lane, command).await }
        })
    }
}

impl fmt::Debug for ClusterAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterAccess")
            .field("leadership", &*self.leadership.borrow())
            .finish_non_exhaustive()
    }
}
