//! A node that is killed or told to end while it starts starts again, and a start takes nothing from other processes.

use std::fs::{self, File};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Node, RecordingServer, Reply, keyless_api, merge, wait_for};

/// Delays before the kill: they fall into opening, recovery and listening.
const DELAYS_MS: [u64; 8] = [0, 2, 5, 10, 20, 40, 80, 160];

#[test]
fn a_node_killed_while_it_founds_its_cluster_starts() {
    for delay_ms in DELAYS_MS {
        let mut node = Node::builder().prepare();
        node.launch();
        std::thread::sleep(Duration::from_millis(delay_ms));
        node.kill();
        node.start_again();
    }
}

#[test]
fn a_node_killed_while_it_recovers_starts_with_everything() {
    let upstream = RecordingServer::replying(Reply::ok(""));
    let mut node = Node::start();
    node.create_api(&keyless_api("open", "/open/", &upstream.url("/")));
    node.kill();
    for delay_ms in DELAYS_MS {
        node.launch();
        std::thread::sleep(Duration::from_millis(delay_ms));
        node.kill();
    }
    node.start_again();
    assert_eq!(
        node.client().get(&node.gateway_url("/open/"), &[]).status,
        200
    );
}

/// So many definitions that their files are not all applied when the signal comes.
const DEFINITIONS: usize = 300;

#[test]
fn a_node_that_is_told_to_end_while_it_starts_ends_at_once() {
    let mut node = Node::builder()
        .configuration("[definitions]\ndir = \"definitions\"\nwatch = false")
        .prepare();
    let folder = node.folder().join("definitions");
    fs::create_dir(&folder).unwrap();
    for number in 0..DEFINITIONS {
        let id = format!("api-{number:03}");
        let api = keyless_api(&id, &format!("/{id}/"), "http://127.0.0.1:9/");
        fs::write(folder.join(format!("{id}.json")), api.to_string()).unwrap();
    }
    let at_work = "definition file applied";
    node.launch();
    wait_for(at_work, || node.log().contains(at_work));
    assert_ends_unserved(&mut node);
    // What was stored by then is loaded, and the rest comes along.
    node.start_again();
    let url = node.gateway_url("/api-299/");
    assert_eq!(node.client().get(&url, &[]).status, 502);
    assert_eq!(node.terminate().code(), Some(0));
}

/// What a node says that ends before it served.
const TOLD_UNSERVED: &str = "told to end before anything was served";
/// How often a node is told to end while it loads, until the signal comes in time.
const LOADS_MAX: usize = 10;

#[test]
fn a_node_that_is_told_to_end_while_it_loads_its_state_ends_at_once() {
    let mut node = Node::start();
    for number in 0..20 {
        let id = format!("api-{number}");
        let mut api = keyless_api(&id, &format!("/{id}/"), "http://127.0.0.1:9/");
        merge(
            &mut api,
            json!({"config_data": {"text": "d".repeat(400_000)}}),
        );
        node.create_api(&api);
    }
    assert_eq!(node.terminate().code(), Some(0));
    // The address is written down right before the state is loaded. A busy machine may bring the signal too late, to a node
    // that serves; one that does not heed it while it loads serves every time.
    let address = node.data_dir().join("control.address");
    let came_in_time = (0..LOADS_MAX).any(|_| {
        fs::remove_file(&address).unwrap();
        node.launch();
        wait_for("the state is being loaded", || address.exists());
        assert_eq!(node.terminate().code(), Some(0), "{}", node.log());
        node.process().out.text().is_empty() && node.log().contains(TOLD_UNSERVED)
    });
    assert!(came_in_time, "it went on until it served");
    node.start_again();
    node.ask("GET", "/tyk/apis/api-19", &Value::Null)
        .expect_status(200);
}

/// Tells a node that starts to end.
#[track_caller]
fn assert_ends_unserved(node: &mut Node) {
    let status = node.terminate();
    assert_eq!(status.code(), Some(0), "{}", node.log());
    let out = node.process().out.text();
    assert_eq!(out, "", "it went on until it served");
    assert!(node.log().contains(TOLD_UNSERVED), "{}", node.log());
}

/// An import of a key ring needs no lock of the data directory: its draft may stand there while a node starts.
#[test]
fn a_start_removes_what_crashes_left_and_no_draft_that_is_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::builder()
        .environment(
            "RAFTGATE_KEYS_FILE",
            folder.path().join("ring").to_str().unwrap(),
        )
        .prepare();
    fs::create_dir(node.data_dir()).unwrap();
    let folders = [folder.path().to_owned(), node.data_dir()];
    let drafts = |name: &str| {
        let [ring, data] = &folders;
        [
            ring.join(format!("ring.{name}")),
            data.join(format!("keyring.{name}")),
        ]
    };
    let held = drafts("4711-1.new").map(|path| (File::create(&path).unwrap(), path));
    for (file, _) in &held {
        file.lock().unwrap();
    }
    let left = drafts("4711-0.new");
    for path in &left {
        fs::write(path, "left by a crash").unwrap();
    }
    node.start_again();
    assert!(left.iter().all(|path| !path.exists()));
    assert!(held.iter().all(|(_, path)| path.exists()));
    let held = held.map(|(file, path)| {
        drop(file);
        path
    });
    assert_eq!(node.terminate().code(), Some(0));
    node.start_again();
    assert!(held.iter().all(|path| !path.exists()));
}
