//! What breaks on one side is visible on the other, and never looks like a clean end.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use raftgate::proxy::Refusal;
use raftgate_actors::snapshot::CompiledApi;
use raftgate_model::api::Target;

use crate::bodies::closed_port;
use crate::rig::{Rig, api, eventually};
use crate::wire::{Broken, PATIENCE, Upstream, get};

/// An upstream that answers with these bytes and closes.
fn cut_off(answer: &'static str) -> Upstream {
    Upstream::start(move |mut wire, _| {
        wire.message();
        wire.send(answer);
    })
}

#[test]
fn an_answer_that_is_cut_off_is_broken_for_the_client() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ] {
        let mut rig = Rig::before(&cut_off(answer));
        let mut client = rig.connect();
        client.send(get("/"));
        assert_eq!(client.try_message(true).unwrap_err(), Broken, "{answer:?}");
        assert_eq!(rig.record().refusal, Some(Refusal::UpstreamBroken));
    }
}

#[test]
fn a_client_that_knows_no_chunks_sees_a_reset() {
    let upstream = cut_off("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    client.send("GET / HTTP/1.0\r\n\r\n");
    // The reset may even overtake the head.
    assert!(!matches!(client.try_message(true), Ok(Some(_))));
}

#[test]
fn an_unusable_answer_is_a_502() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ] {
        let rig = Rig::before(&cut_off(answer));
        let mut client = rig.connect();
        let refused = client.ask(get("/"));
        assert_eq!(refused.status(), 502, "{answer:?}");
        assert!(refused.text().contains("bad_gateway"));
        assert!(refused.field("x-request-id").is_some());
        assert_eq!(
            client.ask(get("/")).status(),
            502,
            "the client's connection goes on"
        );
    }
}

#[test]
fn an_upstream_that_is_not_there_is_a_502() {
    let rig = Rig::with(api("/", closed_port()), |_| {});
    assert_eq!(rig.connect().ask(get("/")).status(), 502);
    rig.expect_refused(Refusal::UpstreamUnreachable, 1);
    let unresolved = CompiledApi {
        target: Target::parse("http://name.invalid/").unwrap(),
        ..api("/", closed_port())
    };
    let rig = Rig::with(unresolved, |_| {});
    assert_eq!(rig.connect().ask(get("/")).status(), 502);
    rig.expect_refused(Refusal::UpstreamLookup, 1);
}

#[test]
fn a_body_that_was_half_taken_when_its_request_failed_is_no_request() {
    let rig = Rig::with(api("/", closed_port()), |_| {});
    let mut client = rig.connect();
    let refused = client.ask("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 30\r\n\r\nabc");
    assert_eq!(
        (refused.status(), refused.field("connection")),
        (502, Some("close"))
    );
    let _ = client.try_send(get("/hello"));
    client.expect_end();
    let mut whole = rig.connect();
    let refused = whole.ask("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!((refused.status(), refused.field("connection")), (502, None));
    assert_eq!(whole.ask(get("/hello")).status(), 201);
}

fn impatient(upstream: &Upstream) -> CompiledApi {
    let mut api = api("/", upstream.address);
    api.timeouts.head = Duration::from_millis(200);
    api.timeouts.idle = Duration::from_millis(200);
    api
}

#[test]
fn an_upstream_that_stays_silent_is_a_504() {
    let upstream = Upstream::start(|mut wire, _| {
        let _ = wire.rest();
    });
    let rig = Rig::with(impatient(&upstream), |_| {});
    let mut client = rig.connect();
    let refused = client.ask(get("/"));
    assert_eq!(
        (refused.status(), refused.text().contains("gateway_timeout")),
        (504, true)
    );
    assert_eq!(
        client.ask(get("/")).status(),
        504,
        "the client's connection goes on"
    );
}

#[test]
fn an_upstream_that_stops_inside_a_body_is_given_up() {
    let upstream = Upstream::start(|mut wire, _| {
        wire.message();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        let _ = wire.rest();
    });
    let rig = Rig::with(impatient(&upstream), |_| {});
    let mut client = rig.connect();
    client.send(get("/"));
    assert_eq!(client.try_message(true).unwrap_err(), Broken);
}

#[test]
fn a_client_that_stops_inside_a_body_is_refused() {
    let upstream = Upstream::start(|mut wire, _| {
        let _ = wire.rest();
    });
    let rig = Rig::with(impatient(&upstream), |settings| {
        settings.timeouts.idle = std::time::Duration::from_millis(300);
    });
    let mut client = rig.connect();
    let refused = client.ask("PUT / HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nhalf");
    assert_eq!(refused.status(), 408);
    client.expect_end();
}

/// An upstream that answers with nothing but interim answers, as long as its connection lasts.
fn interim_for_ever() -> Upstream {
    Upstream::start(|mut wire, _| {
        while wire.try_send("HTTP/1.1 102 Processing\r\n\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    })
}

/// The final answer to these bytes, behind however many interim ones come within the tests' patience.
fn final_answer(rig: &Rig, request: &str) -> u16 {
    let mut client = rig.connect();
    client.send(request);
    let began = Instant::now();
    loop {
        let status = client.message().status();
        assert!(began.elapsed() < PATIENCE, "interim answers go on and on");
        if status >= 200 {
            return status;
        }
    }
}

#[test]
fn no_interim_answer_gives_an_upstream_more_time() {
    let rig = Rig::with(impatient(&interim_for_ever()), |_| {});
    assert_eq!(final_answer(&rig, &get("/")), 504);
}

#[test]
fn no_interim_answer_gives_a_client_more_time_for_its_body() {
    let rig = Rig::with(impatient(&interim_for_ever()), |settings| {
        settings.timeouts.idle = Duration::from_millis(300);
    });
    let stops = "PUT / HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nhalf";
    assert_eq!(final_answer(&rig, stops), 408);
}

#[test]
fn a_client_that_leaves_takes_its_request_along() {
    let (sender, gone) = sync_channel(4);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.head().unwrap();
        let _ = sender.send(());
        let _ = wire.rest();
        let _ = sender.send(());
    });
    for request in [
        get("/"),
        "PUT / HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nhalf".to_owned(),
    ] {
        let mut rig = Rig::before(&upstream);
        let mut client = rig.connect();
        client.send(request);
        gone.recv_timeout(PATIENCE)
            .expect("the upstream has the request");
        drop(client);
        gone.recv_timeout(PATIENCE)
            .expect("the upstream's connection was closed");
        let record = rig.record();
        assert_eq!(
            (record.status, record.refusal),
            (499, Some(Refusal::ClientGone))
        );
        eventually("no connection left", || {
            (rig.counters.connections() == 0).then_some(())
        });
    }
}

#[test]
fn a_malformed_request_body_reaches_the_client_as_400() {
    let (sender, received) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.head().unwrap();
        assert_eq!(wire.chunk().unwrap(), b"good");
        sender.send(Vec::new()).unwrap();
        sender.send(wire.rest().unwrap_or_default()).unwrap();
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    client.send("POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n");
    received
        .recv_timeout(PATIENCE)
        .expect("the good chunk has arrived");
    client.send("not a size\r\n");
    let refused = client.message();
    assert_eq!(
        (refused.status(), refused.field("connection")),
        (400, Some("close"))
    );
    let seen = received.recv_timeout(PATIENCE).unwrap();
    assert!(
        !seen.ends_with(b"0\r\n\r\n"),
        "the upstream sees no end either"
    );
}
