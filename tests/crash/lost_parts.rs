//! Parts of a data directory that are lost, or another node's: refused with what is missing, and good again once it is back.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::acknowledged::assert_found;
use crate::directories::Specimen;
use crate::harness::Node;

/// Takes parts of a data directory away and keeps them.
fn take_away(node: &Node, parts: &[&str]) -> Kept {
    let kept = tempfile::tempdir().unwrap();
    for part in parts {
        fs::rename(node.data_dir().join(part), kept.path().join(part)).unwrap();
    }
    let parts = parts.iter().map(|part| (*part).to_owned()).collect();
    Kept { kept, parts }
}

struct Kept {
    kept: TempDir,
    parts: Vec<String>,
}

impl Kept {
    fn put_back(self, data_dir: &Path) {
        for part in &self.parts {
            fs::rename(self.kept.path().join(part), data_dir.join(part)).unwrap();
        }
    }
}

#[track_caller]
fn assert_refused(node: &mut Node, words: &[&str]) {
    let (status, text) = node.try_start().expect_err("the node serves");
    assert!(status.code().is_some(), "{status}");
    for word in words {
        assert!(text.contains(word), "{word} is not in: {text}");
    }
}

fn names(data_dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data_dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn lost_parts_are_named_and_nothing_is_made_in_their_place() {
    let specimen = Specimen::new();
    let cases: [(&[&str], &[&str]); 9] = [
        (
            &["node.json"],
            &["node.json is missing", "from a copy", "snapshot restore"],
        ),
        (
            &["node.json", "keyring"],
            &["node.json is missing", "log", "snapshot restore"],
        ),
        (
            &["node.json", "log", "copy", "snapshots", "boot"],
            &["node.json is missing", "keyring"],
        ),
        (
            &["node.json", "format"],
            &["format is missing", "log", "from a copy"],
        ),
        (&["keyring"], &["no key ring at", "raftgate keys import"]),
        (&["log"], &["no log", "restore a snapshot"]),
        (&["log", "boot"], &["no log", "restore a snapshot"]),
        (
            &["log", "boot", "copy", "snapshots"],
            &["no log", "restore a snapshot"],
        ),
        (
            &[
                "format",
                "log",
                "boot",
                "copy",
                "snapshots",
                "control.address",
            ],
            &["node.json", "format beside it is missing"],
        ),
    ];
    for (parts, words) in cases {
        let mut node = specimen.copy();
        let kept = take_away(&node, parts);
        assert_refused(&mut node, words);
        for part in parts
            .iter()
            .filter(|part| part.contains('.') || **part == "keyring")
        {
            assert!(!node.data_dir().join(part).exists(), "{part} was made anew");
        }
        // An opened folder is made before what should be in it is missed.
        for part in parts {
            let _ = fs::remove_dir(node.data_dir().join(part));
        }
        kept.put_back(&node.data_dir());
        node.start_again();
        assert_found(&node, &specimen.acknowledged);
    }
}

#[test]
fn the_parts_of_another_node_are_told_apart() {
    let specimen = Specimen::new();
    let mut other = Node::start();
    assert_eq!(other.terminate().code(), Some(0));
    for part in ["keyring", "node.json"] {
        let mut node = specimen.copy();
        let kept = take_away(&node, &[part]);
        fs::copy(other.data_dir().join(part), node.data_dir().join(part)).unwrap();
        let before = names(&node.data_dir());
        let words = ["keyring", "node.json", "different clusters", "from a copy"];
        assert_refused(&mut node, &words);
        assert_eq!(names(&node.data_dir()), before);
        fs::remove_file(node.data_dir().join(part)).unwrap();
        kept.put_back(&node.data_dir());
        node.start_again();
        assert_found(&node, &specimen.acknowledged);
    }
    // With ring and identity of the other node, its key opens nothing here and its id is nobody's.
    let mut node = specimen.copy();
    for part in ["keyring", "node.json"] {
        fs::copy(other.data_dir().join(part), node.data_dir().join(part)).unwrap();
    }
    assert_refused(&mut node, &["node.json", "is that of", "from a copy"]);
}

/// Whatever a founding that acknowledged nothing left behind, the next start founds.
#[test]
fn what_a_cut_founding_leaves_is_founded_again() {
    let mut whole = Node::start();
    assert_eq!(whole.terminate().code(), Some(0));
    let format = fs::read_to_string(whole.data_dir().join("format")).unwrap();
    let leftovers: [&[(&str, &str)]; 4] = [
        &[("lock", "4711\n")],
        &[("lock", "4711\n"), ("node.json.4711-0.new", "{")],
        &[("lock", "4711\n"), ("format", format.as_str())],
        &[
            ("format", format.as_str()),
            ("format.4711-0.new", "raft"),
            ("node.json.4711-0.new", ""),
        ],
    ];
    for files in leftovers {
        let mut node = Node::builder().prepare();
        fs::create_dir(node.data_dir()).unwrap();
        for (name, content) in files {
            fs::write(node.data_dir().join(name), content).unwrap();
        }
        node.start_again();
        let api = crate::harness::keyless_api("open", "/open/", "http://127.0.0.1:9/");
        node.create_api(&api);
    }
}
