//! Tokens: a text is accepted only if it is, to the letter, what was minted.

use std::sync::LazyLock;

use raftgate_model::id::{FamilyId, GrantId, Incarnation, KeyId, LogIndex};
use raftgate_model::keyring::KeyRing;
use raftgate_model::secret::SecretBytes;
use raftgate_model::token::{AccessToken, RefreshToken, TokenBirth};

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    KeyRing::new(
        KeyId(1),
        SecretBytes::new([7; 32]),
        SecretBytes::new([8; 32]),
    )
});
/// Tokens that were minted, one of each kind that lives long.
static MINTED: LazyLock<[String; 2]> = LazyLock::new(|| {
    let birth = TokenBirth {
        key: KeyId(1),
        incarnation: Incarnation(9),
        index: LogIndex(1_000),
    };
    let access = AccessToken {
        birth,
        id: GrantId::from_bytes([3; 16]),
    };
    let refresh = RefreshToken {
        birth,
        family: FamilyId::from_bytes([4; 16]),
        generation: 5,
    };
    [
        RING.mint_access(&access).unwrap().expose().to_owned(),
        RING.mint_refresh(&refresh).unwrap().expose().to_owned(),
    ]
});

/// The input as a token, and laid over minted ones from the place on that its first byte names.
pub(super) fn tokens(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        accepted_only_as_minted(text);
    }
    let Some((place, patch)) = input.split_first() else {
        return;
    };
    for minted in MINTED.iter() {
        let mut bytes = minted.clone().into_bytes();
        let start = usize::from(*place).min(bytes.len());
        let end = bytes.len().min(start + patch.len());
        bytes[start..end].copy_from_slice(&patch[..end - start]);
        bytes.extend_from_slice(&patch[end - start..]);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let accepted = accepted_only_as_minted(text);
            assert_eq!(accepted, text == minted, "{text}");
        }
    }
}

fn accepted_only_as_minted(text: &str) -> bool {
    let mut accepted = 0;
    if let Ok(token) = RING.verify_access(text) {
        assert_eq!(RING.mint_access(&token).unwrap().expose(), text);
        accepted += 1;
    }
    if let Ok(token) = RING.verify_refresh(text) {
        assert_eq!(RING.mint_refresh(&token).unwrap().expose(), text);
        accepted += 1;
    }
    if let Ok(code) = RING.verify_code(text) {
        assert_eq!(RING.mint_code(&code).unwrap().expose(), text);
        accepted += 1;
    }
    assert!(accepted <= 1, "a token of one kind is none of another");
    accepted == 1
}
