#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test may panic"
)]

use proptest::prelude::*;

use super::*;
use crate::id::KeyId;
use crate::secret::counting_bytes as counting;

const SEED: EnvelopeSeed = EnvelopeSeed {
    salt: [5; 16],
    nonce: [6; 12],
};

/// Computed outside of this project with other implementations of argon2id and AES-256-GCM.
const GOLDEN: &str = r#"{
  "format": "raftgate-keyring-export",
  "version": 1,
  "kdf": "argon2id",
  "memory_kib": 64,
  "passes": 2,
  "lanes": 2,
  "salt": "BQUFBQUFBQUFBQUFBQUFBQ",
  "nonce": "BgYGBgYGBgYGBgYG",
  "ciphertext": "gRG-_gcZPP0eY-TpKJHuRxp2f08AJQIcr6pqtqn44cw48OBpU75LqFTUy_JiOpzIoj8d97NgfuDXTOiVcPcbAs6_I2Q0Hks2nAHq90_6VBN_VJhW-pbPBQ8lEXwi9N3H25TY01dM-6oEkpMKJDxwjPhfIqV3NSDG3L91Tb9bNCeKVMeaFcM00P0GlZIoIwFkmbKwtE1qgcGeglnWgEqKKvD0rKbiNsjMPONVmuNd3eJjYUet0VXm76R-XkiVOfeCkGn4YXTHvGufIGCk43m8XAUvgU_5VqECiTE9q25cyWsxVKZT8UdM9io8HZ2Ep3Gyzo2PDjFhAqozK4fzWELWat8_F17u56Y0qw",
  "checksum": "FWFHNnYZN8akyJ5Q7Krtfw"
}
"#;

/// Little work, so that many cases stay fast in an unoptimised build.
fn cheap() -> PassphraseCost {
    PassphraseCost::new(64, 2, 2).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(KeyId(1), counting(0), counting(32))
}

fn passphrase() -> Secret {
    Secret::from("correct horse")
}

fn fault(text: &str) -> EnvelopeFault {
    KeyRing::import(text, &passphrase())
        .map(drop)
        .expect_err("a fault")
}

fn with(from: &str, to: &str) -> String {
    assert!(GOLDEN.contains(from), "{from}");
    GOLDEN.replacen(from, to, 1)
}

/// An envelope whose checksum is right whatever it asks for, as a hostile author would write it.
fn hostile(cost: PassphraseCost) -> String {
    let checksum = checksum(&cost.associated_data(), SEED, b"nothing");
    let PassphraseCost {
        memory_kib,
        passes,
        lanes,
    } = cost;
    format!(
        r#"{{"format":"{FORMAT}","version":1,"kdf":"argon2id","memory_kib":{memory_kib},"passes":{passes},
            "lanes":{lanes},"salt":"BQUFBQUFBQUFBQUFBQUFBQ","nonce":"BgYGBgYGBgYGBgYG","ciphertext":"bm90aGluZw",
            "checksum":"{checksum}"}}"#
    )
}

#[test]
fn the_format_has_not_drifted() {
    assert_eq!(ring().export(&passphrase(), SEED, cheap()).unwrap(), GOLDEN);
    let read = KeyRing::import(GOLDEN, &passphrase()).unwrap();
    assert_eq!(read.covers(&ring()), Ok(()));
    assert_eq!(read.active(), KeyId(1));
}

#[test]
fn the_text_holds_no_key() {
    let text = ring().export(&passphrase(), SEED, cheap()).unwrap();
    let plain = ring().to_text();
    for line in plain.expose().lines().filter(|line| line.len() > 20) {
        assert!(!text.contains(line.trim()), "{line}");
    }
    assert!(!text.contains(passphrase().expose()));
}

#[test]
fn a_wrong_passphrase_says_so() {
    for wrong in [
        "",
        "correct horsf",
        "Correct horse",
        "correct horse ",
        "correct\u{a0}horse",
    ] {
        let verdict = KeyRing::import(GOLDEN, &Secret::from(wrong)).map(drop);
        assert_eq!(verdict, Err(EnvelopeFault::WrongPassphrase), "{wrong:?}");
    }
}

#[test]
fn a_damaged_file_says_so() {
    for text in [
        with("gRG-", "gRG_"),
        with("Y0qw\"", "Y0q\""),
        with("BQUFBQUFBQUFBQUFBQUFBQ", "BQUFBQUFBQUFBQUFBQUFBA"),
        with("BQUFBQUFBQUFBQUFBQUFBQ", "BQUF"),
        with("BgYGBgYGBgYGBgYG", "BgYGBgYGBgYGBgYH"),
        with("BgYGBgYGBgYGBgYG", ""),
        with("BgYGBgYGBgYGBgYG", "!"),
        with("FWFH", "FWFI"),
        with("FWFHNnYZN8akyJ5Q7Krtfw", ""),
        with("\"memory_kib\": 64", "\"memory_kib\": 65"),
        with("\"passes\": 2", "\"passes\": 3"),
        with("\"lanes\": 2", "\"lanes\": 1"),
        with("argon2id", "argon2i"),
    ] {
        assert_eq!(fault(&text), EnvelopeFault::Damaged, "{text}");
    }
}

#[test]
fn a_changed_file_with_a_mended_checksum_does_not_open() {
    assert_eq!(fault(&hostile(cheap())), EnvelopeFault::WrongPassphrase);
}

#[test]
fn other_formats_and_versions_are_told_apart() {
    let newer = with("\"version\": 1", "\"version\": 2");
    assert_eq!(fault(&newer), EnvelopeFault::NewerVersion { found: 2 });
    // A newer version may have other fields.
    let newer = r#"{"format":"raftgate-keyring-export","version":7,"age":true}"#;
    assert_eq!(fault(newer), EnvelopeFault::NewerVersion { found: 7 });
    assert_eq!(
        fault(&with("\"version\": 1", "\"version\": 0")),
        EnvelopeFault::NoSuchVersion
    );
    assert_eq!(fault(ring().to_text().expose()), EnvelopeFault::OtherFormat);
    assert_eq!(
        fault(&" ".repeat(ENVELOPE_BYTES_MAX + 1)),
        EnvelopeFault::TooLong
    );
    let end = GOLDEN.len() - 3;
    for text in [
        "",
        "[]",
        "{}",
        "keys",
        GOLDEN.get(..end).unwrap(),
        &with("\"salt\"", "\"sugar\""),
    ] {
        assert!(
            matches!(fault(text), EnvelopeFault::NotValid { .. }),
            "{text}"
        );
    }
}

#[test]
fn a_hostile_file_cannot_demand_memory_or_time() {
    for (memory_kib, passes, lanes) in [
        (100 * 1024 * 1024, 1, 1),
        (u32::MAX, u32::MAX, u32::MAX),
        (256 * 1024 + 1, 1, 1),
        (64, 17, 1),
        (1024, 1, 17),
        (64, 0, 1),
        (64, 1, 0),
        (0, 0, 0),
        (7, 1, 1),
        (31, 1, 4),
    ] {
        let refused = Err(EnvelopeFault::CostOutOfBounds);
        assert_eq!(PassphraseCost::new(memory_kib, passes, lanes), refused);
        let asked = PassphraseCost {
            memory_kib,
            passes,
            lanes,
        };
        assert_eq!(
            fault(&hostile(asked)),
            EnvelopeFault::CostOutOfBounds,
            "{asked:?}"
        );
    }
    let PassphraseCost {
        memory_kib,
        passes,
        lanes,
    } = PassphraseCost::RECOMMENDED;
    assert_eq!(
        PassphraseCost::new(memory_kib, passes, lanes),
        Ok(PassphraseCost::RECOMMENDED)
    );
}

#[test]
fn a_short_passphrase_is_refused_at_export() {
    for short in ["", "1234567", "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}"] {
        let verdict = ring().export(&Secret::from(short), SEED, cheap());
        assert_eq!(verdict, Err(EnvelopeFault::PassphraseTooShort), "{short:?}");
    }
    assert!(
        ring()
            .export(&Secret::from("12345678"), SEED, cheap())
            .is_ok()
    );
}

#[test]
fn what_opens_and_is_no_ring_says_so() {
    let aad = cheap().associated_data();
    let key = cheap().derive(&passphrase(), &SEED.salt).unwrap();
    let sealed = cipher(&key)
        .encrypt(
            &SEED.nonce.into(),
            Payload {
                msg: b"{}",
                aad: &aad,
            },
        )
        .unwrap();
    let text = hostile(cheap())
        .replace("bm90aGluZw", &URL_SAFE_NO_PAD.encode(&sealed))
        .replace(
            &checksum(&aad, SEED, b"nothing"),
            &checksum(&aad, SEED, &sealed),
        );
    assert!(matches!(
        fault(&text),
        EnvelopeFault::Content(RingTextFault::NotValid { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn exported_rings_import(passphrase in ".{8,40}", salt: [u8; 16], nonce: [u8; 12]) {
        let passphrase = Secret::new(passphrase);
        let text = ring().export(&passphrase, EnvelopeSeed { salt, nonce }, cheap()).unwrap();
        prop_assert_eq!(KeyRing::import(&text, &passphrase).unwrap().covers(&ring()), Ok(()));
        let other = Secret::new(format!("{}x", passphrase.expose()));
        prop_assert_eq!(KeyRing::import(&text, &other).map(drop), Err(EnvelopeFault::WrongPassphrase));
    }

    #[test]
    fn no_changed_byte_opens(at in 0..GOLDEN.len(), bit in 0..7_u32) {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        *bytes.get_mut(at).unwrap() ^= 1 << bit;
        let changed = String::from_utf8(bytes).unwrap();
        // White space between tokens may change into other white space.
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        if same(&changed) != same(GOLDEN) {
            prop_assert!(KeyRing::import(&changed, &passphrase()).is_err(), "{}", changed);
        }
    }
}
