#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod restoring;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use openraft::CommittedLeaderId;
use raftgate_model::apply::apply;
use raftgate_model::id::{Incarnation, KeyId, LogIndex};
use raftgate_model::keyring::{CheckValue, KeyCheck};
use raftgate_model::state::record::Meta;
use raftgate_model::state::{Record, RecordKey, Subject};
use raftgate_model::testing::Scenario;
use raftgate_model::time::{Timestamp, Ttl};

use super::*;
use crate::disk::sim::{Operation, SimMachine, Survival};
use crate::types::{LogId, Membership, Node};
use crate::view::View;

const NOW: Timestamp = Timestamp::from_unix_s(1_800_000_000);

/// A view in which a log was applied.
fn view_after(seed: u64, batches: u64) -> View {
    let mut scenario = Scenario::new(seed);
    let view = View::default();
    for _ in 0..batches {
        let (batch, _) = scenario.next_batch();
        let applied = apply(&view, scenario.index(), &batch);
        view.commit(scenario.index(), &applied.changes);
    }
    view
}

fn head_of(view: &View) -> SnapshotHead {
    let LogIndex(index) = view.applied();
    let last = LogId::new(CommittedLeaderId::new(3, 1), index);
    let meta = view.meta();
    SnapshotHead {
        id: snapshot_id(Some(last), NOW),
        origin: SnapshotOrigin::Built,
        cluster: meta.cluster,
        incarnation: meta.incarnation,
        ancestors: meta.ancestors.to_vec(),
        last_log_id: Some(last),
        keys: meta.keys.to_vec(),
        membership: Membership::default(),
        revision: meta.revision,
        clock: meta.clock,
        created_at: NOW,
    }
}

fn folder_of(machine: &SimMachine, name: &str) -> SnapshotFolder {
    SnapshotFolder::new(Arc::new(machine.disk(name)))
}

fn build(folder: &SnapshotFolder, view: &View) -> Result<SnapshotFile, SnapshotError> {
    let walk = view.walk().unwrap();
    folder.build(head_of(view), walk, || None, &mut |_| {})
}

fn records_in(file: &SnapshotFile) -> BTreeMap<RecordKey, Record> {
    let mut reader = file.reader().unwrap();
    let mut all = BTreeMap::new();
    while let Some(records) = reader.next_records().unwrap() {
        all.extend(records);
    }
    all
}

fn records_of(view: &View) -> BTreeMap<RecordKey, Record> {
    let mut walk = view.walk().unwrap();
    std::iter::from_fn(|| walk.next_part()).flatten().collect()
}

fn bytes_of(file: &SnapshotFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.copy_into(&mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    bytes
}

/// A disk with one file on it.
fn disk_with(bytes: &[u8]) -> crate::disk::sim::SimDisk {
    let disk = SimMachine::new().disk("anywhere");
    let file = crate::disk::Disk::create(&disk, "file").unwrap();
    file.write_at(bytes, 0).unwrap();
    disk
}

fn inspected(bytes: &[u8]) -> Result<SnapshotInfo, SnapshotError> {
    inspect(&disk_with(bytes), "file", &mut |_| {})
}

#[test]
fn what_was_written_is_read_again() {
    let view = view_after(1, 120);
    let folder = folder_of(&SimMachine::new(), "snapshots");
    let file = build(&folder, &view).unwrap();
    assert_eq!(records_in(&file), records_of(&view));
    let mut progress = Vec::new();
    let disk = disk_with(&bytes_of(&file));
    let info = inspect(&disk, "file", &mut |at| progress.push(at)).unwrap();
    assert_eq!(info, *file.info().unwrap());
    assert_eq!(info.head, head_of(&view));
    assert_eq!(info.bytes, file.bytes());
    assert_eq!(info.totals.records, records_of(&view).len() as u64);
    assert_eq!(info.totals.kinds.get("meta"), Some(&1));
    assert_eq!(info.totals.keys, BTreeSet::from([KeyId(1)]));
    assert!(progress.iter().all(|at| at.done <= at.total) && !progress.is_empty());
}

#[test]
fn every_changed_byte_is_found() {
    let bytes = bytes_of(&build(&folder_of(&SimMachine::new(), "s"), &view_after(2, 12)).unwrap());
    assert!(inspected(&bytes).is_ok());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(inspected(&changed).is_err(), "byte {at} of {}", bytes.len());
    }
}

#[test]
fn every_cut_every_addition_and_every_swap_is_found() {
    let bytes = bytes_of(&build(&folder_of(&SimMachine::new(), "s"), &view_after(2, 12)).unwrap());
    for length in 0..bytes.len() {
        assert!(inspected(&bytes[..length]).is_err(), "cut to {length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(
        inspected(&longer),
        Err(SnapshotError::Damaged { .. })
    ));
    let other = bytes_of(&build(&folder_of(&SimMachine::new(), "s"), &view_after(3, 12)).unwrap());
    let half = bytes.len().min(other.len()) / 2;
    let mixed = [&bytes[..half], &other[half..]].concat();
    assert!(inspected(&mixed).is_err());
    assert!(matches!(
        inspected(b"something else entirely"),
        Err(SnapshotError::NotASnapshot { .. })
    ));
}

/// Blocks that are right by themselves but not the right ones.
#[test]
fn a_block_that_is_missing_or_repeated_is_found() {
    let bytes = bytes_of(&build(&folder_of(&SimMachine::new(), "s"), &view_after(2, 12)).unwrap());
    let mut starts = vec![8];
    while let Some(at) = starts.last().copied().filter(|at| *at < bytes.len()) {
        let length = u32::from_le_bytes(bytes[at + 5..at + 9].try_into().unwrap());
        starts.push(at + 13 + length as usize);
    }
    assert_eq!(starts.len(), 4, "head, records, totals");
    let block = |number: usize| &bytes[starts[number]..starts[number + 1]];
    for blocks in [vec![0, 2], vec![0, 1, 1, 2], vec![1, 0, 2], vec![0, 1]] {
        let mut made = bytes[..8].to_vec();
        blocks
            .iter()
            .for_each(|number| made.extend_from_slice(block(*number)));
        assert!(inspected(&made).is_err(), "{blocks:?}");
    }
}

#[test]
fn records_that_are_not_the_states_are_never_reported_as_a_snapshot() {
    let view = view_after(4, 30);
    let folder = folder_of(&SimMachine::new(), "snapshots");
    let walk = view.walk().unwrap();
    let mut wrong = crate::digest::StateDigest::default();
    wrong.add(b"not", b"this");
    let refused = folder.build(head_of(&view), walk, || Some(wrong), &mut |_| {});
    assert!(matches!(refused, Err(SnapshotError::Diverged { .. })));
    assert!(folder.candidates().unwrap().is_empty());
    // What was begun stands in nobody's way.
    build(&folder, &view).unwrap();
}

/// A power cut at every change that the disk is asked for, with every kind of survival of what was not synced.
#[test]
fn a_snapshot_that_was_reported_survives_a_power_cut_at_any_moment() {
    let (older, newer) = (view_after(5, 10), view_after(5, 40));
    let operations = {
        let machine = SimMachine::new();
        let folder = folder_of(&machine, "s");
        build(&folder, &older).unwrap();
        let before = machine.operations();
        build(&folder, &newer).unwrap();
        machine.operations() - before
    };
    assert!(operations > 5);
    for cut_after in 0..=operations {
        let random = (0..6).map(Survival::Random);
        for survival in random.chain([Survival::Nothing, Survival::Everything]) {
            let machine = SimMachine::new();
            let folder = folder_of(&machine, "s");
            build(&folder, &older).unwrap();
            machine.cut_after(cut_after);
            let reported = build(&folder, &newer).is_ok();
            machine.restart(survival);

            let folder = folder_of(&machine, "s");
            folder.remove_unfinished().unwrap();
            let found: Vec<_> = folder.candidates().unwrap();
            let whole: Vec<_> = found.iter().map(|found| folder.open(found)).collect();
            assert!(
                whole.iter().all(Result::is_ok),
                "cut after {cut_after}, {survival:?}"
            );
            let newest = whole.into_iter().flatten().next().unwrap();
            let expected = if records_in(&newest) == records_of(&newer) {
                true
            } else {
                assert_eq!(records_in(&newest), records_of(&older));
                false
            };
            assert!(expected || !reported, "cut after {cut_after}, {survival:?}");
            build(&folder, &newer).unwrap();
        }
    }
}

#[test]
fn a_disk_that_fails_is_reported_and_leaves_the_older_snapshot() {
    let (older, newer) = (view_after(5, 10), view_after(5, 40));
    for operation in [
        Operation::Create,
        Operation::Write,
        Operation::Fdatasync,
        Operation::Rename,
        Operation::SyncDir,
    ] {
        let machine = SimMachine::new();
        let folder = folder_of(&machine, "s");
        build(&folder, &older).unwrap();
        machine.fail(operation, 0, io::ErrorKind::StorageFull);
        let failed = build(&folder, &newer);
        assert!(
            matches!(failed, Err(SnapshotError::Io { .. })),
            "{operation:?}"
        );
        let found = folder.candidates().unwrap();
        assert!(folder.open(found.last().unwrap()).is_ok(), "{operation:?}");
    }
}

#[test]
fn a_received_snapshot_is_checked_before_it_counts() {
    let file = build(&folder_of(&SimMachine::new(), "s"), &view_after(6, 40)).unwrap();
    let bytes = bytes_of(&file);
    let folder = folder_of(&SimMachine::new(), "other");
    let mut incoming = folder.receive().unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    incoming.append(&changed).unwrap();
    assert!(matches!(
        incoming.finish(&mut |_| {}),
        Err(SnapshotError::Damaged { .. })
    ));
    assert!(folder.candidates().unwrap().is_empty());

    let mut incoming = folder.receive().unwrap();
    bytes
        .chunks(777)
        .for_each(|piece| incoming.append(piece).unwrap());
    assert_eq!(incoming.bytes(), bytes.len() as u64);
    let received = incoming.finish(&mut |_| {}).unwrap();
    assert_eq!(received.meta().unwrap(), file.meta().unwrap());
    let found = folder.candidates().unwrap();
    assert_eq!(found[0].standing(), Standing::Pending);
    folder.settle(&file.info().unwrap().head.id).unwrap();
    let found = folder.candidates().unwrap();
    assert_eq!(found[0].standing(), Standing::Settled);
    assert_eq!(bytes_of(&folder.open(&found[0]).unwrap()), bytes);
}

/// The id becomes part of a path, so a peer must not choose it freely.
#[test]
fn a_received_snapshot_cannot_choose_where_it_stands() {
    let view = view_after(6, 20);
    let folder = folder_of(&SimMachine::new(), "s");
    let mut head = head_of(&view);
    head.id = "../../keyring".to_owned();
    let walk = view.walk().unwrap();
    let file = folder.build(head, walk, || None, &mut |_| {}).unwrap();
    let other = folder_of(&SimMachine::new(), "other");
    let mut incoming = other.receive().unwrap();
    incoming.append(&bytes_of(&file)).unwrap();
    assert!(matches!(
        incoming.finish(&mut |_| {}),
        Err(SnapshotError::NotASnapshot { .. })
    ));
}
