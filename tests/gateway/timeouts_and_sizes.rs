//! How long an upstream may take and how large a request may be, per path and per API.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::balancing::{Balanced, Speechless};
use crate::harness::{Answer, Node, RecordingServer, Reply, Style};
use crate::rules::{RuledApi, definition, extended_paths, in_both_styles, single_version};
use crate::wire::Wire;
use crate::world::{World, echo, unique};

pub(crate) const TIMEOUT: ((u16, &str), (u16, &str)) = (
    (504, "gateway_timeout"),
    (504, "Upstream service reached hard timeout."),
);

/// A world whose upstream takes two seconds where the path says so.
pub(crate) fn slow_world(configuration: &str) -> World {
    let world = World::of(Node::builder().configuration(configuration).start());
    world.upstream.set_script(|received| {
        if received.target.contains("slow") {
            echo(received).after(Duration::from_secs(2))
        } else {
            echo(received)
        }
    });
    world
}

#[test]
fn a_paths_timeout_beats_the_apis_and_that_the_gateways_case_93() {
    let world = slow_world("[limits]\nupstream_head_timeout_ms = 600\n");
    for style in crate::harness::STYLES {
        let timed = |api: &RuledApi<'_>, path: &str| -> (Answer, Duration) {
            let began = Instant::now();
            (api.get(path), began.elapsed())
        };
        let plain = RuledApi::new(&world, style, json!({}));
        let (answer, took) = timed(&plain, "/slow");
        plain.assert_refused(&answer, TIMEOUT.0, TIMEOUT.1);
        assert!(
            took < Duration::from_millis(1900),
            "the gateway's: {took:?}"
        );

        let patient = json!({"global_enforce_timeout": {"timeout": 5}});
        RuledApi::new(&world, style, patient)
            .get("/slow")
            .expect_status(200);
        let own =
            json!({"raftgate": {"error_style": style.name(), "response_head_timeout_ms": 5000}});
        RuledApi::new(&world, style, own)
            .get("/slow")
            .expect_status(200);

        let mut fields = single_version(extended_paths(json!({"hard_timeouts": [
            {"path": "/slow/x", "method": "GET", "timeout": 1},
            {"path": "/slow/off", "method": "GET", "timeout": 1, "disabled": true},
            {"path": "/slow/y", "method": "GET", "timeout_duration": "300ms"}
        ]})));
        fields["global_enforce_timeout"] = json!({"timeout": 5});
        let api = RuledApi::new(&world, style, fields);
        for path in ["/slow/x", "/slow/y"] {
            let (answer, took) = timed(&api, path);
            api.assert_refused(&answer, TIMEOUT.0, TIMEOUT.1);
            assert!(took < Duration::from_millis(1900), "{path}: {took:?}");
        }
        api.get("/slow/off").expect_status(200);
        api.get("/x").expect_status(200);
    }
}

/// The field that gives the path `/x` this timeout.
fn hard_timeout(duration: &str) -> Value {
    single_version(extended_paths(json!({"hard_timeouts": [
        {"path": "/x", "method": "GET", "timeout_duration": duration},
        {"path": "/x", "method": "POST", "timeout_duration": duration}
    ]})))
}

#[test]
fn a_paths_timeout_is_one_for_all_targets_together() {
    let world = World::shared();
    for style in crate::harness::STYLES {
        let speechless = Speechless::new(4);
        let targets = speechless.targets();
        let api = Balanced::ruled(&world, style, &targets, json!({}), hard_timeout("300ms"));
        api.assert_refused(&api.ask("GET", "/x", b""), TIMEOUT);
        speechless.assert_connections(1);
        // What took all of the time and was no connection is passed over by the next request.
        api.assert_refused(&api.ask("GET", "/x", b""), TIMEOUT);
        speechless.assert_connections(2);
    }
}

#[test]
fn a_paths_timeout_is_one_for_all_tries_together() {
    let world = World::shared();
    let upstream = RecordingServer::replying(Reply::Hang);
    let own = json!({"retries": {"attempts": 5, "on": ["connect", "closed", "timeout"]}});
    let targets = [upstream.url("/")];
    let fields = hard_timeout("300ms");
    let api = Balanced::ruled(&world, Style::Rfc, &targets, own, fields);
    api.assert_refused(&api.ask("GET", "/x", b""), TIMEOUT);
    assert_eq!(upstream.received().len(), 1);
}

#[test]
fn the_time_of_the_clients_own_upload_is_not_the_upstreams() {
    let world = World::shared();
    let upstream = RecordingServer::start(|received| {
        if received.target.contains("hangs") {
            Reply::Hang
        } else {
            echo(received)
        }
    });
    let targets = [upstream.url("/")];
    let fields = hard_timeout("400ms");
    let api = Balanced::ruled(&world, Style::Rfc, &targets, json!({}), fields);
    for (query, status) in [("", 200), ("?hangs", 504)] {
        let mut wire = Wire::connect(world.node.gateway());
        let framing = "Transfer-Encoding: chunked";
        let id = &api.id;
        wire.send(format!(
            "POST /{id}/x{query} HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n"
        ));
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1200) {
            wire.send("1\r\nx\r\n");
            std::thread::sleep(Duration::from_millis(20));
        }
        wire.send("0\r\n\r\n");
        assert_eq!(wire.answer().0.status, status);
    }
}

#[test]
fn a_paths_timeout_looks_at_no_case_where_its_version_says_so() {
    let world = World::shared();
    let slow = RecordingServer::start(|received| echo(received).after(Duration::from_millis(1200)));
    for style in crate::harness::STYLES {
        for looks_at_case in [true, false] {
            let mut rules = extended_paths(json!({"hard_timeouts": [
                {"path": "/Slow", "method": "GET", "timeout_duration": "300ms"}
            ]}));
            rules["ignore_endpoint_case"] = json!(!looks_at_case);
            let (targets, fields) = ([slow.url("/")], single_version(rules));
            let api = Balanced::ruled(&world, style, &targets, json!({}), fields);
            let answer = api.ask("GET", "/sLOW", b"");
            if looks_at_case {
                answer.expect_status(200);
            } else {
                api.assert_refused(&answer, TIMEOUT);
            }
        }
    }
}

#[test]
fn an_upstream_that_does_not_read_uses_up_its_own_time() {
    let world = World::shared();
    // It takes connections, and nothing that comes over them.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let targets = [format!("http://{}/", deaf.local_addr().unwrap())];
    let fields = hard_timeout("400ms");
    let api = Balanced::ruled(&world, Style::Rfc, &targets, json!({}), fields);
    let body = vec![b'x'; 16 * 1024 * 1024];
    // All its other times are longer than whoever asks here waits.
    api.assert_refused(&api.ask("POST", "/x", &body), TIMEOUT);
}

#[test]
fn bodies_take_longer_than_the_head_may() {
    let world = World::of(Node::start());
    world.upstream.set_script(|_| {
        Reply::raw(|stream| {
            use std::io::Write;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
            std::thread::sleep(Duration::from_millis(1500));
            stream.write_all(b"cd").is_ok()
        })
    });
    let fields = json!({"global_enforce_timeout": {"timeout": 1}});
    let api = RuledApi::new(&world, Style::Rfc, fields);
    assert_eq!(api.get("/x").expect_status(200).text(), "abcd");
}

pub(crate) fn post(api: &RuledApi<'_>, path: &str, bytes: usize) -> Answer {
    let client = api.world.node.client();
    client.send("POST", &api.url(path), &[], &vec![b'x'; bytes])
}

#[test]
fn a_request_larger_than_its_api_allows_is_refused_case_16() {
    in_both_styles(|world, style| {
        let mut rules = extended_paths(json!({"size_limits": [
            {"path": "/small", "method": "POST", "size_limit": 10},
            {"path": "/large", "method": "POST", "size_limit": 4096}
        ]}));
        rules["global_size_limit"] = json!(1024);
        let api = RuledApi::of_version(world, style, rules);
        let too_large = ((413, "request_too_large"), (400, "Request is too large"));
        for (path, fits, not) in [
            ("/x", 1024, 1025),
            ("/small", 10, 11),
            ("/large", 4096, 4097),
        ] {
            post(&api, path, fits).expect_status(200);
            api.assert_refused(&post(&api, path, not), too_large.0, too_large.1);
        }
        api.get("/x").expect_status(200);
        let off = json!({"global_size_limit": 10, "global_size_limit_disabled": true});
        post(&RuledApi::of_version(world, style, off), "/x", 11).expect_status(200);
    });
}

#[test]
fn a_body_of_unknown_length_is_refused_in_tyks_style_and_counted_in_ours_case_16() {
    let world = World::shared();
    for style in crate::harness::STYLES {
        let rules = json!({"global_size_limit": 8});
        let api = RuledApi::of_version(&world, style, rules);
        let chunked = |chunks: &str| {
            let request = format!(
                "POST /{}/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}",
                api.id
            );
            crate::rules::ask_raw(world.node.gateway(), request.as_bytes())
        };
        let (small, large) = (
            chunked("8\r\n12345678\r\n0\r\n\r\n"),
            chunked("5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n"),
        );
        match style {
            Style::Tyk => {
                for answer in [small, large, chunked("0\r\n\r\n")] {
                    assert!(answer.starts_with("HTTP/1.1 411"), "{answer}");
                    assert!(answer.contains("Content length is required for this request"));
                }
            }
            Style::Rfc => {
                assert!(small.starts_with("HTTP/1.1 200"), "{small}");
                assert!(large.starts_with("HTTP/1.1 413"), "{large}");
            }
        }
        api.get("/x").expect_status(200);
    }
}

#[test]
fn timeouts_and_sizes_that_are_none_are_400_by_name() {
    let world = World::shared();
    let version = |rules: Value| single_version(rules);
    for (fields, named) in [
        (
            json!({"global_enforce_timeout": {"timeout": -1}}),
            "global_enforce_timeout.timeout",
        ),
        (
            json!({"raftgate": {"response_head_timeout_ms": 0}}),
            "raftgate.response_head_timeout_ms",
        ),
        (
            version(extended_paths(
                json!({"hard_timeouts": [{"path": "/x", "timeout_duration": "soon"}]}),
            )),
            "hard_timeouts[0].timeout_duration",
        ),
        (
            version(json!({"global_size_limit": -1})),
            "global_size_limit",
        ),
    ] {
        let api = definition(&world, &unique("faulty"), Style::Rfc, fields);
        let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
        let message = crate::apis::message(&answer);
        assert!(message.contains(named), "{message}");
    }
}
