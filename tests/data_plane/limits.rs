//! Everything a client sends is bounded, and so is the time it may take.

use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use http::StatusCode;

use raftgate::proxy::{EndpointResponse, Refusal};
use raftgate_actors::snapshot::OAuthEndpoints;

use crate::rig::{Rig, api};
use crate::wire::{PATIENCE, Upstream, get};

fn small(upstream: &Upstream) -> Rig {
    Rig::with(api("/", upstream.address), |settings| {
        settings.limits.head_bytes_max = 1024;
        settings.limits.header_count_max = 10;
        settings.limits.body_bytes_max = 100;
        settings.limits.endpoint_body_bytes_max = 50;
        settings.timeouts.head = Duration::from_millis(200);
        settings.timeouts.keep_alive = Duration::from_millis(300);
    })
}

#[test]
fn a_head_over_its_limits_is_a_431() {
    let rig = small(&Upstream::echo());
    let long = format!(
        "GET / HTTP/1.1\r\nHost: g\r\nX: {}\r\n\r\n",
        "x".repeat(1024)
    );
    let unfinished = format!("GET /{}", "x".repeat(2000));
    let many = format!("GET / HTTP/1.1\r\nHost: g\r\n{}\r\n", "X: y\r\n".repeat(10));
    for request in [long, unfinished, many] {
        let mut client = rig.connect();
        let refused = client.ask(request);
        assert_eq!(
            (refused.status(), refused.field("connection")),
            (431, Some("close"))
        );
        client.expect_end();
    }
    rig.expect_refused(Refusal::HeadTooLarge, 2);
    rig.expect_refused(Refusal::TooManyFields, 1);
    let fits = format!("GET / HTTP/1.1\r\nHost: g\r\n{}\r\n", "X: y\r\n".repeat(9));
    assert_eq!(rig.connect().ask(fits).status(), 200);
}

#[test]
fn a_body_over_its_limit_is_a_413_before_the_upstream_hears_of_it() {
    let upstream = Upstream::echo();
    let rig = small(&upstream);
    for expectation in ["", "Expect: 100-continue\r\n"] {
        let mut client = rig.connect();
        let head =
            format!("POST / HTTP/1.1\r\nHost: g\r\n{expectation}Content-Length: 101\r\n\r\n");
        let refused = client.ask(head);
        assert_eq!(
            (refused.status(), refused.field("connection")),
            (413, Some("close"))
        );
        client.expect_end();
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_client_that_sends_on_can_still_read_why_it_was_refused() {
    let rig = small(&Upstream::echo());
    let mut client = rig.connect();
    let size = 4 * 1024 * 1024;
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: {size}\r\n\r\n"
    ));
    // Without somebody to read it, this much does not fit into any buffer: it would end in a reset.
    client.send("x".repeat(size));
    assert_eq!(client.message().status(), 413);
}

#[test]
fn a_body_that_grows_over_its_limit_is_a_413() {
    let (sender, seen) = sync_channel(2);
    let upstream = Upstream::start(move |mut wire, _| {
        let _ = sender.send(
            wire.try_message(true)
                .is_ok_and(|message| message.is_some()),
        );
    });
    let rig = small(&upstream);
    let mut client = rig.connect();
    client.send("POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n");
    client.send("x".repeat(0x32));
    client.send(format!("\r\n33\r\n{}\r\n0\r\n\r\n", "x".repeat(0x33)));
    let refused = client.message();
    assert_eq!(
        (refused.status(), refused.field("connection")),
        (413, Some("close"))
    );
    if let Ok(whole) = seen.recv_timeout(Duration::from_secs(5)) {
        assert!(!whole, "the upstream never sees the end of it");
    }
}

#[test]
fn a_body_for_an_endpoint_of_our_own_is_bounded_too() {
    let rig = small(&Upstream::echo());
    let post =
        |size: usize| format!("POST /hello HTTP/1.1\r\nHost: g\r\nContent-Length: {size}\r\n\r\n");
    assert_eq!(rig.connect().ask(post(51)).status(), 413);
    let chunked = format!(
        "POST /hello HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n33\r\n{}\r\n0\r\n\r\n",
        "x".repeat(0x33)
    );
    assert_eq!(rig.connect().ask(chunked).status(), 413);
    assert_eq!(rig.connect().ask(post(50) + &"x".repeat(50)).status(), 201);
}

#[test]
fn an_oauth_endpoint_words_the_refusal_of_a_body_itself() {
    let mut oauth = api("/lp", Upstream::echo().address);
    oauth.oauth_endpoints = OAuthEndpoints::Served;
    let mut rig = Rig::with(oauth, |settings| {
        settings.limits.endpoint_body_bytes_max = 50;
        settings.timeouts.idle = Duration::from_millis(200);
    });
    for (fields, words, refusal) in [
        (
            "Content-Length: 51\r\n\r\n",
            "Token TooLarge",
            Refusal::BodyTooLarge,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\nx\r\n",
            "Token Malformed",
            Refusal::MalformedBody,
        ),
        (
            "Content-Length: 5\r\n\r\nhalf",
            "Token Timeout",
            Refusal::ClientTimeout,
        ),
    ] {
        let mut client = rig.connect();
        let refused = client.ask(format!(
            "POST /lp/oauth/token HTTP/1.1\r\nHost: g\r\n{fields}"
        ));
        assert_eq!((refused.status(), refused.text()), (418, words));
        assert_eq!(refused.field("connection"), Some("close"));
        client.expect_end();
        let record = rig.record();
        assert_eq!((record.status, record.refusal), (418, Some(refusal)));
    }
}

#[test]
fn a_head_that_does_not_end_is_a_408() {
    let rig = small(&Upstream::echo());
    let mut client = rig.connect();
    let refused = client.ask("GET / HTTP/1.1\r\nHost: g\r\n");
    assert_eq!(
        (refused.status(), refused.field("connection")),
        (408, Some("close"))
    );
    client.expect_end();
}

#[test]
fn a_connection_without_requests_is_closed_without_a_word() {
    let rig = small(&Upstream::echo());
    rig.connect().expect_end();
    let mut client = rig.connect();
    assert_eq!(client.ask(get("/")).status(), 200);
    client.expect_end();
}

/// An upstream whose answers never end, and come as fast as they are taken.
fn endless() -> Upstream {
    Upstream::start(|mut wire, _| {
        while let Ok(Some(_)) = wire.try_message(true) {
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            while wire.try_send(&chunk).is_ok() {}
        }
    })
}

#[test]
fn a_total_time_that_ends_while_the_client_reads_nothing_is_not_its_going_away() {
    let mut api = api("/", endless().address);
    api.timeouts.total = Some(Duration::from_millis(300));
    let mut rig = Rig::with(api, |_| {});
    let mut client = rig.connect();
    client.send(get("/"));
    let record = rig.record();
    let expected = (200, Some(Refusal::UpstreamTimeout));
    assert_eq!((record.status, record.refusal), expected);
}

#[test]
fn a_client_that_reads_no_answer_does_not_hold_its_connection() {
    let mut api = api("/", endless().address);
    api.timeouts.idle = Duration::from_millis(300);
    let mut rig = Rig::with(api, |_| {});
    let mut client = rig.connect();
    client.send(get("/"));
    assert_eq!(rig.record().refusal, Some(Refusal::ClientGone));
}

#[test]
fn without_keep_alive_a_connection_serves_its_one_request() {
    let upstream = Upstream::echo();
    let rig = Rig::with(api("/", upstream.address), |settings| {
        settings.timeouts.keep_alive = Duration::ZERO;
    });
    let mut client = rig.connect();
    // Longer than a timeout of zero takes to be noticed; nothing may come meanwhile, not even the end.
    let tick = Duration::from_millis(400);
    client.stream().set_read_timeout(Some(tick)).unwrap();
    let early = client.stream().peek(&mut [0]);
    assert_eq!(early.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    client.stream().set_read_timeout(Some(PATIENCE)).unwrap();
    let answer = client.ask(get("/"));
    assert_eq!(
        (answer.status(), answer.field("connection")),
        (200, Some("close"))
    );
    client.expect_end();
}

/// As many as there are look-ups of names at a time, and a few for others.
const BLOCKING_THREADS: usize = 88;

#[test]
fn each_look_up_of_a_name_has_a_thread_however_many_cores_there_are() {
    let (began, beginnings) = channel();
    let (release, released) = channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let wait = move |released: &Mutex<Receiver<()>>| {
        // An error is the end of the wait, for all.
        let _ = released.lock().unwrap().recv();
    };
    let upstream = Upstream::echo();
    let rig = Rig::starting_with(api("/", upstream.address), move |_| {
        for _ in 0..2 * BLOCKING_THREADS {
            let (began, released) = (began.clone(), Arc::clone(&released));
            tokio::task::spawn_blocking(move || {
                began.send(thread::current().id()).unwrap();
                wait(&released);
            });
        }
        EndpointResponse::new(StatusCode::OK, "")
    });
    assert_eq!(rig.connect().ask(get("/hello")).status(), 200);
    let mut threads = std::collections::HashSet::new();
    for _ in 0..BLOCKING_THREADS {
        threads.insert(beginnings.recv_timeout(PATIENCE).unwrap());
    }
    drop(release);
    for _ in 0..BLOCKING_THREADS {
        threads.insert(beginnings.recv_timeout(PATIENCE).unwrap());
    }
    assert_eq!(threads.len(), BLOCKING_THREADS);
}
