#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test may panic"
)]

use proptest::prelude::*;

use super::*;
use crate::secret::counting_bytes as counting;

const KEY: KeyId = KeyId(1);
const NONCE: [u8; 12] = [9; 12];

fn ring() -> KeyRing {
    KeyRing::new(KEY, counting(0), counting(32))
}

fn client(id: &str) -> SecretOwner<'_> {
    SecretOwner {
        kind: SecretKind::Client,
        id,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sealed() -> Sealed {
    ring()
        .seal(KEY, client("client-1"), NONCE, &Secret::from("s3cret"))
        .unwrap()
}

fn open(ring: &KeyRing, owner: SecretOwner<'_>, sealed: &Sealed) -> Result<String, SealFault> {
    ring.open(owner, sealed)
        .map(|secret| secret.expose().to_owned())
}

// Computed outside of this project with other implementations of HKDF, HMAC and AES-256-GCM.
#[test]
fn the_formats_have_not_drifted() {
    assert_eq!(
        hex(&sealed().ciphertext),
        "6c652e50d32c3fc3d7e5cbaf7f36759f3f6d76c71d67"
    );
    assert_eq!(
        hex(&ring().secret_verifier(client("client-1"), "s3cret").0),
        "3575000c84f10660846a5eb2371130786c2ea5e05327fd7c9d16be0a2c9b5f8d"
    );
    let kinds = [
        SecretKind::Client,
        SecretKind::ApiKeyName,
        SecretKind::AdminToken,
        SecretKind::ApiDefinition,
    ];
    assert_eq!(kinds.map(SecretKind::byte), [1, 2, 3, 7]);
}

#[test]
fn a_seal_opens_for_its_own_record_only() {
    let ring = ring();
    assert_eq!(
        open(&ring, client("client-1"), &sealed()).unwrap(),
        "s3cret"
    );
    for owner in [
        client("client-2"),
        client("client-"),
        client("client-11"),
        client(""),
        SecretOwner {
            kind: SecretKind::ApiDefinition,
            id: "client-1",
        },
        SecretOwner {
            kind: SecretKind::ApiDefinition,
            id: "",
        },
    ] {
        assert_eq!(
            open(&ring, owner, &sealed()),
            Err(SealFault::Broken),
            "{owner:?}"
        );
    }
}

#[test]
fn a_seal_opens_under_its_own_key_only() {
    let ring = ring().with_key(KeyId(2), counting(64)).unwrap();
    let mut moved = sealed();
    moved.key = KeyId(2);
    assert_eq!(
        open(&ring, client("client-1"), &moved),
        Err(SealFault::Broken)
    );
    moved.key = KeyId(3);
    let unknown = SealFault::UnknownKey(UnknownKey(KeyId(3)));
    assert_eq!(open(&ring, client("client-1"), &moved), Err(unknown));
    let refused = ring.seal(KeyId(3), client("client-1"), NONCE, &Secret::from("s3cret"));
    assert_eq!(refused, Err(unknown));
    let elsewhere = KeyRing::new(KEY, counting(1), counting(32));
    assert_eq!(
        open(&elsewhere, client("client-1"), &sealed()),
        Err(SealFault::Broken)
    );
}

#[test]
fn every_flipped_bit_of_a_seal_is_refused() {
    for bit in 0..sealed().ciphertext.len() * 8 {
        let mut changed = sealed();
        *changed.ciphertext.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
        assert_eq!(
            open(&ring(), client("client-1"), &changed),
            Err(SealFault::Broken)
        );
    }
    for bit in 0..NONCE.len() * 8 {
        let mut changed = sealed();
        *changed.nonce.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
        assert_eq!(
            open(&ring(), client("client-1"), &changed),
            Err(SealFault::Broken)
        );
    }
    for len in 0..sealed().ciphertext.len() {
        let mut cut = sealed();
        cut.ciphertext = cut.ciphertext.get(..len).unwrap().into();
        assert_eq!(
            open(&ring(), client("client-1"), &cut),
            Err(SealFault::Broken)
        );
    }
}

#[test]
fn what_opens_and_is_no_text_is_broken() {
    let owner = client("client-1");
    let payload = Payload {
        msg: &[0xff, 0xfe],
        aad: &owner.associated_data(),
    };
    let ciphertext = ring()
        .cipher(KEY)
        .unwrap()
        .encrypt(&NONCE.into(), payload)
        .unwrap();
    let sealed = Sealed {
        key: KEY,
        nonce: NONCE,
        ciphertext: ciphertext.into(),
    };
    assert_eq!(open(&ring(), owner, &sealed), Err(SealFault::Broken));
}

#[test]
fn a_secret_is_bounded() {
    let longest = Secret::new("x".repeat(SEALED_TEXT_BYTES_MAX));
    assert!(
        ring()
            .seal(KEY, client("client-1"), NONCE, &longest)
            .is_ok()
    );
    let longer = Secret::new("x".repeat(SEALED_TEXT_BYTES_MAX + 1));
    assert_eq!(
        ring().seal(KEY, client("client-1"), NONCE, &longer),
        Err(SealFault::TooLong)
    );
}

#[test]
fn rewrapping_frees_a_seal_of_its_old_key() {
    let both = ring().with_key(KeyId(2), counting(64)).unwrap();
    let rewrapped = both
        .rewrap(KeyId(2), client("client-1"), [1; 12], &sealed())
        .unwrap();
    assert_eq!(rewrapped.key, KeyId(2));
    assert_ne!(rewrapped.ciphertext, sealed().ciphertext);
    let newer_alone = KeyRing::new(KeyId(2), counting(64), counting(32));
    assert_eq!(
        open(&newer_alone, client("client-1"), &rewrapped).unwrap(),
        "s3cret"
    );
    let refused = both.rewrap(KeyId(2), client("client-2"), [1; 12], &sealed());
    assert_eq!(refused, Err(SealFault::Broken));
}

#[test]
fn a_verifier_knows_its_own_secret_and_record() {
    let ring = ring();
    let verifier = ring.secret_verifier(client("client-1"), "s3cret");
    assert_eq!(ring.secret_verifier(client("client-1"), "s3cret"), verifier);
    for (owner, secret) in [
        (client("client-1"), "s3cre"),
        (client("client-1"), "s3crets"),
        (client("client-1"), ""),
        (client("client-2"), "s3cret"),
        (client("client-"), "1s3cret"),
        (client("client-1s"), "3cret"),
        (
            SecretOwner {
                kind: SecretKind::ApiDefinition,
                id: "client-1",
            },
            "s3cret",
        ),
    ] {
        assert_ne!(
            ring.secret_verifier(owner, secret),
            verifier,
            "{owner:?} {secret}"
        );
    }
    let elsewhere = KeyRing::new(KEY, counting(0), counting(33));
    assert_ne!(
        elsewhere.secret_verifier(client("client-1"), "s3cret"),
        verifier
    );
}

#[test]
fn a_verifier_outlives_rotation() {
    let rotated = ring()
        .with_key(KeyId(2), counting(64))
        .unwrap()
        .with_active(KeyId(2))
        .unwrap();
    let newer_alone = KeyRing::new(KeyId(2), counting(64), counting(32));
    for ring in [rotated, newer_alone] {
        let again = ring.secret_verifier(client("client-1"), "s3cret");
        assert_eq!(
            again,
            super::tests::ring().secret_verifier(client("client-1"), "s3cret")
        );
    }
}

#[test]
fn debug_shows_no_content() {
    assert_eq!(format!("{:?}", sealed()), "Sealed(key 1, 22 bytes)");
    let verifier = ring().secret_verifier(client("client-1"), "s3cret");
    assert_eq!(format!("{verifier:?}"), "SecretVerifier(..)");
}

proptest! {
    #[test]
    fn sealed_secrets_open_after_serde(id in ".{0,40}", secret in ".{0,200}", nonce: [u8; 12]) {
        let sealed = ring().seal(KEY, client(&id), nonce, &Secret::from(secret.as_str())).unwrap();
        let text = serde_json::to_string(&sealed).unwrap();
        let read: Sealed = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &sealed);
        prop_assert_eq!(open(&ring(), client(&id), &read).unwrap(), secret);
    }

    #[test]
    fn verifiers_survive_serde(secret in ".{0,200}") {
        let verifier = ring().secret_verifier(client("client-1"), &secret);
        let text = serde_json::to_string(&verifier).unwrap();
        prop_assert_eq!(serde_json::from_str::<SecretVerifier>(&text).unwrap(), verifier);
    }
}
