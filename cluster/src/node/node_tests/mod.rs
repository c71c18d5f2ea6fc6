//! A whole node over its real log, as its handle shows it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::result_large_err,
    reason = "a test fails by panicking where it went wrong; one runs itself as a child that dies"
)]

mod troubles;

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
