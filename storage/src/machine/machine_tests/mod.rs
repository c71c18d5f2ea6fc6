#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod conformance;
mod damage;
mod damage_whole;
mod first_life;
mod power;
mod snapshots;
mod starting;
mod whole_node;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use openraft::storage::RaftSnapshotBuilder;
use openraft::{CommittedLeaderId, EntryPayload};
use proptest::prelude::*;
use raftgate_model::state::{Change, Record, RecordKey};
use raftgate_model::testing::Scenario;
use raftgate_model::time::{Timestamp, Ttl};
use tempfile::TempDir;

use super::*;
use crate::digest::StateDigest;
use crate::disk::FsDisk;
use crate::types::{Node, Proposal};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_s(1_800_000_000)
    }

    fn boot_time(&self) -> Ttl {
        Ttl::ZERO
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(future)
}

fn log_id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, 1), index)
}

fn config(folder: &Path) -> MachineConfig {
    MachineConfig {
        copy: folder.join("copy"),
        snapshots: Arc::new(FsDisk::open(&folder.join("snapshots")).unwrap()),
        mark: SnapshotMark::default(),
        clock: Arc::new(Fixed),
    }
}

/// A log up to an index, nothing of it cut off.
fn whole_log(last: u64) -> LogExtent {
    LogExtent {
        purged: None,
        last: (last > 0).then(|| log_id(last)),
        voted: last > 0,
    }
}

fn cut_log(purged: u64, last: u64) -> LogExtent {
    LogExtent {
        purged: Some(log_id(purged)),
        ..whole_log(last)
    }
}

fn try_open(folder: &Path, log: LogExtent) -> Result<Opened, OpenError> {
    open(config(folder), log, &mut |_| {})
}

fn open_at(folder: &Path, log: LogExtent) -> Opened {
    try_open(folder, log).unwrap()
}

/// A log of a scenario, with a membership entry and a blank one in it, and the answers that it yields.
struct TestLog {
    entries: Vec<Entry>,
    answers: Vec<Answers>,
    records: BTreeMap<RecordKey, Record>,
    /// The digest of the state after each entry.
    digests: Vec<StateDigest>,
}

impl TestLog {
    fn new(seed: u64, length: usize) -> Self {
        let mut scenario = Scenario::new(seed);
        let mut entries = Vec::new();
        let mut answers = Vec::new();
        let mut digests = Vec::new();
        for _ in 0..length {
            let (batch, applied) = scenario.next_batch();
            let digest = digests.last().copied().unwrap_or_default();
            digests.push(digest_after(digest, &applied.changes));
            entries.push(Entry {
                log_id: log_id(scenario.index().0),
                payload: EntryPayload::Normal(Proposal(Arc::new(batch))),
            });
            answers.push(Answers(applied.answers));
        }
        let next = scenario.index().0 + 1;
        let nodes = BTreeMap::from([(1, Node::default())]);
        let members = openraft::Membership::new(vec![BTreeSet::from([1])], nodes);
        let payloads = [EntryPayload::Membership(members), EntryPayload::Blank];
        for (index, payload) in (next..).zip(payloads) {
            entries.push(Entry {
                log_id: log_id(index),
                payload,
            });
            answers.push(Answers::default());
            digests.extend(digests.last().copied());
        }
        let records = scenario.state().iter();
        Self {
            entries,
            answers,
            digests,
            records: records.map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }

    fn last(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The digest of the state after an entry.
    fn digest_at(&self, index: u64) -> StateDigest {
        let before = usize::try_from(index).unwrap().checked_sub(1);
        before.map_or_else(StateDigest::default, |position| self.digests[position])
    }

    /// The entries after an index, up to another.
    fn between(&self, after: u64, upto: u64) -> Vec<Entry> {
        let wanted = |entry: &&Entry| (after + 1..=upto).contains(&entry.log_id.index);
        self.entries.iter().filter(wanted).cloned().collect()
    }

    fn answers_after(&self, after: u64) -> Vec<Answers> {
        self.answers[usize::try_from(after).unwrap()..].to_vec()
    }
}

fn digest_after(mut digest: StateDigest, changes: &[Change]) -> StateDigest {
    for change in changes {
        let key = crate::codec::encode_key(&change.key).unwrap();
        let encoded = |record| crate::codec::encode_record(record).unwrap();
        if let Some(before) = &change.before {
            digest.remove(&key, &encoded(before));
        }
        if let Some(after) = &change.after {
            digest.add(&key, &encoded(after));
        }
    }
    digest
}

fn records_of(machine: &StateMachine) -> BTreeMap<RecordKey, Record> {
    let mut walk = machine.view().walk().unwrap();
    std::iter::from_fn(|| walk.next_part()).flatten().collect()
}

fn applied(machine: &StateMachine) -> u64 {
    machine.position().0.map_or(0, |last| last.index)
}

async fn build(machine: &mut StateMachine) -> SnapshotFile {
    let mut builder = machine.get_snapshot_builder().await;
    *builder.build_snapshot().await.unwrap().snapshot
}

/// Applies the rest of a log and checks that the outcome is that of the whole log.
async fn finish_and_compare(machine: &mut StateMachine, log: &TestLog) {
    let from = applied(machine);
    let answers = machine.apply(log.between(from, log.last())).await.unwrap();
    assert_eq!(answers, log.answers_after(from));
    assert_eq!(records_of(machine), log.records);
    let (last, membership) = machine.position();
    assert_eq!(last, Some(log_id(log.last())));
    assert_eq!(*membership.log_id(), Some(log_id(log.last() - 1)));
    assert_eq!(machine.view().applied().0, log.last());
}

/// The digest that a log leads to.
async fn whole_digest(log: &TestLog) -> Summed {
    let folder = TempDir::new().unwrap();
    let mut machine = open_at(folder.path(), whole_log(0)).machine;
    finish_and_compare(&mut machine, log).await;
    machine.digest().await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_snapshot_and_the_rest_of_the_log_are_the_whole_log(seed: u64, at in 0_u64..82) {
        let log = TestLog::new(seed, 80);
        run(async {
            let expected = whole_digest(&log).await;
            let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            let mut leader = open_at(one.path(), whole_log(0)).machine;
            leader.apply(log.between(0, at)).await.unwrap();
            let file = build(&mut leader).await;
            assert_eq!(file.info().unwrap().totals.digest, leader.digest().await.unwrap().digest);

            let mut follower = open_at(other.path(), whole_log(0)).machine;
            follower.apply(log.between(0, at / 2)).await.unwrap();
            follower.install_snapshot(&file.meta().unwrap(), Box::new(file)).await.unwrap();
            assert_eq!(applied(&follower), at);
            finish_and_compare(&mut follower, &log).await;
            assert_eq!(follower.digest().await.unwrap(), expected);

            // What the follower's own copy was filled with from the snapshot is the same once more.
            follower.flush_copy().await;
            while follower.copy_status().filling() {
                tokio::task::yield_now().await;
            }
            drop(follower);
            let opened = open_at(other.path(), cut_log(at, log.last()));
            assert_eq!(opened.source, StartSource::Copy);
            assert_eq!(opened.passed_over, Vec::<String>::new());
            let mut follower = opened.machine;
            finish_and_compare(&mut follower, &log).await;
            assert_eq!(follower.digest().await.unwrap(), expected);
        });
    }

    #[test]
    fn a_snapshot_is_one_point_in_time_while_entries_are_applied(seed: u64, at in 1_u64..60) {
        let log = TestLog::new(seed, 80);
        run(async {
            let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            let mut machine = open_at(one.path(), whole_log(0)).machine;
            machine.apply(log.between(0, at)).await.unwrap();
            let mut builder = machine.get_snapshot_builder().await;
            let building = tokio::spawn(async move { builder.build_snapshot().await });
            machine.apply(log.between(at, log.last())).await.unwrap();
            let file = *building.await.unwrap().unwrap().snapshot;
            let begun_at = file.info().unwrap().head.last_log_id.unwrap().index;
            assert!(begun_at >= at);

            let mut follower = open_at(other.path(), whole_log(0)).machine;
            follower.install_snapshot(&file.meta().unwrap(), Box::new(file)).await.unwrap();
            assert_eq!(applied(&follower), begun_at);
            finish_and_compare(&mut follower, &log).await;
        });
    }

    #[test]
    fn a_copy_that_lost_its_tail_is_carried_on_by_the_log(seed: u64, kept in 1_u64..80) {
        let log = TestLog::new(seed, 80);
        run(async {
            let folder = TempDir::new().unwrap();
            let mut machine = open_at(folder.path(), whole_log(0)).machine;
            machine.apply(log.between(0, kept)).await.unwrap();
            machine.flush_copy().await;
            let saved = TempDir::new().unwrap();
            copy_folder(&folder.path().join("copy"), &saved.path().join("copy"));
            finish_and_compare(&mut machine, &log).await;
            drop(machine);

            let opened = open_at(saved.path(), whole_log(log.last()));
            assert_eq!(opened.source, StartSource::Copy);
            let mut machine = opened.machine;
            assert_eq!(applied(&machine), kept);
            finish_and_compare(&mut machine, &log).await;
            assert_eq!(machine.digest().await.unwrap(), whole_digest(&log).await);
        });
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
