//! Receivers that do not take their messages.

use super::*;

/// What the last attempt met when a receiver behaves like this all the time.
async fn met(deed: Deed, timeout: Duration) -> (Option<AttemptFailure>, usize) {
    let (cluster, sink) = (TestCluster::new(), Sink::start(deed).await);
    cluster.put_api("orders", Some(&sink.url()));
    cluster.queue("orders");
    let terms = DeliveryTerms {
        timeout,
        ..terms(SHORT)
    };
    notify(&cluster, terms);
    (given_up(&cluster, "orders").await, sink.count())
}

/// Counted are the attempts, which a timeout ends however far they came: on a busy machine some may not have reached the sink.
#[actix::test]
async fn a_receiver_that_hangs_or_drips_is_cut_off() {
    for deed in [
        Deed::Hang,
        Deed::DripHead,
        Deed::AnswerAfter(Duration::from_secs(3600), 200),
    ] {
        let (cluster, sink) = (TestCluster::new(), Sink::start(deed.clone()).await);
        cluster.put_api("orders", Some(&sink.url()));
        let mut terms = terms(SHORT);
        terms.timeout = Duration::from_millis(100);
        let handle = notify(&cluster, terms);
        let cut_off = || handle.metrics().attempts[2];
        let mut messages = 0;
        while sink.count() == 0 {
            cluster.queue("orders");
            messages += 1;
            let all = 3 * messages;
            until("three attempts were cut off", || cut_off() == all).await;
        }
        let last = given_up(&cluster, "orders").await;
        assert_eq!(last, Some(AttemptFailure::Timeout), "{deed:?}");
        assert_eq!(handle.metrics().attempts, [0, 0, 3 * messages, 0, 0]);
    }
}

#[actix::test]
async fn a_receiver_that_closes_has_failed() {
    let (last, attempts) = met(Deed::Close, Duration::from_secs(10)).await;
    assert_eq!(last, Some(AttemptFailure::Connection));
    assert_eq!(attempts, 3);
}

#[actix::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let elsewhere = Sink::start(Deed::Answer(200)).await;
    let (last, attempts) = met(Deed::Redirect(elsewhere.url()), Duration::from_secs(10)).await;
    assert_eq!(last, Some(AttemptFailure::Status(302)));
    assert_eq!((attempts, elsewhere.count()), (3, 0));
}

/// What the last attempt met at a URL.
async fn met_at(url: &str) -> Option<AttemptFailure> {
    let cluster = TestCluster::new();
    cluster.put_api("orders", Some(url));
    cluster.queue("orders");
    notify(&cluster, terms(SHORT));
    given_up(&cluster, "orders").await
}

#[actix::test]
async fn nobody_listening_is_a_failed_connection() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    assert_eq!(met_at(&url).await, Some(AttemptFailure::Connection));
}

#[actix::test]
async fn a_receiver_whose_certificate_nobody_vouches_for_is_told_nothing() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let greeted = actix_rt::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.map(drop)
    });
    assert_eq!(met_at(&url).await, Some(AttemptFailure::Connection));
    let refused = greeted.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("UnknownCA"), "{refused}");
}

/// A receiver that never answers, with much to be told, beside one that is well.
async fn beside_a_dead_receiver() -> (TestCluster, Sink, Sink) {
    let cluster = TestCluster::new();
    let (dead, well) = (
        Sink::start(Deed::Hang).await,
        Sink::start(Deed::Answer(200)).await,
    );
    cluster.put_api("dead", Some(&dead.url()));
    cluster.put_api("well", Some(&well.url()));
    for _ in 0..2000 {
        cluster.queue("dead");
    }
    (cluster, dead, well)
}

#[actix::test]
async fn one_dead_receiver_delays_no_other() {
    let (cluster, dead, _well) = beside_a_dead_receiver().await;
    let mut terms = terms(LONG);
    terms.timeout = Duration::from_secs(3600);
    let handle = notify(&cluster, terms);
    until("the dead one has its share", || dead.count() == 16).await;
    for _ in 0..20 {
        cluster.queue("well");
    }
    delivered(&cluster, "well").await;
    // Nothing but a timeout ends the attempts at the dead one, and there was none.
    assert_eq!(handle.metrics().attempts[2], 0);
    assert_eq!((dead.count(), dead.at_once_max()), (16, 16));
}

#[actix::test]
async fn a_dead_receiver_is_only_probed() {
    let (cluster, _dead, _well) = beside_a_dead_receiver().await;
    let mut terms = terms(LONG);
    terms.timeout = Duration::from_millis(300);
    let handle = notify(&cluster, terms);
    let cut_off = || handle.metrics().attempts[2];
    until("the first attempts were cut off", || cut_off() == 16).await;
    until("nothing is on its way", || handle.metrics().in_flight == 0).await;
    cluster.queue("well");
    delivered(&cluster, "well").await;
    assert_eq!(cut_off(), 16, "the breaker is open");

    cluster.pass(LONG);
    cluster.queue("well");
    until("there was a probe", || cut_off() == 17).await;
    delivered(&cluster, "well").await;
    until("nothing is on its way", || handle.metrics().in_flight == 0).await;
    assert_eq!(cut_off(), 17);
    assert_eq!(handle.metrics().queued, 2000);
}

#[actix::test]
async fn a_receiver_that_recovers_gets_everything() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(500)).await);
    cluster.put_api("orders", Some(&sink.url()));
    for _ in 0..40 {
        cluster.queue("orders");
    }
    let mut terms = terms(SHORT);
    terms.attempts_max = 100;
    notify(&cluster, terms);
    until("it was probed", || sink.count() > 20).await;
    sink.behave(Deed::Answer(200));
    delivered(&cluster, "orders").await;
}

#[actix::test]
async fn an_api_without_a_receiver_or_gone_uses_its_messages_up() {
    let cluster = TestCluster::new();
    let sink = Sink::start(Deed::Answer(200)).await;
    cluster.put_api("mute", None);
    cluster.put_api("gone", Some(&sink.url()));
    cluster.queue("mute");
    cluster.queue("gone");
    cluster.done(Command::DeleteApi(ApiId::new("gone").unwrap()));
    let handle = notify(&cluster, terms(SHORT));
    for api in ["mute", "gone"] {
        let last = given_up(&cluster, api).await;
        assert_eq!(last, Some(AttemptFailure::Unsendable), "{api}");
    }
    assert_eq!(handle.metrics().attempts, [0, 0, 0, 0, 6]);
    assert_eq!(sink.count(), 0);
}

#[actix::test]
async fn the_messages_of_an_api_that_cannot_be_served_or_is_inactive_wait_for_it() {
    let sink = Sink::start(Deed::Answer(200)).await;
    let active = definition("orders", Some(&sink.url()));
    let inactive = active.replace(r#""active":true"#, r#""active":false"#);
    let unservable = active.replace("http://127.0.0.1:1", "nowhere");
    for stored in [unservable, inactive] {
        let (cluster, before) = (TestCluster::new(), sink.count());
        for api in ["orders", "other"] {
            cluster.put_api(api, Some(&sink.url()));
        }
        cluster.queue("orders");
        cluster.put_definition("orders", stored);
        let handle = notify(&cluster, terms(SHORT));
        // Each look at the queues that sends these meets the other message first.
        for _ in 0..3 {
            cluster.queue("other");
            delivered(&cluster, "other").await;
        }
        assert_eq!(cluster.messages("orders")[0].attempts, 0);
        assert_eq!(handle.metrics().attempts, [3, 0, 0, 0, 0]);

        cluster.put_definition("orders", active.clone());
        delivered(&cluster, "orders").await;
        assert_eq!(sink.count() - before, 4);
    }
}

#[actix::test]
async fn no_attempt_is_lost_while_the_configuration_is_not_in_force_yet() {
    let (cluster, sink) = (TestCluster::new(), Sink::start(Deed::Answer(200)).await);
    let handle = notify(&cluster, terms(SHORT));
    until("the notifier runs", || !cluster.proposed().is_empty()).await;
    for round in 0..30 {
        let api = format!("api-{round}");
        cluster.put_api(&api, Some(&sink.url()));
        cluster.queue(&api);
        delivered(&cluster, &api).await;
    }
    assert_eq!(handle.metrics().attempts, [30, 0, 0, 0, 0]);
}

#[actix::test]
async fn a_receiver_may_be_changed_between_attempts() {
    let (cluster, dead) = (TestCluster::new(), Sink::start(Deed::Answer(500)).await);
    let new = Sink::start(Deed::Answer(200)).await;
    cluster.put_api("orders", Some(&dead.url()));
    cluster.queue("orders");
    let registry = cluster.registry();
    notify_beside(registry.clone(), &cluster, terms(LONG));
    until("the first attempt failed", || {
        cluster.messages("orders")[0].attempts == 1
    })
    .await;
    cluster.put_api("orders", Some(&new.url()));
    let revision = cluster.view.meta().config_revision;
    registry
        .published(revision, Duration::from_secs(10))
        .await
        .unwrap();
    cluster.pass(LONG);
    // Time passed at once, which the notifier is not told of: the next message wakes it.
    cluster.queue("orders");
    delivered(&cluster, "orders").await;
    assert_eq!((dead.count(), new.count()), (1, 2));
}
