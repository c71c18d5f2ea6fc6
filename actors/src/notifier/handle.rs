//! What others hold of the notifier: its numbers, and the way to let it come to rest.

use std::sync::Arc;

use tokio::sync::watch;

use super::metrics::{NotifierMetrics, NotifierValues};
use crate::cluster_access::ClusterAccess;

/// Whether the notifier takes up messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It does.
    Sending,
    /// It finishes those on their way and takes up no more.
    Draining,
}

/// The running notifier; clones are the same one.
#[derive(Clone, Debug)]
pub struct NotifierHandle {
    cluster: ClusterAccess,
    metrics: Arc<NotifierMetrics>,
    phase: Arc<watch::Sender<Phase>>,
}

impl NotifierHandle {
    pub(super) fn new(
        cluster: ClusterAccess,
        metrics: Arc<NotifierMetrics>,
        phase: watch::Sender<Phase>,
    ) -> Self {
        Self {
            cluster,
            metrics,
            phase: Arc::new(phase),
        }
    }

    /// The counters of this node, and the queues as this node knows them.
    #[must_use]
    pub fn metrics(&self) -> NotifierValues {
        let totals = self.cluster.view().notification_totals();
        let age = |at| self.cluster.now().since(at);
        NotifierValues {
            queued: totals.queued as u64,
            failed: totals.failed as u64,
            oldest_queued_age: totals.oldest_queued_at.map(age).unwrap_or_default(),
            ..self.metrics.values()
        }
    }

    /// Takes up no more messages, and returns when those on their way are told of and recorded.
    ///
    /// The caller sets the time limit; what is cut off is sent again by the next leader.
    pub async fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
        let mut in_flight = self.metrics.in_flight();
        // The counter is kept by this handle, so it cannot go away.
        let _ = in_flight.wait_for(|count| *count == 0).await;
    }
}
