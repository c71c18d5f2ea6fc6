//! Snapshots of a live machine, and the digest that every way to a state must agree on.

use super::*;

#[test]
fn the_digest_is_that_of_the_records_whatever_the_way_to_them() {
    let log = TestLog::new(5, 120);
    run(async {
        let summed = whole_digest(&log).await;
        let mut expected = crate::digest::StateDigest::default();
        for (key, record) in &log.records {
            let key = crate::codec::encode_key(key).unwrap();
            expected.add(&key, &crate::codec::encode_record(record).unwrap());
        }
        assert_eq!(summed.digest, expected);
        assert_eq!(summed.records, log.records.len() as u64);
        assert_eq!(summed.last_applied, Some(log_id(log.last())));
    });
}

#[test]
fn two_snapshots_are_kept_and_the_log_hears_how_far_they_reach() {
    let log = TestLog::new(2, 40);
    run(async {
        let folder = TempDir::new().unwrap();
        let config = config(folder.path());
        let mark = config.mark.clone();
        let mut machine = open(config, whole_log(0), &mut |_| {}).unwrap().machine;
        assert!(machine.get_current_snapshot().await.unwrap().is_none());
        for upto in [10, 20, 30] {
            let entries = log.between(upto - 10, upto);
            machine.apply(entries).await.unwrap();
            let file = build(&mut machine).await;
            assert_eq!(mark.covered(), Some(upto));
            let current = machine.get_current_snapshot().await.unwrap().unwrap();
            assert_eq!(current.meta, file.meta().unwrap());
        }
        let names = std::fs::read_dir(folder.path().join("snapshots")).unwrap();
        assert_eq!(names.count(), 2);
        assert_eq!(machine.status().snapshots_built(), 3);
    });
}

#[test]
fn a_snapshot_that_the_disk_refuses_is_tried_again() {
    use crate::disk::sim::{Operation, SimMachine};

    let log = TestLog::new(2, 40);
    run(async {
        let folder = TempDir::new().unwrap();
        let disk = SimMachine::new();
        let config = MachineConfig {
            snapshots: Arc::new(disk.disk("snapshots")),
            ..config(folder.path())
        };
        let mut machine = open(config, whole_log(0), &mut |_| {}).unwrap().machine;
        machine.apply(log.between(0, 20)).await.unwrap();
        for operation in [Operation::Write, Operation::Rename] {
            disk.fail(operation, 0, std::io::ErrorKind::StorageFull);
        }
        let status = machine.status();
        let mut writing = status.snapshot_writing();
        let refused = writing.wait_for(|writing| writing.trouble.is_some());
        let (_, trouble) = tokio::join!(build(&mut machine), async {
            refused.await.unwrap().trouble.clone().unwrap()
        });
        assert!(trouble.contains("cannot write"), "{trouble}");
        assert_eq!(status.snapshots_failed(), 2);
        assert_eq!(status.snapshots_built(), 1);
        assert_eq!(status.snapshot_writing().borrow().trouble, None);
    });
}

#[test]
fn a_snapshot_written_while_a_newer_one_was_received_does_not_take_its_place() {
    let log = TestLog::new(2, 60);
    run(async {
        let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut leader = open_at(one.path(), whole_log(0)).machine;
        leader.apply(log.between(0, 50)).await.unwrap();
        let newer = build(&mut leader).await;
        let mut follower = open_at(other.path(), whole_log(0)).machine;
        follower.apply(log.between(0, 20)).await.unwrap();
        let older = build(&mut follower).await;
        let meta = newer.meta().unwrap();
        follower
            .install_snapshot(&meta, Box::new(newer))
            .await
            .unwrap();
        follower.inner.adopt(&older);
        assert_eq!(follower.current_snapshot().unwrap().meta().unwrap(), meta);
    });
}

/// A copy that was still being filled has no position, so nobody takes it for whole.
#[test]
fn a_copy_that_was_not_filled_to_its_end_is_built_anew() {
    let log = TestLog::new(9, 60);
    run(async {
        let folder = TempDir::new().unwrap();
        let mut machine = open_at(folder.path(), whole_log(0)).machine;
        machine.apply(log.between(0, 40)).await.unwrap();
        let snapshot = build(&mut machine).await;
        drop(machine);
        std::fs::remove_dir_all(folder.path().join("copy")).unwrap();
        crate::copy::begin_and_abandon(&folder.path().join("copy"), &snapshot);
        let opened = open_at(folder.path(), cut_log(40, log.last()));
        assert_eq!(opened.source, StartSource::Snapshot);
        assert!(
            opened.passed_over[0].contains("never completed"),
            "{:?}",
            opened.passed_over
        );
        let mut machine = opened.machine;
        finish_and_compare(&mut machine, &log).await;
    });
}
