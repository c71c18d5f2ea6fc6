//! A corpus of requests that two readers could understand differently: each is refused, and nothing of it goes on.

use std::sync::mpsc::sync_channel;

use crate::rig::Rig;
use crate::wire::{Upstream, get};

/// What stands behind the ambiguous request; it must never be taken for a request of its own.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: g\r\n\r\n";

const CORPUS: &[(&str, u16)] = &[
    // Two lengths.
    (
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 0, 40\r\n\r\n",
        400,
    ),
    // Lengths that are none.
    (
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: +0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 0x0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: \r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 0 0\r\n\r\n",
        400,
    ),
    // Transfer codings that are not exactly chunked.
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.0\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    // Names and lines.
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("POST / HTTP/1.1\nHost: g\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: g\r\nX[]: y\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: g\r\nX: \x00\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: g\r\n: y\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: g\r\n\n", 400),
    ("GET  / HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    // Hosts.
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: g\r\nHost: g\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: g\r\nhost: other\r\n\r\n", 400),
    ("GET http://other/ HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: g@other\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: g/x\r\n\r\n", 400),
    // Targets.
    ("GET /a/../b HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    ("GET /a/%2e%2e/b HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    ("GET /a/..%2fb HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    ("GET /a#b HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    ("GET * HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    ("GET g:80 HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    // Versions and methods.
    ("GET / HTTP/1.2\r\nHost: g\r\n\r\n", 505),
    ("GET / HTTP/2.0\r\nHost: g\r\n\r\n", 505),
    ("GET /\r\n\r\n", 400),
    ("CONNECT g:80 HTTP/1.1\r\nHost: g:80\r\n\r\n", 501),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nExpect: something\r\nContent-Length: 0\r\n\r\n",
        417,
    ),
    // Chunks whose fault is at hand with the head.
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n-0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n 0\r\n\r\n",
        400,
    ),
];

#[test]
fn ambiguous_requests_are_refused_and_nothing_of_them_goes_on() {
    let (sender, seen) = sync_channel(1024);
    let upstream = Upstream::start(move |mut wire, _| {
        while let Ok(Some(request)) = wire.try_message(true) {
            sender.send(request.head).unwrap();
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let rig = Rig::before(&upstream);
    for (request, status) in CORPUS {
        let mut client = rig.connect();
        // A request that goes well first: the connection is one that would be kept.
        assert_eq!(client.ask(get("/before")).status(), 200);
        assert!(seen.recv().unwrap().starts_with("GET /before"));
        let refused = client.ask(format!("{request}{SMUGGLED}"));
        assert_eq!(refused.status(), *status, "{request:?}");
        assert_eq!(refused.field("connection"), Some("close"), "{request:?}");
        assert!(refused.field("x-request-id").is_some(), "{request:?}");
        client.expect_end();
        assert_eq!(seen.try_iter().next(), None, "{request:?}");
    }
}

#[test]
fn every_way_to_cut_a_request_gives_the_same_two_requests() {
    let rig = Rig::before(&Upstream::echo());
    let text = "POST /a HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: g\r\n\r\n";
    let mut client = rig.connect();
    let mut beside = rig.connect();
    for cut in 1..text.len() {
        let (first, second) = text.split_at(cut);
        client.send(first);
        // The one worker has taken the first part when it answers somebody else.
        assert_eq!(beside.ask(get("/hello")).status(), 201);
        client.send(second);
        assert!(
            client.message().text().starts_with("POST /a HTTP/1.1\r\n"),
            "{cut}"
        );
        assert!(
            client.message().text().starts_with("GET /b HTTP/1.1\r\n"),
            "{cut}"
        );
    }
}

#[test]
fn fields_of_one_hop_stay_at_their_hop() {
    let upstream = Upstream::start(|mut wire, _| {
        let request = wire.message();
        let body = request.head.to_lowercase();
        wire.send(format!(
            "HTTP/1.1 200 OK\r\nConnection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\n\
             Upgrade: h2c\r\nProxy-Authenticate: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    });
    let rig = Rig::before(&upstream);
    let answer = rig.connect().ask(
        "GET / HTTP/1.1\r\nHost: g\r\nConnection: X-Mine, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n\
         Upgrade: websocket\r\nProxy-Authorization: x\r\nTE: gzip\r\nX-Stays: 1\r\n\r\n",
    );
    for gone in [
        "connection:",
        "x-mine",
        "keep-alive",
        "upgrade",
        "proxy-",
        "te:",
    ] {
        assert!(!answer.text().contains(&format!("\n{gone}")), "{gone}");
    }
    assert!(answer.text().contains("x-stays: 1"));
    for gone in [
        "connection",
        "x-secret",
        "keep-alive",
        "upgrade",
        "proxy-authenticate",
    ] {
        assert_eq!(answer.field(gone), None);
    }
}
