//! Bodies travel whole, in both directions, in every framing, and as they come.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use crate::rig::Rig;
use crate::wire::{Upstream, Wire, get, pattern};

const LARGE: usize = 10 * 1024 * 1024;

fn chunked(body: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(piece) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// Sends a large body while reading, as a deadlock would show otherwise.
fn send_beside(wire: &Wire, bytes: Vec<u8>) -> thread::JoinHandle<()> {
    let mut writer = Wire::new(wire.stream().try_clone().unwrap());
    thread::spawn(move || writer.send(bytes))
}

#[test]
fn small_bodies_travel_both_ways() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    for size in [0, 1, 5, 2048, 4096, 70_000] {
        let body = pattern(size);
        let head = format!("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: {size}\r\n\r\n");
        let answer = client.ask([head.as_bytes(), &body].concat());
        assert_eq!(answer.status(), 200);
        assert!(answer.body.ends_with(&body), "{size}");
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn ten_mebibytes_travel_both_ways_by_length() {
    let rig = Rig::before(&Upstream::echo());
    let mut client = rig.connect();
    let body = pattern(LARGE);
    let head = format!("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: {LARGE}\r\n\r\n");
    let sending = send_beside(&client, [head.as_bytes(), &body].concat());
    let answer = client.message();
    sending.join().unwrap();
    assert!(answer.body.ends_with(&body), "the body came back whole");
    assert_eq!(
        client.ask(get("/next")).status(),
        200,
        "the connection goes on"
    );
}

#[test]
fn ten_mebibytes_travel_both_ways_in_chunks() {
    let upstream = Upstream::start(|mut wire, _| {
        while let Ok(Some(request)) = wire.try_message(true) {
            assert!(request.field("content-length").is_none());
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            wire.send(chunked(&request.body, 70_001));
        }
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    let body = pattern(LARGE);
    let mut bytes = b"POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    bytes.extend(chunked(&body, 9_999));
    let sending = send_beside(&client, bytes);
    let answer = client.message();
    sending.join().unwrap();
    assert!(answer.body == body, "the body came back whole");
    assert_eq!(client.ask(get("/next")).body, b"", "the connection goes on");
}

#[test]
fn a_slow_reader_holds_the_upstream_back_and_gets_everything() {
    let upstream = Upstream::start(|mut wire, _| {
        while let Ok(Some(_)) = wire.try_message(true) {
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"
            ));
            let _ = wire.try_send(pattern(LARGE));
        }
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    client.send(get("/"));
    let head = client.head().unwrap();
    assert!(head.contains(&LARGE.to_string()));
    let expected = pattern(LARGE);
    for piece in expected.chunks(64 * 1024) {
        thread::yield_now();
        assert!(client.bytes(piece.len()).unwrap() == piece);
    }
}

#[test]
fn trailers_travel_with_chunks() {
    let upstream = Upstream::start(|mut wire, _| {
        let request = wire.message();
        assert_eq!(request.trailers, "X-Up: 1\r\n\r\n");
        assert_eq!(request.field("te"), Some("trailers"));
        wire.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Down: 2\r\n\
             Set-Cookie: a=b\r\nKeep-Alive: x\r\n\r\n",
        );
    });
    let rig = Rig::before(&upstream);
    let answer = rig.connect().ask(
        "POST / HTTP/1.1\r\nHost: g\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\nz\r\n0\r\nAuthorization: Bearer x\r\nX-Up: 1\r\nContent-Length: 9\r\nCookie: a=b\r\n\
         Connection: close\r\nX-Forwarded-For: 10.0.0.1\r\nContent-Type: text/html\r\n\r\n",
    );
    assert_eq!(
        (answer.body.as_slice(), answer.trailers.as_str()),
        (b"a".as_slice(), "X-Down: 2\r\n\r\n")
    );
}

#[test]
fn what_ends_at_the_head_ends_behind_the_body_too() {
    let upstream = Upstream::start(|mut wire, _| {
        assert_eq!(wire.message().trailers, "X-Up: 1\r\n\r\n");
        wire.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x-hop\r\n\
             Connection: keep-alive, X-Other\r\n\r\n\
             1\r\na\r\n0\r\nX-Hop: 1\r\nX-Down: 2\r\nx_other: 3\r\n\r\n",
        );
    });
    let rig = Rig::before(&upstream);
    let answer = rig.connect().ask(
        "POST / HTTP/1.1\r\nHost: g\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n\
         Connection: x-other, keep-alive\r\n\r\n\
         1\r\nz\r\n0\r\nX-Other: 1\r\nx-hop: 2\r\nX-Up: 1\r\n\r\n",
    );
    assert_eq!(answer.trailers, "X-Down: 2\r\n\r\n");
}

#[test]
fn an_event_reaches_the_client_before_the_next_one_is_made() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sent_on = listener.local_addr().unwrap();
    let upstream = Upstream::start(move |mut wire, _| {
        wire.message();
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        let (mut seen, _) = listener
            .accept()
            .map(|(stream, from)| (Wire::new(stream), from))
            .unwrap();
        for event in 0..3 {
            wire.send(format!("data: {event}\n\n"));
            assert_eq!(seen.bytes(1).unwrap(), b".", "the client has it");
        }
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    client.send(get("/"));
    assert!(client.head().unwrap().contains("text/event-stream"));
    let mut seen = Wire::connect(sent_on);
    for event in 0..3 {
        assert_eq!(
            client.chunk().unwrap(),
            format!("data: {event}\n\n").as_bytes()
        );
        seen.send(".");
    }
    assert_eq!(
        client.chunk().unwrap(),
        b"",
        "the upstream's close is the end"
    );
}

#[test]
fn a_request_body_streams_before_it_is_whole() {
    let upstream = Upstream::start(|mut wire, _| {
        assert!(wire.head().unwrap().contains("Content-Length: 10"));
        assert_eq!(wire.bytes(5).unwrap(), b"first");
        wire.send("HTTP/1.1 103 Early Hints\r\nLink: </seen>\r\n\r\n");
        assert_eq!(wire.bytes(5).unwrap(), b"after");
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    client.send("PUT / HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\nfirst");
    assert_eq!(client.message().status(), 103);
    client.send("after");
    assert_eq!(client.message().body, b"ok");
}

#[test]
fn answers_without_a_body_leave_the_connection_in_step() {
    let upstream = Upstream::start(|mut wire, _| {
        while let Ok(Some(request)) = wire.try_message(true) {
            wire.send(match request.head.split(' ').nth(1).unwrap() {
                "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
                "/304" => "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
                _ if request.head.starts_with("HEAD") => {
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                }
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            });
        }
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    assert_eq!(client.ask(get("/204")).status(), 204);
    client.send(get("/304"));
    assert_eq!(client.bodyless().field("content-length"), Some("77"));
    client.send("HEAD / HTTP/1.1\r\nHost: g\r\n\r\n");
    assert_eq!(client.bodyless().field("content-length"), Some("5"));
    assert_eq!(client.ask(get("/")).body, b"hello");
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_body_until_close_goes_on_in_chunks() {
    let upstream = Upstream::start(|mut wire, _| {
        wire.message();
        wire.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    for _ in 0..2 {
        let answer = client.ask(get("/"));
        assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
        assert_eq!(answer.body, b"until the end");
    }
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn an_old_client_gets_no_chunks() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    );
    let rig = Rig::before(&upstream);
    let answer = rig
        .connect()
        .ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(answer.field("connection"), Some("close"));
    assert_eq!(
        (answer.field("transfer-encoding"), answer.body.as_slice()),
        (None, b"ok".as_slice())
    );
}

#[test]
fn a_client_that_waits_to_be_invited_is_invited() {
    let rig = Rig::before(&Upstream::echo());
    let mut client = rig.connect();
    client.send("POST / HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.message().status(), 100);
    let answer = client.ask("body");
    assert!(answer.text().ends_with("body"));
    assert!(!answer.text().to_lowercase().contains("expect"));
    assert_eq!(client.ask(get("/next")).status(), 200);
}

#[test]
fn an_early_answer_comes_through_and_ends_the_connection() {
    let upstream = Upstream::start(|mut wire, _| {
        wire.head().unwrap();
        wire.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        let _ = wire.rest();
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    client.send("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\n\r\nsome");
    let answer = client.message();
    assert_eq!(
        (answer.status(), answer.body.as_slice()),
        (403, b"no".as_slice())
    );
    assert_eq!(answer.field("connection"), Some("close"));
    client.expect_end();
}

#[test]
fn a_client_that_reads_its_answer_last_can_still_send_its_request() {
    // More than all buffers on the way hold, in both directions.
    let size = 16 * 1024 * 1024;
    let upstream = Upstream::start(move |mut wire, _| {
        wire.head().unwrap();
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let begun = send_beside(&wire, chunked(&pattern(size), size));
        wire.bytes(size).unwrap();
        begun.join().unwrap();
    });
    let rig = Rig::before(&upstream);
    let mut client = rig.connect();
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: {size}\r\n\r\n"
    ));
    client.send(pattern(size));
    assert!(client.message().body == pattern(size));
}

/// The address is only here so that a port is free and closed.
pub(crate) fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
