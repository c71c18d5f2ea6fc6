//! The notifier against real receivers on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod delivery;
mod failures;
mod leading;
mod sink;

use raftgate_model::state::record::{AttemptFailure, Notification, NotificationState};

use self::sink::{Deed, Sink};
use raftgate_model::command::Command;

use super::*;
use crate::snapshot::gateway_tls;
use crate::test_cluster::{Fault, TestCluster, until};
use crate::test_definition::definition;

/// A backoff that no test outlives.
const LONG: Ttl = Ttl::from_s(3600);
/// A backoff that a test can wait for.
const SHORT: Ttl = Ttl::from_ms(20);

fn terms(backoff: Ttl) -> DeliveryTerms {
    DeliveryTerms {
        attempts_max: 3,
        backoff: vec![backoff],
        timeout: Duration::from_secs(10),
    }
}

/// Runs a notifier for a cluster.
fn notify(cluster: &TestCluster, terms: DeliveryTerms) -> NotifierHandle {
    notify_beside(cluster.registry(), cluster, terms)
}

fn notify_beside(
    registry: RegistryHandle,
    cluster: &TestCluster,
    terms: DeliveryTerms,
) -> NotifierHandle {
    Notifier::run(NotifierParts {
        cluster: cluster.access(),
        registry,
        keys: Arc::clone(&cluster.keys),
        terms,
        tls: gateway_tls().unwrap(),
    })
}

fn is_failed(message: &Notification) -> bool {
    matches!(message.state, NotificationState::Failed { .. })
}

/// Waits until every message of an API was given up, and says what the last attempt of the first met.
async fn given_up(cluster: &TestCluster, api: &str) -> Option<AttemptFailure> {
    until("every message is given up", || {
        let messages = cluster.messages(api);
        !messages.is_empty() && messages.iter().all(|message| is_failed(message))
    })
    .await;
    cluster.messages(api)[0].last_failure
}

async fn delivered(cluster: &TestCluster, api: &str) {
    until("the queue is empty", || cluster.messages(api).is_empty()).await;
}
