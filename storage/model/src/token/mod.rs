//! Tokens: references into the replicated state, minted as text under a MAC and never stored as such.
//!
//! The values here name a grant, a family or a code and are no secrets; only the minted text is one.

mod check;
mod wire;

use serde::{Deserialize, Serialize};

pub use self::check::TokenFault;
use crate::id::{ApiKeyId, CodeId, FamilyId, GrantId, Incarnation, KeyId, LogIndex};

/// Where and under which key a token came to be: what a node needs to know whether it can judge the token yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TokenBirth {
    /// The master key under which the token is minted, each time anew.
    pub key: KeyId,
    /// The life of the log in which `index` means something.
    pub incarnation: Incarnation,
    /// The log entry that created the grant.
    pub index: LogIndex,
}

/// An access token's reference to its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccessToken {
    /// Where and under which key it came to be.
    pub birth: TokenBirth,
    /// The grant it stands for.
    pub id: GrantId,
}

/// A refresh token's reference to its family, with the generation that it was the newest token of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefreshToken {
    /// Where and under which key this generation came to be.
    pub birth: TokenBirth,
    /// All refresh tokens that descend from one authorization.
    pub family: FamilyId,
    /// Counts the rotations of the family; only the newest generation is good.
    pub generation: u32,
}

/// An authorization code's reference to its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuthCode {
    /// Where and under which key it came to be.
    pub birth: TokenBirth,
    /// The code's record.
    pub id: CodeId,
}

/// A generated API key's reference to its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ApiKeyToken {
    /// Where and under which key it came to be.
    pub birth: TokenBirth,
    /// The key's record.
    pub id: ApiKeyId,
}

/// What a token text is for; each kind has a prefix, a kind byte and a MAC subkey of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokenKind {
    /// An access token, `rga_`.
    Access,
    /// A refresh token, `rgr_`.
    Refresh,
    /// An authorization code, `rgc_`.
    AuthCode,
    /// A generated API key, `rgk_`.
    ApiKey,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Access, Self::Refresh, Self::AuthCode, Self::ApiKey];

    /// The first characters of every token of this kind, by which secret scanners find leaks.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "rga_",
            Self::Refresh => "rgr_",
            Self::AuthCode => "rgc_",
            Self::ApiKey => "rgk_",
        }
    }

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Access => 1,
            Self::Refresh => 2,
            Self::AuthCode => 3,
            Self::ApiKey => 4,
        }
    }
}
