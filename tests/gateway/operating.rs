//! A node as its operator meets it: how it starts, why it does not, what it tells.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Node, NodeBuilder, PATIENCE, keyless_api, wait_for};
use crate::world::{OAuthApi, Style, World, text};

/// Starts a node that must not start, and returns what it wrote on standard error.
#[track_caller]
fn refused(builder: NodeBuilder) -> String {
    let mut node = builder.prepare();
    refused_again(&mut node)
}

#[track_caller]
fn refused_again(node: &mut Node) -> String {
    let process = node.launch();
    let status = process.wait(PATIENCE);
    assert_ne!(status.code(), Some(0), "{}", process.out.text());
    assert!(status.code().is_some(), "it was killed: {status}");
    assert!(
        !process.out.text().contains("ready "),
        "{}",
        process.out.text()
    );
    let text = process.err.text();
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn the_ready_line_names_three_addresses_and_the_node() {
    let mut node = Node::builder()
        .argument("--node-name")
        .argument("alpha")
        .start();
    assert_eq!(node.name(), "alpha");
    let lines: Vec<_> = node
        .process()
        .out
        .text()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let expected = format!(
        "ready gateway={} control={} cluster={} node=alpha",
        node.gateway(),
        node.control(),
        node.cluster()
    );
    assert_eq!(lines[0], expected);
    std::net::TcpStream::connect(node.cluster()).unwrap();
}

#[test]
fn a_name_is_made_once_and_kept() {
    let mut node = Node::start();
    let name = node.name().to_owned();
    let digits = name.strip_prefix("node-").unwrap();
    assert!(
        digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{name}"
    );
    let secret = node.secret();
    node.crash_and_restart();
    assert_eq!((node.name(), node.secret()), (name.as_str(), secret));
}

#[test]
fn the_control_secret_is_made_and_only_its_owner_may_read_it() {
    let node = Node::start();
    assert!(node.secret().len() >= 32, "{}", node.secret().len());
    for file in ["control.secret", "keyring"] {
        let mode = std::fs::metadata(node.data_dir().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert!(node.log().contains("control.secret"), "{}", node.log());
    assert!(!node.log().contains(&node.secret()));
}

#[test]
fn a_configured_control_secret_is_the_one_that_counts() {
    let node = Node::builder()
        .environment(
            "RAFTGATE_CONTROL_SECRET",
            "an-operators-own-secret-of-some-length",
        )
        .start();
    let ask = |secret: &str| {
        let headers = [("x-tyk-authorization", secret)];
        node.client()
            .get(&node.control_url("/tyk/apis"), &headers)
            .status
    };
    assert_eq!(ask("an-operators-own-secret-of-some-length"), 200);
    assert_eq!(ask("another"), 403);
}

#[test]
fn a_wrong_key_is_named_with_the_nearest() {
    let text = refused(Node::builder().configuration("[oauth]\nretry_window = 5"));
    assert!(
        text.contains("oauth.retry_window") && text.contains("oauth.retry_window_s"),
        "{text}"
    );
    let text = refused(Node::builder().environment("RAFTGATE_OAUTH_RETRY_WINDOW", "5"));
    assert!(text.contains("RAFTGATE_OAUTH_RETRY_WINDOW_S"), "{text}");
    let text = refused(Node::builder().configuration("[oauth]\nretry_window_s = \"long\""));
    assert!(text.contains("oauth.retry_window_s"), "{text}");
    let text = refused(Node::builder().configuration("[oauth]\nretry_window_s = \"long\""));
    assert!(text.contains("raftgate.toml:2"), "{text}");
    let text = refused(Node::builder().configuration("[oauth\n"));
    assert!(text.contains("raftgate.toml:1"), "{text}");
    let text = refused(Node::builder().environment("RAFTGATE_OAUTH_RETRY_WINDOW_S", "soon"));
    for part in [
        "RAFTGATE_OAUTH_RETRY_WINDOW_S",
        "oauth.retry_window_s",
        "expected",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let folder = Node::builder().prepare();
    std::fs::create_dir(folder.folder().join("a-folder.toml")).unwrap();
    for name in ["no-such-file.toml", "a-folder.toml"] {
        let finished = crate::harness::run(&["serve", "--config", name], &[], folder.folder());
        assert_eq!(finished.code, Some(2), "{}", finished.err);
        assert!(finished.err.contains(name), "{}", finished.err);
        assert!(finished.err.contains("--config"), "{}", finished.err);
    }
}

#[test]
fn hello_ready_and_metrics_need_no_secret() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    api.assert_good(&api.access_token());
    let client = world.node.client();
    for url in [
        world.node.control_url("/hello"),
        world.node.gateway_url("/hello"),
    ] {
        let body = client.get(&url, &[]).expect_status(200).json();
        assert_eq!(text(&body, "status"), "pass", "{body}");
        assert_eq!(text(&body, "version"), env!("CARGO_PKG_VERSION"));
        assert!(!text(&body, "description").is_empty() && body["details"].is_object());
    }
    for url in [
        world.node.control_url("/ready/"),
        world.node.gateway_url("/ready"),
    ] {
        let body = client.get(&url, &[]).expect_status(200).json();
        assert_eq!(text(&body, "status"), "pass", "{body}");
    }
    for path in ["/hello", "/ready"] {
        for url in [world.node.control_url(path), world.node.gateway_url(path)] {
            client.send("HEAD", &url, &[], b"").expect_status(200);
        }
    }
    for (method, path) in [("POST", "/hello"), ("DELETE", "/ready")] {
        for url in [world.node.control_url(path), world.node.gateway_url(path)] {
            let answer = client.send(method, &url, &[], b"").expect_status(405);
            assert_eq!(text(&answer.json(), "message"), "Method not supported");
        }
    }
    client
        .send("POST", &world.node.control_url("/metrics"), &[], b"")
        .expect_status(405);
    let metrics = client
        .get(&world.node.control_url("/metrics"), &[])
        .expect_status(200);
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
            || metrics.header("content-type").starts_with("text/plain")
    );
    let text = metrics.text();
    assert!(
        text.lines()
            .any(|line| line.starts_with("raftgate_") && line.contains(&api.id)),
        "{text}"
    );
    assert!(
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .all(|line| {
                line.rsplit_once(' ')
                    .is_none_or(|(_, value)| value.parse::<f64>().is_ok())
            })
    );
}

#[test]
fn requests_to_endpoints_and_to_nothing_are_counted() {
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let client = world.node.client();
    api.access_token();
    client
        .post_form(&api.url("/oauth/token"), &[], &[])
        .expect_status(400);
    api.code();
    for _ in 0..2 {
        client
            .get(&world.node.gateway_url("/nowhere"), &[])
            .expect_status(404);
    }
    client
        .get(&world.node.gateway_url("/hello"), &[])
        .expect_status(200);
    for counted in [
        r#"raftgate_requests_total{endpoint="token",class="2xx"} 1"#,
        r#"raftgate_requests_total{endpoint="token",class="4xx"} 1"#,
        r#"raftgate_requests_total{endpoint="authorize_client",class="2xx"} 1"#,
        r#"raftgate_requests_total{endpoint="hello",class="2xx"} 1"#,
        r#"raftgate_requests_total{endpoint="none",class="4xx"} 2"#,
    ] {
        wait_for(counted, || {
            let metrics = client.get(&world.node.control_url("/metrics"), &[]);
            metrics.text().lines().any(|line| line == counted)
        });
    }
}

#[test]
fn requests_are_counted_and_stand_in_the_log_with_their_id() {
    let node = Node::builder()
        .configuration("[log]\nformat = \"json\"\naccess = true")
        .start();
    let world = World::of(node);
    world.node.create_api(&keyless_api(
        "counted",
        "/counted/",
        &world.upstream.url("/"),
    ));
    let url = world.node.gateway_url("/counted/path?secret=query");
    world
        .node
        .client()
        .get(&url, &[("x-request-id", "served-1")])
        .expect_status(200);
    let url = world.node.gateway_url("/not-there");
    let answer = world.node.client().get(&url, &[]).expect_status(404);
    let given = answer.header("x-request-id").to_owned();
    for id in ["served-1", given.as_str()] {
        crate::harness::wait_for("the request stands in the log", || {
            world.node.log().contains(id)
        });
    }
    let log = world.node.log();
    for line in log.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line.is_object());
    }
    let line = log.lines().find(|line| line.contains("served-1")).unwrap();
    assert!(line.contains("counted") && line.contains("200"), "{line}");
    assert!(
        !log.contains("secret=query"),
        "queries carry secrets and stay out of the log"
    );
}

#[test]
fn the_copy_of_the_state_follows_behind_those_who_answer() {
    let mut node = Node::start();
    let tasks = format!("/proc/{}/task", node.process().id());
    let niceness_of_copy = || {
        let tasks = std::fs::read_dir(&tasks).unwrap();
        let mut stats = tasks.filter_map(|task| {
            let task = task.unwrap().path();
            let name = std::fs::read_to_string(task.join("comm")).ok()?;
            let stat = std::fs::read_to_string(task.join("stat")).ok()?;
            (name == "state copy\n").then_some(stat)
        });
        let stat = stats.next()?;
        // The nineteenth field; the second one, the name, may hold a space.
        let (_, behind_name) = stat.rsplit_once(')')?;
        behind_name.split_whitespace().nth(16)?.parse::<i32>().ok()
    };
    wait_for("the copy lets others go first", || {
        niceness_of_copy().is_some_and(|niceness| niceness >= 5)
    });
}
