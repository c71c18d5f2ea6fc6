//! A disk that is full to the last byte, and has room again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};

use serde_json::{Value, json};

use crate::harness::{
    Answer, Credentials, Node, RecordingServer, Reply, keyless_api, merge, wait_for,
};
use crate::world::text;

/// Room for what a new node writes, and not for the next segment of its log.
const SMALL_BYTES: u64 = 24 << 20;
/// Room for that segment and for what the node leaves to others.
const LARGE_BYTES: u64 = 240 << 20;
/// What the node and the test both know: the test does not see the node's disk where the node sees it.
const SECRET: &str = "the-secret-of-a-node-on-a-disk-of-its-own";

/// Writes a file until not a byte more finds room.
fn fill(node: &Node) -> std::path::PathBuf {
    let path = node.disk().join("filler");
    let mut file = File::create(&path).unwrap();
    let mut piece = vec![1; 1 << 20];
    while !piece.is_empty() {
        if let Err(error) = file.write_all(&piece) {
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            piece.truncate(piece.len() / 2);
        }
    }
    path
}

/// A node on a small disk of its own.
fn node_on_a_small_disk() -> Node {
    let mut node = Node::builder()
        .disk_bytes(SMALL_BYTES)
        .environment("RAFTGATE_CONTROL_SECRET", SECRET)
        .prepare();
    fs::create_dir(node.data_dir()).unwrap();
    fs::write(node.data_dir().join("control.secret"), SECRET).unwrap();
    node.start_again();
    assert!(node.disk().join("node.json").exists());
    node
}

/// Replaces a large definition.
fn put(node: &Node, number: usize) -> Answer {
    let mut api = keyless_api("large", "/large/", "http://127.0.0.1:9/");
    let data = json!({"number": number, "text": "d".repeat(300_000)});
    merge(&mut api, json!({"config_data": data}));
    node.ask("POST", "/tyk/apis", &api)
}

fn ask_token(node: &Node, client: &Credentials) -> Answer {
    let url = node.gateway_url("/api-1/oauth/token");
    let basic = client.basic();
    let headers = [("authorization", basic.as_str())];
    let grant = [("grant_type", "client_credentials")];
    node.client().post_form(&url, &headers, &grant)
}

/// Asks for tokens until there is no room for another, and returns those that were issued.
fn tokens_until_full(node: &Node, client: &Credentials) -> Vec<String> {
    let mut issued = Vec::new();
    let refused = loop {
        let answer = ask_token(node, client);
        if answer.status != 200 {
            break answer;
        }
        issued.push(text(&answer.json(), "access_token"));
        assert!(issued.len() < 50_000, "tokens are issued for ever");
    };
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "10");
    let body = refused.json();
    assert_eq!(text(&body, "error"), "temporarily_unavailable");
    let words = text(&body, "error_description");
    assert!(words.contains("did not take effect"), "{words}");
    issued
}

#[test]
fn a_full_disk_refuses_writes_alone_and_they_work_again_when_there_is_room() {
    let upstream = RecordingServer::replying(Reply::ok("served"));
    let node = node_on_a_small_disk();
    let client = node.create_oauth_api("api-1", &upstream.url("/"));
    let mut issued = vec![node.access_token("api-1", &client)];
    let filler = fill(&node);
    // The segment that is there takes some more.
    let refused = (0..60)
        .map(|number| put(&node, number))
        .find(|answer| answer.status != 200)
        .expect("the disk never fills");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "10");
    let message = text(&refused.json(), "message");
    assert!(message.starts_with("Not carried out: "), "{message}");
    // Small ones find room for longer than large ones, and then none either.
    issued.extend(tokens_until_full(&node, &client));

    let opens = |token: &String| {
        let bearer = format!("Bearer {token}");
        let url = node.gateway_url("/api-1/x");
        node.client()
            .get(&url, &[("authorization", &bearer)])
            .status
    };
    let of_both_ends = [issued.first(), issued.last()].map(Option::unwrap);
    assert_eq!(of_both_ends.map(opens), [200, 200]);
    let ready = || {
        let answer = node.client().get(&node.control_url("/ready"), &[]);
        answer.expect_status(200).json().to_string()
    };
    let verdict = "the disk of the log is running full";
    assert!(ready().contains(verdict), "{}", ready());

    fs::remove_file(filler).unwrap();
    node.resize_disk(LARGE_BYTES);
    wait_for("tokens are issued again", || {
        ask_token(&node, &client).status == 200
    });
    wait_for("definitions are taken again", || {
        put(&node, 1000).status == 200
    });
    // What the persistent copy made of it is its own affair: it may need a restart.
    wait_for("the verdict is gone", || !ready().contains(verdict));
    assert_eq!(of_both_ends.map(opens), [200, 200]);
    let kept = node.ask("GET", "/tyk/apis/large", &Value::Null);
    let kept = kept.expect_status(200).json();
    assert_eq!(kept["config_data"]["number"], 1000);
}
