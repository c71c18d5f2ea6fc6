//! Messages that arrive, and in which order.

use raftgate_model::answer::NotificationRef;
use raftgate_model::command::{NotifyTerms, Redelivery};

use super::*;

#[actix::test]
async fn a_message_arrives_with_tyks_header_and_a_signature_and_leaves_the_queue() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(200)).await);
    cluster.put_api("orders", Some(&sink.url()));
    let tokens = cluster.queue("orders");
    let handle = notify(&cluster, terms(LONG));
    delivered(&cluster, "orders").await;
    let received = sink.received();
    assert_eq!(received.len(), 1);
    let message = &received[0];
    assert!(message.head.starts_with("POST /hook HTTP/1.1"));
    assert_eq!(message.header("content-type"), Some("application/json"));
    assert_eq!(
        message.header("x-tyk-shared-secret"),
        Some("secret of orders")
    );
    assert!(message.id().starts_with("msg_"));
    assert!(
        message
            .header("webhook-signature")
            .unwrap()
            .starts_with("v1,")
    );
    assert_eq!(message.field("notification_type"), "new");
    let access = message.field("new_oauth_token");
    assert_eq!(cluster.keys.verify_access(&access).unwrap(), tokens.access);
    let values = handle.metrics();
    assert_eq!(values.attempts, [1, 0, 0, 0, 0]);
    assert_eq!((values.queued, values.failed), (0, 0));
}

#[actix::test]
async fn any_2xx_is_a_success_and_its_body_is_not_waited_for() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(201)).await);
    cluster.put_api("orders", Some(&sink.url()));
    notify(&cluster, terms(LONG));
    for deed in [
        Deed::Answer(201),
        Deed::Answer(204),
        Deed::Answer(299),
        Deed::AnswerWithoutEnd,
        Deed::Answer(200),
    ] {
        sink.behave(deed);
        cluster.queue("orders");
        delivered(&cluster, "orders").await;
    }
    assert_eq!(sink.count(), 5);
}

#[actix::test]
async fn what_failed_is_sent_again_under_the_same_id() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(500)).await);
    cluster.put_api("orders", Some(&sink.url()));
    cluster.queue("orders");
    notify(&cluster, terms(SHORT));
    until("there were two attempts", || sink.count() == 2).await;
    sink.behave(Deed::Answer(200));
    delivered(&cluster, "orders").await;
    let received = sink.received();
    assert_eq!(received.len(), 3);
    assert_eq!(received[0].id(), received[2].id());
    assert_eq!(received[0].body, received[2].body);
}

#[actix::test]
async fn three_failures_are_listed_and_redelivery_begins_anew() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(503)).await);
    cluster.put_api("orders", Some(&sink.url()));
    cluster.queue("orders");
    let handle = notify(&cluster, terms(SHORT));
    let last = given_up(&cluster, "orders").await;
    assert_eq!(last, Some(AttemptFailure::Status(503)));
    assert_eq!(sink.count(), 3);
    assert_eq!(handle.metrics().given_up, 1);

    sink.behave(Deed::Answer(200));
    let id = cluster.messages("orders")[0].id;
    let key = cluster.view.find_notification(&id).unwrap();
    cluster.done(Command::RedeliverNotification(Redelivery {
        notification: NotificationRef { key, id },
        terms: NotifyTerms { queued_max: 10 },
    }));
    delivered(&cluster, "orders").await;
    assert_eq!(sink.received()[3].id(), webhook_id(id));
}

#[actix::test]
async fn first_attempts_of_a_family_arrive_in_order_though_others_overtake() {
    let sink = Sink::start(Deed::AnswerAfter(Duration::from_millis(15), 200)).await;
    let cluster = TestCluster::new();
    cluster.put_api("orders", Some(&sink.url()));
    let mut tokens = cluster.queue("orders");
    for _ in 0..6 {
        tokens = cluster.refresh("orders", &tokens);
    }
    let other = cluster.queue("orders");
    notify(&cluster, terms(LONG));
    delivered(&cluster, "orders").await;
    let generations: Vec<u32> = sink
        .received()
        .iter()
        .map(|message| {
            let text = message.field("refresh_token");
            cluster.keys.verify_refresh(&text).unwrap()
        })
        .filter(|token| token.family != other.refresh.unwrap().family)
        .map(|token| token.generation)
        .collect();
    assert!(
        generations.windows(2).all(|pair| pair[0] < pair[1]),
        "{generations:?}"
    );
    assert_eq!(generations.len(), 7);
    let second = sink.received()[1].field("refresh_token");
    let second = cluster.keys.verify_refresh(&second).unwrap();
    assert_eq!(Some(second), other.refresh, "it waits for nobody");
}

#[actix::test]
async fn a_message_that_waits_for_its_retry_holds_nothing_back() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(500)).await);
    cluster.put_api("orders", Some(&sink.url()));
    let tokens = cluster.queue("orders");
    notify(&cluster, terms(LONG));
    until("the first attempt failed", || {
        cluster.messages("orders")[0].attempts == 1
    })
    .await;
    sink.behave(Deed::Answer(200));
    cluster.refresh("orders", &tokens);
    until("the second message arrived", || {
        cluster.messages("orders").len() == 1
    })
    .await;
    assert_eq!(sink.count(), 2);
}

#[actix::test]
async fn many_messages_arrive_once_each() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(200)).await);
    cluster.put_api("orders", Some(&sink.url()));
    let handle = notify(&cluster, terms(LONG));
    for _ in 0..300 {
        cluster.queue("orders");
    }
    delivered(&cluster, "orders").await;
    let received = sink.received();
    let mut ids: Vec<&str> = received.iter().map(sink::Received::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), received.len()), (300, 300));
    assert!(sink.at_once_max() <= breaker::IN_FLIGHT_MAX);
    assert_eq!(handle.metrics().in_flight, 0);
}
