//! What a node begins with: every combination of copy, snapshot and log that a start may find.

use super::*;
use crate::snapshot::{Progress, SnapshotFolder};

/// A node that applied a log, with a snapshot at one index, stopped in good order.
pub(super) async fn stopped(log: &TestLog, snapshot_at: Option<u64>) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut machine = open_at(folder.path(), whole_log(0)).machine;
    if let Some(at) = snapshot_at {
        machine.apply(log.between(0, at)).await.unwrap();
        build(&mut machine).await;
    }
    finish_and_compare(&mut machine, log).await;
    folder
}

fn remove_copy(folder: &TempDir) {
    std::fs::remove_dir_all(folder.path().join("copy")).unwrap();
}

#[test]
fn the_first_start_finds_nothing() {
    let folder = TempDir::new().unwrap();
    let opened = open_at(folder.path(), whole_log(0));
    assert_eq!(opened.source, StartSource::Nothing);
    assert_eq!(opened.cut_log_to, None);
    assert!(opened.passed_over.is_empty());
    drop(opened);
    // Once more, as after a crash before anything was written.
    let opened = open_at(folder.path(), whole_log(0));
    assert_eq!(opened.source, StartSource::Nothing);
}

#[test]
fn a_good_copy_is_carried_on() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = stopped(&log, Some(20)).await;
        let opened = open_at(folder.path(), cut_log(20, log.last()));
        assert_eq!(opened.source, StartSource::Copy);
        assert_eq!(applied(&opened.machine), log.last());
        assert_eq!(records_of(&opened.machine), log.records);
        let current = opened.machine.current_snapshot_info().unwrap();
        assert_eq!(current.head.last_log_id, Some(log_id(20)));
    });
}

#[test]
fn loading_says_how_far_it_is_and_how_much_there_is() {
    let log = TestLog::new(1, 120);
    run(async {
        let folder = stopped(&log, Some(20)).await;
        let heard = |log: LogExtent| {
            let mut heard = Vec::new();
            let opened = open(config(folder.path()), log, &mut |at| heard.push(at)).unwrap();
            (opened.source, heard)
        };
        let (source, copied) = heard(cut_log(20, log.last()));
        assert_eq!(source, StartSource::Copy);
        let total = log.records.len() as u64;
        let expected = (20..=total).step_by(20);
        let expected = expected.map(|done| OpenProgress::Copy(Progress { done, total }));
        assert_eq!(copied, expected.collect::<Vec<_>>());
        assert!(copied.len() > 1);

        remove_copy(&folder);
        let (source, read) = heard(cut_log(20, log.last()));
        assert_eq!(source, StartSource::Snapshot);
        let bytes: Vec<_> = read
            .iter()
            .map(|at| match at {
                OpenProgress::Snapshot(at) => (at.done, at.total),
                OpenProgress::Copy(_) => panic!("there is none"),
            })
            .collect();
        assert!(bytes.is_sorted() && bytes.len() > 1, "{bytes:?}");
        assert!(
            bytes
                .last()
                .is_some_and(|(done, total)| done == total && *done > 0)
        );
    });
}

#[test]
fn without_a_copy_the_snapshot_and_the_log_rebuild_the_state_and_the_copy() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = stopped(&log, Some(20)).await;
        remove_copy(&folder);
        let opened = open_at(folder.path(), cut_log(20, log.last()));
        assert_eq!(opened.source, StartSource::Snapshot);
        assert_eq!(opened.passed_over, ["the persistent copy is gone"]);
        let mut machine = opened.machine;
        assert!(machine.status().rebuilt());
        assert_eq!(applied(&machine), 20);
        finish_and_compare(&mut machine, &log).await;
        while machine.copy_status().filling() {
            tokio::task::yield_now().await;
        }
        drop(machine);
        let opened = open_at(folder.path(), cut_log(20, log.last()));
        assert_eq!(opened.source, StartSource::Copy);
        assert!(!opened.machine.status().rebuilt());
        assert_eq!(records_of(&opened.machine), log.records);
    });
}

#[test]
fn without_copy_and_snapshot_a_whole_log_rebuilds_the_state() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = stopped(&log, None).await;
        remove_copy(&folder);
        let opened = open_at(folder.path(), whole_log(log.last()));
        assert_eq!(opened.source, StartSource::Log);
        assert_eq!(opened.passed_over, ["the persistent copy is gone"]);
        let mut machine = opened.machine;
        finish_and_compare(&mut machine, &log).await;
    });
}

#[test]
fn without_copy_and_snapshot_a_cut_log_is_refused() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = stopped(&log, Some(20)).await;
        remove_copy(&folder);
        std::fs::remove_dir_all(folder.path().join("snapshots")).unwrap();
        let refused = try_open(folder.path(), cut_log(20, log.last()))
            .err()
            .unwrap();
        assert!(matches!(refused, OpenError::NothingReachesTheLog { .. }));
        assert!(refused.to_string().contains("T1-N1-20"), "{refused}");
    });
}

#[test]
fn a_snapshot_that_ends_before_the_log_begins_is_refused() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = stopped(&log, Some(20)).await;
        remove_copy(&folder);
        let refused = try_open(folder.path(), cut_log(30, log.last()))
            .err()
            .unwrap();
        assert!(matches!(refused, OpenError::NothingReachesTheLog { .. }));
    });
}

#[test]
fn a_log_that_ends_before_the_state_is_refused() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = stopped(&log, Some(20)).await;
        let refused = try_open(folder.path(), cut_log(20, log.last() - 1))
            .err()
            .unwrap();
        assert!(matches!(refused, OpenError::LogBehind { .. }), "{refused}");
        remove_copy(&folder);
        let refused = try_open(folder.path(), whole_log(19)).err().unwrap();
        assert!(matches!(refused, OpenError::LogBehind { .. }), "{refused}");
    });
}

#[test]
fn a_state_without_log_and_vote_is_refused() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = stopped(&log, Some(20)).await;
        let refused = try_open(folder.path(), whole_log(0)).err().unwrap();
        assert!(matches!(refused, OpenError::LogGone { .. }), "{refused}");
        remove_copy(&folder);
        let refused = try_open(folder.path(), whole_log(0)).err().unwrap();
        assert!(matches!(refused, OpenError::LogGone { .. }), "{refused}");
    });
}

/// A follower that received a snapshot and stopped before its log was cut to it.
async fn received(log: &TestLog, at: u64) -> TempDir {
    let leader = stopped(log, Some(at)).await;
    let file = open_at(leader.path(), whole_log(log.last())).machine;
    let file = file.current_snapshot().unwrap();
    let folder = TempDir::new().unwrap();
    let mut machine = open_at(folder.path(), whole_log(0)).machine;
    machine.apply(log.between(0, 3)).await.unwrap();
    let meta = file.meta().unwrap();
    machine
        .install_snapshot(&meta, Box::new(file))
        .await
        .unwrap();
    folder
}

#[test]
fn a_received_snapshot_beyond_the_log_is_honoured_once() {
    let log = TestLog::new(4, 60);
    run(async {
        let folder = received(&log, 30).await;
        let unvoted = LogExtent {
            voted: false,
            ..whole_log(3)
        };
        let refused = try_open(folder.path(), unvoted).err().unwrap();
        assert!(matches!(refused, OpenError::LogBehind { .. }), "{refused}");

        let opened = open_at(folder.path(), whole_log(3));
        assert_eq!(opened.cut_log_to, Some(log_id(30)));
        let mut machine = opened.machine;
        assert_eq!(applied(&machine), 30);
        // An entry after it shows that the log was cut: from now on a shorter log has lost something.
        finish_and_compare(&mut machine, &log).await;
        drop(machine);
        let refused = try_open(folder.path(), whole_log(3)).err().unwrap();
        assert!(matches!(refused, OpenError::LogBehind { .. }), "{refused}");
        remove_copy(&folder);
        let refused = try_open(folder.path(), whole_log(3)).err().unwrap();
        assert!(matches!(refused, OpenError::LogBehind { .. }), "{refused}");
        assert_eq!(
            open_at(folder.path(), cut_log(30, log.last())).cut_log_to,
            None
        );
    });
}

#[test]
fn a_received_snapshot_is_settled_by_a_start_with_the_log_cut_to_it() {
    let log = TestLog::new(4, 60);
    run(async {
        let folder = received(&log, 30).await;
        drop(open_at(folder.path(), cut_log(30, 30)));
        let refused = try_open(folder.path(), whole_log(3)).err().unwrap();
        assert!(matches!(refused, OpenError::LogBehind { .. }), "{refused}");
    });
}

#[test]
fn a_snapshot_received_but_not_installed_is_taken_over_an_older_copy() {
    let log = TestLog::new(4, 60);
    run(async {
        let leader = stopped(&log, Some(30)).await;
        let machine = open_at(leader.path(), whole_log(log.last())).machine;
        let file = machine.current_snapshot().unwrap();
        let folder = TempDir::new().unwrap();
        let mut follower = open_at(folder.path(), whole_log(0)).machine;
        follower.apply(log.between(0, 10)).await.unwrap();
        let mut incoming = follower.folder().receive().unwrap();
        let mut bytes = vec![0; usize::try_from(file.bytes()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        for piece in bytes.chunks(1000) {
            incoming.append(piece).unwrap();
        }
        incoming.finish(&mut |_| {}).unwrap();
        drop(follower);
        // The purge of the log may have come before the installation that the power cut prevented.
        for extent in [whole_log(10), cut_log(30, 30)] {
            let stopped = TempDir::new().unwrap();
            copy_folder(folder.path(), stopped.path());
            let opened = open_at(stopped.path(), extent);
            assert_eq!(opened.source, StartSource::Snapshot);
            let mut machine = opened.machine;
            assert_eq!(applied(&machine), 30);
            if extent.purged.is_some() {
                finish_and_compare(&mut machine, &log).await;
            }
        }
    });
}

#[test]
fn unfinished_files_are_removed_and_half_a_snapshot_is_no_snapshot() {
    let log = TestLog::new(4, 30);
    run(async {
        let folder = stopped(&log, None).await;
        let snapshots = folder.path().join("snapshots");
        std::fs::write(snapshots.join("1-1-1.unfinished"), b"half").unwrap();
        std::fs::write(
            snapshots.join("00000000000000000005-1-1.snapshot"),
            b"rgsnap",
        )
        .unwrap();
        let opened = open_at(folder.path(), whole_log(log.last()));
        assert_eq!(opened.source, StartSource::Copy);
        assert_eq!(opened.passed_over.len(), 1);
        assert!(!opened.machine.status().rebuilt());
        assert!(opened.machine.current_snapshot().is_none());
        assert!(!snapshots.join("1-1-1.unfinished").exists());
        let disk = FsDisk::open(&snapshots).unwrap();
        assert_eq!(
            SnapshotFolder::new(Arc::new(disk))
                .candidates()
                .unwrap()
                .len(),
            1
        );
    });
}

#[test]
fn a_restored_snapshot_founds_a_node_that_can_lose_its_log_only_once() {
    use crate::snapshot::{Founder, GrantsAfterRestore, restore};
    use raftgate_model::id::{Incarnation, KeyId};
    use raftgate_model::keyring::{CheckValue, KeyCheck};

    let log = TestLog::new(8, 60);
    run(async {
        let old = stopped(&log, Some(30)).await;
        let machine = open_at(old.path(), whole_log(log.last())).machine;
        let backup = TempDir::new().unwrap();
        let snapshot = machine.current_snapshot().unwrap();
        snapshot.copy_to(&backup.path().join("backup")).unwrap();

        let new = TempDir::new().unwrap();
        let snapshots = FsDisk::open(&new.path().join("snapshots")).unwrap();
        let key = KeyCheck {
            id: KeyId(1),
            value: CheckValue::from_bytes([1; 16]),
        };
        let founder = Founder {
            id: 5,
            node: Node::default(),
            incarnation: Incarnation(99),
            keys: vec![key],
            active_key: key,
            now: Fixed.now(),
            grants: GrantsAfterRestore::Keep,
        };
        let from = FsDisk::open(backup.path()).unwrap();
        let folder = SnapshotFolder::new(Arc::new(snapshots));
        restore(&from, "backup", &folder, &founder, &mut |_| {}).unwrap();

        let opened = open_at(new.path(), whole_log(0));
        assert_eq!(opened.source, StartSource::Snapshot);
        let cut_to = opened.cut_log_to.unwrap();
        assert_eq!(cut_to.index, 1);
        let mut machine = opened.machine;
        assert_eq!(machine.view().meta().incarnation, Incarnation(99));
        assert_eq!(machine.position().1.voter_ids().collect::<Vec<_>>(), [5]);
        let blank = Entry {
            log_id: LogId::new(CommittedLeaderId::new(1, 5), 2),
            payload: EntryPayload::Blank,
        };
        machine.apply([blank]).await.unwrap();
        drop(machine);
        remove_copy(&new);
        let refused = try_open(new.path(), whole_log(0)).err().unwrap();
        assert!(matches!(refused, OpenError::LogGone { .. }), "{refused}");
    });
}
