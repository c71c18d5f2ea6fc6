//! A drain answers what is in flight, takes nothing new, and ends in bounded time.

use std::net::TcpStream;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::rig::{Rig, api, eventually};
use crate::wire::{PATIENCE, Upstream, get};

/// How long a drain may take that something holds up.
const LIMIT: Duration = Duration::from_secs(1);

#[test]
fn requests_in_flight_are_answered_and_idle_connections_closed() {
    let (asked_sender, asked) = sync_channel(1);
    let (go, gone) = sync_channel::<()>(1);
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.message();
        asked_sender.send(()).unwrap();
        gone.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    });
    let mut rig = Rig::before(&upstream);
    let mut idle = rig.connect();
    assert_eq!(idle.ask(get("/hello")).status(), 201);
    let mut busy = rig.connect();
    busy.send(get("/"));
    asked.recv_timeout(PATIENCE).unwrap();
    rig.begin_drain();
    idle.expect_end();
    eventually("no new connections", || {
        TcpStream::connect(rig.address).is_err().then_some(())
    });
    go.send(()).unwrap();
    let answer = busy.message();
    assert_eq!(
        (answer.text(), answer.field("connection")),
        ("late", Some("close"))
    );
    busy.expect_end();
    rig.wait();
}

#[test]
fn what_does_not_end_is_ended() {
    let (asked_sender, asked) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.message();
        asked_sender.send(()).unwrap();
        let _ = wire.rest();
    });
    let mut rig = Rig::with(api("/", upstream.address), |settings| {
        settings.drain = LIMIT;
    });
    let mut busy = rig.connect();
    busy.send(get("/"));
    asked.recv_timeout(PATIENCE).unwrap();
    rig.begin_drain();
    // Neither side of it would ever end by itself.
    busy.expect_end();
    rig.wait();
}
