//! A whole node over its real log, as its handle shows it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::result_large_err,
    reason = "a test fails by panicking where it went wrong; one runs itself as a child that dies"
)]

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raftgate_model::answer::{Refusal, Reply};
use raftgate_model::clock::Clock;
use raftgate_model::command::{Command, Found, PutPolicy};
use raftgate_model::id::{Incarnation, KeyId, LogIndex, NodeId, OrgId, PolicyId};
use raftgate_model::keyring::{CheckValue, KeyCheck};
use raftgate_model::state::{ReadState, Record, RecordKey};
use raftgate_model::time::{Timestamp, Ttl};
use raftgate_storage::wal::{WalConfig, WalError, WalId};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::batch::{Committed, Lane};
use crate::error::{ProposeError, SnapshotError, WaitError};
use crate::handle::ClusterHandle;
use crate::status::Role;

/// A machine's clocks, moved by the test.
#[derive(Debug)]
struct TestClock(Mutex<(Timestamp, Ttl)>);

impl TestClock {
    fn new() -> Arc<Self> {
        let start = (Timestamp::from_unix_s(1_000_000), Ttl::from_s(100));
        Arc::new(Self(Mutex::new(start)))
    }

    fn pass(&self, time: Ttl) {
        let mut clocks = self.0.lock();
        clocks.0 = clocks.0.plus(time);
        clocks.1 = Ttl::from_ms(clocks.1.as_ms() + time.as_ms());
    }

    fn step(&self, time: Ttl) {
        let mut clocks = self.0.lock();
        clocks.0 = clocks.0.plus(time);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.lock().0
    }

    fn boot_time(&self) -> Ttl {
        self.0.lock().1
    }
}

fn found() -> Found {
    Found {
        cluster: [9; 16],
        incarnation: Incarnation(77),
        active_key: KeyCheck {
            id: KeyId(1),
            value: CheckValue::from_bytes([1; 16]),
        },
    }
}

fn config(folder: &Path, founding: Option<Found>) -> NodeConfig {
    NodeConfig {
        node: NodeId(1),
        name: "node-a".to_owned(),
        address: "127.0.0.1:8082".to_owned(),
        data_dir: folder.to_owned(),
        write_timeout: Duration::from_secs(20),
        founding,
    }
}

async fn start_at(folder: &TempDir, clock: Arc<dyn Clock>) -> ClusterHandle {
    let config = config(folder.path(), Some(found()));
    start(config, open(folder.path()).await, clock)
        .await
        .unwrap()
}

async fn start_in(folder: &TempDir) -> ClusterHandle {
    start_at(folder, TestClock::new()).await
}

fn put(name: &str) -> Command {
    Command::PutPolicy(PutPolicy {
        id: PolicyId::new(name).unwrap(),
        org: OrgId::default(),
        document: "{}".into(),
        source: None,
    })
}

async fn propose(handle: &ClusterHandle, command: Command) -> Result<Committed, ProposeError> {
    handle.propose(Lane::Administration, command).await
}

#[tokio::test]
async fn a_new_directory_becomes_a_cluster_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    assert_eq!(handle.view().meta().cluster, [9; 16]);
    assert_eq!(handle.view().meta().incarnation, Incarnation(77));
    let committed = propose(&handle, put("gold")).await.unwrap();
    assert_eq!(committed.reply, Reply::Stored { existed: false });
    assert!(handle.view().applied() >= committed.index);
    assert!(
        handle
            .view()
            .policy(&PolicyId::new("gold").unwrap())
            .is_some()
    );
    let again = propose(&handle, Command::Found(found())).await;
    assert_eq!(again, Err(ProposeError::Refused(Refusal::AlreadyFounded)));
    handle.shutdown().await;
}

#[tokio::test]
async fn a_barrier_is_applied_behind_what_was_before_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    let before = propose(&handle, put("gold")).await.unwrap().index;
    let config = handle.view().meta().config_revision;
    let behind = handle.barrier().await.unwrap();
    assert!(behind > before);
    assert!(handle.view().applied() >= behind);
    assert_eq!(handle.view().meta().config_revision, config);
    handle.shutdown().await;
    assert_eq!(handle.barrier().await, Err(ProposeError::ShuttingDown));
}

#[tokio::test]
async fn everything_is_there_after_a_restart_and_the_start_has_a_new_number() {
    let folder = tempfile::tempdir().unwrap();
    let boot_of = |handle: &ClusterHandle| match handle.view().get(&RecordKey::Boot(NodeId(1))) {
        Some(Record::Boot(window)) => window.boot,
        other => panic!("{other:?}"),
    };
    let mut last = None;
    for round in 0..4 {
        let handle = start_in(&folder).await;
        for earlier in 0..round {
            let id = PolicyId::new(&format!("policy-{earlier}")).unwrap();
            assert!(handle.view().policy(&id).is_some(), "round {round}");
        }
        propose(&handle, put(&format!("policy-{round}")))
            .await
            .unwrap();
        let boot = Some(boot_of(&handle));
        assert!(boot > last, "{boot:?} after {last:?}");
        last = boot;
        handle.shutdown().await;
    }
}

#[tokio::test]
async fn a_new_directory_without_founding_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = start(
        config(folder.path(), None),
        open(folder.path()).await,
        TestClock::new(),
    )
    .await;
    assert!(matches!(outcome, Err(StartError::NotFounded)));
}

#[tokio::test]
async fn after_shutdown_nothing_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    let other = handle.clone();
    tokio::join!(handle.shutdown(), other.shutdown());
    let refused = propose(&handle, put("late")).await;
    assert_eq!(refused, Err(ProposeError::ShuttingDown));
    handle.shutdown().await;
}

#[tokio::test]
async fn an_old_handle_keeps_nothing_open() {
    let folder = tempfile::tempdir().unwrap();
    let old = start_in(&folder).await;
    assert!(old.status().wal.is_some());
    old.shutdown().await;
    assert!(old.status().wal.is_none());
    let handle = start_in(&folder).await;
    propose(&handle, put("gold")).await.unwrap();
    handle.shutdown().await;
    old.shutdown().await;
}

#[tokio::test]
async fn what_was_taken_is_finished_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    let founded = handle.metrics().batches;
    let proposals: Vec<_> = (0..500)
        .map(|number| {
            let handle = handle.clone();
            tokio::spawn(async move { propose(&handle, put(&format!("policy-{number}"))).await })
        })
        .collect();
    while handle.metrics().batches == founded {
        tokio::task::yield_now().await;
    }
    handle.shutdown().await;
    let mut done = 0;
    for proposal in proposals {
        match proposal.await.unwrap() {
            Ok(_) => done += 1,
            Err(error) => assert_eq!(error, ProposeError::ShuttingDown),
        }
    }
    assert!(done > 0);
    let handle = start_in(&folder).await;
    let kept = (0..500)
        .map(|number| PolicyId::new(&format!("policy-{number}")).unwrap())
        .filter(|id| handle.view().policy(id).is_some())
        .count();
    assert_eq!(kept, done);
    handle.shutdown().await;
}

#[tokio::test]
async fn a_sole_voter_leads_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    let mut leadership = handle.leadership();
    let leads = leadership
        .wait_for(|now| now.role == Role::Leader && now.quorum_is_fresh)
        .await
        .map(|now| *now)
        .unwrap();
    assert_eq!(leads.leader, Some(NodeId(1)));
    let committed = propose(&handle, put("gold")).await.unwrap();
    let status = handle.status();
    assert_eq!(status.verdict, "");
    assert_eq!(status.members.len(), 1);
    let member = status.members.first().unwrap();
    assert_eq!((member.name.as_str(), member.is_voter), ("node-a", true));
    assert_eq!(status.applied, committed.index);
    assert_eq!(status.committed, Some(committed.index));
    assert_eq!(status.since_quorum_ack, Some(Ttl::ZERO));
    let metrics = handle.metrics();
    assert_eq!(metrics.proposals[1][0], 2, "founding and this one");
    assert!(metrics.flushes.count() >= 2);
    handle.shutdown().await;
}

#[tokio::test]
async fn an_applied_entry_can_be_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    let next = LogIndex(handle.view().applied().0 + 1);
    let soon = handle.wait_applied(next, Instant::now() + Duration::from_millis(1));
    assert_eq!(soon.await, Err(WaitError::Timeout));
    let waiting = handle.clone();
    let waiter = tokio::spawn(async move {
        let deadline = Instant::now() + Duration::from_secs(60);
        waiting.wait_applied(next, deadline).await
    });
    propose(&handle, put("gold")).await.unwrap();
    assert_eq!(waiter.await.unwrap(), Ok(()));
    handle.shutdown().await;
}

#[tokio::test]
async fn cluster_time_follows_a_credible_clock_only() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let handle = start_at(&folder, Arc::clone(&clock) as Arc<dyn Clock>).await;
    let before = handle.now();
    clock.pass(Ttl::from_s(30));
    assert_eq!(handle.now(), before.plus(Ttl::from_s(30)));
    propose(&handle, put("a")).await.unwrap();
    assert_eq!(handle.view().clock(), before.plus(Ttl::from_s(30)));
    clock.step(Ttl::from_s(31_536_000));
    clock.pass(Ttl::from_s(5));
    propose(&handle, put("b")).await.unwrap();
    assert_eq!(handle.view().clock(), before.plus(Ttl::from_s(35)));
    assert_eq!(handle.now(), before.plus(Ttl::from_s(35)));
    let verdict = handle.status().verdict;
    assert!(verdict.contains("stepped 31536000 s ahead"), "{verdict}");
    handle.shutdown().await;
}

#[tokio::test]
async fn a_node_that_nobody_holds_ends() {
    let folder = tempfile::tempdir().unwrap();
    let handle = start_in(&folder).await;
    let mut applied = handle.applied();
    let view = Arc::downgrade(handle.view());
    drop(handle);
    applied.mark_unchanged();
    while view.strong_count() > 0 {
        // The thread lets go of the view as its last act.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

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
    let test = "node::tests::a_state_machine_that_fails_ends_the_process";
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

/// Opens a directory with a small log, so that a test writes little.
async fn open(folder: &Path) -> Storage {
    try_open(folder).await.unwrap()
}

async fn try_open(folder: &Path) -> Result<Storage, StorageError> {
    let wal = WalConfig {
        segment_bytes: 1 << 20,
        first_segment_bytes: 1 << 20,
        reserve_bytes: 64 << 10,
        ..WalConfig::default()
    };
    open_with(folder, wal).await
}

async fn open_with(folder: &Path, wal: WalConfig) -> Result<Storage, StorageError> {
    let config = StorageConfig {
        data_dir: folder.to_owned(),
        wal,
        new_log: Some(WalId([1; 16])),
    };
    Storage::open(config, TestClock::new(), &mut |_| {}).await
}
