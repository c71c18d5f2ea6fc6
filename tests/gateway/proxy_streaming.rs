//! Bodies in motion: nothing is held back, nothing is changed, and connections are used again.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use crate::api_keys::KeyApi;
use crate::harness::{Node, PATIENCE, RecordingServer, Reply, Style, keyless_api, wait_for};
use crate::rules::in_both_styles;
use crate::wire::Wire;
use crate::world::{World, unique};

/// Mounts an upstream and returns the base of its path.
fn mount(world: &World, target: &str) -> String {
    let id = unique("stream");
    world
        .node
        .create_api(&keyless_api(&id, &format!("/{id}/"), target));
    format!("/{id}")
}

/// A body whose every place differs from its neighbours.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[test]
fn an_event_arrives_before_the_next_one_is_sent() {
    let world = World::shared();
    let sent = Arc::new(AtomicUsize::new(0));
    let wanted = Arc::new(AtomicUsize::new(1));
    let upstream = RecordingServer::start({
        let (sent, wanted) = (Arc::clone(&sent), Arc::clone(&wanted));
        move |_| {
            let (sent, wanted) = (Arc::clone(&sent), Arc::clone(&wanted));
            Reply::raw(move |stream| {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).unwrap();
                for number in 1..=3 {
                    wait_for("the event is wanted", || {
                        wanted.load(Ordering::SeqCst) >= number
                    });
                    sent.store(number, Ordering::SeqCst);
                    let event = format!("data: {number}\n\n");
                    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                    stream.write_all(chunk.as_bytes()).unwrap();
                }
                stream.write_all(b"0\r\n\r\n").is_ok()
            })
        }
    });
    let base = mount(&world, &upstream.url("/"));
    let mut wire = Wire::connect(world.node.gateway());
    let head = wire.get(&format!("{base}/events")).head();
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, "text/event-stream")
    );
    for number in 1..=3 {
        assert_eq!(
            wire.chunk().unwrap(),
            format!("data: {number}\n\n").into_bytes()
        );
        assert_eq!(
            sent.load(Ordering::SeqCst),
            number,
            "nothing was sent ahead"
        );
        wanted.store(number + 1, Ordering::SeqCst);
    }
    assert_eq!(wire.chunk(), None);
    assert_eq!(wire.get(&format!("{base}/events")).head().status, 200);
}

#[test]
fn events_pass_at_once_whatever_is_recorded_case_98() {
    const EVENTS: usize = 5;
    let node = Node::builder()
        .configuration("[log]\nformat = \"json\"\naccess = true")
        .start();
    let world = World::of(node);
    let (sent, times) = sync_channel::<Instant>(EVENTS);
    let upstream = RecordingServer::replying(Reply::raw(move |stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for number in 0..EVENTS {
            std::thread::sleep(Duration::from_secs(1));
            sent.send(Instant::now()).unwrap();
            stream
                .write_all(format!("data: {number}\n\n").as_bytes())
                .unwrap();
        }
        false
    }));
    let mut definition = keyless_api("recorded", "/recorded/", &upstream.url("/"));
    definition["enable_detailed_recording"] = serde_json::json!(true);
    world.node.create_api(&definition);
    let mut wire = Wire::connect(world.node.gateway());
    // How late each event of one stream was.
    let mut late_by = |id: &str| {
        wire.send(format!(
            "GET /recorded/events HTTP/1.1\r\nHost: x\r\nX-Request-Id: {id}\r\n\r\n"
        ));
        assert_eq!(wire.head().status, 200);
        let late = (0..EVENTS).map(|number| {
            let event = wire.take_through(b"\n\n");
            let arrived = Instant::now();
            let event = String::from_utf8(event).unwrap();
            assert!(event.contains(&format!("data: {number}\n\n")), "{event}");
            arrived.duration_since(times.recv().unwrap())
        });
        let late: Vec<_> = late.collect();
        wire.take_through(b"\r\n0\r\n\r\n");
        late
    };
    // A stream may meet a busy moment of the machine; a gateway that holds an event back would do so in each.
    let ids = ["recorded-1", "recorded-2", "recorded-3"];
    let at_once = Duration::from_millis(200);
    let streams = ids.iter().position(|id| {
        let late = late_by(id);
        late.iter().all(|late| *late < at_once)
    });
    let streams = streams.expect("each event of a stream arrives within 200 ms") + 1;
    let records = || {
        let log = world.node.log();
        let of_request =
            |line: &&str| line.contains("\"access\"") && ids.iter().any(|id| line.contains(id));
        log.lines().filter(of_request).count()
    };
    wait_for("the records", || records() >= streams);
    // What comes behind it in the log was written behind it.
    let last = "GET /recorded-not HTTP/1.1\r\nHost: x\r\nX-Request-Id: behind-1\r\n\r\n";
    Wire::connect(world.node.gateway()).send(last).head();
    wait_for("the next record", || world.node.log().contains("behind-1"));
    assert_eq!(records(), streams, "one for each stream");
}

#[test]
fn a_request_body_arrives_before_its_end_is_sent() {
    let world = World::shared();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap());
    let base = mount(&world, &target);
    let mut client = Wire::connect(world.node.gateway());
    client.send(format!(
        "POST {base}/up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
    ));
    let mut upstream = Wire::accept(&listener);
    assert!(
        upstream
            .take_through(b"\r\n\r\n")
            .starts_with(b"POST /up HTTP/1.1\r\n")
    );
    assert_eq!(upstream.chunk().unwrap(), b"first");
    // An answer may come while the request is still under way.
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    assert_eq!(client.head().status, 200);
    assert_eq!(client.chunk().unwrap(), b"one");
    client.send("6\r\nsecond\r\n");
    assert_eq!(upstream.chunk().unwrap(), b"second");
    client.send("0\r\n\r\n");
    assert_eq!(upstream.chunk(), None);
    upstream.send("3\r\ntwo\r\n0\r\n\r\n");
    assert_eq!(client.chunk().unwrap(), b"two");
    assert_eq!(client.chunk(), None);
}

#[test]
fn ten_mebibytes_pass_unchanged_in_both_directions() {
    let world = World::shared();
    let body = pattern(10 * 1024 * 1024);
    let upstream = RecordingServer::start(|received| Reply::ok(received.body.clone()));
    let base = mount(&world, &upstream.url("/"));
    let url = world.node.gateway_url(&format!("{base}/big"));
    let answer = world
        .node
        .client()
        .send("POST", &url, &[], &body)
        .expect_status(200);
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
    // The same without a length said ahead.
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!(
        "POST {base}/big HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    for piece in body.chunks(64 * 1024) {
        wire.send(format!("{:x}\r\n", piece.len()))
            .send(piece)
            .send("\r\n");
    }
    let head = wire.send("0\r\n\r\n").head();
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, body.len().to_string().as_str())
    );
    assert!(wire.take(body.len()) == body);
}

#[test]
fn a_body_that_ends_with_its_connection_is_whole() {
    let world = World::shared();
    let upstream = RecordingServer::replying(Reply::raw(|stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
            .unwrap();
        false
    }));
    let base = mount(&world, &upstream.url("/"));
    let url = world.node.gateway_url(&base);
    assert_eq!(
        world.node.client().get(&url, &[]).expect_status(200).text(),
        "until the end"
    );
}

#[test]
fn an_answer_that_breaks_off_never_looks_whole() {
    let world = World::shared();
    for beginning in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let upstream = RecordingServer::replying(Reply::raw(move |stream| {
            stream.write_all(beginning.as_bytes()).unwrap();
            false
        }));
        let base = mount(&world, &upstream.url("/"));
        let url = world.node.gateway_url(&base);
        let answer = world.node.client().try_send("GET", &url, &[], b"");
        assert!(answer.is_err(), "{beginning}: {answer:?}");
    }
}

#[test]
fn connections_are_kept_on_both_sides() {
    let world = World::shared();
    let upstream = RecordingServer::replying(Reply::ok("kept"));
    let base = mount(&world, &upstream.url("/"));
    let mut wire = Wire::connect(world.node.gateway());
    for _ in 0..20 {
        assert_eq!(wire.get(&base).answer().1, "kept");
    }
    assert_eq!(upstream.connections(), 1);
    // Several at once in one write are answered in their order.
    let request = format!("GET {base}/ HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.send(request.repeat(5));
    for _ in 0..5 {
        assert_eq!(wire.answer().1, "kept");
    }
    wire.send(format!(
        "GET {base} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    ));
    let (head, _) = wire.answer();
    assert_eq!(head.header("connection"), "close");
    assert!(wire.is_closed());
    let mut old = Wire::connect(world.node.gateway());
    old.send(format!("GET {base} HTTP/1.0\r\nHost: x\r\n\r\n"));
    assert_eq!(old.answer().1, "kept");
    assert!(old.is_closed());
}

#[test]
fn a_kept_connection_that_the_upstream_closed_costs_no_request() {
    let world = World::shared();
    let upstream = RecordingServer::replying(Reply::raw(|stream| {
        // Looks kept, and is closed.
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .unwrap();
        false
    }));
    let base = mount(&world, &upstream.url("/"));
    let url = world.node.gateway_url(&base);
    for _ in 0..30 {
        assert_eq!(
            world.node.client().get(&url, &[]).expect_status(200).text(),
            "ok"
        );
    }
}

#[test]
fn an_expectation_is_answered_before_the_body() {
    let world = World::shared();
    let base = mount(&world, &world.upstream.url("/"));
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!(
        "POST {base}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(wire.head().status, 100);
    let (head, body) = wire.send("body").answer();
    assert_eq!(head.status, 200);
    assert!(body.contains("\"body\":\"body\""), "{body}");
}

#[test]
fn who_may_not_call_is_told_so_and_not_asked_for_a_body() {
    in_both_styles(|world, style| {
        let missing = ((401, "unauthorized"), (401, "Authorization field missing"));
        let keyed = KeyApi::new(world, style, serde_json::json!({}));
        let path = format!("/{}", unique("asked"));
        let begin = |credential: &str| {
            let mut wire = Wire::connect(world.node.gateway());
            let waits = "Content-Length: 4\r\nExpect: 100-continue";
            wire.send(format!(
                "POST /{}{path} HTTP/1.1\r\nHost: x\r\n{credential}{waits}\r\n\r\n",
                keyed.id
            ));
            wire
        };
        let mut wire = begin("");
        // The first that comes is the last: no 100 before it, and no reading of what may or may not follow.
        let (head, body) = wire.answer();
        let (status, words) = match style {
            Style::Rfc => missing.0,
            Style::Tyk => missing.1,
        };
        assert_eq!(
            (head.status, body.contains(words)),
            (status, true),
            "{body}"
        );
        assert_eq!(head.header("connection"), "close");
        let asks = head.header("www-authenticate");
        assert_eq!(asks.starts_with("Bearer "), style == Style::Rfc, "{asks}");
        assert!(wire.finish().is_closed());
        // With a right key the same request is asked for its body, and is the first that the upstream sees.
        let key = keyed.key(serde_json::json!({}));
        let mut wire = begin(&format!("Authorization: {key}\r\n"));
        assert_eq!(wire.head().status, 100);
        assert_eq!(wire.send("body").answer().0.status, 200);
        let received = world.upstream.received();
        let seen = received.iter().filter(|request| request.target == path);
        assert_eq!(seen.count(), 1);
    });
}

#[test]
fn an_answer_that_is_early_ends_the_connection() {
    let world = World::shared();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap());
    let base = mount(&world, &target);
    for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let mut client = Wire::connect(world.node.gateway());
        client.send(format!(
            "POST {base}/up HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n5\r\nfirst\r\n"
        ));
        let mut upstream = Wire::accept(&listener);
        let seen = upstream.take_through(b"first");
        assert!(seen.starts_with(b"POST /up HTTP/1.1\r\n"));
        upstream.send("HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\nenough");
        let (head, body) = client.answer();
        assert_eq!((head.status, body.as_str()), (413, "enough"), "{framing}");
        // What the client sends on is none of its next request's.
        assert_eq!(head.header("connection"), "close", "{framing}");
        client.send(format!("GET {base}/next HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(client.finish().is_closed(), "{framing}");
        // Nor does the upstream's connection carry another one.
        let rest = String::from_utf8_lossy(&upstream.rest()).into_owned();
        assert!(!rest.contains("/next HTTP"), "{framing}: {rest}");
    }
}

#[test]
fn a_client_that_leaves_ends_the_request_at_the_upstream() {
    let world = World::shared();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap());
    let base = mount(&world, &target);
    let mut client = Wire::connect(world.node.gateway());
    client.get(&base);
    let mut upstream = Wire::accept(&listener);
    upstream.take_through(b"\r\n\r\n");
    drop(client);
    let began = std::time::Instant::now();
    assert!(upstream.is_closed());
    assert!(
        began.elapsed() < PATIENCE,
        "the upstream connection stayed open"
    );
}
