#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test may panic"
)]

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::id::{Incarnation, LogIndex};
use crate::secret::counting_bytes as counting;

const KEY: KeyId = KeyId(0x0102);

fn ring() -> KeyRing {
    KeyRing::new(KEY, counting(0), counting(32))
}

fn birth() -> TokenBirth {
    TokenBirth {
        key: KEY,
        incarnation: Incarnation(0xA1B2_C3D4),
        index: LogIndex(0x0102_0304_0506_0708),
    }
}

const ID: [u8; 16] = *b"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";

fn access() -> AccessToken {
    AccessToken {
        birth: birth(),
        id: GrantId::from_bytes(ID),
    }
}

fn refresh() -> RefreshToken {
    RefreshToken {
        birth: birth(),
        family: FamilyId::from_bytes(ID),
        generation: 7,
    }
}

fn code() -> AuthCode {
    AuthCode {
        birth: birth(),
        id: CodeId::from_bytes(ID),
    }
}

fn api_key() -> ApiKeyToken {
    ApiKeyToken {
        birth: birth(),
        id: ApiKeyId::from_bytes(ID),
    }
}

// Computed outside of this project with another implementation of HKDF, HMAC and base64. A change of these texts is a
// change of the format: every token in the field would stop working.
const GOLDEN_ACCESS: &str = "rga_AQEBAqGyw9QBAgMEBQYHCPDx8vP09fb3-Pn6-_z9_v-JINzU4G3qFbp8wW9otwph";
const GOLDEN_REFRESH: &str =
    "rgr_AQIBAqGyw9QBAgMEBQYHCPDx8vP09fb3-Pn6-_z9_v8AAAAHCSsLWjAPg5_jlW6YhTj3AQ";
const GOLDEN_CODE: &str = "rgc_AQMBAqGyw9QBAgMEBQYHCPDx8vP09fb3-Pn6-_z9_v_4YiyyKz6Wmov5j3YcBoVr";

/// The verdicts of all three checks; at most one of them may ever be `Ok`.
const GOLDEN_API_KEY: &str = "rgk_AQQBAqGyw9QBAgMEBQYHCPDx8vP09fb3-Pn6-_z9_v_zmNwswmRqL5eVispvq_j9";

fn verdicts(ring: &KeyRing, text: &str) -> [Result<(), TokenFault>; 4] {
    [
        ring.verify_access(text).map(drop),
        ring.verify_refresh(text).map(drop),
        ring.verify_code(text).map(drop),
        ring.verify_api_key(text).map(drop),
    ]
}

fn assert_refused(ring: &KeyRing, text: &str) {
    for verdict in verdicts(ring, text) {
        assert!(verdict.is_err(), "accepted {text}");
    }
}

#[test]
fn the_format_has_not_drifted() {
    let ring = ring();
    assert_eq!(ring.mint_access(&access()).unwrap().expose(), GOLDEN_ACCESS);
    assert_eq!(
        ring.mint_refresh(&refresh()).unwrap().expose(),
        GOLDEN_REFRESH
    );
    assert_eq!(ring.mint_code(&code()).unwrap().expose(), GOLDEN_CODE);
    assert_eq!(ring.verify_access(GOLDEN_ACCESS), Ok(access()));
    assert_eq!(ring.verify_refresh(GOLDEN_REFRESH), Ok(refresh()));
    assert_eq!(ring.verify_code(GOLDEN_CODE), Ok(code()));
    assert_eq!(
        ring.mint_api_key(&api_key()).unwrap().expose(),
        GOLDEN_API_KEY
    );
    assert_eq!(ring.verify_api_key(GOLDEN_API_KEY), Ok(api_key()));
}

#[test]
fn every_flipped_bit_of_the_bytes_is_refused() {
    let ring = ring();
    for golden in [GOLDEN_ACCESS, GOLDEN_REFRESH, GOLDEN_CODE, GOLDEN_API_KEY] {
        let (prefix, encoded) = golden.split_at(4);
        let bytes = URL_SAFE_NO_PAD.decode(encoded).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            *changed.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            assert_refused(
                &ring,
                &format!("{prefix}{}", URL_SAFE_NO_PAD.encode(&changed)),
            );
        }
    }
}

#[test]
fn every_flipped_bit_of_the_text_is_refused() {
    let ring = ring();
    for golden in [GOLDEN_ACCESS, GOLDEN_REFRESH, GOLDEN_CODE, GOLDEN_API_KEY] {
        for bit in 0..golden.len() * 8 {
            let mut changed = golden.as_bytes().to_vec();
            *changed.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            if let Ok(text) = std::str::from_utf8(&changed) {
                assert_refused(&ring, text);
            }
        }
    }
}

#[test]
fn a_kind_never_passes_as_another() {
    let ring = ring();
    for (at, golden) in [GOLDEN_ACCESS, GOLDEN_REFRESH, GOLDEN_CODE, GOLDEN_API_KEY]
        .into_iter()
        .enumerate()
    {
        for (kind, verdict) in verdicts(&ring, golden).into_iter().enumerate() {
            let expected = if kind == at {
                Ok(())
            } else {
                Err(TokenFault::Malformed)
            };
            assert_eq!(verdict, expected, "{golden} as kind {kind}");
        }
        for prefix in ["rga_", "rgr_", "rgc_", "rgk_"] {
            let relabelled = format!("{prefix}{}", golden.get(4..).unwrap());
            if relabelled != golden {
                assert_refused(&ring, &relabelled);
            }
        }
    }
}

/// The prefix and the kind byte alone do not keep kinds apart: the MAC subkeys differ as well.
#[test]
fn a_tag_made_for_another_kind_is_forged() {
    let ring = ring();
    let mut bytes = URL_SAFE_NO_PAD
        .decode(GOLDEN_CODE.get(4..).unwrap())
        .unwrap();
    *bytes.get_mut(1).unwrap() = TokenKind::Access.byte();
    let body = bytes.get(..32).unwrap();
    let mac = ring
        .master(KEY)
        .unwrap()
        .token_mac(TokenKind::AuthCode)
        .clone()
        .chain_update(body);
    let tag = leading_half(&mac.finalize().into_bytes().into());
    bytes.splice(32.., tag);
    let text = format!("rga_{}", URL_SAFE_NO_PAD.encode(&bytes));
    assert_eq!(ring.verify_access(&text), Err(TokenFault::Forged));
}

#[test]
fn cut_and_extended_texts_are_refused() {
    let ring = ring();
    for golden in [GOLDEN_ACCESS, GOLDEN_REFRESH, GOLDEN_CODE, GOLDEN_API_KEY] {
        for len in 0..golden.len() {
            assert_refused(&ring, golden.get(..len).unwrap());
            assert_refused(&ring, golden.get(len + 1..).unwrap());
        }
        for tail in ["A", "AAAA", "=", "==", " ", "\n", "\0", "\u{e4}"] {
            assert_refused(&ring, &format!("{golden}{tail}"));
            assert_refused(&ring, &format!("{tail}{golden}"));
        }
        assert_refused(&ring, &golden.repeat(2));
        assert_refused(&ring, &golden.repeat(10_000));
    }
}

#[test]
fn only_the_canonical_text_is_accepted() {
    let ring = ring();
    // 52 bytes leave four unused bits in the last character: all 15 other spellings decode leniently to the same bytes.
    let (head, last) = GOLDEN_REFRESH.split_at(GOLDEN_REFRESH.len() - 1);
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        if !last.contains(other) {
            assert_refused(&ring, &format!("{head}{other}"));
        }
    }
    let bytes = URL_SAFE_NO_PAD
        .decode(GOLDEN_REFRESH.get(4..).unwrap())
        .unwrap();
    assert_refused(&ring, &format!("rgr_{}", URL_SAFE.encode(bytes)));
    assert_refused(
        &ring,
        &GOLDEN_ACCESS.replace('-', "+").replace("rga+", "rga_"),
    );
    assert_refused(&ring, &GOLDEN_ACCESS.replacen("_z", "/z", 1));
    assert_refused(&ring, &GOLDEN_ACCESS.to_uppercase());
    assert_refused(&ring, &GOLDEN_ACCESS.replacen("rga_", "RGA_", 1));
}

#[test]
fn another_version_or_kind_is_malformed_even_under_a_good_tag() {
    let ring = ring();
    let retagged = |at: usize, byte: u8| {
        let mut bytes = URL_SAFE_NO_PAD
            .decode(GOLDEN_ACCESS.get(4..).unwrap())
            .unwrap();
        *bytes.get_mut(at).unwrap() = byte;
        let mac = ring.master(KEY).unwrap().token_mac(TokenKind::Access);
        let mac = mac.clone().chain_update(bytes.get(..32).unwrap());
        bytes.splice(32.., leading_half(&mac.finalize().into_bytes().into()));
        ring.verify_access(&format!("rga_{}", URL_SAFE_NO_PAD.encode(&bytes)))
    };
    assert_eq!(
        retagged(0, 1),
        Ok(access()),
        "the tag is made as it should be"
    );
    assert_eq!(retagged(0, 2), Err(TokenFault::Malformed));
    assert_eq!(
        retagged(1, TokenKind::AuthCode.byte()),
        Err(TokenFault::Malformed)
    );
}

#[test]
fn rings_of_other_keys_say_forged_or_unknown() {
    let same_id = KeyRing::new(KEY, counting(1), counting(32));
    assert_eq!(
        same_id.verify_access(GOLDEN_ACCESS),
        Err(TokenFault::Forged)
    );
    let other_id = KeyRing::new(KeyId(9), counting(0), counting(32));
    assert_eq!(
        other_id.verify_access(GOLDEN_ACCESS),
        Err(TokenFault::UnknownKey(KEY))
    );
    assert_eq!(
        other_id.verify_refresh(GOLDEN_REFRESH),
        Err(TokenFault::UnknownKey(KEY))
    );
    assert_eq!(other_id.mint_code(&code()).map(drop), Err(UnknownKey(KEY)));
}

#[test]
fn rotation_keeps_old_tokens_good() {
    let rotated = ring()
        .with_key(KeyId(2), counting(64))
        .unwrap()
        .with_active(KeyId(2))
        .unwrap();
    assert_eq!(rotated.verify_access(GOLDEN_ACCESS), Ok(access()));
    assert_eq!(
        rotated.mint_access(&access()).unwrap().expose(),
        GOLDEN_ACCESS
    );
    let newer = AccessToken {
        birth: TokenBirth {
            key: rotated.active(),
            ..birth()
        },
        ..access()
    };
    let text = rotated.mint_access(&newer).unwrap();
    assert_eq!(rotated.verify_access(text.expose()), Ok(newer));
    assert_eq!(
        ring().verify_access(text.expose()),
        Err(TokenFault::UnknownKey(KeyId(2)))
    );
}

fn any_birth() -> impl Strategy<Value = TokenBirth> {
    (any::<bool>(), any::<u32>(), any::<u64>()).prop_map(|(first, incarnation, index)| TokenBirth {
        key: if first { KEY } else { KeyId(u16::MAX) },
        incarnation: Incarnation(incarnation),
        index: LogIndex(index),
    })
}

fn two_keys() -> KeyRing {
    ring().with_key(KeyId(u16::MAX), counting(96)).unwrap()
}

proptest! {
    #[test]
    fn minted_texts_read_back(birth in any_birth(), id: [u8; 16], generation: u32) {
        let ring = two_keys();
        let access = AccessToken { birth, id: GrantId::from_bytes(id) };
        let refresh = RefreshToken { birth, family: FamilyId::from_bytes(id), generation };
        let code = AuthCode { birth, id: CodeId::from_bytes(id) };
        let texts = [
            ring.mint_access(&access).unwrap(),
            ring.mint_refresh(&refresh).unwrap(),
            ring.mint_code(&code).unwrap(),
        ];
        prop_assert_eq!(ring.verify_access(texts[0].expose()), Ok(access));
        prop_assert_eq!(ring.verify_refresh(texts[1].expose()), Ok(refresh));
        prop_assert_eq!(ring.verify_code(texts[2].expose()), Ok(code));
        for text in texts {
            prop_assert!(text.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        }
    }

    #[test]
    fn references_survive_serde(birth in any_birth(), id: [u8; 16], generation: u32) {
        let refresh = RefreshToken { birth, family: FamilyId::from_bytes(id), generation };
        let json = serde_json::to_string(&refresh).unwrap();
        prop_assert_eq!(serde_json::from_str::<RefreshToken>(&json).unwrap(), refresh);
    }

    #[test]
    fn arbitrary_texts_are_refused_without_panic(text in ".{0,200}") {
        assert_refused(&ring(), &text);
    }

    #[test]
    fn arbitrary_texts_of_the_right_shape_are_refused(
        prefix in "rg[arc]_", encoded in "[A-Za-z0-9_-]{64}([A-Za-z0-9_-]{6})?",
    ) {
        assert_refused(&ring(), &format!("{prefix}{encoded}"));
    }

    #[test]
    fn arbitrary_bytes_behind_a_true_head_are_forged(id: [u8; 16], tag: [u8; 16]) {
        let ring = ring();
        let mut bytes = URL_SAFE_NO_PAD.decode(GOLDEN_ACCESS.get(4..).unwrap()).unwrap();
        bytes.splice(16.., id.into_iter().chain(tag));
        let text = format!("rga_{}", URL_SAFE_NO_PAD.encode(&bytes));
        prop_assert_eq!(ring.verify_access(&text), Err(TokenFault::Forged));
    }
}
