//! A restore that is cut short: no node starts on its parts, and the same restore brings it to its end.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::acknowledged::{API, assert_found};
use crate::directories::{Specimen, save_snapshot};
use crate::harness::{Finished, Node, PATIENCE, Process, run};

/// Delays before the kill: they fall into checking, writing, rotating and the end.
const DELAYS_MS: [u64; 6] = [0, 10, 20, 30, 50, 90];

/// A specimen that was started again, and a snapshot of it that takes a moment to restore.
fn saved() -> (Specimen, std::path::PathBuf) {
    let mut specimen = Specimen::new();
    specimen.node.start_again();
    for number in 0..12 {
        let mut policy = crate::harness::policy(&format!("policy-{number}"), &[API]);
        crate::harness::merge(
            &mut policy,
            json!({"meta_data": {"long": "x".repeat(200_000)}}),
        );
        specimen.node.create_policy(&policy);
    }
    let file = specimen.node.folder().join("full.snapshot");
    save_snapshot(&specimen.node, &file);
    (specimen, file)
}

/// A new node beside whose data directory nothing is but a copy of the ring.
fn empty_with_ring(specimen: &Specimen) -> Node {
    let node = Node::builder().prepare();
    fs::create_dir(node.data_dir()).unwrap();
    let ring = specimen.node.data_dir().join("keyring");
    fs::copy(ring, node.data_dir().join("keyring")).unwrap();
    node
}

fn arguments(file: &Path, node: &Node) -> Vec<String> {
    let (file, data_dir) = (file.to_str().unwrap(), node.data_dir());
    [
        "snapshot",
        "restore",
        file,
        "--data-dir",
        data_dir.to_str().unwrap(),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn restore(file: &Path, node: &Node, environment: &[(&str, &str)]) -> Finished {
    let arguments = arguments(file, node);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(&arguments, environment, node.folder())
}

/// Tokens, revocations and clients of the snapshot; what was cut is forgotten.
fn assert_restored(node: &mut Node, specimen: &Specimen) {
    node.start_again();
    // The control secret is the new node's own.
    assert_found(node, &specimen.acknowledged);
    node.crash_and_restart();
    assert_found(node, &specimen.acknowledged);
}

#[test]
fn a_restore_that_is_killed_is_repeated() {
    let (specimen, file) = saved();
    let (mut unfinished, mut finished) = (0, 0);
    for delay_ms in DELAYS_MS {
        let mut node = empty_with_ring(&specimen);
        let mut process = Process::start(&arguments(&file, &node), &[], node.folder());
        std::thread::sleep(Duration::from_millis(delay_ms));
        process.signal(rustix::process::Signal::KILL);
        process.wait(PATIENCE);
        let again = restore(&file, &node, &[]);
        match again.code {
            Some(0) => unfinished += 1,
            // It had come to its end, and what it made is not taken away.
            _ => {
                assert!(
                    again.err.contains("holds the data of a node"),
                    "{}",
                    again.err
                );
                finished += 1;
            }
        }
        assert_restored(&mut node, &specimen);
    }
    assert!(unfinished > 0, "all {finished} came to their end");
}

/// The ring's draft has no room for its name, so the restore fails between its snapshot and its end, each time.
#[test]
fn a_restore_that_fails_half_way_starts_no_node_and_is_repeated() {
    let (specimen, file) = saved();
    let mut node = Node::builder().prepare();
    let good = node.folder().join("ring");
    let unwritable = node.folder().join("r".repeat(250));
    for ring in [&good, &unwritable] {
        fs::copy(specimen.node.data_dir().join("keyring"), ring).unwrap();
    }
    let with = |ring: &Path| {
        [(
            "RAFTGATE_KEYS_FILE".to_owned(),
            ring.to_str().unwrap().to_owned(),
        )]
    };
    let try_with = |node: &Node, ring: &Path| {
        let pairs = with(ring);
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        restore(&file, node, &pairs)
    };
    for _ in 0..2 {
        let failed = try_with(&node, &unwritable);
        assert_eq!(failed.code, Some(1), "{}", failed.out);
        assert!(failed.err.contains("cannot be written"), "{}", failed.err);
        let (_, text) = node.try_start().expect_err("half a restore serves");
        for word in ["node.json", "cut short", "raftgate snapshot restore"] {
            assert!(text.contains(word), "{text}");
        }
    }
    let restored = try_with(&node, &good);
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    fs::rename(&good, node.data_dir().join("keyring")).unwrap();
    assert_restored(&mut node, &specimen);
    node.kill();
    // From now on it is a node like any other.
    let refused = restore(&file, &node, &[]);
    assert!(
        refused.err.contains("holds the data of a node"),
        "{}",
        refused.err
    );
}

#[test]
fn a_restored_node_that_is_killed_at_its_first_start_starts() {
    let (specimen, file) = saved();
    for delay_ms in DELAYS_MS {
        let mut node = empty_with_ring(&specimen);
        let restored = restore(&file, &node, &[]);
        assert_eq!(restored.code, Some(0), "{}", restored.err);
        node.launch();
        std::thread::sleep(Duration::from_millis(4 * delay_ms));
        node.kill();
        assert_restored(&mut node, &specimen);
    }
}

/// Long work says how far it is: the restore itself, and the node that reads what it left.
#[test]
fn a_restore_and_the_start_after_it_say_how_far_they_are() {
    let (specimen, file) = saved();
    let mut node = empty_with_ring(&specimen);
    let restored = restore(&file, &node, &[]);
    let said = restored
        .err
        .lines()
        .filter(|line| line.starts_with("read "));
    assert!(said.count() > 5, "{}", restored.err);
    assert!(restored.err.contains("read 100 %"), "{}", restored.err);
    node.start_again();
    let log = node.log();
    assert!(log.contains("loading the state"), "{log}");
    assert!(
        log.contains("a snapshot") && log.contains("percent=100"),
        "{log}"
    );
}
