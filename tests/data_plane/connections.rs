//! Connections are kept on both sides, and one that was closed meanwhile costs no request that can be repeated.

use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use raftgate::proxy::Refusal;
use raftgate_actors::snapshot::{CompiledApi, GatewaySnapshot};
use raftgate_model::api::{RetryOn, RetrySpec, Setback, Target};

use crate::rig::{Rig, api, eventually, slow_to_dial};
use crate::wire::{PATIENCE, Upstream, get};

#[test]
fn one_connection_serves_one_client_after_the_other() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream);
    for _ in 0..5 {
        let mut client = rig.connect();
        for _ in 0..5 {
            assert_eq!(client.ask(get("/")).status(), 200);
        }
    }
    assert_eq!(upstream.connections(), 1);
    assert_eq!(rig.counters.upstream_connects(), 1);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let rig = Rig::before(&Upstream::echo());
    let mut client = rig.connect();
    let many: String = (0..50).map(|number| get(&format!("/{number}"))).collect();
    client.send(many);
    for number in 0..50 {
        assert!(
            client
                .message()
                .text()
                .starts_with(&format!("GET /{number} "))
        );
    }
}

#[test]
fn a_connection_ends_when_the_client_says_so() {
    let rig = Rig::before(&Upstream::echo());
    for request in [
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let mut client = rig.connect();
        assert_eq!(client.ask(request).field("connection"), Some("close"));
        client.expect_end();
    }
    let mut client = rig.connect();
    for _ in 0..2 {
        let answer = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(answer.field("connection"), Some("keep-alive"));
    }
}

#[test]
fn an_upstream_that_says_close_is_not_asked_again() {
    let upstream =
        Upstream::answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    for _ in 0..3 {
        assert_eq!(client.ask(get("/")).field("connection"), None);
    }
    assert_eq!(upstream.connections(), 3);
}

#[test]
fn bytes_behind_an_answer_poison_the_connection() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb",
    );
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    for _ in 0..3 {
        assert_eq!(
            client.ask(get("/")).body,
            b"a",
            "never the answer to somebody else's question"
        );
    }
}

/// An upstream that answers one request per connection and takes the second one without a word.
fn closes_on_the_second_request() -> Upstream {
    Upstream::start(|mut wire, number| {
        wire.message();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
        if number == 0 {
            let _ = wire.head();
            let _ = wire.stream().shutdown(Shutdown::Both);
        } else {
            let _ = wire.rest();
        }
    })
}

#[test]
fn what_is_idempotent_is_sent_again_on_a_new_connection() {
    for request in [
        get("/"),
        "PUT / HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
    ] {
        let upstream = closes_on_the_second_request();
        let rig = Rig::before(&upstream);
        let mut client = rig.connect();
        assert_eq!(client.ask(get("/first")).status(), 200);
        assert_eq!(client.ask(request).status(), 200);
        assert_eq!(
            (upstream.connections(), rig.counters.upstream_retries()),
            (2, 1)
        );
    }
}

#[test]
fn what_is_not_idempotent_is_never_sent_twice() {
    let upstream = closes_on_the_second_request();
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    assert_eq!(client.ask(get("/first")).status(), 200);
    let refused = client.ask("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!((refused.status(), upstream.connections()), (502, 1));
}

#[test]
fn a_fresh_connection_is_given_one_chance() {
    let upstream = Upstream::start(|mut wire, _| {
        let _ = wire.head();
    });
    let rig = Rig::before(&upstream);
    assert_eq!(rig.connect().ask(get("/")).status(), 502);
    assert_eq!(
        (upstream.connections(), rig.counters.upstream_retries()),
        (1, 0)
    );
}

#[test]
fn an_idle_connection_that_was_closed_is_not_used() {
    let (sender, closed) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.message();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        drop(wire);
        let _ = sender.send(());
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    for _ in 0..3 {
        // Not even a POST is lost, when the close has arrived before the request is sent.
        let post = "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(client.ask(post).status(), 200);
        closed.recv_timeout(PATIENCE).unwrap();
        assert_eq!(
            rig.connect().ask(get("/hello")).status(),
            201,
            "the worker has looked at its sockets"
        );
    }
}

#[test]
fn nobody_is_connected_to_for_a_client_that_has_gone() {
    let (sender, begun) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.bytes(1).unwrap();
        sender.send(()).unwrap();
        let _ = wire.rest();
    });
    let mut rig = Rig::with(slow_to_dial(upstream.address), |_| {});
    let half = "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 8\r\n\r\nhalf".to_owned();
    for request in [get("/"), half] {
        let mut client = rig.connect();
        client.send(request);
        begun.recv_timeout(PATIENCE).unwrap();
        drop(client);
        assert_eq!(rig.record().status, 499);
    }
    rig.expect_refused(Refusal::ClientGone, 2);
}

#[test]
fn connections_to_one_upstream_are_bounded() {
    let (sender, asked) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.message();
        sender.send(()).unwrap();
        let _ = wire.rest();
    });
    let rig = Rig::with(api("/", upstream.address), |settings| {
        settings.pool.in_use_per_origin_max = 1
    });
    let mut first = rig.connect();
    first.send(get("/"));
    asked.recv_timeout(PATIENCE).unwrap();
    let mut second = rig.connect();
    let refused = second.ask(get("/"));
    assert_eq!(
        (refused.status(), refused.field("retry-after")),
        (503, Some("1"))
    );
    rig.expect_refused(Refusal::UpstreamBusy, 1);
    drop(first);
    eventually("room for another", || {
        second.send(get("/"));
        asked.recv_timeout(Duration::from_millis(50)).ok()
    });
}

#[test]
fn no_room_for_a_connection_is_no_reason_for_another_try() {
    let (sender, asked) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.message();
        sender.send(()).unwrap();
        let _ = wire.rest();
    });
    let retries = RetrySpec {
        attempts: 5,
        on: RetryOn::NOTHING.with(Setback::Connect),
    };
    let api = CompiledApi {
        retries: Some(retries),
        ..api("/", upstream.address)
    };
    let rig = Rig::with(api, |settings| settings.pool.in_use_per_origin_max = 1);
    let mut first = rig.connect();
    first.send(get("/"));
    asked.recv_timeout(PATIENCE).unwrap();
    assert_eq!(rig.connect().ask(get("/")).status(), 503);
    rig.expect_refused(Refusal::UpstreamBusy, 1);
    assert_eq!(rig.counters.upstream_retries(), 0);
}

#[test]
fn a_published_snapshot_is_in_force_for_the_next_request() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    assert!(client.ask(get("/x")).text().starts_with("GET /x "));
    let mut moved = api("/moved", upstream.address);
    moved.target = Target::parse(&format!("http://{}/base?k=1", upstream.address)).unwrap();
    rig.publisher
        .publish(GatewaySnapshot::build([Arc::new(moved)], []).0);
    assert!(
        client
            .ask(get("/moved/x?a=b"))
            .text()
            .starts_with("GET /base/x?k=1&a=b ")
    );
    assert_eq!(client.ask(get("/x")).status(), 404);
}

#[test]
fn nothing_is_sent_again_when_the_time_for_all_of_it_is_over() {
    let (go, gone) = sync_channel(1);
    let gone = Mutex::new(gone);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let upstream = Upstream::start(move |mut wire, _| {
        while let Ok(Some(request)) = wire.try_message(true) {
            if request.head.starts_with("GET /never ") {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = wire.rest();
            } else if request.head.starts_with("GET /later ") {
                gone.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let rig = Rig::before(&upstream);
    // Two connections that are kept, so that another try need not connect.
    let (mut first, mut second) = (rig.connect(), rig.connect());
    first.send(get("/later"));
    eventually("the first connection", || {
        (upstream.connections() == 1).then_some(())
    });
    assert_eq!(second.ask(get("/")).status(), 200);
    go.send(()).unwrap();
    assert_eq!(first.message().status(), 200);
    assert_eq!(upstream.connections(), 2);
    let mut limited = api("/", upstream.address);
    limited.timeouts.total = Some(Duration::from_millis(100));
    limited.retries = Some(RetrySpec {
        attempts: 3,
        on: RetryOn::NOTHING.with(Setback::Timeout),
    });
    for (api, path, status) in [
        (limited, "/never", 504),
        (api("/", upstream.address), "/", 200),
    ] {
        let (snapshot, _) = GatewaySnapshot::build([Arc::new(api)], []);
        rig.publisher.publish(snapshot);
        assert_eq!(first.ask(get(path)).status(), status);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
