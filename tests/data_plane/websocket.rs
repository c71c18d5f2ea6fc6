//! WebSocket: a handshake that is asked for opens a tunnel, and nothing else does.

use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use raftgate::proxy::Refusal;

use crate::rig::{Rig, api};
use crate::wire::{Message, PATIENCE, Upstream, Wire, get, pattern};

const ASKED: &str = "GET /chat HTTP/1.1\r\nHost: g\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An upstream that agrees to every handshake and then runs `script`.
fn agreeing(script: impl Fn(Wire, Message) + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |mut wire, _| {
        if let Ok(Some(request)) = wire.try_message(true) {
            wire.send(AGREED);
            script(wire, request);
        }
    })
}

/// An upstream that sends back what it gets until the client ends.
fn echoing() -> Upstream {
    agreeing(|mut wire, _| {
        while let Ok(byte) = wire.bytes(1) {
            if wire.try_send(byte).is_err() {
                return;
            }
        }
    })
}

/// A tunnel from a new connection.
fn open(rig: &Rig) -> Wire {
    let mut wire = rig.connect();
    wire.send(ASKED);
    assert!(wire.head().unwrap().starts_with("HTTP/1.1 101 "));
    wire
}

#[test]
fn a_handshake_is_passed_on_and_bytes_flow_both_ways() {
    let upstream = agreeing(|mut wire, request| {
        wire.send(request.head);
        assert_eq!(wire.bytes(10).unwrap(), b"early word");
        wire.send("answered");
        assert_eq!(wire.bytes(5).unwrap(), b"again");
        wire.send("and on");
        let _ = wire.rest();
    });
    let mut rig = Rig::before(&upstream);
    let mut client = rig.connect();
    // A client that cannot wait.
    client.send(format!("{ASKED}early word"));
    let head = client.head().unwrap();
    assert_eq!(
        head,
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    let seen = client.head().unwrap();
    for field in [
        "GET /chat HTTP/1.1\r\n",
        "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        "\r\nSec-WebSocket-Version: 13\r\n",
        "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "\r\nX-Forwarded-For: 127.0.0.1\r\n",
    ] {
        assert!(seen.contains(field), "{field} in {seen}");
    }
    assert_eq!(client.bytes(8).unwrap(), b"answered");
    assert_eq!(rig.counters.tunnels(), 1);
    client.send("again");
    assert_eq!(client.bytes(6).unwrap(), b"and on");
    client.stream().shutdown(Shutdown::Write).unwrap();
    client.expect_end();
    let record = rig.record();
    assert_eq!((record.status, record.refusal), (101, None));
    assert_eq!(record.request_bytes, 15);
    assert_eq!(record.response_bytes, 14 + seen.len() as u64);
    assert_eq!(rig.counters.tunnels(), 0);
}

#[test]
fn large_frames_pass_unchanged_in_both_directions_at_once() {
    const BYTES: usize = 6 * 1024 * 1024;
    let upstream = agreeing(|wire, _| {
        let mut sender = Wire::new(wire.stream().try_clone().unwrap());
        let sending = thread::spawn(move || sender.send(pattern(BYTES)));
        let mut wire = wire;
        assert!(wire.bytes(BYTES).unwrap() == pattern(BYTES));
        sending.join().unwrap();
        wire.send("all of it");
        let _ = wire.rest();
    });
    let rig = Rig::before(&upstream);
    let mut client = open(&rig);
    let mut sender = Wire::new(client.stream().try_clone().unwrap());
    let sending = thread::spawn(move || sender.send(pattern(BYTES)));
    assert!(client.bytes(BYTES).unwrap() == pattern(BYTES));
    sending.join().unwrap();
    assert_eq!(client.bytes(9).unwrap(), b"all of it");
}

#[test]
fn either_side_can_end_its_half() {
    let upstream = agreeing(|mut wire, _| {
        assert_eq!(wire.rest().unwrap(), b"all I have");
        wire.send("thank you");
    });
    let rig = Rig::before(&upstream);
    let mut client = open(&rig);
    client.send("all I have");
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest().unwrap(), b"thank you");

    let upstream = agreeing(|mut wire, _| {
        wire.send("no more");
        wire.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!(wire.rest().unwrap(), b"but I have");
    });
    let mut rig = Rig::before(&upstream);
    let mut client = open(&rig);
    assert_eq!(client.rest().unwrap(), b"no more");
    client.send("but I have");
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.record().request_bytes, 10);
}

#[test]
fn a_refused_handshake_leaves_both_connections_as_they_were() {
    let upstream = Upstream::answering(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nno!",
    );
    let mut rig = Rig::before(&upstream);
    let mut client = rig.connect();
    for _ in 0..2 {
        let answer = client.ask(ASKED);
        assert_eq!((answer.status(), answer.text()), (426, "no!"));
        assert_eq!(answer.field("upgrade"), None);
        assert_eq!(rig.record().status, 426);
    }
    assert_eq!(client.ask(get("/")).status(), 426);
    assert_eq!(upstream.connections(), 1);
    assert_eq!(rig.counters.tunnels(), 0);
}

#[test]
fn what_does_not_ask_for_websocket_alone_is_a_plain_request() {
    let echo = Upstream::echo();
    let rig = Rig::before(&echo);
    let obliging = Upstream::answering(AGREED);
    let trapped = Rig::before(&obliging);
    let asks = [
        "GET / HTTP/1.1\r\nHost: g\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket/13\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi",
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ];
    for asked in asks {
        let answer = rig.connect().ask(asked);
        assert_eq!(answer.status(), 200, "{asked}");
        let seen = answer.text().to_lowercase();
        for word in ["upgrade", "\nconnection", "http2-settings"] {
            assert!(!seen.contains(word), "{asked} became {seen}");
        }
        // Nobody asked this upstream to change anything, so its agreement is nonsense.
        assert_eq!(trapped.connect().ask(asked).status(), 502, "{asked}");
    }
    trapped.expect_refused(Refusal::UpstreamBroken, asks.len() as u64);
    assert_eq!(trapped.counters.tunnels(), 0);
}

#[test]
fn an_agreement_to_something_else_is_a_broken_answer() {
    for fields in [
        "",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: gzip\r\n",
    ] {
        let upstream = Upstream::start(move |mut wire, _| {
            let _ = wire.try_message(true);
            wire.send(format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n"));
            let _ = wire.rest();
        });
        let rig = Rig::before(&upstream);
        let mut client = rig.connect();
        assert_eq!(client.ask(ASKED).status(), 502, "{fields}");
        assert_eq!(
            client.ask(get("/hello")).status(),
            201,
            "still a connection of HTTP"
        );
    }
}

#[test]
fn a_tunnel_is_never_used_for_another_request() {
    let upstream = Upstream::start(|mut wire, number| {
        let _ = wire.try_message(true);
        if number == 0 {
            wire.send(AGREED);
        } else {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
        let _ = wire.rest();
    });
    let mut rig = Rig::before(&upstream);
    let client = open(&rig);
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.record().status, 101);
    assert_eq!(rig.connect().ask(get("/")).status(), 200);
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn a_tunnel_in_which_nothing_moves_is_closed() {
    let upstream = echoing();
    let mut served = api("/", upstream.address);
    served.timeouts.idle = Duration::from_millis(100);
    let mut rig = Rig::with(served, |_| {});
    let mut client = open(&rig);
    client.send("x");
    assert_eq!(client.bytes(1).unwrap(), b"x");
    client.expect_end();
    assert_eq!(rig.record().status, 101);
}

#[test]
fn whoever_goes_away_takes_the_other_along() {
    let (gone, ended) = std::sync::mpsc::sync_channel(1);
    let upstream = agreeing(move |mut wire, _| {
        wire.send("nobody reads this");
        while wire.try_send("nor this").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
        gone.send(()).unwrap();
    });
    let mut rig = Rig::before(&upstream);
    let client = open(&rig);
    client.stream().peek(&mut [0]).unwrap();
    // What is closed with something unread in it is reset.
    drop(client);
    ended.recv_timeout(PATIENCE).unwrap();
    assert_eq!(rig.record().status, 101);

    let upstream = agreeing(|wire, _| {
        wire.stream().peek(&mut [0]).unwrap();
    });
    let mut rig = Rig::before(&upstream);
    let mut client = open(&rig);
    client.send("nobody reads this");
    assert!(client.rest().is_err(), "a reset is no clean end");
    assert_eq!(rig.record().status, 101);
}

#[test]
fn a_drain_ends_quiet_tunnels_soon_and_busy_ones_in_time() {
    for busy in [false, true] {
        let upstream = agreeing(move |mut wire, _| {
            while busy && wire.try_send("tick").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
            let _ = wire.rest();
        });
        let mut rig = Rig::with(api("/", upstream.address), |settings| {
            settings.drain = Duration::from_secs(if busy { 2 } else { 120 });
        });
        let mut client = open(&rig);
        rig.begin_drain();
        let _ = client.rest();
        rig.wait();
        assert_eq!(rig.record().status, 101, "busy: {busy}");
    }
}
