//! Every file of a data directory, removed, cut and changed: the node has everything that it acknowledged, or it does not
//! start and says which file is at fault and what to do. What each file tolerates stands in one table.

use std::fs;
use std::path::Path;

use crate::acknowledged::assert_found;
use crate::directories::Specimen;
use crate::harness::Node;

/// What damage to a file may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The node serves everything: the file is made anew, or what it held is elsewhere too.
    Serves,
    /// The node does not start: nothing else holds what the file held.
    Refused,
    /// Either, by what was hit: a log has room that holds nothing yet.
    Either,
}

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Removed,
    /// Cut to so many eighths of its length.
    Cut(u64),
    /// Cut by one byte.
    Shortened,
    /// A bit changed at so many eighths of what is not zero in it.
    Flipped(u64),
    /// A bit changed in its last byte that is not zero.
    FlippedAtEnd,
}

/// For files whose every bit is tried by tests of the code that reads them.
const SOME: &[Damage] = &[
    Damage::Removed,
    Damage::Cut(0),
    Damage::Cut(4),
    Damage::Shortened,
    Damage::Flipped(4),
];
const ALL: &[Damage] = &[
    Damage::Removed,
    Damage::Cut(0),
    Damage::Cut(4),
    Damage::Shortened,
    Damage::Flipped(0),
    Damage::Flipped(2),
    Damage::Flipped(4),
    Damage::Flipped(6),
    Damage::FlippedAtEnd,
];

impl Damage {
    fn is_flip(self) -> bool {
        matches!(self, Self::Flipped(_) | Self::FlippedAtEnd)
    }

    /// Does it; false when the file is too short for it to change anything.
    fn inflict(self, path: &Path) -> bool {
        if matches!(self, Self::Removed) {
            fs::remove_file(path).unwrap();
            return true;
        }
        let mut bytes = fs::read(path).unwrap();
        let (length, used) = (bytes.len(), used_bytes(&bytes));
        if length == 0 {
            return false;
        }
        let eighths = |of: usize, count: u64| of * usize::try_from(count).unwrap() / 8;
        match self {
            Self::Removed => {}
            Self::Cut(count) => bytes.truncate(eighths(length, count)),
            Self::Shortened => bytes.truncate(length - 1),
            Self::Flipped(count) => *bytes.get_mut(eighths(used, count)).unwrap() ^= 1,
            Self::FlippedAtEnd => *bytes.get_mut(used - 1).unwrap() ^= 1,
        }
        fs::write(path, bytes).unwrap();
        true
    }
}

/// The length without the zeros at the end, at least 1.
fn used_bytes(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1
}

/// What a file tolerates, and the words by which a refusal names it.
fn expected(file: &str, damage: Damage) -> (Outcome, &'static str) {
    let folder = file.split('/').next().unwrap();
    match (folder, damage) {
        // Nothing is in them that the next start does not write again.
        ("lock" | "boot" | "control.address", _) => (Outcome::Serves, ""),
        // What the file says is the secret; one that is gone is made anew.
        ("control.secret", _) => (Outcome::Serves, ""),
        ("format", _) => (Outcome::Refused, "format"),
        ("node.json", _) => (Outcome::Refused, "node.json"),
        // Its last byte is a line break.
        ("keyring", Damage::Shortened) => (Outcome::Serves, ""),
        ("keyring", _) => (Outcome::Refused, "keyring"),
        ("log", Damage::Cut(_) | Damage::Shortened) => (Outcome::Refused, "log/"),
        ("log", _) => (Outcome::Either, "log"),
        // The log was not cut yet, so it holds what they hold.
        ("snapshots" | "copy", _) => (Outcome::Serves, ""),
        _ => panic!("{file} has no line in the table"),
    }
}

/// Whether the changed bit of a file counts: sizes, checksums and text do, room for later need not.
fn must_notice(file: &str, damage: Damage, original: &Path) -> bool {
    let is_active_log = file == "log/0000000001.wal";
    let holds_something = used_bytes(&fs::read(original).unwrap()) > 512;
    is_active_log && (damage.is_flip() || matches!(damage, Damage::Removed)) && holds_something
}

fn damage_all(folders: &[&str], damages: &[Damage]) {
    let specimen = Specimen::new();
    let mut cases = 0;
    for file in specimen.files() {
        if !folders.contains(&file.split('/').next().unwrap()) {
            continue;
        }
        for damage in damages.iter().copied() {
            let mut node = specimen.copy();
            if !damage.inflict(&node.data_dir().join(&file)) {
                continue;
            }
            cases += 1;
            let (mut outcome, name) = expected(&file, damage);
            if must_notice(&file, damage, &specimen.node.data_dir().join(&file)) {
                outcome = Outcome::Refused;
            }
            judge(
                &specimen,
                &mut node,
                (outcome, name),
                &format!("{file} {damage:?}"),
            );
        }
    }
    assert!(cases > 0, "{folders:?} hold no file");
}

/// Starts a damaged node, and once more if it serves: what it made of the damage must last.
fn judge(specimen: &Specimen, node: &mut Node, (outcome, name): (Outcome, &str), case: &str) {
    for start in ["first", "second"] {
        let case = format!("{case}, {start} start");
        match node.try_start() {
            Ok(()) => {
                assert_ne!(outcome, Outcome::Refused, "{case}: it serves");
                assert_found(node, &specimen.acknowledged);
                node.kill();
            }
            Err((status, text)) => {
                assert_ne!(outcome, Outcome::Serves, "{case}: {text}");
                assert!(status.code().is_some(), "{case}: {status}");
                assert!(!text.contains("panicked"), "{case}: {text}");
                let path = node.data_dir().join(name);
                assert!(text.contains(path.to_str().unwrap()), "{case}: {text}");
                let ways_out = [
                    "from a copy",
                    "put a copy",
                    "from a backup",
                    "restore a snapshot",
                ];
                let named = ways_out.iter().any(|way| text.contains(way));
                assert!(named, "{case}: no way out in: {text}");
                return;
            }
        }
    }
}

#[test]
fn damage_to_the_log_is_refused_or_does_no_harm() {
    damage_all(&["log"], ALL);
}

#[test]
fn damage_to_snapshots_is_made_up_for() {
    damage_all(&["snapshots"], ALL);
}

#[test]
fn damage_to_the_persistent_copy_is_made_up_for() {
    damage_all(&["copy"], ALL);
}

#[test]
fn damage_to_identity_ring_and_format_is_refused() {
    damage_all(&["node.json", "keyring", "format"], SOME);
}

#[test]
fn damage_to_what_each_start_writes_does_no_harm() {
    damage_all(&["lock", "boot", "control.address", "control.secret"], SOME);
}

#[test]
fn every_file_of_a_data_directory_has_its_line() {
    let specimen = Specimen::new();
    let tables = [
        "log",
        "snapshots",
        "copy",
        "node.json",
        "keyring",
        "format",
        "lock",
        "boot",
        "control.address",
        "control.secret",
    ];
    let files = specimen.files();
    for file in &files {
        expected(file, Damage::Removed);
        assert!(tables.contains(&file.split('/').next().unwrap()), "{file}");
    }
    for table in tables {
        let is_there = files
            .iter()
            .any(|file| file.split('/').next() == Some(table));
        assert!(is_there, "{table} is not in {files:?}");
    }
}
