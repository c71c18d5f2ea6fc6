#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use std::collections::BTreeMap;

use raftgate_model::id::{ApiId, ClientId, GrantId, LogIndex, OrgId, PolicyId, Revision};
use raftgate_model::state::record::{
    ApiRecord, ClientRecord, ClientSecret, ClientText, Grant, PolicyRecord,
};
use raftgate_model::state::{ClientKey, MemoryState, Record, RecordKey};
use raftgate_model::testing::Scenario;
use raftgate_model::time::Timestamp;

use super::key::{POSITION, copy_key, record_key};
use super::pending::{Pending, RECORDS_MAX};
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
                assert!(pending.is_empty());
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

fn change_to(key: RecordKey, record: Record) -> Change {
    Change {
        key,
        before: None,
        after: Some(record),
    }
}

/// An API whose sealed definition has this length.
fn api(name: &str, bytes: usize) -> Change {
    let sealed = serde_json::json!({"key": 1, "nonce": vec![0; 12], "ciphertext": vec![0; bytes]});
    let id = ApiId::new(name).unwrap();
    let record = ApiRecord {
        id: id.clone(),
        org: OrgId::default(),
        document: serde_json::from_value(sealed).unwrap(),
        document_hash: [0; 32],
        routes: Arc::new([]),
        source: None,
        updated_at: Timestamp::from_ms(0),
        revision: Revision(1),
    };
    change_to(RecordKey::Api(id), Record::Api(Arc::new(record)))
}

fn policy(bytes: usize) -> Change {
    let id = PolicyId::new("gold").unwrap();
    let record = PolicyRecord {
        id: id.clone(),
        org: OrgId::default(),
        document: "x".repeat(bytes).into(),
        source: None,
        revision: Revision(1),
    };
    change_to(RecordKey::Policy(id), Record::Policy(Arc::new(record)))
}

fn client(bytes: usize) -> Change {
    let key = ClientKey {
        api: ApiId::new("a").unwrap(),
        client: ClientId::new("c").unwrap(),
    };
    let record = ClientRecord {
        api: key.api.clone(),
        id: key.client.clone(),
        secret: ClientSecret::Public,
        text: ClientText {
            redirect_uri: "".into(),
            policy: None,
            meta_data: Some("x".repeat(bytes).into()),
            description: "".into(),
        },
        expires_at: None,
        credentials_revision: Revision(1),
    };
    change_to(RecordKey::Client(key), Record::Client(Arc::new(record)))
}

#[test]
fn a_change_weighs_as_much_as_it_is_long() {
    for bytes in [0, 300, 64 * 1024, 64 * 1024 + 1, 1024 * 1024] {
        let expected = u32::try_from(bytes / 256).unwrap() + 1;
        for change in [api("a", bytes), policy(bytes), client(bytes)] {
            assert_eq!(units(&change), expected, "{:?}", change.key);
            // What is removed is held by its change alone.
            let removal = Change {
                before: change.after.clone(),
                after: None,
                ..change
            };
            assert_eq!(units(&removal), expected, "{:?}", removal.key);
        }
    }
}

#[test]
fn a_batch_is_full_by_its_bytes_as_well_as_by_its_records() {
    let mut pending = Pending::default();
    let mut digest = StateDigest::default();
    for round in 0..2 {
        for number in 0..4 {
            assert!(!pending.is_full(), "round {round}, document {number}");
            pending.add(vec![api(&format!("api-{number}"), 1024 * 1024)]);
        }
        assert!(pending.is_full(), "round {round}");
        pending.encode(&mut digest).unwrap();
    }
    for number in 1..RECORDS_MAX {
        pending.add(vec![api(&format!("api-{number}"), 0)]);
    }
    assert!(!pending.is_full());
    pending.add(vec![policy(0)]);
    assert!(pending.is_full());
}
