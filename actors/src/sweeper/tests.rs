//! Who sweeps, and how much at a time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected must fail"
)]

use raftgate_cluster::error::ProposeError;
use raftgate_model::time::Ttl;

use super::*;
use crate::test_cluster::{Fault, TestCluster, until};

const INTERVAL: Duration = Duration::from_millis(10);

fn sweep(cluster: &TestCluster) -> SweeperHandle {
    Sweeper::run(SweeperParts {
        cluster: cluster.access(),
        interval: INTERVAL,
    })
}

/// A state with so many codes, grants and families.
fn with_tokens(count: usize) -> TestCluster {
    let cluster = TestCluster::new();
    cluster.put_api("orders", None);
    for _ in 0..count {
        cluster.queue("orders");
    }
    cluster
}

/// Lets the sweeper of another cluster find something several times: one that was to do nothing had the time to do it.
async fn another_sweeps() {
    let cluster = TestCluster::new();
    cluster.put_api("orders", None);
    sweep(&cluster);
    for _ in 0..3 {
        cluster.queue("orders");
        cluster.pass(Ttl::from_s(7 * 86_400));
        until("the other one sweeps", || {
            cluster.view.live_tokens().grants == 0
        })
        .await;
    }
}

#[actix::test]
async fn what_is_over_goes_in_bounded_batches_and_the_rest_stays() {
    let cluster = with_tokens(1200);
    // Codes live 250 s, access tokens an hour, families a day.
    cluster.pass(Ttl::from_s(3600 + 120));
    let handle = sweep(&cluster);
    until("codes and grants are gone", || {
        let live = cluster.view.live_tokens();
        (live.grants, live.codes) == (0, 0)
    })
    .await;
    assert_eq!(cluster.view.live_tokens().families, 1200);
    until("it was counted", || handle.metrics().swept == 2400).await;
    assert!(handle.metrics().batches >= 3);
    for command in cluster.proposed() {
        let Command::Sweep(items) = command else {
            panic!("{command:?}")
        };
        assert!(items.len() <= SWEEP_ITEMS_MAX);
    }
}

#[actix::test]
async fn a_record_stays_for_a_minute_after_its_time() {
    let cluster = with_tokens(1);
    cluster.pass(Ttl::from_s(250 + 50));
    let handle = sweep(&cluster);
    another_sweeps().await;
    assert_eq!(cluster.view.live_tokens().codes, 1);
    assert!(cluster.proposed().is_empty());
    cluster.pass(Ttl::from_s(60));
    until("the code is gone", || cluster.view.live_tokens().codes == 0).await;
    until("it was counted", || handle.metrics().swept == 1).await;
}

#[actix::test]
async fn only_a_leader_sweeps_and_a_failed_batch_is_tried_again() {
    let cluster = with_tokens(3);
    cluster.follow();
    cluster.pass(Ttl::from_s(7 * 86_400));
    let handle = sweep(&cluster);
    another_sweeps().await;
    assert!(cluster.proposed().is_empty());
    cluster.fail_next([Fault::Lost(ProposeError::QueueFull), Fault::Panic]);
    cluster.lead(2);
    until("everything is gone", || {
        let live = cluster.view.live_tokens();
        (live.grants, live.codes, live.families) == (0, 0, 0)
    })
    .await;
    assert_eq!(handle.metrics().failed, 1);
}
