#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use std::collections::BTreeMap;

use raftgate_model::id::{GrantId, LogIndex};
use raftgate_model::state::record::Grant;
use raftgate_model::state::{MemoryState, ReadState, RecordKey};
use raftgate_model::testing::Scenario;

use super::key::{POSITION, copy_key, record_key};
use super::pending::Pending;
use super::*;
use crate::codec::{encode_key, encode_record};

fn records(seed: u64) -> BTreeMap<RecordKey, Record> {
    let mut scenario = Scenario::new(seed);
    (0..150).for_each(|_| drop(scenario.next_batch()));
    let records = scenario.state().iter();
    records.map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn a_grant(records: &BTreeMap<RecordKey, Record>) -> (GrantId, Grant) {
    let mut grants = records
        .iter()
        .filter_map(|(key, record)| match (key, record) {
            (RecordKey::Grant(id), Record::Grant(grant)) => Some((*id, (**grant).clone())),
            _ => None,
        });
    grants.next_back().unwrap()
}

#[test]
fn every_record_has_a_place_of_its_own_that_leads_back_to_it() {
    let records = records(3);
    let mut places = BTreeMap::new();
    for (key, record) in &records {
        let place = copy_key(key, record).unwrap();
        assert_ne!(place, POSITION);
        assert_eq!(record_key(&place).unwrap(), *key);
        places.insert(place, key);
    }
    assert_eq!(places.len(), records.len());
    for broken in [&[][..], &[9], &[4, 1, 2], &[1]] {
        assert!(record_key(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn tokens_stand_in_the_order_of_their_birth() {
    let (id, mut grant) = a_grant(&records(3));
    let mut place_at = |index| {
        grant.birth.index = LogIndex(index);
        copy_key(
            &RecordKey::Grant(id),
            &Record::Grant(Arc::new(grant.clone())),
        )
        .unwrap()
    };
    assert!(place_at(255) < place_at(256));
    assert!(place_at(1 << 40) < place_at((1 << 40) + 1));
}

/// However the changes are grouped, the writes lead to the records and the digest of the end.
#[test]
fn gathered_changes_lead_where_single_ones_lead() {
    for group in [1, 7, 1000] {
        let mut scenario = Scenario::new(17);
        let (mut pending, mut digest, mut count) = (Pending::default(), StateDigest::default(), 0);
        let mut copy: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut write = |pending: &mut Pending| {
            let made = pending.encode(&mut digest).unwrap();
            count += made.added;
            for (place, value) in made.writes {
                match value {
                    Some(value) => copy.insert(place, value),
                    None => copy.remove(&place),
                };
            }
        };
        for number in 1..=200 {
            pending.add(scenario.next_batch().1.changes);
            if number % group == 0 {
                write(&mut pending);
                assert_eq!(pending.len(), 0);
            }
        }
        write(&mut pending);
        let (expected, sum) = expected(scenario.state());
        assert_eq!(count, i64::try_from(expected.len()).unwrap());
        assert_eq!(copy, expected, "groups of {group}");
        assert_eq!(digest, sum);
    }
}

fn expected(state: &MemoryState) -> (BTreeMap<Vec<u8>, Vec<u8>>, StateDigest) {
    let mut digest = StateDigest::default();
    let copy = state.iter().map(|(key, record)| {
        let value = encode_record(record).unwrap();
        digest.add(&encode_key(key).unwrap(), &value);
        (copy_key(key, record).unwrap(), value)
    });
    (copy.collect(), digest)
}

#[test]
fn a_token_that_is_issued_again_under_the_same_id_leaves_no_second_record() {
    let records = records(3);
    let (id, old) = a_grant(&records);
    let mut new = old.clone();
    new.birth.index = LogIndex(old.birth.index.0 + 1);
    let change = |before: &Grant, after: &Grant| Change {
        key: RecordKey::Grant(id),
        before: Some(Record::Grant(Arc::new(before.clone()))),
        after: Some(Record::Grant(Arc::new(after.clone()))),
    };
    let mut pending = Pending::default();
    pending.add(vec![change(&old, &new)]);
    let made = pending.encode(&mut StateDigest::default()).unwrap();
    assert_eq!(made.added, 0);
    let removed: Vec<_> = made
        .writes
        .iter()
        .filter(|(_, value)| value.is_none())
        .collect();
    assert_eq!(removed.len(), 1);
    let place = copy_key(&RecordKey::Grant(id), &Record::Grant(Arc::new(old))).unwrap();
    assert_eq!(removed[0].0, place);
}

#[test]
fn big_changes_take_more_room_in_the_queue() {
    let mut scenario = Scenario::new(1);
    for _ in 0..40 {
        scenario.next_batch();
    }
    let state = scenario.state();
    for (key, _) in state.iter() {
        let after = state.get(key);
        let is_api = matches!(after, Some(Record::Api(_)));
        let change = Change {
            key: key.clone(),
            before: None,
            after,
        };
        assert!(units(&change) >= 1);
        assert_eq!(units(&change) > 200, is_api);
    }
}
