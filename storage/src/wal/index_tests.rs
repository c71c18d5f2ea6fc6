use bytes::Bytes;

use super::*;

fn filled(indexes: std::ops::Range<u64>, cache_bytes_max: usize) -> Index {
    let mut index = Index::new(Start::Known, cache_bytes_max);
    for number in indexes {
        let ticket = index
            .append(number, Bytes::from_static(b"12345678"))
            .unwrap_or(0);
        index.written(number, ticket, 1, number * 100);
        index.evict();
    }
    index
}

#[test]
fn a_replaced_entry_does_not_take_the_place_of_the_old_one() {
    let mut index = Index::new(Start::Known, 0);
    let old = index.append(1, Bytes::from_static(b"old")).unwrap_or(0);
    assert!(index.truncate(1).is_ok());
    let new = index.append(1, Bytes::from_static(b"new")).unwrap_or(0);
    index.written(1, old, 1, 512);
    index.evict();
    let cached = Located::Cached {
        index: 1,
        payload: Bytes::from_static(b"new"),
    };
    assert_eq!(index.locate(0..9, 100), [cached]);
    index.written(1, new, 1, 1024);
    index.evict();
    let place = EntryPlace {
        index: 1,
        offset: 1024,
        payload_bytes: 3,
    };
    assert_eq!(
        index.locate(0..9, 100),
        [Located::Written { segment: 1, place }]
    );
}

#[test]
fn the_cache_keeps_the_newest() {
    let index = filled(1..11, 24);
    let located = index.locate(0..99, usize::MAX);
    let cached: Vec<bool> = located
        .iter()
        .map(|entry| matches!(entry, Located::Cached { .. }))
        .collect();
    assert_eq!(cached, [[false; 7].as_slice(), &[true; 3]].concat());
}

#[test]
fn sums_of_payloads_follow_truncation_and_purge() {
    let mut index = filled(1..11, 24);
    assert_eq!(index.payload_bytes(), 80);
    assert!(index.truncate(9).is_ok());
    assert_eq!(index.payload_bytes(), 64);
    assert!(index.purge(2, Bytes::new()));
    assert!(!index.purge(2, Bytes::new()));
    assert_eq!(index.payload_bytes(), 48);
    assert_eq!(index.payload_bytes_after(0), 48);
    assert_eq!(index.payload_bytes_after(7), 8);
    assert!(index.purge(100, Bytes::new()));
    assert_eq!(
        (index.payload_bytes(), index.first(), index.last()),
        (0, None, Some(100))
    );
    assert!(index.check_next(101).is_ok());
    assert!(index.check_next(9).is_err());
}

#[test]
fn an_unknown_start_accepts_any_first_entry_only() {
    let mut index = Index::new(Start::Unknown, 100);
    assert!(index.purge(5, Bytes::new()));
    assert!(index.append(50, Bytes::new()).is_ok());
    assert!(index.append(52, Bytes::new()).is_err());
    assert!(index.truncate(40).is_ok());
    assert!(index.append(40, Bytes::new()).is_ok());
    index.set_known();
    assert!(index.truncate(40).is_ok());
    assert!(index.append(41, Bytes::new()).is_err());
}
