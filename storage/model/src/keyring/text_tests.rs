#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test may panic"
)]

use proptest::prelude::*;

use super::*;
use crate::secret::counting_bytes as counting;

const GOLDEN: &str = r#"{
  "format": "raftgate-keyring",
  "version": 1,
  "active": 1,
  "lookup": "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8",
  "keys": [
    { "id": 1, "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" }
  ],
  "check": "z1fMYEDwBBsjBj6yzXLGsw"
}
"#;
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const LOOKUP: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";

fn ring() -> KeyRing {
    KeyRing::new(KeyId(1), counting(0), counting(32))
}

/// The fault of a text, which must not repeat anything that could be a key.
fn fault(text: &str) -> RingTextFault {
    let fault = KeyRing::from_text(text).map(drop).expect_err("a fault");
    let words = format!("{fault} {fault:?}");
    for secret in [KEY, LOOKUP, "AAECAw", "HBkaGx", "Pj8", "s3cret"] {
        assert!(!words.contains(secret), "{words}");
    }
    fault
}

#[test]
fn the_format_has_not_drifted() {
    assert_eq!(ring().to_text().expose(), GOLDEN);
    let read = KeyRing::from_text(GOLDEN).unwrap();
    assert_eq!(read.covers(&ring()), Ok(()));
    assert_eq!(read.active(), KeyId(1));
}

#[test]
fn writing_never_grows_its_buffer() {
    let mut full = ring();
    for id in 0..MASTER_KEYS_MAX as u16 - 1 {
        full = full.with_key(KeyId(u16::MAX - id), counting(1)).unwrap();
    }
    let text = full.to_text();
    assert!(text.expose().len() <= 256 + 96 * MASTER_KEYS_MAX);
    assert!(text.expose().len() <= RING_TEXT_BYTES_MAX);
    assert_eq!(
        KeyRing::from_text(text.expose()).unwrap().covers(&full),
        Ok(())
    );
}

#[test]
fn layout_and_order_are_free() {
    let minified: String = GOLDEN.split_whitespace().collect();
    assert!(KeyRing::from_text(&minified).is_ok());
    let ring = KeyRing::new(KeyId(9), counting(32), counting(0));
    let ring = ring.with_key(KeyId(3), counting(0)).unwrap();
    let check = URL_SAFE_NO_PAD.encode(ring.sum());
    let two = format!(
        r#"{{"keys":[{{"key":"{LOOKUP}","id":9}},{{"id":3,"key":"{KEY}"}}],"lookup":"{KEY}","active":9,"version":1,
            "check":"{check}","format":"raftgate-keyring"}}"#
    );
    let read = KeyRing::from_text(&two).unwrap();
    assert_eq!(read.key_ids().collect::<Vec<_>>(), [KeyId(3), KeyId(9)]);
    assert_eq!(read.active(), KeyId(9));
}

#[test]
fn every_fault_is_named() {
    let with = |from: &str, to: &str| {
        assert!(GOLDEN.contains(from), "{from}");
        GOLDEN.replacen(from, to, 1)
    };
    let key = |text: &str| with(KEY, text);
    for (text, expected) in [
        (
            with("raftgate-keyring", "s3cret"),
            RingTextFault::OtherFormat,
        ),
        (
            with("raftgate-keyring", "raftgate-keyring-export"),
            RingTextFault::OtherFormat,
        ),
        (
            with("\"version\": 1", "\"version\": 2"),
            RingTextFault::NewerVersion { found: 2 },
        ),
        (
            with("\"version\": 1", "\"version\": 0"),
            RingTextFault::NoSuchVersion,
        ),
        (
            with("\"active\": 1", "\"active\": 2"),
            RingTextFault::ActiveMissing(KeyId(2)),
        ),
        (with(LOOKUP, "s3cret"), RingTextFault::DamagedLookup),
        (with(LOOKUP, ""), RingTextFault::DamagedLookup),
        (key(""), RingTextFault::DamagedKey(KeyId(1))),
        (
            key(&KEY.replace("AAEC", "AA+C")),
            RingTextFault::DamagedKey(KeyId(1)),
        ),
        (key(&format!("{KEY}=")), RingTextFault::DamagedKey(KeyId(1))),
        (
            key(KEY.get(..42).unwrap()),
            RingTextFault::DamagedKey(KeyId(1)),
        ),
        (
            key(&format!("{KEY}AAAA")),
            RingTextFault::DamagedKey(KeyId(1)),
        ),
        (
            key(&"A".repeat(60_000)),
            RingTextFault::DamagedKey(KeyId(1)),
        ),
        // The last character has two unused bits.
        (
            key(&KEY.replace("Hh8", "Hh9")),
            RingTextFault::DamagedKey(KeyId(1)),
        ),
        (
            with(
                "    { \"id\"",
                &format!("    {{ \"id\": 1, \"key\": \"{LOOKUP}\" }},\n    {{ \"id\""),
            ),
            RingTextFault::ListedTwice(KeyId(1)),
        ),
        (
            with(&format!("    {{ \"id\": 1, \"key\": \"{KEY}\" }}\n"), ""),
            RingTextFault::ActiveMissing(KeyId(1)),
        ),
        (" ".repeat(RING_TEXT_BYTES_MAX + 1), RingTextFault::TooLong),
    ] {
        assert_eq!(fault(&text), expected, "{text}");
    }
    let entry = format!("{{ \"id\": 1, \"key\": \"{KEY}\" }}");
    let many = vec![entry.clone(); MASTER_KEYS_MAX + 1].join(",");
    assert_eq!(fault(&with(&entry, &many)), RingTextFault::TooManyKeys);
}

#[test]
fn what_is_no_ring_says_where_it_goes_wrong() {
    for (text, line) in [
        ("", 1),
        ("s3cret", 1),
        ("[]", 1),
        ("\"s3cret\"", 1),
        ("{}", 1),
        (&GOLDEN.replacen("\"id\": 1", "\"id\": 65536", 1), 7),
        (&GOLDEN.replacen("\"id\": 1", "\"id\": \"s3cret\"", 1), 7),
        (&GOLDEN.replacen("\"active\": 1", "\"active\": -1", 1), 4),
        (
            &GOLDEN.replacen("\"version\": 1", "\"version\": \"s3cret\"", 1),
            3,
        ),
        (&GOLDEN.replacen("\"lookup\"", "\"s3cret\"", 1), 5),
        (&GOLDEN.replacen("\"lookup\"", "\"active\"", 1), 5),
        (&format!("{GOLDEN}s3cret"), 11),
        (GOLDEN.get(..GOLDEN.len() - 3).unwrap(), 9),
    ] {
        match fault(text) {
            RingTextFault::NotValid { line: found, .. } => assert_eq!(found, line, "{text}"),
            other => panic!("{other:?} for {text}"),
        }
    }
    assert_eq!(
        KeyRing::from_text_bytes(&[0xff, 0xfe]).map(drop),
        Err(RingTextFault::NotText)
    );
    let long = vec![0xff; RING_TEXT_BYTES_MAX + 1];
    assert_eq!(
        KeyRing::from_text_bytes(&long).map(drop),
        Err(RingTextFault::TooLong)
    );
}

/// A changed key would still look like one, and every token and seal under it would be dead without a word.
#[test]
fn every_flipped_bit_is_found() {
    let whole = ring().with_key(KeyId(2), counting(1)).unwrap();
    let text = whole.to_text();
    for at in 0..text.expose().len() {
        for bit in 0..8 {
            let mut bytes = text.expose().as_bytes().to_vec();
            *bytes.get_mut(at).unwrap() ^= 1 << bit;
            let read = KeyRing::from_text_bytes(&bytes).map(drop);
            assert!(read.is_err(), "bit {bit} of byte {at}");
        }
    }
    let swapped = text.expose().replace("\"active\": 1", "\"active\": 2");
    assert_eq!(
        KeyRing::from_text(&swapped).map(drop),
        Err(RingTextFault::CheckFails)
    );
}

proptest! {
    #[test]
    fn rings_read_back(
        keys in prop::collection::btree_map(any::<u16>(), any::<[u8; 32]>(), 1..MASTER_KEYS_MAX),
        lookup: [u8; 32],
        active: prop::sample::Index,
    ) {
        let mut entries = keys.iter().map(|(id, key)| (KeyId(*id), SecretBytes::new(*key)));
        let (first, key) = entries.next().unwrap();
        let ring = KeyRing::new(first, key, SecretBytes::new(lookup));
        let ring = entries.try_fold(ring, |ring, (id, key)| ring.with_key(id, key)).unwrap();
        let active = KeyId(*keys.keys().nth(active.index(keys.len())).unwrap());
        let ring = ring.with_active(active).unwrap();

        let read = KeyRing::from_text(ring.to_text().expose()).unwrap();
        prop_assert_eq!(read.active(), active);
        prop_assert_eq!(read.covers(&ring), Ok(()));
        prop_assert_eq!(ring.covers(&read), Ok(()));
    }

    #[test]
    fn damaged_texts_never_panic(at in 0..GOLDEN.len(), byte: u8, len in 0..GOLDEN.trim_end().len()) {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        *bytes.get_mut(at).unwrap() = byte;
        let _ = KeyRing::from_text_bytes(&bytes);
        bytes.truncate(len);
        prop_assert!(KeyRing::from_text_bytes(&bytes).is_err());
    }

    #[test]
    fn arbitrary_texts_are_refused(text in ".{0,300}") {
        prop_assert!(KeyRing::from_text(&text).is_err());
    }
}
