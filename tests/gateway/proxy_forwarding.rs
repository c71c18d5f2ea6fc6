//! What the upstream sees of a request, and the client of the answer.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::harness::{Node, RecordingServer, Reply, keyless_api, merge};
use crate::wire::Wire;
use crate::world::{World, echoed, unique};

/// A keyless API on `target` below the upstream, with these fields of `proxy`, and the base of its URLs.
fn api(world: &World, target: &str, proxy: Value) -> String {
    let id = unique("forward");
    let mut definition = keyless_api(&id, &format!("/{id}/"), &world.upstream.url(target));
    merge(definition.get_mut("proxy").unwrap(), proxy);
    world.node.create_api(&definition);
    format!("/{id}")
}

/// The target that the upstream saw.
fn target_of(world: &World, path: &str) -> String {
    let url = world.node.gateway_url(path);
    let answer = world.node.client().get(&url, &[]).expect_status(200);
    answer
        .json()
        .get("target")
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn paths_are_stripped_and_joined_case_90() {
    let world = World::shared();
    let strip = json!({"strip_listen_path": true});
    let keeping = json!({"strip_listen_path": true, "disable_strip_slash": true});
    let keep = json!({"strip_listen_path": false});
    for (target, proxy, rest, expected) in [
        ("/base/", &strip, "/", "/base"),
        ("/base/", &strip, "", "/base"),
        ("/base/", &strip, "/x/", "/base/x/"),
        ("/base", &strip, "/x", "/base/x"),
        ("/base/", &keeping, "/", "/base/"),
        ("/base/", &keeping, "/x", "/base/x"),
        ("/", &strip, "/", "/"),
        ("", &strip, "", "/"),
        ("/", &strip, "/a%20b%2Fc", "/a%20b%2Fc"),
        ("/?k=v", &strip, "/x", "/x?k=v"),
        ("/base?k=v", &strip, "/x?a=1&a=2", "/base/x?k=v&a=1&a=2"),
        ("/", &strip, "/x?", "/x"),
        ("/", &strip, "/x?a=%26&b=+", "/x?a=%26&b=+"),
    ] {
        let base = api(&world, target, proxy.clone());
        let seen = target_of(&world, &format!("{base}{rest}"));
        assert_eq!(seen, expected, "{target} {proxy} {rest}");
    }
    let base = api(&world, "/base", keep);
    assert_eq!(
        target_of(&world, &format!("{base}/x")),
        format!("/base{base}/x")
    );
}

#[test]
fn listen_paths_end_at_a_segment() {
    let world = World::shared();
    let base = api(&world, "/", json!({}));
    let status = |path: String| {
        let url = world.node.gateway_url(&path);
        world.node.client().get(&url, &[]).status
    };
    for (rest, expected) in [
        ("", 200),
        ("/", 200),
        ("/foo", 200),
        ("foo", 404),
        ("-x/", 404),
    ] {
        assert_eq!(status(format!("{base}{rest}")), expected, "{rest}");
    }
    // The deepest one that matches wins.
    let id = unique("deeper");
    let deeper = RecordingServer::replying(Reply::ok("deeper"));
    world.node.create_api(&keyless_api(
        &id,
        &format!("{base}/inner"),
        &deeper.url("/"),
    ));
    let text = |path: String| {
        world
            .node
            .client()
            .get(&world.node.gateway_url(&path), &[])
            .text()
    };
    assert_eq!(text(format!("{base}/inner")), "deeper");
    assert_eq!(text(format!("{base}/inner/x")), "deeper");
    assert_ne!(text(format!("{base}/innermost")), "deeper");
    assert_eq!(deeper.received().last().unwrap().target, "/x");
}

#[test]
fn fields_of_one_hop_stay_here_and_all_others_travel() {
    let world = World::shared();
    let base = api(&world, "/", json!({}));
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!(
        "GET {base}/ HTTP/1.1\r\nHost: api.example\r\nConnection: keep-alive, X-Private\r\nX-Private: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: close\r\nTE: gzip\r\n\
         Upgrade: websocket\r\nTrailer: X-T\r\nX-Kept: a\r\nX-Kept: b\r\nAccept-Encoding: identity\r\nCookie: k=v\r\n\r\n"
    ));
    let (head, body) = wire.answer();
    assert_eq!(head.status, 200);
    let echo: Value = serde_json::from_str(&body).unwrap();
    for gone in [
        "x-private",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "upgrade",
    ] {
        assert_eq!(echoed(&echo, gone), Vec::<&str>::new(), "{gone}");
    }
    assert_eq!(echoed(&echo, "x-kept"), ["a", "b"]);
    assert_eq!(echoed(&echo, "accept-encoding"), ["identity"]);
    assert_eq!(echoed(&echo, "cookie"), ["k=v"]);
}

#[test]
fn what_an_upstream_answers_arrives_without_its_hop_fields() {
    let world = World::shared();
    let upstream = RecordingServer::start(|_| {
        Reply::status(418, "short and stout")
            .with_header("Connection", "X-Hop")
            .with_header("X-Hop", "1")
            .with_header("Keep-Alive", "timeout=1")
            .with_header("Set-Cookie", "a=1")
            .with_header("Set-Cookie", "b=2")
            .with_header("Location", "http://elsewhere/")
            .with_header("Content-Type", "text/tea")
    });
    let id = unique("answered");
    world
        .node
        .create_api(&keyless_api(&id, &format!("/{id}/"), &upstream.url("/")));
    let url = world.node.gateway_url(&format!("/{id}/"));
    let answer = world.node.client().get(&url, &[]).expect_status(418);
    assert_eq!(answer.text(), "short and stout");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(answer.header("location"), "http://elsewhere/");
    assert_eq!(answer.header("content-type"), "text/tea");
    assert_eq!(
        (answer.header("x-hop"), answer.header("keep-alive")),
        ("", "")
    );
}

#[test]
fn redirects_and_errors_of_upstreams_pass_untouched() {
    let world = World::shared();
    let upstream = RecordingServer::start(|received| {
        let status = received.target.trim_start_matches('/').parse().unwrap();
        match status {
            204 | 304 => Reply::raw(move |stream| {
                use std::io::Write;
                stream
                    .write_all(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes())
                    .is_ok()
            }),
            _ => Reply::status(status, "its own").with_header("Location", "/x"),
        }
    });
    let id = unique("passing");
    world
        .node
        .create_api(&keyless_api(&id, &format!("/{id}/"), &upstream.url("/")));
    for status in [
        200, 201, 204, 301, 302, 304, 307, 400, 401, 403, 404, 429, 500, 502, 503, 504,
    ] {
        let url = world.node.gateway_url(&format!("/{id}/{status}"));
        let answer = world.node.client().get(&url, &[]).expect_status(status);
        if !matches!(status, 204 | 304) {
            assert_eq!(answer.text(), "its own");
        }
    }
}

#[test]
fn the_host_is_the_targets_unless_the_clients_is_preserved_case_92() {
    let world = World::shared();
    let authority = world.upstream.address().to_string();
    for (preserve, expected) in [(false, authority.as_str()), (true, "api.example")] {
        let base = api(&world, "/", json!({"preserve_host_header": preserve}));
        let mut wire = Wire::connect(world.node.gateway());
        wire.send(format!("GET {base}/ HTTP/1.1\r\nHost: api.example\r\n\r\n"));
        let echo: Value = serde_json::from_str(&wire.answer().1).unwrap();
        assert_eq!(echoed(&echo, "host"), [expected]);
    }
}

#[test]
fn an_agent_is_named_only_where_the_client_names_none_case_91() {
    let world = World::shared();
    let base = api(&world, "/", json!({}));
    let mut wire = Wire::connect(world.node.gateway());
    let mut agent = |fields: &str| {
        wire.send(format!("GET {base}/ HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
        let echo: Value = serde_json::from_str(&wire.answer().1).unwrap();
        echoed(&echo, "user-agent").join("|")
    };
    assert_eq!(agent("User-Agent: mine/1\r\n"), "mine/1");
    assert_eq!(agent(""), format!("raftgate/{}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn forwarded_for_is_believed_only_from_trusted_proxies() {
    let strict = World::shared();
    let node = Node::builder()
        .configuration("[gateway]\ntrusted_proxies = [\"127.0.0.0/8\"]")
        .start();
    let trusting = World::of(node);
    for (world, expected) in [
        (&*strict, "127.0.0.1"),
        (&trusting, "10.1.1.1, 10.2.2.2, 127.0.0.1"),
    ] {
        let base = api(world, "/", json!({}));
        let url = world.node.gateway_url(&format!("{base}/"));
        let headers = [("x-forwarded-for", "10.1.1.1, 10.2.2.2")];
        let echo = world
            .node
            .client()
            .get(&url, &headers)
            .expect_status(200)
            .json();
        assert_eq!(echoed(&echo, "x-forwarded-for").join(", "), expected);
    }
}

#[test]
fn claims_of_a_proxy_go_on_only_from_trusted_ones() {
    let node = Node::builder()
        .configuration("[gateway]\ntrusted_proxies = [\"127.0.0.2\", \"127.0.3.0/24\"]")
        .start();
    let world = World::of(node);
    let base = api(&world, "/", json!({}));
    let claims = [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.example"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Prefix", "/shop"),
        ("Forwarded", "for=10.1.1.1;proto=https;host=shop.example"),
        ("X-Real-IP", "10.1.1.1"),
    ];
    // Some upstreams read these as the same names; they go on from nobody.
    let look_alikes = [
        ("X_Forwarded_For", "10.9.9.9"),
        ("X_Forwarded_Proto", "https"),
        ("X_Real_IP", "10.9.9.9"),
    ];
    for (peer, is_trusted) in [
        ([127, 0, 0, 1], false),
        ([127, 0, 0, 2], true),
        ([127, 0, 0, 3], false),
        ([127, 0, 3, 9], true),
    ] {
        let peer = Ipv4Addr::from(peer);
        let mut wire = Wire::connect_from(peer, world.node.gateway());
        let fields: String = [claims.as_slice(), look_alikes.as_slice()]
            .concat()
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        wire.send(format!(
            "GET {base}/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.1.1.1\r\nX-Forwarded-For: 10.2.2.2\r\n{fields}\r\n"
        ));
        let echo: Value = serde_json::from_str(&wire.answer().1).unwrap();
        for (name, value) in claims {
            let expected = is_trusted.then_some(value);
            let seen = echoed(&echo, name);
            assert_eq!(seen, Vec::from_iter(expected), "{name} from {peer}");
        }
        for (name, _) in look_alikes {
            let seen = echoed(&echo, name);
            assert_eq!(seen, Vec::<&str>::new(), "{name} from {peer}");
        }
        let chain = if is_trusted {
            format!("10.1.1.1, 10.2.2.2, {peer}")
        } else {
            peer.to_string()
        };
        assert_eq!(echoed(&echo, "x-forwarded-for"), [chain]);
    }
}

#[test]
fn every_method_and_its_body_arrive() {
    let world = World::shared();
    let base = api(&world, "/", json!({}));
    let url = world.node.gateway_url(&format!("{base}/m"));
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let echo = world
            .node
            .client()
            .send(method, &url, &[], b"a body")
            .expect_status(200)
            .json();
        assert_eq!(
            (echo["method"].as_str(), echo["body"].as_str()),
            (Some(method), Some("a body"))
        );
    }
    let mut wire = Wire::connect(world.node.gateway());
    wire.send(format!(
        "PROPFIND {base}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
    ));
    let echo: Value = serde_json::from_str(&wire.answer().1).unwrap();
    assert_eq!(echo["method"], "PROPFIND");
    wire.send(format!("HEAD {base}/ HTTP/1.1\r\nHost: x\r\n\r\n"));
    let head = wire.head();
    assert_eq!(head.status, 200);
    assert_ne!(head.header("content-length"), "0");
    // No body follows, so the next answer is next on the connection.
    assert_eq!(wire.get(&format!("{base}/")).answer().0.status, 200);
}

#[test]
fn an_unknown_path_is_404_in_the_configured_words() {
    let node = Node::builder()
        .environment("RAFTGATE_OAUTH_ERROR_STYLE", "tyk")
        .start();
    let answer = node
        .client()
        .get(&node.gateway_url("/nothing/here"), &[])
        .expect_status(404);
    assert_eq!(answer.text(), "Not Found");
    let world = World::shared();
    let unknown = format!("/{}", unique("nothing"));
    let answer = world
        .node
        .client()
        .get(&world.node.gateway_url(&unknown), &[])
        .expect_status(404);
    assert_eq!(answer.json()["error"], "not_found");
    assert!(!answer.header("x-request-id").is_empty());
    for path in ["/tyk/apis", "/metrics", "/raftgate/v1/notifications", "/"] {
        let url = world.node.gateway_url(path);
        world.node.client().get(&url, &[]).expect_status(404);
    }
}

#[test]
fn an_api_of_a_host_is_served_there_alone() {
    let world = World::shared();
    let id = unique("hosted");
    let mut definition = keyless_api(&id, &format!("/{id}/"), &world.upstream.url("/"));
    merge(&mut definition, json!({"domain": "one.example"}));
    world.node.create_api(&definition);
    let mut wire = Wire::connect(world.node.gateway());
    for (host, expected) in [
        ("one.example", 200),
        ("ONE.example:8080", 200),
        ("two.example", 404),
        ("one.example.evil", 404),
        ("127.0.0.1", 404),
    ] {
        wire.send(format!("GET /{id}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(wire.answer().0.status, expected, "{host}");
    }
}
