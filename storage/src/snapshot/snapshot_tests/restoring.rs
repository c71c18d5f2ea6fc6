//! Restoring from a snapshot: a new incarnation, with or without the tokens, and when it is refused.

use super::*;

/// A key as the scenarios make them.
fn key(id: u16) -> KeyCheck {
    KeyCheck {
        id: KeyId(id),
        value: CheckValue::from_bytes([1; 16]),
    }
}

fn founder(grants: GrantsAfterRestore) -> Founder {
    Founder {
        id: 9,
        node: Node {
            name: "n".into(),
            address: "h:1".into(),
        },
        incarnation: Incarnation(1234),
        keys: vec![key(1), key(2)],
        active_key: key(2),
        now: NOW,
        grants,
    }
}

fn restored(view: &View, founder: &Founder) -> Result<(Restored, SnapshotFolder), SnapshotError> {
    let file = build(&folder_of(&SimMachine::new(), "s"), view).unwrap();
    let folder = folder_of(&SimMachine::new(), "new");
    let disk = disk_with(&bytes_of(&file));
    restore(&disk, "file", &folder, founder, &mut |_| {}).map(|restored| (restored, folder))
}

fn meta_in(records: &BTreeMap<RecordKey, Record>) -> Arc<Meta> {
    match records.get(&RecordKey::Meta) {
        Some(Record::Meta(meta)) => Arc::clone(meta),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restored_snapshot_begins_a_new_incarnation_without_codes() {
    let view = view_after(7, 150);
    let (restored, folder) = restored(&view, &founder(GrantsAfterRestore::Keep)).unwrap();
    let found = folder.candidates().unwrap();
    assert_eq!(found.len(), 1);
    let file = folder.open(&found[0]).unwrap();
    let head = &file.info().unwrap().head;
    assert_eq!(head.origin, SnapshotOrigin::Restored);
    assert_eq!(head.last_log_id.map(|last| last.index), Some(1));
    assert_eq!(head.membership.voter_ids().collect::<Vec<_>>(), [9]);

    let records = records_in(&file);
    let before = records_of(&view);
    let meta = meta_in(&records);
    assert_eq!(meta.incarnation, Incarnation(1234));
    assert_eq!(meta.ancestors.last(), Some(&Incarnation(42)));
    assert_eq!(meta.active_key, KeyId(2));
    assert_eq!(*meta.keys, [key(1), key(2)]);
    assert_eq!(head.keys, [key(1), key(2)]);
    assert_eq!(meta.newest_mark, view.meta().newest_mark);
    let codes = before
        .keys()
        .filter(|key| matches!(key, RecordKey::Code(_)))
        .count();
    assert!(codes > 0);
    assert_eq!(restored.codes_dropped, codes as u64);
    for (key, record) in &before {
        match key {
            RecordKey::Code(_) | RecordKey::Boot(_) => assert!(!records.contains_key(key)),
            RecordKey::Meta => {}
            _ => assert_eq!(records.get(key), Some(record)),
        }
    }
    assert_eq!(restored.lost_since, view.clock());
    assert_eq!(restored.lost, NOW.since(view.clock()));
    assert!(restored.lost > Ttl::ZERO);
}

#[test]
fn a_restore_can_revoke_every_token() {
    let view = view_after(7, 150);
    let (_, folder) = restored(&view, &founder(GrantsAfterRestore::Revoke)).unwrap();
    let file = folder.open(&folder.candidates().unwrap()[0]).unwrap();
    let records = records_in(&file);
    let Some(Record::Mark(marked)) = records.get(&RecordKey::Mark(Subject::Everyone)) else {
        panic!("no mark");
    };
    assert_eq!(meta_in(&records).newest_mark, *marked);
    let mut grants = 0;
    for record in records.values() {
        if let Record::Grant(grant) = record {
            grants += 1;
            assert!(grant.revision <= *marked);
        }
    }
    assert!(grants > 0);
}

#[test]
fn a_restore_is_refused_with_the_ring_of_another_cluster() {
    let other = KeyCheck {
        value: CheckValue::from_bytes([9; 16]),
        ..key(1)
    };
    let founder = Founder {
        keys: vec![other, key(2)],
        ..founder(GrantsAfterRestore::Keep)
    };
    let refused = restored(&view_after(7, 60), &founder)
        .map(|_| ())
        .unwrap_err();
    assert!(
        matches!(&refused, SnapshotError::OtherKeys { foreign } if *foreign == [KeyId(1)]),
        "{refused}"
    );
}

#[test]
fn a_restore_is_refused_without_the_keys_or_into_a_used_folder() {
    let view = view_after(7, 60);
    for (keys, active_key) in [(vec![2], 2), (vec![1], 2)] {
        let founder = Founder {
            keys: keys.into_iter().map(key).collect(),
            active_key: key(active_key),
            ..founder(GrantsAfterRestore::Keep)
        };
        let refused = restored(&view, &founder).map(|_| ()).unwrap_err();
        assert!(
            matches!(refused, SnapshotError::MissingKeys { .. }),
            "{refused}"
        );
    }
    let file = build(&folder_of(&SimMachine::new(), "s"), &view).unwrap();
    let disk = disk_with(&bytes_of(&file));
    let folder = folder_of(&SimMachine::new(), "used");
    build(&folder, &view).unwrap();
    let founder = founder(GrantsAfterRestore::Keep);
    let refused = restore(&disk, "file", &folder, &founder, &mut |_| {}).unwrap_err();
    assert!(matches!(refused, SnapshotError::NotEmpty { .. }));
    let unfounded = restored(&View::default(), &founder)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(
        unfounded,
        SnapshotError::MissingKeys { .. } | SnapshotError::NotFounded { .. }
    ));
}
