#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking where it went wrong"
)]

use std::sync::Arc;

use raftgate_model::id::KeyId;
use raftgate_model::secret::SecretBytes;
use tempfile::TempDir;

use super::*;
use crate::clock::{SystemClock, SystemEntropy};

fn surroundings() -> Surroundings {
    Surroundings {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    }
}

fn ring(lookup: u8) -> KeyRing {
    let key = |fill| SecretBytes::new([fill; 32]);
    KeyRing::new(KeyId(1), key(1), key(lookup))
}

fn identity_in(folder: &TempDir) -> Result<Identity, BootError> {
    let data_dir = DataDir::open(folder.path())?;
    Identity::load_or_create(&data_dir, None, &surroundings())
}

fn refusal(folder: &TempDir) -> String {
    match identity_in(folder) {
        Ok(identity) => panic!("{identity:?}"),
        Err(error) => error.to_string(),
    }
}

/// A directory of a node that has started, with the file's text.
fn member() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    identity_in(&folder).unwrap().started(&ring(7)).unwrap();
    let text = fs::read_to_string(folder.path().join(IDENTITY_FILE)).unwrap();
    (folder, text)
}

#[test]
fn an_identity_is_chosen_once_and_the_name_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let chosen = identity_in(&folder).unwrap();
    assert_eq!(chosen.stage(), Stage::Founding);
    assert_eq!(identity_in(&folder).unwrap(), chosen);
    let data_dir = DataDir::open(folder.path()).unwrap();
    assert_eq!(data_dir.contents(), Contents::Formatted);
    let named = Identity::load_or_create(&data_dir, Some("alpha"), &surroundings()).unwrap();
    drop(data_dir);
    assert_eq!((named.id(), named.name()), (chosen.id(), "alpha"));
    assert_eq!(identity_in(&folder).unwrap(), named);
}

#[test]
fn every_changed_bit_and_every_cut_is_refused() {
    let (folder, text) = member();
    let path = folder.path().join(IDENTITY_FILE);
    let expect_refusal = |bytes: &[u8], what: String| {
        fs::write(&path, bytes).unwrap();
        let said = refusal(&folder);
        for part in [path.to_str().unwrap(), "put", "snapshot restore"] {
            assert!(said.contains(part), "{what}: {said}");
        }
    };
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1 << bit;
            expect_refusal(&changed, format!("bit {bit} of byte {at}"));
        }
        expect_refusal(&text.as_bytes()[..at], format!("cut to {at}"));
    }
    fs::write(&path, &text).unwrap();
    assert_eq!(identity_in(&folder).unwrap().stage(), Stage::Member);
}

#[test]
fn a_node_that_has_started_needs_its_format() {
    let (folder, _) = member();
    fs::remove_file(folder.path().join("format")).unwrap();
    let said = refusal(&folder);
    assert!(
        said.contains("the file format beside it is missing"),
        "{said}"
    );
}

#[test]
fn another_clusters_ring_is_told_apart_once_the_own_one_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut identity = identity_in(&folder).unwrap();
    assert!(identity.fits(&ring(7)) && identity.fits(&ring(8)));
    identity.started(&ring(7)).unwrap();
    drop(identity);
    let identity = identity_in(&folder).unwrap();
    assert!(identity.fits(&ring(7)) && !identity.fits(&ring(8)));
    let rotated = ring(7)
        .with_key(KeyId(2), SecretBytes::new([2; 32]))
        .unwrap();
    assert!(identity.fits(&rotated.with_active(KeyId(2)).unwrap()));
}

/// Each crash point of a founding and of a restore, as the files that it leaves.
#[test]
fn a_first_use_that_was_cut_short_is_taken_up_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::open(folder.path()).unwrap();
    fs::write(folder.path().join("node.json.4711-0.new"), "{").unwrap();
    drop(data_dir);
    let first = identity_in(&folder).unwrap();
    // The identity was written, the format not yet.
    fs::remove_file(folder.path().join("format")).unwrap();
    fs::write(folder.path().join("format.4711-0.new"), "rag").unwrap();
    assert_eq!(identity_in(&folder).unwrap(), first);
    // The format was written by a version that wrote it first.
    fs::remove_file(folder.path().join(IDENTITY_FILE)).unwrap();
    assert_ne!(identity_in(&folder).unwrap().id(), first.id());

    for formatted in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        Identity::begin_restore(&data_dir, None, &surroundings()).unwrap();
        drop(data_dir);
        if !formatted {
            fs::remove_file(folder.path().join("format")).unwrap();
        }
        let said = refusal(&folder);
        assert!(
            said.contains("repeat it (raftgate snapshot restore)"),
            "{said}"
        );
        let kept = Identity::load(folder.path()).unwrap().unwrap();
        assert_eq!(kept.stage(), Stage::Restoring);
    }
}
