//! Failing writes and syncs, and full disks.

use std::io::ErrorKind;

use std::time::Duration;

use bytes::Bytes;

use super::harness::{ID, Rig, config, payload};
use crate::disk::sim::{Operation, SimMachine, Survival};
use crate::wal::{OpenMode, Room, Space, WalConfig, WalError, wait_for};

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
        assert_eq!(rig.close(), 1, "the fatal hook is called once");
        assert_eq!(
            machine.operations(),
            operations,
            "nothing is written any more"
        );
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

#[test]
fn a_full_disk_refuses_entries_but_not_votes_and_a_purge_frees_it() {
    let machine = SimMachine::new();
    machine.set_capacity(Some(3 * (64 << 10) + 1000));
    let rig = Rig::create(&machine);
    let mut last = 0;
    let refused = loop {
        match rig.append(last + 1, &payload(last + 1, 3000)) {
            Ok(()) => last += 1,
            Err(error) => break error,
        }
        assert!(last < 1000);
    };
    assert!(matches!(refused, WalError::StorageFull { .. }), "{refused}");
    let status = rig.wal.status();
    assert!(
        matches!(status.space, Space::Low { room_bytes } if room_bytes < 4096),
        "{status:?}"
    );
    assert_eq!(
        (status.last_index, status.segments, status.poisoned),
        (Some(last), 3, false)
    );

    let mut votes = 0;
    while rig.vote(format!("vote {votes}").as_bytes()).is_ok() {
        votes += 1;
        if votes == 10 {
            rig.committed(b"while full").unwrap();
        }
        assert!(votes < 100);
    }
    assert!(votes >= 14, "the reserve holds votes: {votes}");
    let state = rig.wal.state();
    assert_eq!(state.vote, Some(Bytes::from(format!("vote {}", votes - 1))));
    assert_eq!(rig.close(), 0);

    let rig = Rig::reopen(&machine).unwrap();
    assert_eq!(rig.wal.state(), state, "a refused vote leaves no trace");
    assert_eq!(rig.entries().len() as u64, last);
}

#[test]
fn room_is_told_before_anything_is_appended() {
    let machine = SimMachine::new();
    machine.set_capacity(Some(64 << 10));
    let rig = Rig::create(&machine);
    rig.wal.settle().unwrap();
    assert_eq!(rig.wal.room_for(&[1000], 0), Room::Ready);
    assert_eq!(rig.wal.room_for(&[30_000, 30_000], 0), Room::None);
    assert_eq!(rig.wal.room_for(&[30_000], 30_000), Room::None);
    let mut last = 0;
    while rig.wal.room_for(&[3000], 0) == Room::Ready {
        last += 1;
        rig.append(last, &payload(last, 3000)).unwrap();
    }
    assert!(last > 3);
    assert_eq!(rig.wal.room_for(&[3000], 0), Room::None);
    rig.append(last + 1, &payload(last + 1, 3000)).unwrap_err();

    machine.set_capacity(None);
    let rig = Rig::create(&SimMachine::new());
    rig.wal.settle().unwrap();
    assert_eq!(rig.wal.room_for(&[50_000], 1 << 30), Room::Ready);
    assert_eq!(
        rig.wal.room_for(&[1 << 30], 0),
        Room::None,
        "of any segment"
    );
}

#[test]
fn a_purge_frees_a_full_disk() {
    let machine = SimMachine::new();
    machine.set_capacity(Some(3 * (64 << 10) + 1000));
    let rig = Rig::create(&machine);
    let mut last = 0;
    while rig.append(last + 1, &payload(last + 1, 3000)).is_ok() {
        last += 1;
    }
    for _ in 0..5 {
        rig.purge(last, b"purged").unwrap();
        rig.wal.settle().unwrap();
        assert_eq!(rig.wal.status().space, Space::Ample);
        let before = last;
        while rig.append(last + 1, &payload(last + 1, 3000)).is_ok() {
            last += 1;
        }
        assert!(last > before + 15);
        assert!(machine.used_bytes() <= 3 * (64 << 10));
    }
}

#[test]
fn space_that_others_free_is_found_without_being_told() {
    let machine = SimMachine::new();
    machine.set_capacity(Some(64 << 10));
    let soon = WalConfig {
        full_retry_after: Duration::from_millis(1),
        ..config()
    };
    let rig = Rig::open_with(&machine, soon, OpenMode::Create(ID)).unwrap();
    rig.wal.settle().unwrap();
    assert!(matches!(rig.wal.status().space, Space::Low { .. }));
    machine.set_capacity(None);
    while rig.wal.status().space != Space::Ample {
        std::thread::yield_now();
    }
    rig.append(1, &payload(1, 50_000)).unwrap();
    rig.append(2, &payload(2, 50_000)).unwrap();
}

#[test]
fn a_disk_that_turns_out_full_while_preparing_stops_nothing() {
    for operation in [Operation::Create, Operation::Write] {
        let machine = SimMachine::new();
        machine.fail(
            operation,
            if operation == Operation::Create { 1 } else { 3 },
            ErrorKind::StorageFull,
        );
        let rig = Rig::create(&machine);
        rig.wal.settle().unwrap();
        assert!(matches!(rig.wal.status().space, Space::Low { .. }));
        rig.append(1, &payload(1, 40_000)).unwrap();
        let refused = rig.append(2, &payload(2, 40_000));
        assert!(
            matches!(refused, Err(WalError::StorageFull { .. })),
            "{refused:?}"
        );
        rig.vote(b"vote").unwrap();
        assert!(!rig.wal.status().poisoned);
    }
}

#[test]
fn other_failures_in_the_background_stop_the_log() {
    let background = [
        Operation::Create,
        Operation::Rename,
        Operation::SyncDir,
        Operation::Remove,
    ];
    for operation in background {
        let machine = SimMachine::new();
        let rig = Rig::create(&machine);
        rig.wal.settle().unwrap();
        machine.fail(operation, 0, ErrorKind::Other);
        let mut last = 0;
        while rig.append(last + 1, &payload(last + 1, 30_000)).is_ok() {
            last += 1;
            let _ = rig.purge(last, b"purged");
            assert!(last < 100);
        }
        assert!(
            matches!(rig.wal.settle(), Err(WalError::Poisoned { .. })),
            "{operation:?}"
        );
        assert_eq!(rig.close(), 1, "the fatal hook is called once");
        machine.kill();
        let rig = Rig::reopen(&machine).unwrap();
        assert!(rig.wal.state().last_index >= Some(last));
    }
}

#[test]
fn a_panic_in_a_callback_stops_the_log_and_leaves_nobody_waiting() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    rig.wal
        .append(
            vec![(1, Bytes::new())],
            Box::new(|_| panic!("in a callback")),
        )
        .unwrap();
    while !rig.wal.status().poisoned {
        std::thread::yield_now();
    }
    assert!(matches!(rig.vote(b"v"), Err(WalError::Poisoned { .. })));
    assert_eq!(rig.close(), 1);
}

#[test]
fn many_appenders_share_frames_and_the_queue_stays_bounded() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    let next = parking_lot::Mutex::new(1);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    wait_for(|done| {
                        let mut next = next.lock();
                        let entry = (*next, Bytes::from(payload(*next, 300)));
                        rig.wal.append(vec![entry], done)?;
                        *next += 1;
                        Ok(())
                    })
                    .unwrap();
                }
            });
        }
        scope.spawn(|| {
            for number in 0..100_u8 {
                rig.vote(&[number]).unwrap();
                assert!(rig.wal.status().queued_bytes <= 33 << 10);
            }
        });
    });
    let entries = rig.entries();
    drop(rig);
    assert_eq!(entries.len(), 800);
    let rig = Rig::reopen(&machine).unwrap();
    assert_eq!(rig.entries(), entries);
    assert_eq!(rig.wal.state().vote.as_deref(), Some(&[99][..]));
}

#[test]
fn dropping_the_log_in_its_own_callback_does_not_hang() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let wal = std::sync::Arc::new(rig.wal);
    let last = std::sync::Arc::clone(&wal);
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
    wal.append(
        vec![(1, Bytes::new())],
        Box::new(move |outcome| {
            let _ = wait.recv();
            drop(last);
            let _ = sender.send(outcome);
        }),
    )
    .unwrap();
    drop(wal);
    go.send(()).unwrap();
    receiver.recv().unwrap().unwrap();
}
