//! What the log does when nothing fails.

use bytes::Bytes;

use super::harness::{FOLDER, ID, Rig, config, payload};
use crate::disk::sim::SimMachine;
use crate::wal::segment::segment_name;
use crate::wal::{Durability, OpenMode, WalError, wait_for};

#[test]
fn everything_is_there_after_opening_again() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    assert_eq!(rig.wal.id(), ID);
    rig.vote(b"vote").unwrap();
    for index in 0..5 {
        rig.append(index, &payload(index, 300)).unwrap();
    }
    rig.truncate(3).unwrap();
    rig.append(3, b"other").unwrap();
    rig.committed(b"at 2").unwrap();
    rig.purge(0, b"purged 0").unwrap();
    let (state, entries) = (rig.wal.state(), rig.entries());
    assert_eq!(state.first_index, Some(1));
    assert_eq!(state.last_index, Some(3));
    drop(rig);

    for _ in 0..3 {
        let rig = Rig::reopen(&machine).unwrap();
        assert_eq!(rig.wal.id(), ID);
        assert_eq!(rig.wal.state(), state);
        assert_eq!(rig.entries(), entries);
        assert_eq!(entries[2], (3, b"other".to_vec()));
    }
}

#[test]
fn opening_again_changes_no_byte() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    for index in 0..200 {
        rig.append(index, &payload(index, 700)).unwrap();
    }
    rig.wal.settle().unwrap();
    drop(rig);
    let image = |machine: &SimMachine| {
        let mut files = Vec::new();
        for number in 1..5 {
            let mut copy = Vec::new();
            let _ = machine.damage(FOLDER, &segment_name(number), |bytes| {
                copy.clone_from(bytes)
            });
            files.push(copy);
        }
        files
    };
    let before = image(&machine);
    for _ in 0..2 {
        let rig = Rig::reopen(&machine).unwrap();
        rig.wal.settle().unwrap();
        drop(rig);
        assert!(image(&machine) == before);
    }
}

#[test]
fn unsynced_entries_can_be_read_at_once() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    let entries = vec![
        (1, Bytes::from_static(b"one")),
        (2, Bytes::from_static(b"two")),
    ];
    wait_for(|done| {
        rig.wal.append(entries.clone(), done)?;
        assert_eq!(rig.wal.read(0..9, 1000)?, entries);
        Ok(())
    })
    .unwrap();
}

#[test]
fn reads_reach_beyond_the_cache_and_stop_at_their_limit() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    for index in 10..200 {
        rig.append(index, &payload(index, 600)).unwrap();
    }
    assert!(rig.wal.status().segments > 2);
    for (index, found) in rig.entries() {
        assert_eq!(found, payload(index, 600));
    }
    let indexes = |range, bytes_max| -> Vec<u64> {
        let found = rig.wal.read(range, bytes_max).unwrap();
        found.into_iter().map(|(index, _)| index).collect()
    };
    assert_eq!(indexes(0..13, usize::MAX), [10, 11, 12]);
    assert_eq!(indexes(50..60, 1800), [50, 51, 52]);
    assert_eq!(indexes(50..60, 1799), [50, 51]);
    assert_eq!(indexes(50..60, 0), [50]);
    assert_eq!(indexes(198..500, usize::MAX), [198, 199]);
    assert_eq!(indexes(200..500, usize::MAX), [0_u64; 0]);
    assert_eq!(rig.wal.payload_bytes_after(197), 1200);
    assert_eq!(rig.wal.payload_bytes_after(5), 190 * 600);
    assert_eq!(rig.wal.payload_bytes_after(199), 0);
}

#[test]
fn entries_of_every_size_up_to_the_limit_survive() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    let bytes_max = config().entry_bytes_max();
    let sizes = [
        0, 1, 478, 479, 480, 491, 492, 493, 8191, 8192, 20_000, bytes_max,
    ];
    for (index, size) in (1..).zip(sizes) {
        rig.append(index, &payload(index, size)).unwrap();
    }
    let refused = rig.append(13, &payload(13, bytes_max + 1));
    assert!(
        matches!(refused, Err(WalError::RecordTooLarge { .. })),
        "{refused:?}"
    );
    let entries = rig.entries();
    drop(rig);
    let rig = Rig::reopen(&machine).unwrap();
    assert_eq!(rig.entries(), entries);
    for ((index, found), size) in entries.into_iter().zip(sizes) {
        assert_eq!(found, payload(index, size));
    }
}

#[test]
fn an_append_larger_than_the_queue_is_split() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    let entries: Vec<_> = (1..=300)
        .map(|index| (index, Bytes::from(payload(index, 900))))
        .collect();
    wait_for(|done| rig.wal.append(entries.clone(), done)).unwrap();
    drop(rig);
    let rig = Rig::reopen(&machine).unwrap();
    assert_eq!(rig.wal.read(0..1000, usize::MAX).unwrap(), entries);
}

#[test]
fn lazy_records_keep_their_order_and_ride_along() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    rig.append(1, b"one").unwrap();
    let frames = rig.wal.status().frames;
    rig.wal
        .save_committed(Bytes::from_static(b"c1"), Durability::Lazy)
        .unwrap();
    rig.wal.truncate(1, Durability::Lazy).unwrap();
    assert_eq!(rig.wal.status().frames, frames);
    assert_eq!(rig.wal.state().committed, Some(Bytes::from_static(b"c1")));
    rig.append(1, b"uno").unwrap();
    assert_eq!(rig.wal.status().frames, frames + 1);
    rig.wal
        .save_committed(Bytes::from_static(b"c2"), Durability::Lazy)
        .unwrap();
    drop(rig);
    let rig = Rig::reopen(&machine).unwrap();
    assert_eq!(rig.entries(), [(1, b"uno".to_vec())]);
    assert_eq!(rig.wal.state().committed, Some(Bytes::from_static(b"c2")));
}

#[test]
fn a_lazy_record_is_written_alone_after_its_delay() {
    let machine = SimMachine::new();
    let soon = Some(std::time::Duration::from_millis(1));
    let config = crate::wal::WalConfig {
        lazy_flush_after: soon,
        ..config()
    };
    let rig = Rig::open_with(&machine, config, OpenMode::Create(ID)).unwrap();
    rig.wal
        .save_committed(Bytes::from_static(b"c"), Durability::Lazy)
        .unwrap();
    while rig.wal.status().frames == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn entries_out_of_order_are_refused_and_change_nothing() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    rig.append(4, b"four").unwrap();
    for wrong in [3, 4, 6] {
        let refused = rig.append(wrong, b"x");
        assert!(
            matches!(refused, Err(WalError::OutOfOrder { expected: 5, .. })),
            "{refused:?}"
        );
    }
    let gap = vec![(5, Bytes::new()), (7, Bytes::new())];
    let refused = wait_for(|done| rig.wal.append(gap, done));
    assert!(matches!(
        refused,
        Err(WalError::OutOfOrder {
            expected: 6,
            found: 7
        })
    ));
    assert_eq!(rig.entries(), [(4, b"four".to_vec())]);
    rig.purge(4, b"p").unwrap();
    let refused = rig.truncate(4);
    assert!(matches!(
        refused,
        Err(WalError::TruncatesPurged { from: 4, purged: 4 })
    ));
    rig.append(5, b"five").unwrap();
    let large = vec![0; crate::wal::STATE_PAYLOAD_BYTES_MAX + 1];
    assert!(matches!(
        rig.vote(&large),
        Err(WalError::RecordTooLarge { .. })
    ));
}

#[test]
fn purging_deletes_whole_segments_and_keeps_an_older_one() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    rig.vote(b"the vote").unwrap();
    rig.committed(b"the position").unwrap();
    for index in 1..=500 {
        rig.append(index, &payload(index, 700)).unwrap();
    }
    rig.wal.settle().unwrap();
    let before = rig.wal.status();
    assert!(before.segments > 5);
    assert_eq!(before.bytes_since_purge, 500 * 700);
    rig.purge(500, b"p500").unwrap();
    rig.wal.settle().unwrap();
    let after = rig.wal.status();
    assert_eq!(after.segments, 3, "one older, the present and the next");
    assert_eq!(after.bytes, 3 * (64 << 10));
    assert_eq!(after.bytes_since_purge, 0);
    assert_eq!(machine.used_bytes(), after.bytes);
    drop(rig);

    let rig = Rig::reopen(&machine).unwrap();
    let state = rig.wal.state();
    assert_eq!(state.vote.as_deref(), Some(&b"the vote"[..]));
    assert_eq!(state.committed.as_deref(), Some(&b"the position"[..]));
    assert_eq!(state.purged, Some((500, Bytes::from_static(b"p500"))));
    assert_eq!((state.first_index, state.last_index), (None, Some(500)));
    assert!(matches!(
        rig.append(500, b"x"),
        Err(WalError::OutOfOrder { expected: 501, .. })
    ));
    rig.append(501, b"goes on").unwrap();
}

#[test]
fn a_purge_beyond_the_end_lets_entries_go_on_behind_it() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    rig.append(1, b"one").unwrap();
    rig.purge(1000, b"snapshot").unwrap();
    rig.purge(900, b"older").unwrap();
    rig.append(1001, b"next").unwrap();
    drop(rig);
    let rig = Rig::reopen(&machine).unwrap();
    assert_eq!(
        rig.wal.state().purged,
        Some((1000, Bytes::from_static(b"snapshot")))
    );
    assert_eq!(rig.entries(), [(1001, b"next".to_vec())]);
}

#[test]
fn a_purge_keeps_segments_whose_truncated_entries_lie_above_it() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    for index in 1..=200 {
        rig.append(index, &payload(index, 700)).unwrap();
    }
    rig.wal.truncate(101, Durability::Lazy).unwrap();
    rig.purge(100, b"p").unwrap();
    for index in 101..=300 {
        rig.append(index, &payload(index, 700)).unwrap();
    }
    rig.wal.settle().unwrap();
    drop(rig);
    let rig = Rig::reopen(&machine).unwrap();
    let entries = rig.entries();
    assert_eq!(entries.len(), 200);
    assert_eq!(entries[0], (101, payload(101, 700)));
}

#[test]
fn the_mode_decides_whether_a_log_must_exist() {
    let machine = SimMachine::new();
    let missing = Rig::reopen(&machine);
    assert!(matches!(missing, Err(WalError::Missing { .. })));
    drop(Rig::create(&machine));
    let exists = Rig::open_with(&machine, config(), OpenMode::Create(ID));
    assert!(matches!(exists, Err(WalError::AlreadyExists { .. })));
}

#[test]
fn sizes_that_cannot_work_are_refused() {
    let machine = SimMachine::new();
    let wrong: [fn(&mut crate::wal::WalConfig); 5] = [
        |config| config.segment_bytes = 1000,
        |config| config.first_segment_bytes = 128 << 10,
        |config| config.frame_bytes_max = 0,
        |config| config.reserve_bytes = 32 << 10,
        |config| config.queue_bytes_max = 0,
    ];
    for change in wrong {
        let mut config = config();
        change(&mut config);
        let refused = Rig::open_with(&machine, config, OpenMode::Create(ID));
        assert!(matches!(refused, Err(WalError::Config { .. })));
    }
}
