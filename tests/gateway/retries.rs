//! Second tries, for APIs that ask for them: of what is idempotent, at hand, and without a byte of an answer.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::balancing::{
    Balanced, Speechless, UNREACHABLE, assert_named, definition, named, nowhere,
};
use crate::harness::{RecordingServer, Reply, STYLES, Style};
use crate::timeouts_and_sizes::TIMEOUT;
use crate::wire::Wire;
use crate::world::{World, unique};

/// An upstream that does `first` with the first so many requests, and answers the others `ok`.
fn failing_first(failures: usize, first: Reply) -> RecordingServer {
    let seen = AtomicUsize::new(0);
    RecordingServer::start(move |received| {
        if seen.fetch_add(1, Ordering::SeqCst) < failures {
            first.clone()
        } else {
            Reply::ok(format!("ok {}", received.text()))
        }
    })
}

fn api<'w>(world: &'w World, style: Style, upstream: &RecordingServer, own: Value) -> Balanced<'w> {
    Balanced::new(world, style, &[upstream.url("/")], own)
}

#[test]
fn what_got_no_answer_is_asked_again_only_where_the_api_says_so() {
    let world = World::shared();
    let plain = failing_first(1, Reply::Close);
    api(&world, Style::Rfc, &plain, json!({}))
        .ask("GET", "/x", b"")
        .expect_status(502);
    assert_eq!(plain.received().len(), 1);
    for (method, body) in [
        ("GET", ""),
        ("PUT", "body"),
        ("DELETE", ""),
        ("HEAD", ""),
        ("OPTIONS", ""),
    ] {
        let upstream = failing_first(1, Reply::Close);
        let api = api(&world, Style::Rfc, &upstream, json!({"retries": {}}));
        let mut wire = Wire::connect(world.node.gateway());
        // In one piece, so that the body is at hand with the head.
        wire.send(format!(
            "{method} /{}/x?y=z HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            api.id,
            body.len()
        ));
        let head = wire.head();
        assert_eq!(head.status, 200, "{method}");
        let received = upstream.received();
        assert_eq!(received.len(), 2, "{method}");
        assert_eq!(received[0].head, received[1].head, "{method}");
        assert_eq!(
            (received[0].text(), received[1].text()),
            (body.to_owned(), body.to_owned())
        );
        if method != "HEAD" {
            let expected = format!("ok {body}");
            assert_eq!(wire.take(expected.len()), expected.as_bytes());
        }
    }
}

#[test]
fn what_is_not_idempotent_is_never_repeated() {
    let world = World::shared();
    for style in STYLES {
        for method in ["POST", "PATCH"] {
            let upstream = failing_first(9, Reply::Close);
            let own = json!({"retries": {"attempts": 5, "on": ["connect", "closed", "timeout"]}});
            let api = api(&world, style, &upstream, own);
            api.assert_refused(&api.ask(method, "/x", b"body"), UNREACHABLE);
            assert_eq!(upstream.received().len(), 1, "{method}");
        }
    }
}

#[test]
fn tries_are_bounded() {
    let world = World::shared();
    for style in STYLES {
        let upstream = failing_first(99, Reply::Close);
        let api = api(
            &world,
            style,
            &upstream,
            json!({"retries": {"attempts": 3}}),
        );
        api.assert_refused(&api.ask("GET", "/x", b""), UNREACHABLE);
        assert_eq!(upstream.received().len(), 3);
    }
    // Targets that cannot be connected to use none of the tries up for ever either.
    let speechless = Speechless::new(8);
    let own = json!({"connect_timeout_ms": 100, "retries": {"attempts": 5}});
    let api = Balanced::new(&world, Style::Rfc, &speechless.targets(), own);
    api.assert_refused(&api.ask("GET", "/x", b""), TIMEOUT);
    // The first one, three other targets, and four more tries.
    speechless.assert_connections(8);
}

#[test]
fn another_try_goes_to_another_target() {
    let world = World::shared();
    let (dying, standing) = (failing_first(99, Reply::Close), named("b"));
    let targets = [dying.url("/"), standing.url("/")];
    let own = json!({"retries": {"attempts": 2}});
    let api = Balanced::new(&world, Style::Rfc, &targets, own);
    for _ in 0..6 {
        let answer = api.ask("GET", "/x", b"").expect_status(200);
        assert_eq!(answer.text(), "b");
    }
    assert!(!dying.received().is_empty());
    // Of what may not be repeated, at most every other one fails.
    let statuses: Vec<u16> = (0..6)
        .map(|_| api.ask("POST", "/x", b"body").status)
        .collect();
    let failed = statuses.iter().filter(|status| **status == 502).count();
    assert_eq!((failed, statuses.len()), (3, 6), "{statuses:?}");
}

#[test]
fn an_answer_that_has_begun_is_not_asked_for_again() {
    let world = World::shared();
    for beginning in [
        "H",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    ] {
        let upstream = failing_first(
            9,
            Reply::raw(move |stream| {
                stream.write_all(beginning.as_bytes()).unwrap();
                false
            }),
        );
        let own = json!({"retries": {"attempts": 3, "on": ["connect", "closed", "timeout"]}});
        let api = api(&world, Style::Rfc, &upstream, own);
        let url = world.node.gateway_url(&format!("/{}/x", api.id));
        let answer = world.node.client().try_send("GET", &url, &[], b"");
        assert!(
            answer.as_ref().is_ok_and(|answer| answer.status == 502) || answer.is_err(),
            "{answer:?}"
        );
        assert_eq!(upstream.received().len(), 1, "{beginning}");
    }
    // Whatever the upstream says is an answer.
    let unwell = failing_first(9, Reply::status(503, "unwell"));
    let api = api(
        &world,
        Style::Rfc,
        &unwell,
        json!({"retries": {"attempts": 3}}),
    );
    assert_eq!(
        api.ask("GET", "/x", b"").expect_status(503).text(),
        "unwell"
    );
    assert_eq!(unwell.received().len(), 1);
}

#[test]
fn a_body_that_was_streamed_is_not_sent_again() {
    let world = World::shared();
    let upstream = failing_first(9, Reply::Close);
    let api = api(
        &world,
        Style::Rfc,
        &upstream,
        json!({"retries": {"attempts": 3}}),
    );
    let answer = api.ask("PUT", "/x", &vec![b'x'; 4 * 1024 * 1024]);
    assert_eq!(answer.status, 502);
    assert_eq!(upstream.received().len(), 1);
}

#[test]
fn what_takes_too_long_is_asked_again_where_timeouts_are_named() {
    let world = World::shared();
    let own = |on: Value| json!({"response_head_timeout_ms": 300, "retries": {"on": on}});
    let upstream = failing_first(1, Reply::Hang);
    let named = api(&world, Style::Rfc, &upstream, own(json!(["timeout"])));
    named.ask("GET", "/x", b"").expect_status(200);
    assert_eq!(upstream.received().len(), 2);
    let upstream = failing_first(1, Reply::Hang);
    let unnamed = api(
        &world,
        Style::Rfc,
        &upstream,
        own(json!(["connect", "closed"])),
    );
    unnamed.ask("GET", "/x", b"").expect_status(504);
    assert_eq!(upstream.received().len(), 1);
}

#[test]
fn no_try_outlives_the_total_time() {
    let world = World::shared();
    let upstream = failing_first(99, Reply::Hang);
    let own = json!({
        "response_head_timeout_ms": 1000, "total_timeout_ms": 1500,
        "retries": {"attempts": 5, "on": ["timeout"]}
    });
    let api = api(&world, Style::Rfc, &upstream, own);
    api.ask("GET", "/x", b"").expect_status(504);
    // Without it there would have been five; the second one has half the time that it would have had.
    assert_eq!(upstream.received().len(), 2);
}

#[test]
fn retries_that_are_none_are_400_by_name() {
    let world = World::shared();
    for (retries, named) in [
        (
            json!({"attempts": 1}),
            "raftgate.retries.attempts: must be a whole number from 2 to 5",
        ),
        (
            json!({"on": ["503"]}),
            "raftgate.retries.on[0]: must be connect, closed or timeout",
        ),
        (
            json!({"on": []}),
            "raftgate.retries.on: must name what is tried again",
        ),
        (json!(true), "raftgate.retries: must be an object"),
    ] {
        let own = json!({"retries": retries});
        let faulty = definition(&unique("faulty"), Style::Rfc, &[nowhere()], own);
        assert_named(&world, "/tyk/apis", &faulty, named);
    }
}
