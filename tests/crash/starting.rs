//! A node that is killed while it starts starts again.

use std::time::Duration;

use crate::harness::{Node, RecordingServer, Reply, keyless_api};

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
