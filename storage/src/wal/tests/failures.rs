//! Failing writes and syncs, and full disks.

use std::io::ErrorKind;

use super::harness::Rig;
use crate::disk::sim::{Operation, SimMachine, Survival};
use crate::wal::WalError;

#[test]
fn a_failed_write_or_sync_stops_the_log_and_is_never_retried() {
    for operation in [Operation::Write, Operation::Fdatasync] {
        let machine = SimMachine::new();
        let rig = Rig::create(&machine);
        rig.append(1, b"one").unwrap();
        rig.wal.settle().unwrap();
        machine.fail(operation, 0, ErrorKind::Other);
        let failed = rig.append(2, b"two");
        assert!(
            matches!(failed, Err(WalError::Poisoned { .. })),
            "{failed:?}"
        );
        let operations = machine.operations();
        for outcome in [
            rig.vote(b"v"),
            rig.append(3, b"x"),
            rig.purge(1, b"p"),
            rig.wal.settle(),
        ] {
            assert!(
                matches!(outcome, Err(WalError::Poisoned { .. })),
                "{outcome:?}"
            );
        }
        assert!(rig.wal.read(0..9, 99).is_err());
        assert!(rig.wal.status().poisoned);
        drop(rig.wal);
        assert_eq!(
            machine.operations(),
            operations,
            "nothing is written any more"
        );
        assert_eq!(rig.fatal.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}

#[test]
fn what_a_failed_sync_left_in_the_cache_counts_only_when_it_is_on_disk() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    rig.append(1, b"one").unwrap();
    rig.wal.settle().unwrap();
    machine.fail(Operation::Fdatasync, 0, ErrorKind::Other);
    assert!(rig.append(2, b"two").is_err());
    drop(rig);

    let rig = Rig::reopen(&machine).unwrap();
    let seen = rig.entries();
    drop(rig);
    machine.restart(Survival::Nothing);
    let rig = Rig::reopen(&machine).unwrap();
    assert_eq!(rig.entries(), seen, "what an opened log has shown stays");
}
