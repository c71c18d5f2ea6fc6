//! Clients that take their time: it is theirs, and nobody else's fault.

use std::io::{ErrorKind, Write as _};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use raftgate::proxy::Refusal;

use crate::rig::{Rig, api};
use crate::wire::{PATIENCE, Upstream, Wire, get};

/// Nothing moves any more when nothing has moved for so long.
const STILL: Duration = Duration::from_millis(500);

/// An upstream that sends interim answers until nobody takes any more, says so, and then sends its answer.
fn generous() -> (Upstream, Receiver<()>) {
    let (stuck, is_stuck) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        if wire.head().is_none() {
            return;
        }
        let link = "x".repeat(8 * 1024);
        let interim = format!("HTTP/1.1 103 Early Hints\r\nLink: </{link}>\r\n\r\n");
        let rest = fill(&wire, interim.as_bytes());
        stuck.send(()).unwrap();
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        // A gateway that has given up takes it no more.
        let _ = wire.try_send([&rest, answer.as_bytes()].concat());
        let _ = wire.rest();
    });
    (upstream, is_stuck)
}

/// Writes a message again and again until nobody takes any more, and tells what is left of the last one.
fn fill(wire: &Wire, message: &[u8]) -> Vec<u8> {
    let mut stream = wire.stream();
    stream.set_nonblocking(true).unwrap();
    let (mut sent, mut moved_at) = (0, Instant::now());
    loop {
        match stream.write(&message[sent..]) {
            Ok(count) => {
                sent = (sent + count) % message.len();
                moved_at = Instant::now();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                if moved_at.elapsed() > STILL {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
    stream.set_nonblocking(false).unwrap();
    message[sent..].to_vec()
}

/// A client that has little room for what comes.
fn narrow(rig: &Rig) -> Wire {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    let stream = runtime.unwrap().block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket
            .connect(rig.address)
            .await
            .unwrap()
            .into_std()
            .unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    Wire::new(stream)
}

#[test]
fn an_upstream_is_given_its_time_after_a_client_was_slow_to_take_an_interim_answer() {
    let whole = Duration::from_secs(3);
    for request in [
        get("/"),
        "PUT / HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nhalf".to_owned(),
    ] {
        let (upstream, is_stuck) = generous();
        let mut api = api("/", upstream.address);
        api.timeouts.head = whole;
        api.timeouts.idle = whole;
        api.timeouts.until_head = Some(whole);
        let rig = Rig::with(api, |_| {});
        let mut client = narrow(&rig);
        client.send(&request);
        is_stuck.recv_timeout(PATIENCE).unwrap();
        // Longer than the upstream may take.
        thread::sleep(whole + STILL);
        let answer = loop {
            let answer = client.message();
            if answer.status() >= 200 {
                break answer;
            }
            assert_eq!(answer.status(), 103);
        };
        assert_eq!((answer.status(), answer.text()), (200, "ok"), "{request}");
    }
}

#[test]
fn a_client_that_never_takes_an_interim_answer_is_gone() {
    let (upstream, is_stuck) = generous();
    let mut api = api("/", upstream.address);
    api.timeouts.head = Duration::from_secs(6);
    let mut rig = Rig::with(api, |settings| {
        settings.timeouts.idle = Duration::from_secs(1);
    });
    let mut client = narrow(&rig);
    client.send(get("/"));
    is_stuck.recv_timeout(PATIENCE).unwrap();
    let record = rig.record();
    assert_eq!(
        (record.status, record.refusal),
        (499, Some(Refusal::ClientGone))
    );
    assert_eq!(rig.counters.refusals(Refusal::UpstreamTimeout), 0);
}
