#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test may panic"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::symlink;

use raftgate_model::id::KeyId;
use raftgate_model::secret::SecretBytes;

use super::*;

fn bytes(fill: u8) -> SecretBytes<32> {
    SecretBytes::new([fill; 32])
}

fn ring() -> KeyRing {
    KeyRing::new(KeyId(1), bytes(1), bytes(2))
}

fn wider() -> KeyRing {
    ring()
        .with_key(KeyId(2), bytes(3))
        .unwrap()
        .with_active(KeyId(2))
        .unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("keyring")
    }

    fn with_ring() -> Self {
        let folder = Self::new();
        create(&folder.path(), &ring()).unwrap();
        folder
    }

    fn with_text(text: &[u8]) -> Self {
        let folder = Self::with_ring();
        fs::write(folder.path(), text).unwrap();
        folder
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

fn refused<T>(result: Result<T, KeyRingFileError>) -> KeyRingFileError {
    let error = result.map(drop).expect_err("an error");
    let text = ring().to_text();
    for line in text.expose().lines().filter(|line| line.len() > 20) {
        assert!(
            !format!("{error} {error:?}").contains(line.trim()),
            "{error}"
        );
    }
    error
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_created_ring_loads_and_is_the_owners_alone() {
    let folder = Folder::with_ring();
    let read = load(&folder.path()).unwrap();
    assert_eq!(read.covers(&ring()), Ok(()));
    assert_eq!(mode_of(&folder.path()), 0o600);
    assert_eq!(folder.names(), ["keyring"], "nothing is left beside it");
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let folder = Folder::with_text(b"something of somebody");
    assert!(matches!(
        refused(create(&folder.path(), &ring())),
        KeyRingFileError::Exists { .. }
    ));
    assert_eq!(fs::read(folder.path()).unwrap(), b"something of somebody");

    let folder = Folder::new();
    symlink("nowhere", folder.path()).unwrap();
    assert!(matches!(
        refused(create(&folder.path(), &ring())),
        KeyRingFileError::Exists { .. }
    ));
    assert_eq!(folder.names(), ["keyring"], "nothing is left beside it");
}

#[test]
fn of_many_that_create_at_once_one_wins() {
    let folder = Folder::new();
    let path = folder.path();
    let created = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u8)
            .map(|fill| {
                let path = &path;
                scope.spawn(move || {
                    let ring = KeyRing::new(KeyId(1), bytes(fill), bytes(fill));
                    create(path, &ring).is_ok().then_some(ring)
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(created.len(), 1);
    let winner = created.first().unwrap();
    assert_eq!(load(&path).unwrap().covers(winner), Ok(()));
    assert_eq!(folder.names(), ["keyring"]);
}

#[test]
fn a_ring_open_to_others_is_refused_with_the_remedy() {
    let folder = Folder::with_ring();
    for mode in [
        0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777,
    ] {
        set_mode(&folder.path(), mode);
        let error = refused(load(&folder.path()));
        assert!(
            matches!(error, KeyRingFileError::OpenToOthers { mode: found, .. } if found == mode)
        );
        let words = error.to_string();
        assert!(words.contains(&format!("mode {mode:04o}")), "{words}");
        assert!(
            words.contains(&format!("chmod 600 {}", folder.path().display())),
            "{words}"
        );
    }
    for mode in [0o600, 0o400] {
        set_mode(&folder.path(), mode);
        assert!(load(&folder.path()).is_ok(), "{mode:o}");
    }
}

#[test]
fn a_missing_ring_is_not_an_unreadable_one() {
    let folder = Folder::new();
    assert!(matches!(
        refused(load(&folder.path())),
        KeyRingFileError::Missing { .. }
    ));
    let below = folder.path().join("keyring");
    assert!(matches!(
        refused(load(&below)),
        KeyRingFileError::Missing { .. }
    ));
    assert!(matches!(
        refused(replace(&folder.path(), &ring())),
        KeyRingFileError::Missing { .. }
    ));
    assert!(folder.names().is_empty());

    let folder = Folder::with_ring();
    let below = folder.path().join("keyring");
    assert!(matches!(
        refused(load(&below)),
        KeyRingFileError::Unreadable { .. }
    ));
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let folder = Folder::new();
    fs::create_dir(folder.path()).unwrap();
    assert!(matches!(
        refused(load(&folder.path())),
        KeyRingFileError::NotAFile { .. }
    ));
    let pipe = folder.0.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(matches!(
        refused(load(&pipe)),
        KeyRingFileError::NotAFile { .. }
    ));
    let nameless = folder.0.path().join("..");
    assert!(matches!(
        refused(create(&nameless, &ring())),
        KeyRingFileError::Unwritable { .. }
    ));
}

#[test]
fn damaged_newer_and_foreign_files_are_told_apart() {
    let text = ring().to_text();
    let newer = text.expose().replace("\"version\": 1", "\"version\": 9");
    let foreign = text.expose().replace("raftgate-keyring", "something");
    let folder = Folder::with_ring();
    let fault = |text: &[u8]| {
        fs::write(folder.path(), text).unwrap();
        match refused(load(&folder.path())) {
            KeyRingFileError::Content { source, .. } => source,
            other => panic!("{other}"),
        }
    };
    assert_eq!(
        fault(newer.as_bytes()),
        RingTextFault::NewerVersion { found: 9 }
    );
    assert_eq!(fault(foreign.as_bytes()), RingTextFault::OtherFormat);
    assert_eq!(fault(&[0xff; 10]), RingTextFault::NotText);
    assert_eq!(
        fault(&vec![b' '; RING_TEXT_BYTES_MAX + 1]),
        RingTextFault::TooLong
    );
    assert!(matches!(fault(b""), RingTextFault::NotValid { .. }));
    for len in 0..text.expose().trim_end().len() {
        let cut = text.expose().as_bytes().get(..len).unwrap();
        assert!(
            matches!(fault(cut), RingTextFault::NotValid { .. }),
            "cut at {len}"
        );
    }
}

#[test]
fn a_message_names_the_file_and_the_fault() {
    let folder = Folder::with_text(b"{}");
    let words = refused(load(&folder.path())).to_string();
    assert!(
        words.starts_with(&folder.path().display().to_string()),
        "{words}"
    );
    assert!(words.contains("line 1"), "{words}");
}

#[test]
fn a_rotated_ring_replaces_the_old_one() {
    let folder = Folder::with_ring();
    replace(&folder.path(), &wider()).unwrap();
    let read = load(&folder.path()).unwrap();
    assert_eq!(read.active(), KeyId(2));
    assert_eq!(read.covers(&wider()), Ok(()));
    assert_eq!(mode_of(&folder.path()), 0o600);
    assert_eq!(folder.names(), ["keyring"]);
}

#[test]
fn a_replacement_never_loses_a_key() {
    let folder = Folder::new();
    create(&folder.path(), &wider()).unwrap();
    let before = fs::read(folder.path()).unwrap();
    let elsewhere = KeyRing::new(KeyId(1), bytes(1), bytes(9));
    for (ring, lost) in [
        (ring(), RingFault::Lacks(KeyId(2))),
        (elsewhere, RingFault::OtherCluster),
    ] {
        match refused(replace(&folder.path(), &ring)) {
            KeyRingFileError::WouldLose { source, .. } => assert_eq!(source, lost),
            other => panic!("{other}"),
        }
    }
    set_mode(&folder.path(), 0o644);
    let open = refused(replace(&folder.path(), &wider()));
    assert!(matches!(open, KeyRingFileError::OpenToOthers { .. }));
    assert_eq!(fs::read(folder.path()).unwrap(), before);
    assert_eq!(folder.names(), ["keyring"]);
}

#[test]
fn a_ring_that_cannot_be_written_names_the_file() {
    let folder = Folder::new();
    let below = folder.path().join("keyring");
    let error = refused(create(&below, &ring()));
    assert!(matches!(error, KeyRingFileError::Unwritable { .. }));
    assert!(
        error.to_string().contains(&below.display().to_string()),
        "{error}"
    );
}

#[test]
fn a_link_to_a_closed_file_is_followed() {
    let folder = Folder::with_ring();
    let link = folder.0.path().join("link");
    symlink(folder.path(), &link).unwrap();
    assert!(load(&link).is_ok());
    set_mode(&folder.path(), 0o644);
    assert!(matches!(
        refused(load(&link)),
        KeyRingFileError::OpenToOthers { .. }
    ));
}
