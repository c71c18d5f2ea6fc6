//! The Sweeper: on the leader, it has the records removed whose time is over or that a revocation ended.
//!
//! One batch at a time, in the last lane, with pauses in proportion to how long a batch took: sweeping takes at most a
//! quarter of what it could, and less when the cluster is busy.

mod metrics;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};
use raftgate_cluster::batch::Lane;
use raftgate_model::answer::Reply;
use raftgate_model::command::{Command, SWEEP_GRACE, SWEEP_ITEMS_MAX};
use tracing::warn;

use self::metrics::SweeperMetrics;
use crate::cluster_access::ClusterAccess;
use crate::supervise::{Alive, keep_alive};

pub use metrics::{SweeperHandle, SweeperValues};

/// How many times as long as a batch took the pause after it is.
const PAUSE_FACTOR: u32 = 3;
/// The shortest pause between two batches.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// What the Sweeper is made of.
#[derive(Clone, Debug)]
pub struct SweeperParts {
    /// The state, and who removes from it.
    pub cluster: ClusterAccess,
    /// How often to look for something when there was nothing.
    pub interval: Duration,
}

/// Removes what is over while this node leads.
pub struct Sweeper {
    parts: SweeperParts,
    metrics: Arc<SweeperMetrics>,
    _alive: Alive,
}

impl Sweeper {
    /// Runs the Sweeper on the present arbiter, which it shares with no HTTP worker.
    #[must_use]
    pub fn run(parts: SweeperParts) -> SweeperHandle {
        let metrics = Arc::<SweeperMetrics>::default();
        let handle = SweeperHandle::new(Arc::clone(&metrics));
        actix::spawn(keep_alive("sweeper", move |alive| {
            let sweeper = Self {
                parts: parts.clone(),
                metrics: Arc::clone(&metrics),
                _alive: alive,
            };
            Actor::start(sweeper);
        }));
        handle
    }

    /// Removes one batch; goes on with the next after a pause.
    fn round(&mut self, context: &mut Context<Self>) {
        let batch = batch(self.parts.clone(), Arc::clone(&self.metrics));
        context.spawn(batch.into_actor(self).map(|pause, _, context| {
            context.run_later(pause, Self::round);
        }));
    }
}

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.round(context);
    }
}

/// Removes one batch and says how long to wait before the next.
async fn batch(parts: SweeperParts, metrics: Arc<SweeperMetrics>) -> Duration {
    let SweeperParts { cluster, interval } = parts;
    if cluster.leading().is_none() {
        return interval;
    }
    let started = tokio::time::Instant::now();
    let over = cluster.now().minus(SWEEP_GRACE);
    let items = cluster.view().due(over, SWEEP_ITEMS_MAX);
    if items.is_empty() {
        return interval;
    }
    match cluster.propose(Lane::Sweep, Command::Sweep(items)).await {
        Ok(committed) => {
            let Reply::Swept(swept) = committed.reply else {
                return interval;
            };
            metrics.count(swept);
            if swept == 0 {
                // The state's clock is behind this node's: what was found is not over there yet.
                return interval;
            }
            started
                .elapsed()
                .saturating_mul(PAUSE_FACTOR)
                .max(PAUSE_MIN)
        }
        Err(error) => {
            metrics.count_failed();
            warn!(%error, "expired records not removed, they will be tried again");
            let retry = error.retry_after().map_or(0, |pause| pause.as_ms());
            interval.max(Duration::from_millis(retry))
        }
    }
}

#[cfg(test)]
mod tests;
