//! The bytes of a token: `version | kind | key id | incarnation | log index | id | generation, refresh only | tag`.
//!
//! All numbers are big-endian. The first five fields fill 16 bytes, the id 16, the generation 4, the tag 16.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{TokenBirth, TokenKind};
use crate::id::{Incarnation, KeyId, LogIndex};
use crate::secret::Secret;

/// The only version so far; a node that meets another refuses the text as malformed.
const VERSION: u8 = 1;
/// Room for the longest token, in the whole groups that the base64 decoder asks for.
const DECODED_BYTES_MAX: usize = 54;

/// The length of the tag: HMAC-SHA256 truncated to 128 bits (RFC 2104 section 5).
pub(super) const TAG_BYTES: usize = 16;

/// Everything under the tag, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) birth: TokenBirth,
    pub(super) id: [u8; 16],
    /// Zero for kinds that have none.
    pub(super) generation: u32,
}

/// A token's bytes on the stack.
pub(super) struct TokenBytes {
    bytes: [u8; DECODED_BYTES_MAX],
    len: usize,
}

impl TokenBytes {
    /// What the tag of this token covers.
    pub(super) fn body(kind: TokenKind, fields: &Fields) -> Self {
        let birth = &fields.birth;
        let head = u128::from(VERSION) << 120
            | u128::from(kind.byte()) << 112
            | u128::from(birth.key.0) << 96
            | u128::from(birth.incarnation.0) << 64
            | u128::from(birth.index.0);
        let mut body = Self {
            bytes: [0; DECODED_BYTES_MAX],
            len: 0,
        };
        body.push(&head.to_be_bytes());
        body.push(&fields.id);
        if kind == TokenKind::Refresh {
            body.push(&fields.generation.to_be_bytes());
        }
        body
    }

    /// Decodes a text of this kind; `None` when length, prefix, alphabet or the unused last bits are wrong.
    pub(super) fn from_text(kind: TokenKind, text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(kind.prefix())?;
        if encoded.len() != encoded_len(kind) {
            return None;
        }
        let mut bytes = [0; DECODED_BYTES_MAX];
        let len = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        Some(Self { bytes, len })
    }

    /// The text of a token whose bytes are complete.
    pub(super) fn to_text(&self, kind: TokenKind) -> Secret {
        let mut text = String::with_capacity(kind.prefix().len() + encoded_len(kind));
        text.push_str(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(self.as_slice(), &mut text);
        Secret::new(text)
    }

    /// What the tag covers, and the tag.
    pub(super) fn split(&self) -> Option<(&[u8], &[u8; TAG_BYTES])> {
        self.as_slice().split_last_chunk::<TAG_BYTES>()
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn push(&mut self, part: &[u8]) {
        for (byte, slot) in part.iter().zip(self.bytes.iter_mut().skip(self.len)) {
            *slot = *byte;
        }
        self.len += part.len();
    }
}

impl Fields {
    /// Reads what the tag covers; `None` for another version, another kind or a wrong length.
    pub(super) fn from_body(kind: TokenKind, body: &[u8]) -> Option<Self> {
        let (head, rest) = body.split_first_chunk::<16>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let generation = match kind {
            TokenKind::Refresh => u32::from_be_bytes(rest.try_into().ok()?),
            TokenKind::Access | TokenKind::AuthCode | TokenKind::ApiKey if rest.is_empty() => 0,
            TokenKind::Access | TokenKind::AuthCode | TokenKind::ApiKey => return None,
        };
        let [
            version,
            kind_byte,
            key0,
            key1,
            inc0,
            inc1,
            inc2,
            inc3,
            index @ ..,
        ] = *head;
        if version != VERSION || kind_byte != kind.byte() {
            return None;
        }
        let birth = TokenBirth {
            key: KeyId(u16::from_be_bytes([key0, key1])),
            incarnation: Incarnation(u32::from_be_bytes([inc0, inc1, inc2, inc3])),
            index: LogIndex(u64::from_be_bytes(index)),
        };
        Some(Self {
            birth,
            id: *id,
            generation,
        })
    }
}

/// The length of the base64 text behind the prefix.
const fn encoded_len(kind: TokenKind) -> usize {
    match kind {
        TokenKind::Access | TokenKind::AuthCode | TokenKind::ApiKey => 64,
        TokenKind::Refresh => 70,
    }
}
