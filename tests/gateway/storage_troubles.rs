//! What an operator sees when a disk refuses or a part of the stored state is lost.

use std::fs;

use crate::harness::{Node, keyless_api, run};

/// The value of a metric, by its whole name.
#[track_caller]
fn metric(node: &Node, name: &str) -> String {
    let metrics = node.client().get(&node.control_url("/metrics"), &[]);
    value_of(&metrics.expect_status(200).text(), name)
}

/// The same in the text of all metrics.
#[track_caller]
pub(crate) fn value_of(metrics: &str, name: &str) -> String {
    let value = metrics.lines().find_map(|line| {
        let (found, value) = line.rsplit_once(' ')?;
        (found == name).then(|| value.to_owned())
    });
    value.unwrap_or_else(|| panic!("there is no metric {name} in\n{metrics}"))
}

#[test]
fn a_snapshot_that_the_disk_refuses_is_a_503_with_the_reason_and_a_warning_of_ready() {
    let node = Node::start();
    node.create_api(&keyless_api("api-1", "/api-1/", "http://127.0.0.1:9/"));
    let snapshots = node.data_dir().join("snapshots");
    fs::remove_dir_all(&snapshots).unwrap();
    let secret = node.secret();
    let answer = node.client().get(
        &node.control_url("/raftgate/v1/snapshot"),
        &[("authorization", &secret)],
    );
    let answer = answer.expect_status(503);
    assert_eq!(answer.header("retry-after"), "10");
    let body = answer.json();
    assert_eq!(body["status"], "error");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("No such file or directory"), "{message}");

    let file = node.folder().join("saved");
    let data_dir = node.data_dir();
    let arguments = [
        "snapshot",
        "save",
        file.to_str().unwrap(),
        "--data-dir",
        data_dir.to_str().unwrap(),
    ];
    let saved = run(&arguments, &[], node.folder());
    assert_eq!(saved.code, Some(1), "{}", saved.out);
    assert!(
        saved.err.contains("503") && saved.err.contains("No such file or directory"),
        "{}",
        saved.err
    );
    assert!(!file.exists());
    assert_eq!(
        metric(&node, "raftgate_store_snapshots_failed_total"),
        "2.0"
    );
    let ready = node.client().get(&node.control_url("/ready"), &[]);
    let ready = ready.expect_status(200).json();
    assert_eq!(ready["status"], "warn");
    let output = ready["output"].as_str().unwrap();
    assert!(output.contains("no snapshot can be written"), "{output}");

    fs::create_dir(&snapshots).unwrap();
    let saved = run(&arguments, &[], node.folder());
    assert_eq!(saved.code, Some(0), "{}", saved.err);
    assert_ne!(metric(&node, "raftgate_store_snapshots_built_total"), "0.0");
    let ready = node.client().get(&node.control_url("/ready"), &[]);
    assert_eq!(ready.json()["status"], "pass");
}

#[test]
fn a_lost_copy_of_the_state_is_rebuilt_with_a_warning_and_counted() {
    let mut node = Node::start();
    node.create_api(&keyless_api("api-1", "/api-1/", "http://127.0.0.1:9/"));
    assert_eq!(metric(&node, "raftgate_store_rebuilds_total"), "0.0");
    assert!(!node.log().contains("built anew"), "{}", node.log());
    node.terminate();
    fs::remove_dir_all(node.data_dir().join("copy")).unwrap();
    node.start_again();
    let log = node.log();
    for part in ["the state was built anew", "the persistent copy is gone"] {
        assert!(log.contains(part), "{part} is not in\n{log}");
    }
    assert_eq!(metric(&node, "raftgate_store_rebuilds_total"), "1.0");
    assert_eq!(metric(&node, "raftgate_store_copy_failed"), "0.0");
    assert_eq!(metric(&node, "raftgate_store_log_repaired"), "0.0");
}
