//! The log as openraft uses it, over a real write-ahead log in a temporary folder.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking where it went wrong"
)]

use std::sync::Arc;

use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft::{CommittedLeaderId, EntryPayload, RaftLogReader};
use raftgate_model::command::{Batch, Command, Origin, Request};
use raftgate_model::id::{BootId, NodeId, PolicyId};
use raftgate_model::time::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::disk::FsDisk;
use crate::types::{Entry, LogId, Proposal, Vote};
use crate::wal::{OpenMode, Wal, WalConfig, WalError, WalId, wait_for};

pub(crate) fn open(folder: &TempDir, mode: OpenMode) -> Arc<Wal> {
    let disk = Arc::new(FsDisk::open(folder.path()).unwrap());
    let config = WalConfig {
        segment_bytes: 256 << 10,
        first_segment_bytes: 256 << 10,
        reserve_bytes: 16 << 10,
        cache_bytes_max: 8 << 10,
        ..WalConfig::default()
    };
    let fatal = Arc::new(|error: &WalError| panic!("the log failed: {error}"));
    Arc::new(Wal::open(disk, config, mode, fatal).unwrap())
}

fn create(folder: &TempDir) -> LogStore {
    LogStore::new(
        open(folder, OpenMode::Create(WalId([7; 16]))),
        SnapshotMark::default(),
    )
}

fn reopen(folder: &TempDir) -> LogStore {
    LogStore::new(open(folder, OpenMode::Existing), SnapshotMark::default())
}

fn log_id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(3, 1), index)
}

fn entry(index: u64) -> Entry {
    let batch = Batch {
        stamp: Timestamp::from_ms(index),
        origins: vec![Origin {
            node: NodeId(1),
            boot: BootId(1),
            done_below: index,
        }],
        requests: vec![Request {
            origin: 0,
            sequence: index,
            command: Command::DeletePolicy(PolicyId::new(&format!("policy-{index}")).unwrap()),
        }],
    };
    Entry {
        log_id: log_id(index),
        payload: EntryPayload::Normal(Proposal(Arc::new(batch))),
    }
}

async fn append(store: &mut LogStore, range: std::ops::Range<u64>) {
    store.blocking_append(range.map(entry)).await.unwrap();
}

async fn indexes(store: &mut LogStore, range: std::ops::Range<u64>) -> Vec<u64> {
    let entries = store.try_get_log_entries(range).await.unwrap();
    entries.iter().map(|entry| entry.log_id.index).collect()
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let vote = Vote::new_committed(3, 1);
    {
        let mut store = create(&folder);
        store.save_vote(&vote).await.unwrap();
        append(&mut store, 0..40).await;
        store.save_committed(Some(log_id(35))).await.unwrap();
        append(&mut store, 40..50).await;
    }
    let mut store = reopen(&folder);
    assert_eq!(store.read_vote().await.unwrap(), Some(vote));
    assert_eq!(store.gauge().committed(), None);
    assert_eq!(store.read_committed().await.unwrap(), Some(log_id(35)));
    assert_eq!(store.gauge().committed(), Some(35));
    let state = store.get_log_state().await.unwrap();
    assert_eq!(state.last_log_id, Some(log_id(49)));
    assert_eq!(state.last_purged_log_id, None);
    let entries = store.try_get_log_entries(0..50).await.unwrap();
    assert_eq!(entries, (0..50).map(entry).collect::<Vec<_>>());
}

#[tokio::test]
async fn memory_and_disk_give_the_same_entries() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(&folder);
    append(&mut store, 0..20).await;
    let remembered = store.try_get_log_entries(3..17).await.unwrap();
    store.entries.recent.lock().purge(u64::MAX);
    let read = store.try_get_log_entries(3..17).await.unwrap();
    assert_eq!(remembered, read);
    assert_eq!(remembered.len(), 14);
}

#[tokio::test]
async fn entries_are_shared_by_pointer() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(&folder);
    append(&mut store, 0..1).await;
    let read = store.try_get_log_entries(0..1).await.unwrap();
    let again = store.try_get_log_entries(0..1).await.unwrap();
    let (EntryPayload::Normal(first), EntryPayload::Normal(second)) =
        (&read[0].payload, &again[0].payload)
    else {
        panic!("not a batch");
    };
    assert!(Arc::ptr_eq(&first.0, &second.0));
}

#[tokio::test]
async fn a_truncated_end_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(&folder);
    append(&mut store, 0..10).await;
    store.truncate(log_id(6)).await.unwrap();
    assert_eq!(indexes(&mut store, 0..99).await, [0, 1, 2, 3, 4, 5]);
    append(&mut store, 6..8).await;
    drop(store);
    let mut store = reopen(&folder);
    assert_eq!(indexes(&mut store, 4..99).await, [4, 5, 6, 7]);
}

#[tokio::test]
async fn purging_waits_for_a_durable_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let mark = SnapshotMark::default();
    let wal = open(&folder, OpenMode::Create(WalId([7; 16])));
    let mut store = LogStore::new(wal, mark.clone());
    append(&mut store, 0..10).await;
    let error = store.purge(log_id(5)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("durable snapshot ends at nothing"),
        "{error}"
    );
    mark.reach(4);
    assert!(store.purge(log_id(5)).await.is_err());
    assert_eq!(indexes(&mut store, 0..3).await, [0, 1, 2]);
    mark.reach(5);
    store.purge(log_id(5)).await.unwrap();
    assert_eq!(indexes(&mut store, 6..99).await, [6, 7, 8, 9]);
    wait_for(|done| store.entries.wal.flush(done)).unwrap();
    drop(store);
    let mut store = reopen(&folder);
    let state = store.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(log_id(5)));
    assert_eq!(state.last_log_id, Some(log_id(9)));
}

#[tokio::test]
async fn a_log_that_ends_before_the_state_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(&folder);
    assert!(store.check_reaches(None).is_ok());
    assert!(matches!(
        store.check_reaches(Some(log_id(0))),
        Err(LogError::BehindState { last: None, .. })
    ));
    append(&mut store, 0..5).await;
    assert!(store.check_reaches(Some(log_id(4))).is_ok());
    let error = store.check_reaches(Some(log_id(5))).unwrap_err();
    assert!(
        error.to_string().contains("lost acknowledged entries"),
        "{error}"
    );
}

#[tokio::test]
async fn a_message_to_a_peer_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(&folder);
    let text = "x".repeat(200);
    let command = Command::DeletePolicy(PolicyId::new(&text).unwrap());
    let mut large = entry(0);
    if let EntryPayload::Normal(Proposal(batch)) = &mut large.payload {
        let request = Request {
            origin: 0,
            sequence: 0,
            command,
        };
        Arc::make_mut(batch).requests = vec![request; 250];
    }
    let count = 40;
    for index in 0..count {
        let log_id = log_id(index);
        let entry = Entry {
            log_id,
            payload: large.payload.clone(),
        };
        store.blocking_append([entry]).await.unwrap();
    }
    let sent = store.limited_get_log_entries(0, count).await.unwrap();
    assert!(
        (2..count as usize).contains(&sent.len()),
        "{} entries",
        sent.len()
    );
    assert_eq!(sent[0].log_id.index, 0);
    store.entries.recent.lock().purge(u64::MAX);
    let read = store.limited_get_log_entries(0, count).await.unwrap();
    assert_eq!(read.len(), sent.len());
}
