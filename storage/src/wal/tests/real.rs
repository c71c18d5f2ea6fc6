//! The same log on the file system.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use bytes::Bytes;

use super::harness::{ID, config, payload};
use crate::disk::FsDisk;
use crate::wal::{Durability, OpenMode, Wal, WalError, wait_for};

#[test]
fn the_log_works_on_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wal");
    let open = |mode| {
        let disk = Arc::new(FsDisk::open(&path).unwrap());
        Wal::open(disk, config(), mode, Arc::new(|_| ()))
    };
    let missing = open(OpenMode::Existing).err().unwrap();
    assert!(
        missing.to_string().contains(&path.display().to_string()),
        "{missing}"
    );
    let wal = open(OpenMode::Create(ID)).unwrap();
    let entries: Vec<_> = (1..400)
        .map(|index| (index, Bytes::from(payload(index, 900))))
        .collect();
    wait_for(|done| wal.append(entries.clone(), done)).unwrap();
    wait_for(|done| wal.save_vote(Bytes::from_static(b"vote"), done)).unwrap();
    wal.purge(199, Bytes::from_static(b"199"), Durability::Lazy)
        .unwrap();
    wal.settle().unwrap();
    let (state, status) = (wal.state(), wal.status());
    drop(wal);

    let wal = open(OpenMode::Existing).unwrap();
    assert_eq!(wal.state(), state);
    assert_eq!(wal.read(0..1000, usize::MAX).unwrap(), entries[199..]);
    drop(wal);
    let mut bytes = 0;
    for file in std::fs::read_dir(&path).unwrap() {
        let metadata = file.unwrap().metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        bytes += metadata.len();
    }
    assert_eq!(bytes, status.bytes);

    let segment = std::fs::read_dir(&path)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut content = std::fs::read(&segment).unwrap();
    content[1000] ^= 1;
    std::fs::write(&segment, content).unwrap();
    let refused = open(OpenMode::Existing).err().unwrap();
    assert!(matches!(refused, WalError::Corrupt { .. }), "{refused}");
    assert!(
        refused.to_string().contains(&segment.display().to_string()),
        "{refused}"
    );
}
