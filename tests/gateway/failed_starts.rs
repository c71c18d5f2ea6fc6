//! Why a node does not start: each cause that an operator can meet has its words and its exit status.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::harness::{Node, PATIENCE};

/// The command line or the configuration is wrong.
const USAGE: i32 = 2;
/// What the node met is.
const FAILURE: i32 = 1;

/// Launches a node that must not start, on the data that is there.
#[track_caller]
fn assert_refused(node: &mut Node, code: i32, words: &[&str]) {
    let process = node.launch();
    let status = process.wait(PATIENCE);
    let (out, err) = (process.out.text(), process.err.text());
    assert_eq!(status.code(), Some(code), "{err}");
    assert_eq!(out, "", "nothing is for standard output");
    // The last line says it, on its own.
    let last = err.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: "), "{err}");
    for word in words {
        assert!(last.contains(word), "{word} is not in: {last}");
    }
    assert!(!err.contains("panicked"), "{err}");
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_port_in_use_is_1_and_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--gateway-listen", "--control-listen", "--cluster-listen"] {
        let mut node = Node::builder().argument(flag).argument(&address).prepare();
        assert_refused(&mut node, FAILURE, &[&address, flag, "choose another port"]);
        // The listeners come first: nothing was begun that another start would have to carry on.
        assert!(!node.log().contains("key ring made"), "{}", node.log());
    }
}

#[test]
fn what_is_wrong_with_the_configuration_is_2() {
    for (toml, words) in [
        (
            "[cluster]\nwrite_timeout_ms = \"soon\"",
            ["raftgate.toml:2", "cluster.write_timeout_ms"],
        ),
        (
            "[gateway]\nlisen = \"127.0.0.1:0\"",
            ["gateway.lisen", "gateway.listen"],
        ),
        ("[gateway", ["raftgate.toml:1", "raftgate.toml"]),
        (
            "[cluster]\njoin = [\"127.0.0.1:9\"]",
            ["--join", "clusters of one node"],
        ),
    ] {
        let mut node = Node::builder().configuration(toml).prepare();
        assert_refused(&mut node, USAGE, &words);
    }
    let flag = Node::builder()
        .argument("--gateway-listen")
        .argument("here");
    assert_refused(&mut flag.prepare(), USAGE, &["--gateway-listen"]);
}

#[test]
fn a_data_directory_of_another_process_or_version_is_1_and_stays_as_it_is() {
    let mut first = Node::start();
    let data_dir = first.data_dir();
    let mut second = Node::builder().prepare();
    symlink(&data_dir, second.data_dir()).unwrap();
    let seen_as = second.data_dir();
    assert_refused(&mut second, FAILURE, &[shown(&seen_as), "--data-dir"]);
    assert_eq!(
        first.client().get(&first.control_url("/ready"), &[]).status,
        200
    );

    assert_eq!(first.terminate().code(), Some(0));
    let format = data_dir.join("format");
    let written = fs::read_to_string(&format).unwrap();
    for (found, version) in [("4000000000", "newer version"), ("1", "earlier version")] {
        fs::write(&format, format!("raftgate data format {found}\n")).unwrap();
        let words = [shown(&seen_as), version, found];
        assert_refused(&mut second, FAILURE, &words);
    }
    fs::write(&format, "not a format").unwrap();
    assert_refused(&mut second, FAILURE, &[shown(&seen_as.join("format"))]);
    fs::write(&format, written).unwrap();
    second.start_again();
}

#[test]
fn a_data_directory_that_is_none_is_1() {
    let mut node = Node::builder().prepare();
    let data_dir = node.data_dir();
    fs::write(&data_dir, "a file").unwrap();
    assert_refused(&mut node, FAILURE, &[shown(&data_dir), "--data-dir"]);
    fs::remove_file(&data_dir).unwrap();
    fs::create_dir(&data_dir).unwrap();
    fs::write(data_dir.join("letter.txt"), "somebody's").unwrap();
    assert_refused(&mut node, FAILURE, &[shown(&data_dir), "letter.txt"]);
    let left = fs::read_dir(&data_dir).unwrap();
    assert_eq!(left.count(), 1, "a foreign folder is left alone");
}

#[test]
fn a_definitions_folder_that_cannot_be_read_is_1() {
    let mut node = Node::builder()
        .configuration("[definitions]\ndir = \"definitions\"")
        .prepare();
    let folder = node.folder().join("definitions");
    let words = ["definitions.dir", "definitions", "create it"];
    assert_refused(&mut node, FAILURE, &words);
    fs::write(&folder, "a file").unwrap();
    let words = ["definitions.dir", "must lead to a folder"];
    assert_refused(&mut node, FAILURE, &words);
    fs::remove_file(&folder).unwrap();
    symlink("definitions", &folder).unwrap();
    assert_refused(&mut node, FAILURE, &["definitions.dir", "cannot read"]);
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    node.start_again();
}

#[test]
fn a_key_ring_that_is_missing_broken_or_open_to_others_is_1_and_not_replaced() {
    let mut node = Node::start();
    assert_eq!(node.terminate().code(), Some(0));
    let ring = node.data_dir().join("keyring");
    let kept = fs::read(&ring).unwrap();
    fs::remove_file(&ring).unwrap();
    let words = [shown(&ring), "no key ring", "raftgate keys import"];
    assert_refused(&mut node, FAILURE, &words);
    assert!(!ring.exists());
    let half = kept.get(..kept.len() / 2).unwrap();
    for broken in [b"nonsense", b"".as_slice(), half] {
        fs::write(&ring, broken).unwrap();
        fs::set_permissions(&ring, Permissions::from_mode(0o600)).unwrap();
        assert_refused(&mut node, FAILURE, &[shown(&ring)]);
        assert_eq!(fs::read(&ring).unwrap(), broken);
    }
    fs::write(&ring, &kept).unwrap();
    fs::set_permissions(&ring, Permissions::from_mode(0o644)).unwrap();
    assert_refused(&mut node, FAILURE, &[shown(&ring), "600"]);
    fs::set_permissions(&ring, Permissions::from_mode(0o600)).unwrap();
    node.start_again();
}

#[test]
fn files_of_tls_and_the_control_secret_that_cannot_be_used_are_1() {
    let tls = "[gateway]\ntls_cert = \"no-cert.pem\"\ntls_key = \"no-key.pem\"";
    let mut node = Node::builder().configuration(tls).prepare();
    let words = ["gateway.tls_cert", "no-cert.pem", "raftgate check"];
    assert_refused(&mut node, FAILURE, &words);
    let mut node = Node::builder().prepare();
    let secret = node.data_dir().join("control.secret");
    fs::create_dir_all(&secret).unwrap();
    assert_refused(&mut node, FAILURE, &[shown(&secret), "remove the file"]);
}
