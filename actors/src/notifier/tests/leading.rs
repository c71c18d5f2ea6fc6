//! Who sends, and what happens when recording or the notifier itself fails.

use raftgate_cluster::error::ProposeError;

use super::*;

/// Lets the notifier of another cluster deliver several messages: one that was to do nothing had the time to do it.
async fn another_sends() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(200)).await);
    cluster.put_api("orders", Some(&sink.url()));
    notify(&cluster, terms(LONG));
    for _ in 0..3 {
        cluster.queue("orders");
        delivered(&cluster, "orders").await;
    }
}

#[actix::test]
async fn only_a_leader_sends_and_only_when_its_state_is_the_newest() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(200)).await);
    cluster.put_api("orders", Some(&sink.url()));
    cluster.queue("orders");
    cluster.follow();
    let handle = notify(&cluster, terms(LONG));
    another_sends().await;
    assert_eq!(handle.metrics().attempts, [0; 5]);
    assert!(cluster.proposed().is_empty());

    cluster.lead(3);
    delivered(&cluster, "orders").await;
    let proposed = cluster.proposed();
    assert_eq!(
        proposed[0],
        Command::Sweep(vec![]),
        "an entry of its own term"
    );
    assert_eq!(proposed.len(), 2);

    cluster.lead(4);
    cluster.queue("orders");
    delivered(&cluster, "orders").await;
    assert_eq!(cluster.proposed().len(), 4, "and one in every later term");
}

#[actix::test]
async fn who_stops_leading_midway_records_what_was_sent_and_sends_no_more() {
    let sink = Sink::start(Deed::AnswerAfter(Duration::from_millis(50), 200)).await;
    let cluster = TestCluster::new();
    cluster.put_api("orders", Some(&sink.url()));
    for _ in 0..40 {
        cluster.queue("orders");
    }
    let handle = notify(&cluster, terms(LONG));
    until("messages are on their way", || sink.count() == 16).await;
    cluster.follow();
    until("they were recorded", || {
        cluster.messages("orders").len() == 24
    })
    .await;
    until("nothing is on its way", || handle.metrics().in_flight == 0).await;
    another_sends().await;
    assert_eq!(sink.count(), 16);
    cluster.lead(2);
    delivered(&cluster, "orders").await;
    assert_eq!(sink.count(), 40);
}

#[actix::test]
async fn a_delivery_that_cannot_be_recorded_at_once_is_recorded_later() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(200)).await);
    cluster.put_api("orders", Some(&sink.url()));
    cluster.fail_next([Fault::Lost(ProposeError::QueueFull), Fault::AnswerLost]);
    cluster.queue("orders");
    let handle = notify(&cluster, terms(LONG));
    delivered(&cluster, "orders").await;
    until("nothing is on its way", || handle.metrics().in_flight == 0).await;
    assert_eq!((sink.count(), handle.metrics().unrecorded), (1, 0));
}

#[actix::test]
async fn an_attempt_that_is_never_recorded_is_made_again_under_the_same_id() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(200)).await);
    cluster.put_api("orders", Some(&sink.url()));
    cluster.fail_next([Fault::Lost(ProposeError::ShuttingDown)]);
    cluster.queue("orders");
    let handle = notify(&cluster, terms(LONG));
    delivered(&cluster, "orders").await;
    let received = sink.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].id(), received[1].id());
    assert_eq!(handle.metrics().unrecorded, 1);
}

#[actix::test]
async fn a_failure_whose_record_is_in_doubt_is_not_recorded_twice() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(500)).await);
    cluster.put_api("orders", Some(&sink.url()));
    cluster.fail_next([Fault::AnswerLost]);
    cluster.queue("orders");
    let handle = notify(&cluster, terms(SHORT));
    given_up(&cluster, "orders").await;
    assert_eq!(sink.count(), 3, "it had all of its attempts");
    assert_eq!(handle.metrics().unrecorded, 1);
}

#[actix::test]
async fn a_notifier_that_panics_is_started_again_and_goes_on() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(200)).await);
    cluster.put_api("orders", Some(&sink.url()));
    cluster.fail_next([Fault::Panic]);
    let handle = notify(&cluster, terms(LONG));
    cluster.queue("orders");
    delivered(&cluster, "orders").await;
    cluster.queue("orders");
    delivered(&cluster, "orders").await;
    assert_eq!(sink.count(), 3, "the first message came twice");
    until("nothing is on its way", || handle.metrics().in_flight == 0).await;
    let barriers = cluster.proposed();
    let barriers = barriers
        .iter()
        .filter(|command| matches!(command, Command::Sweep(_)));
    assert_eq!(barriers.count(), 2, "it was started twice");
}

#[actix::test]
async fn draining_finishes_what_is_on_its_way_and_takes_up_no_more() {
    let sink = Sink::start(Deed::AnswerAfter(Duration::from_millis(50), 200)).await;
    let cluster = TestCluster::new();
    cluster.put_api("orders", Some(&sink.url()));
    for _ in 0..40 {
        cluster.queue("orders");
    }
    let handle = notify(&cluster, terms(LONG));
    until("messages are on their way", || sink.count() == 16).await;
    handle.drain().await;
    another_sends().await;
    assert_eq!(cluster.messages("orders").len(), 24);
    assert_eq!(sink.count(), 16);
}
