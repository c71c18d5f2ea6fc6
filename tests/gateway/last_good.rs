//! A definition that cannot be served changes nothing, by whichever door it comes: the last good one stays in force.

use serde_json::{Value, json};

use crate::harness::{Node, RecordingServer, Reply, keyless_api, merge, wait_for};
use crate::world::text;

/// A good definition, its successor, and what each of them is served by.
struct Versions {
    first: RecordingServer,
    second: RecordingServer,
}

impl Versions {
    fn new() -> Self {
        let upstream = |body: &str| RecordingServer::replying(Reply::ok(body));
        Self {
            first: upstream("first"),
            second: upstream("second"),
        }
    }

    fn of(upstream: &RecordingServer) -> Value {
        keyless_api("orders", "/orders/", &upstream.url("/"))
    }

    /// Definitions under the same id that would be served by the second upstream if they could be, and what is wrong.
    fn unservable(&self) -> [(String, &'static str); 6] {
        let good = Self::of(&self.second);
        let with = |fields: Value| {
            let mut definition = good.clone();
            merge(&mut definition, fields);
            definition.to_string()
        };
        let proxy = |name: &str, value: Value| {
            let mut definition = good.clone();
            definition["proxy"][name] = value;
            definition.to_string()
        };
        let whole = good.to_string();
        [
            (
                proxy("target_url", json!("quic://upstream/")),
                "proxy.target_url",
            ),
            (proxy("listen_path", json!("/taken/")), "proxy.listen_path"),
            (with(json!({"use_basic_auth": true})), "use_basic_auth"),
            (with(json!({"proxy": []})), "proxy"),
            (with(json!({"active": "yes"})), "active"),
            (whole[..whole.len() / 2].to_owned(), "column"),
        ]
    }
}

#[track_caller]
fn assert_served_by(node: &Node, expected: &str) {
    let answer = node.client().get(&node.gateway_url("/orders/x"), &[]);
    assert_eq!(answer.expect_status(200).text(), expected);
    let ready = node.client().get(&node.control_url("/ready"), &[]);
    let ready = ready.expect_status(200).json();
    assert_eq!(text(&ready, "status"), "pass", "{ready}");
}

fn stored(node: &Node) -> Value {
    let found = node.ask("GET", "/tyk/apis/orders", &Value::Null);
    found.expect_status(200).json()
}

#[test]
fn what_the_control_api_refuses_leaves_the_last_good_definition_in_force() {
    let versions = Versions::new();
    let mut node = Node::start();
    node.create_api(&Versions::of(&versions.first));
    node.create_api(&keyless_api("other", "/taken/", "http://127.0.0.1:9/"));
    let before = stored(&node);
    let secret = node.secret();
    let headers = [("authorization", secret.as_str())];
    for (definition, wrong) in versions.unservable() {
        for (method, path) in [("PUT", "/tyk/apis/orders"), ("POST", "/tyk/apis")] {
            let url = node.control_url(path);
            let answer = node
                .client()
                .send(method, &url, &headers, definition.as_bytes());
            let refused = answer.expect_status(400).json();
            let message = text(&refused, "message");
            assert!(message.contains(wrong), "{wrong} is not in: {message}");
            assert_served_by(&node, "first");
        }
    }
    assert_eq!(stored(&node), before);
    node.crash_and_restart();
    assert_served_by(&node, "first");
    let good = Versions::of(&versions.second);
    node.ask("PUT", "/tyk/apis/orders", &good)
        .expect_status(200);
    assert_served_by(&node, "second");
}

#[test]
fn a_file_that_breaks_leaves_the_last_good_definition_in_force() {
    let versions = Versions::new();
    let mut node = Node::builder()
        .configuration("[definitions]\ndir = \"definitions\"")
        .prepare();
    let folder = node.folder().join("definitions");
    std::fs::create_dir(&folder).unwrap();
    let draft = node.folder().join("draft");
    let write = |text: &str| {
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(&draft, folder.join("orders.json")).unwrap();
    };
    write(&Versions::of(&versions.first).to_string());
    node.start_again();
    node.create_api(&keyless_api("other", "/taken/", "http://127.0.0.1:9/"));
    assert_served_by(&node, "first");
    let before = stored(&node);
    let failures = |node: &Node| {
        let log = node.log();
        let of_file = |line: &&str| line.contains("orders.json") && line.contains("not applied");
        log.lines()
            .filter(of_file)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for (definition, wrong) in versions.unservable() {
        let told = failures(&node).len();
        write(&definition);
        wait_for("the file is read", || failures(&node).len() > told);
        let last = failures(&node).pop().unwrap();
        assert!(last.contains(wrong), "{wrong} is not in: {last}");
        assert_served_by(&node, "first");
    }
    assert_eq!(stored(&node), before);
    // Nor does a start with the broken file undo it.
    node.crash_and_restart();
    assert_served_by(&node, "first");
    write(&Versions::of(&versions.second).to_string());
    wait_for("the mended file is in force", || {
        let answer = node.client().get(&node.gateway_url("/orders/x"), &[]);
        answer.text() == "second"
    });
    assert_served_by(&node, "second");
}
