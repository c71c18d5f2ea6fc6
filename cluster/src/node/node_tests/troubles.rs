//! Storage that is gone, torn, full or broken under a node, and snapshots that are asked for meanwhile.

use super::*;

#[tokio::test]
async fn a_log_that_is_gone_is_refused_and_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    handle.shutdown().await;
    for part in [LOG_FOLDER, SNAPSHOTS_FOLDER, COPY_FOLDER] {
        std::fs::remove_dir_all(folder.path().join(part)).unwrap();
        let opened = try_open(folder.path()).await;
        assert!(
            matches!(opened, Err(StorageError::Log(WalError::Missing { .. }))),
            "without {part}"
        );
    }
}

#[tokio::test]
async fn a_saved_snapshot_holds_what_was_applied() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    let committed = propose(&handle, put("gold")).await.unwrap();
    let path = folder.path().join("saved");
    let index = handle.save_snapshot(&path).await.unwrap();
    assert!(index >= committed.index);
    assert!(std::fs::metadata(&path).unwrap().len() > 0);
    let again = handle.save_snapshot(&path).await;
    assert!(matches!(again, Err(SnapshotError::Write { .. })));
    let committed = propose(&handle, put("silver")).await.unwrap();
    let other = folder.path().join("other");
    assert!(handle.save_snapshot(&other).await.unwrap() >= committed.index);
    assert_eq!(handle.status().snapshot, Some(committed.index));
    handle.shutdown().await;
}

#[tokio::test]
async fn a_snapshot_that_the_disk_refuses_is_tried_once_for_whoever_asks_and_goes_on_with_the_disk()
{
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    propose(&handle, put("gold")).await.unwrap();
    let snapshots = folder.path().join(SNAPSHOTS_FOLDER);
    std::fs::remove_dir_all(&snapshots).unwrap();
    let path = folder.path().join("saved");
    for attempt in 1..=2 {
        // Raft waits half a minute before it tries again by itself; nobody who asks waits as long.
        let asked = tokio::time::timeout(Duration::from_secs(20), handle.save_snapshot(&path));
        match asked.await.unwrap() {
            Err(SnapshotError::Refused { reason }) => {
                assert!(reason.contains("No such file"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(handle.metrics().snapshots_failed, attempt);
        let verdict = handle.status().verdict;
        assert!(verdict.contains("no snapshot can be written"), "{verdict}");
    }
    assert!(!path.exists());
    std::fs::create_dir(&snapshots).unwrap();
    handle.save_snapshot(&path).await.unwrap();
    assert!(handle.metrics().snapshots_built > 0);
    assert_eq!(handle.status().verdict, "");
    handle.shutdown().await;
}

#[tokio::test]
async fn a_start_that_rebuilds_the_state_or_clears_a_torn_write_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    let big = Command::PutPolicy(PutPolicy {
        id: PolicyId::new("gold").unwrap(),
        document: "torn".repeat(1000).into(),
        org: OrgId::default(),
        source: None,
    });
    propose(&handle, big).await.unwrap();
    assert!(!handle.metrics().state_rebuilt && !handle.metrics().log_repaired);
    handle.shutdown().await;
    tear(&folder.path().join(LOG_FOLDER), b"torntorn");
    std::fs::remove_dir_all(folder.path().join(COPY_FOLDER)).unwrap();
    let handle = start_in(&folder).await;
    assert!(handle.metrics().state_rebuilt && handle.metrics().log_repaired);
    handle.shutdown().await;
    let handle = start_in(&folder).await;
    assert!(!handle.metrics().state_rebuilt && !handle.metrics().log_repaired);
    handle.shutdown().await;
}

/// Leaves of the frame with these bytes its first sectors only, and nothing of what follows it.
fn tear(log: &Path, bytes: &[u8]) {
    for entry in std::fs::read_dir(log).unwrap() {
        let path = entry.unwrap().path();
        let mut content = std::fs::read(&path).unwrap();
        let found = content
            .windows(bytes.len())
            .position(|window| window == bytes);
        if let Some(at) = found {
            let kept = (at / 512 + 1) * 512;
            content.iter_mut().skip(kept).for_each(|byte| *byte = 0);
            std::fs::write(&path, content).unwrap();
            return;
        }
    }
    panic!("the frame is in no segment");
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else_and_is_over_with_the_space() {
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    // A disk of which everything is to be left to others is full once the first segment is.
    let full = WalConfig {
        keep_free_bytes: u64::MAX / 2,
        ..WalConfig::default()
    };
    let storage = open_with(folder.path(), full).await.unwrap();
    let config = config(folder.path(), Some(found()));
    let handle = start(config, storage, TestClock::new()).await.unwrap();
    let big = |name: &str| {
        Command::PutPolicy(PutPolicy {
            id: PolicyId::new(name).unwrap(),
            org: OrgId::default(),
            document: "f".repeat(100_000).into(),
            source: None,
        })
    };
    let mut stored = 0;
    let refused = loop {
        match propose(&handle, big(&format!("policy-{stored}"))).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 60, "the disk never fills");
    };
    assert_eq!(refused, ProposeError::StorageFull);
    assert_eq!(refused.retry_after(), Some(Ttl::from_s(10)));
    assert!(stored > 0);
    let verdict = handle.status().verdict;
    assert!(verdict.contains("running full"), "{verdict}");
    let again = propose(&handle, big("again")).await;
    assert_eq!(again, Err(ProposeError::StorageFull));
    let is_there = |handle: &ClusterHandle, number: usize| {
        let id = PolicyId::new(&format!("policy-{number}")).unwrap();
        handle.view().policy(&id).is_some()
    };
    assert!((0..stored).all(|number| is_there(&handle, number)));
    assert!(!is_there(&handle, stored));
    handle.shutdown().await;

    let handle = start_in(&folder).await;
    // The next segment is prepared beside the start, and refused until it is there.
    while propose(&handle, big("after")).await == Err(ProposeError::StorageFull) {
        assert!(began.elapsed() < Duration::from_secs(60), "it stays full");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let after = PolicyId::new("after").unwrap();
    assert!(handle.view().policy(&after).is_some());
    assert!((0..stored).all(|number| is_there(&handle, number)));
    assert!(!is_there(&handle, stored));
    assert_eq!(handle.status().verdict, "");
    handle.shutdown().await;
}

/// A machine that carries nothing out.
struct Broken;

#[tokio::test]
async fn a_state_machine_that_fails_ends_the_process() {
    const ROLE: &str = "RAFTGATE_TEST_NODE_ROLE";
    const ABORTED: Option<i32> = Some(6);
    if std::env::var(ROLE).is_ok() {
        let folder = tempfile::tempdir().unwrap();
        let Storage { log, machine, .. } = open(folder.path()).await;
        let parts = life::Parts {
            stored: life::Stored {
                log,
                machine: Broken,
                view: machine.view(),
                gauge: StateGauge::default(),
            },
            closing: std::future::ready(()),
        };
        let config = config(folder.path(), Some(found()));
        let _ = start::start_parts(config, parts, TestClock::new()).await;
        return;
    }
    let test = "node::tests::troubles::a_state_machine_that_fails_ends_the_process";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env(ROLE, "fails")
        .output()
        .unwrap();
    assert_eq!(child.status.signal(), ABORTED, "{child:?}");
}

mod broken {
    use std::io;

    use openraft::storage::RaftStateMachine;
    use openraft::{
        AnyError, ErrorSubject, ErrorVerb, OptionalSend, RaftSnapshotBuilder, Snapshot,
        StorageError, StorageIOError,
    };
    use raftgate_storage::snapshot::SnapshotFile;
    use raftgate_storage::types::{Answers, Entry, LogId, Membership, SnapshotMeta, TypeConfig};

    use super::Broken;

    #[allow(clippy::result_large_err, reason = "the type is openraft's own")]
    fn failure<T>() -> Result<T, StorageError<u64>> {
        let error = AnyError::new(&io::Error::other("on purpose"));
        Err(StorageIOError::new(ErrorSubject::StateMachine, ErrorVerb::Write, error).into())
    }

    impl RaftStateMachine<TypeConfig> for Broken {
        type SnapshotBuilder = Self;

        async fn applied_state(
            &mut self,
        ) -> Result<(Option<LogId>, Membership), StorageError<u64>> {
            Ok((None, Membership::default()))
        }

        async fn apply<I>(&mut self, _entries: I) -> Result<Vec<Answers>, StorageError<u64>>
        where
            I: IntoIterator<Item = Entry> + OptionalSend,
            I::IntoIter: OptionalSend,
        {
            failure()
        }

        async fn get_snapshot_builder(&mut self) -> Self {
            Self
        }

        async fn begin_receiving_snapshot(
            &mut self,
        ) -> Result<Box<SnapshotFile>, StorageError<u64>> {
            failure()
        }

        async fn install_snapshot(
            &mut self,
            _meta: &SnapshotMeta,
            _snapshot: Box<SnapshotFile>,
        ) -> Result<(), StorageError<u64>> {
            failure()
        }

        async fn get_current_snapshot(
            &mut self,
        ) -> Result<Option<Snapshot<TypeConfig>>, StorageError<u64>> {
            Ok(None)
        }
    }

    impl RaftSnapshotBuilder<TypeConfig> for Broken {
        async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError<u64>> {
            failure()
        }
    }
}
