//! The key ring on its way out of a node and back, by the real binary; a node without its ring does not start.

use std::fs;
use std::path::Path;

use crate::harness::{Finished, Node, PATIENCE, RecordingServer, Reply, run};

const PASSPHRASE: &str = "a long passphrase of a test";

fn keys(action: &str, node: &Node, file: &Path, passphrase: &str) -> Finished {
    let data_dir = node.data_dir();
    let arguments = [
        "keys",
        action,
        file.to_str().unwrap(),
        "--data-dir",
        data_dir.to_str().unwrap(),
    ];
    let variable = ("RAFTGATE_KEYS_PASSPHRASE", passphrase);
    run(&arguments, &[variable], node.folder())
}

#[test]
fn a_ring_that_was_exported_brings_a_node_back_that_lost_its_own() {
    let upstream = RecordingServer::replying(Reply::ok("inside"));
    let mut node = Node::start();
    let client = node.create_oauth_api("guarded", &upstream.url("/"));
    let token = node.access_token("guarded", &client);
    let (file, ring) = (
        node.folder().join("sealed"),
        node.data_dir().join("keyring"),
    );
    let clear = fs::read_to_string(&ring).unwrap();

    let exported = keys("export", &node, &file, PASSPHRASE);
    assert_eq!(exported.code, Some(0), "{}", exported.err);
    let sealed = fs::read_to_string(&file).unwrap();
    for line in clear.lines().filter(|line| line.len() > 40) {
        assert!(!sealed.contains(line), "the export shows the ring");
    }
    let again = keys("export", &node, &file, PASSPHRASE);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("not overwritten"), "{}", again.err);

    assert!(node.terminate().success());
    fs::remove_file(&ring).unwrap();
    let process = node.launch();
    let status = process.wait(PATIENCE);
    assert_eq!(status.code(), Some(1), "{}", process.err.text());
    assert!(process.err.text().contains("key"), "{}", process.err.text());
    assert!(!ring.exists(), "a ring was made in its place");

    let wrong = keys("import", &node, &file, "another passphrase");
    assert_eq!(wrong.code, Some(1), "{}", wrong.out);
    assert!(!wrong.err.contains("another passphrase"), "{}", wrong.err);
    assert!(!ring.exists());
    let imported = keys("import", &node, &file, PASSPHRASE);
    assert_eq!(imported.code, Some(0), "{}", imported.err);
    assert_eq!(fs::read_to_string(&ring).unwrap(), clear);
    node.start_again();
    let answer = node.get_with_token("/guarded/x", &token);
    assert_eq!((answer.status, answer.text().as_str()), (200, "inside"));
    for said in [&exported, &again, &wrong, &imported] {
        for text in [&said.out, &said.err] {
            assert!(!text.contains(PASSPHRASE), "{text}");
        }
    }
}
