//! The time that a whole exchange may take, per API: from the forwarding to the last byte of the answer.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::balancing::{Balanced, assert_named, definition};
use crate::harness::{RecordingServer, Reply, STYLES, Style};
use crate::rules::{assert_refused, extended_paths, single_version};
use crate::websocket::{AGREED, handshake};
use crate::wire::Wire;
use crate::world::{World, echo, unique};

const TOTAL_MS: u64 = 500;
/// Sooner than any other timeout, and later than a busy machine is late.
const SOON: Duration = Duration::from_secs(10);

/// An upstream whose answer never ends, a little of it coming again and again, but for paths that are fast.
fn trickling(framing: &'static str, piece: &'static str) -> RecordingServer {
    RecordingServer::start(move |received| {
        if received.target.contains("fast") {
            return echo(received);
        }
        Reply::raw(move |stream| {
            let head = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
            let mut written = stream.write_all(head.as_bytes());
            while written.is_ok() {
                std::thread::sleep(Duration::from_millis(20));
                written = stream.write_all(piece.as_bytes());
            }
            false
        })
    })
}

fn api<'w>(world: &'w World, style: Style, target: String) -> Balanced<'w> {
    let own = json!({"total_timeout_ms": TOTAL_MS});
    Balanced::new(world, style, &[target], own)
}

#[test]
fn an_answer_that_trickles_is_cut_off_and_never_looks_whole() {
    let world = World::shared();
    for (framing, piece) in [
        ("Transfer-Encoding: chunked", "1\r\nx\r\n"),
        ("Content-Length: 1000000", "x"),
        ("Connection: close", "x"),
    ] {
        let upstream = trickling(framing, piece);
        let api = api(&world, Style::Rfc, upstream.url("/"));
        let began = Instant::now();
        let url = world.node.gateway_url(&format!("/{}/x", api.id));
        let answer = world.node.client().try_send("GET", &url, &[], b"");
        let took = began.elapsed();
        assert!(answer.is_err(), "{framing}: {answer:?}");
        let total = Duration::from_millis(TOTAL_MS);
        assert!((total..SOON).contains(&took), "{framing}: {took:?}");
    }
}

#[test]
fn a_path_with_a_longer_timeout_of_its_own_is_bound_by_it_too() {
    let world = World::shared();
    let upstream = trickling("Transfer-Encoding: chunked", "1\r\nx\r\n");
    for style in STYLES {
        let own = json!({"total_timeout_ms": TOTAL_MS});
        let patient = single_version(extended_paths(json!({
            "hard_timeouts": [{"path": "/x", "method": "GET", "timeout": 60}]
        })));
        let api = Balanced::ruled(&world, style, &[upstream.url("/")], own, patient);
        let url = world.node.gateway_url(&format!("/{}/x", api.id));
        let began = Instant::now();
        let answer = world.node.client().try_send("GET", &url, &[], b"");
        let took = began.elapsed();
        assert!(answer.is_err(), "{answer:?}");
        let total = Duration::from_millis(TOTAL_MS);
        assert!((total..SOON).contains(&took), "{took:?}");
    }
}

#[test]
fn where_nothing_was_answered_it_is_a_504_and_the_connection_stays() {
    let world = World::shared();
    for style in STYLES {
        let upstream = RecordingServer::start(|received| {
            if received.target.contains("fast") {
                echo(received)
            } else {
                Reply::Hang
            }
        });
        let api = api(&world, style, upstream.url("/"));
        let began = Instant::now();
        let answer = api.ask("GET", "/x", b"");
        let (rfc, tyk) = (
            (504, "gateway_timeout"),
            (504, "Upstream service reached hard timeout."),
        );
        assert_refused(style, &answer, rfc, tyk);
        assert!(began.elapsed() < SOON);

        // What one request was short of is no matter of the next.
        let mut wire = Wire::connect(world.node.gateway());
        let path = format!("/{}", api.id);
        assert_eq!(wire.get(&format!("{path}/x")).answer().0.status, 504);
        let slept = RecordingServer::start(|received| {
            echo(received).after(Duration::from_millis(2 * TOTAL_MS))
        });
        let unlimited = Balanced::new(&world, style, &[slept.url("/")], json!({}));
        let (head, _) = wire.get(&format!("/{}/x", unlimited.id)).answer();
        assert_eq!(head.status, 200);
        assert_eq!(wire.get(&format!("{path}/fast")).answer().0.status, 200);
    }
}

#[test]
fn an_upload_that_goes_past_it_is_a_504_and_no_fault_of_the_clients() {
    let world = World::shared();
    for style in STYLES {
        let upstream = RecordingServer::start(echo);
        let api = api(&world, style, upstream.url("/"));
        let mut wire = Wire::connect(world.node.gateway());
        let framing = "Transfer-Encoding: chunked";
        let id = &api.id;
        wire.send(format!(
            "POST /{id}/x HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n"
        ));
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(2 * TOTAL_MS) {
            wire.send("1\r\nx\r\n");
            std::thread::sleep(Duration::from_millis(20));
        }
        let (head, body) = wire.answer();
        let words = match style {
            Style::Rfc => "gateway_timeout",
            Style::Tyk => "Upstream service reached hard timeout.",
        };
        assert_eq!((head.status, body.contains(words)), (504, true), "{body}");
        assert!(upstream.received().is_empty(), "it came to no end");
    }
}

#[test]
fn a_tunnel_is_cut_by_none() {
    let world = World::shared();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("ws://{}/", listener.local_addr().unwrap());
    let api = api(&world, Style::Rfc, target);
    let mut client = Wire::connect(world.node.gateway());
    client.send(handshake(&format!("/{}/room", api.id), ""));
    let mut upstream = Wire::accept(&listener);
    upstream.take_through(b"\r\n\r\n");
    upstream.send(AGREED);
    assert_eq!(client.head().status, 101);
    // Another exchange under the same limit begins later and is over first.
    let other = trickling("Transfer-Encoding: chunked", "1\r\nx\r\n");
    let other = self::api(&world, Style::Rfc, other.url("/"));
    let url = world.node.gateway_url(&format!("/{}/x", other.id));
    assert!(world.node.client().try_send("GET", &url, &[], b"").is_err());
    upstream.send(b"\x81\x05hello");
    assert_eq!(client.take(7), b"\x81\x05hello");
}

#[test]
fn a_time_that_is_none_is_400_by_name() {
    let world = World::shared();
    for total in [json!(0), json!(-1), json!("1s"), json!(86_400_001)] {
        let own = json!({"total_timeout_ms": total});
        let faulty = definition(&unique("faulty"), Style::Rfc, &["http://a".to_owned()], own);
        let named = "raftgate.total_timeout_ms: must be ";
        assert_named(&world, "/tyk/apis", &faulty, named);
    }
}
