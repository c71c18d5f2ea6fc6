//! Requests that cannot be understood or are too much, and upstreams that fail: each with its own answer.

use std::net::TcpListener;

use serde_json::json;

use crate::harness::{Node, RecordingServer, Reply, STYLES, Style, keyless_api, merge};
use crate::rules::RuledApi;
use crate::wire::Wire;
use crate::world::{World, echo, unique};

/// A keyless API on the shared upstream.
fn mount(world: &World) -> String {
    let id = unique("limit");
    world.node.create_api(&keyless_api(
        &id,
        &format!("/{id}/"),
        &world.upstream.url("/"),
    ));
    format!("/{id}")
}

/// Bytes that make two readers see two requests where one reader sees one; none may reach an upstream as two, and each is a 400.
fn smuggled(base: &str) -> Vec<String> {
    let hidden = format!("GET {base}/hidden HTTP/1.1\r\nHost: x\r\n\r\n");
    let post = |fields: &str, body: &str| {
        format!("POST {base}/open HTTP/1.1\r\nHost: x\r\n{fields}\r\n{body}")
    };
    let length = hidden.len();
    vec![
        post(
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            &format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
            &hidden,
        ),
        post(&format!("Content-Length: {length}, 0\r\n"), &hidden),
        post(&format!("Content-Length: +{length}\r\n"), &hidden),
        post(&format!("Content-Length: 0x{length:x}\r\n"), &hidden),
        post(&format!("Content-Length : {length}\r\n"), &hidden),
        post(
            &format!("Content-Length: {length}\r\n Transfer-Encoding: chunked\r\n"),
            &hidden,
        ),
        post(
            "Transfer-Encoding : chunked\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: xchunked\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: chunked, identity\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: identity, chunked\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: \x0bchunked\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding:\r\n chunked\r\n",
            &format!("0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: chunked\r\n",
            &format!("0x0\r\n\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: chunked\r\n",
            &format!("fffffffffffffffff\r\n{hidden}"),
        ),
        post(
            "Transfer-Encoding: chunked\r\n",
            &format!("2\r\nabc\r\n0\r\n\r\n{hidden}"),
        ),
        post("Transfer-Encoding: chunked\r\n", &format!("0\n\n{hidden}")),
        format!("GET {base}/open HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 9\r\n\r\n{hidden}"),
        format!("GET {base}/open HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n{hidden}"),
        format!("GET {base}/open HTTP/1.1\r\nHost: x\r\n\r\n")
            .replace("Host: x", "Host: x\r\nHost: y"),
        format!("GET {base}/open HTTP/1.1\r\n\r\n"),
        format!(
            "GET {base}/open HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!("GET  {base}/open HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET {base}/open HTTP/1.1\r\nHost: x\r\n X-Folded: 1\r\n\r\n"),
        format!("GET {base}/open\tHTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET {base}/../{base}/open HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET {base}/open#part HTTP/1.1\r\nHost: x\r\n\r\n"),
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}".to_owned(),
    ]
}

#[test]
fn a_request_that_can_be_read_in_two_ways_is_refused_and_its_connection_closed() {
    let world = World::shared();
    let upstream = RecordingServer::start(echo);
    let id = unique("smuggle");
    let base = format!("/{id}");
    world
        .node
        .create_api(&keyless_api(&id, &base, &upstream.url("/")));
    let mut cases: Vec<_> = smuggled(&base)
        .into_iter()
        .map(|bytes| (400, bytes))
        .collect();
    let lines = "Host: x\r\n\r\n";
    cases.extend([
        (505, format!("GET {base}/open HTTP/2.0\r\n{lines}")),
        (501, format!("CONNECT {base}:80 HTTP/1.1\r\n{lines}")),
        (
            501,
            "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n".to_owned(),
        ),
        // A space in the target is no version that somebody else may speak.
        (400, format!("GET {base}/a b HTTP/1.1\r\n{lines}")),
    ]);
    let mut wrong = Vec::new();
    for (status, bytes) in cases {
        let mut wire = Wire::connect(world.node.gateway());
        let head = wire.send(&bytes).finish().head();
        if head.status != status {
            wrong.push(format!("{bytes:?}: {} and not {status}", head.status));
        }
        assert!(!head.header("x-request-id").is_empty(), "{bytes:?}");
        let length = head.header("content-length").parse().unwrap();
        wire.take(length);
        assert!(wire.is_closed(), "{bytes:?} went on");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let hidden: Vec<_> = upstream
        .received()
        .into_iter()
        .filter(|received| received.target.contains("hidden"))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn a_head_over_its_limit_is_431() {
    let node = Node::builder()
        .configuration("[limits]\nrequest_head_bytes = 4096\nrequest_headers = 20")
        .start();
    let world = World::of(node);
    let base = mount(&world);
    let status = |fields: String| {
        let mut wire = Wire::connect(world.node.gateway());
        wire.send(format!("GET {base}/ HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
        wire.head().status
    };
    assert_eq!(status(format!("X-Long: {}\r\n", "v".repeat(3500))), 200);
    assert_eq!(status(format!("X-Long: {}\r\n", "v".repeat(5000))), 431);
    assert_eq!(status("X-Many: 1\r\n".repeat(15)), 200);
    assert_eq!(status("X-Many: 1\r\n".repeat(25)), 431);
    // A head that never ends is not waited for.
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!(
        "GET {base}/ HTTP/1.1\r\nHost: x\r\nX-Long: {}",
        "v".repeat(8000)
    ));
    assert_eq!(wire.head().status, 431);
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!(
        "GET {base}/{} HTTP/1.1\r\nHost: x\r\n\r\n",
        "p".repeat(5000)
    ));
    assert!(matches!(wire.head().status, 414 | 431));
}

#[test]
fn a_body_over_the_nodes_limit_is_told_in_the_words_of_the_style() {
    let node = Node::builder()
        .configuration("[limits]\nrequest_body_bytes = 1024")
        .start();
    let world = World::of(node);
    for (style, words) in [
        (Style::Rfc, "the request body is too large"),
        (Style::Tyk, "Request Entity Too Large"),
    ] {
        let api = RuledApi::new(&world, style, json!({}));
        let body = [b'x'; 1025];
        let client = world.node.client();
        let answer = client.send("POST", &api.url("/x"), &[], &body);
        let text = answer.expect_status(413).text();
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_body_over_its_limit_is_413_and_reaches_no_upstream_whole() {
    let node = Node::builder()
        .configuration("[limits]\nrequest_body_bytes = 1024")
        .start();
    let world = World::of(node);
    let base = mount(&world);
    let url = world.node.gateway_url(&format!("{base}/"));
    let body = [b'x'; 1025];
    world
        .node
        .client()
        .send("POST", &url, &[], &body[..1024])
        .expect_status(200);
    let answer = world
        .node
        .client()
        .send("POST", &url, &[], &body)
        .expect_status(413);
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(world.upstream.received().len(), 1);
    // Chunked, where only the running count can tell.
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!(
        "POST {base}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    for _ in 0..3 {
        wire.send(format!("200\r\n{}\r\n", "x".repeat(512)));
    }
    wire.send("0\r\n\r\n");
    assert_eq!(wire.head().status, 413);
    let whole = world.upstream.received();
    assert!(
        whole.iter().all(|received| received.body.len() <= 1024),
        "{}",
        whole.len()
    );
}

#[test]
fn slow_heads_and_bodies_are_408() {
    let node = Node::builder()
        .configuration("[limits]\nrequest_head_timeout_ms = 100\nrequest_idle_timeout_ms = 100\nkeep_alive_ms = 150")
        .start();
    let world = World::of(node);
    let base = mount(&world);
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!("GET {base}/ HTTP/1.1\r\nHo"));
    assert_eq!(wire.head().status, 408);
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!(
        "POST {base}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"
    ));
    assert_eq!(wire.head().status, 408);
    // A connection that asks nothing is closed without a word.
    let mut idle = Wire::connect(world.node.gateway());
    assert!(idle.is_closed());
}

#[test]
fn an_upstream_that_refuses_is_502_and_tyks_500() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let broken = RecordingServer::replying(Reply::Close);
    let nonsense = RecordingServer::replying(Reply::raw(|stream| {
        use std::io::Write;
        stream.write_all(b"not HTTP at all\r\n\r\n").unwrap();
        false
    }));
    let world = World::shared();
    for target in [closed, broken.url("/"), nonsense.url("/")] {
        for (style, status) in [("rfc", 502), ("tyk", 500)] {
            let id = unique("refused");
            let mut definition = keyless_api(&id, &format!("/{id}/"), &target);
            merge(&mut definition, json!({"raftgate": {"error_style": style}}));
            world.node.create_api(&definition);
            let url = world.node.gateway_url(&format!("/{id}/"));
            let answer = world.node.client().get(&url, &[]).expect_status(status);
            if style == "tyk" {
                let body = "{\n    \"error\": \"There was a problem proxying the request\"\n}";
                assert_eq!(answer.text(), body);
                assert_eq!(answer.header("x-generator"), "tyk.io");
            } else {
                assert_eq!(answer.json()["error"], "bad_gateway");
            }
            assert!(!answer.header("x-request-id").is_empty());
        }
    }
}

#[test]
fn an_upstream_whose_name_does_not_resolve_is_502_and_tyks_500_case_95() {
    let world = World::shared();
    for style in STYLES {
        let id = unique("nameless");
        // A name that no resolver knows (RFC 6761 section 6.4).
        let mut definition = keyless_api(&id, &format!("/{id}/"), "http://upstream.invalid/");
        merge(
            &mut definition,
            json!({"raftgate": {"error_style": style.name()}}),
        );
        world.node.create_api(&definition);
        let url = world.node.gateway_url(&format!("/{id}/"));
        for (kind, tyks) in [
            (
                "application/json",
                "{\n    \"error\": \"Upstream host lookup failed\"\n}",
            ),
            (
                "application/xml",
                "<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>Upstream host lookup failed</error>",
            ),
        ] {
            let answer = world.node.client().get(&url, &[("content-type", kind)]);
            match style {
                Style::Rfc => {
                    let expected = json!({
                        "error": "bad_gateway",
                        "error_description": "the name of the upstream does not resolve",
                    });
                    assert_eq!((answer.status, answer.json()), (502, expected));
                    assert_eq!(answer.header("x-generator"), "");
                }
                Style::Tyk => {
                    assert_eq!((answer.status, answer.text().as_str()), (500, tyks));
                    assert_eq!(answer.header("content-type"), kind);
                    assert_eq!(answer.header("x-generator"), "tyk.io");
                }
            }
            assert!(!answer.header("x-request-id").is_empty());
        }
    }
}

#[test]
fn an_upstream_that_does_not_answer_is_504() {
    let node = Node::builder()
        .configuration("[limits]\nupstream_head_timeout_ms = 100")
        .start();
    let world = World::of(node);
    let hanging = RecordingServer::replying(Reply::Hang);
    for (style, body) in [
        ("rfc", None),
        (
            "tyk",
            Some("{\n    \"error\": \"Upstream service reached hard timeout.\"\n}"),
        ),
    ] {
        let id = unique("hanging");
        let mut definition = keyless_api(&id, &format!("/{id}/"), &hanging.url("/"));
        merge(&mut definition, json!({"raftgate": {"error_style": style}}));
        world.node.create_api(&definition);
        let url = world.node.gateway_url(&format!("/{id}/"));
        let answer = world.node.client().get(&url, &[]).expect_status(504);
        match body {
            Some(body) => assert_eq!(answer.text(), body),
            None => assert_eq!(answer.json()["error"], "gateway_timeout"),
        }
    }
}

#[test]
fn a_request_id_is_given_kept_and_passed_on() {
    let world = World::shared();
    let base = mount(&world);
    let url = world.node.gateway_url(&format!("{base}/"));
    let ask = |headers: &[(&str, &str)]| {
        let answer = world.node.client().get(&url, headers).expect_status(200);
        let echo = answer.json();
        crate::world::echoed(&echo, "x-request-id").join("|")
    };
    let made = ask(&[]);
    assert!(!made.is_empty());
    assert_ne!(ask(&[]), made);
    assert_eq!(ask(&[("x-request-id", "mine-1")]), "mine-1");
    assert_ne!(ask(&[("x-request-id", "a b\"c")]), "a b\"c");
    let unknown = world.node.gateway_url("/nowhere-at-all");
    let headers = [("x-request-id", "mine-2")];
    let answer = world
        .node
        .client()
        .get(&unknown, &headers)
        .expect_status(404);
    assert_eq!(answer.header("x-request-id"), "mine-2");
}
