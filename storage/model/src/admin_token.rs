//! Named tokens of the control API: who holds one, and what it is good for.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::seal::SecretVerifier;
use crate::time::Timestamp;

/// The most admin tokens that there may be.
pub const ADMIN_TOKENS_MAX: usize = 256;

/// The longest name of an admin token, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The name of an admin token: it stands in paths and logs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdminName(Arc<str>);

/// A text cannot be the name of an admin token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "name: 1 to {NAME_BYTES_MAX} letters, digits, '.', '_' or '-', beginning with a letter or digit"
)]
pub struct InvalidAdminName;

impl AdminName {
    /// Checks a name.
    ///
    /// # Errors
    /// It is empty, too long, or holds something else than it may.
    pub fn new(text: &str) -> Result<Self, InvalidAdminName> {
        let usable = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if usable && begins && text.len() <= NAME_BYTES_MAX {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidAdminName)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AdminName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the holder of an admin token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AdminRole {
    /// Everything that the control secret may.
    Operator,
    /// Reading.
    ReadOnly,
    /// Approving authorizations.
    IdentityServer,
}

impl AdminRole {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Operator, Self::ReadOnly, Self::IdentityServer];

    /// The role of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// The word of a role.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::ReadOnly => "read-only",
            Self::IdentityServer => "identity-server",
        }
    }
}

/// What a request to the control API is for, as far as roles tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// It shows something.
    Read,
    /// It approves an authorization.
    Approve,
    /// It changes something.
    Change,
}

impl AdminRole {
    /// Whether the holder may do this.
    #[must_use]
    pub const fn may(self, errand: Errand) -> bool {
        match self {
            Self::Operator => true,
            Self::ReadOnly => matches!(errand, Errand::Read),
            Self::IdentityServer => matches!(errand, Errand::Approve),
        }
    }
}

/// An admin token as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminToken {
    /// Its name.
    pub name: AdminName,
    /// What it is good for.
    pub role: AdminRole,
    /// A keyed hash of the token, for the check.
    pub verifier: SecretVerifier,
    /// When it was made, by the state's clock.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_paths() {
        for name in ["idp", "ci-1", "a.b_c", &"a".repeat(64)] {
            assert!(AdminName::new(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "a/b",
            "a b",
            ".",
            "..",
            "-a",
            "\u{e4}",
            "a%",
            &"a".repeat(65),
        ] {
            assert_eq!(AdminName::new(name), Err(InvalidAdminName), "{name}");
        }
    }

    #[test]
    fn roles_are_words() {
        for role in AdminRole::ALL {
            assert_eq!(AdminRole::parse(role.as_str()), Some(role));
        }
        assert_eq!(AdminRole::parse("Operator"), None);
        let may =
            |role: AdminRole| [Errand::Read, Errand::Approve, Errand::Change].map(|e| role.may(e));
        assert_eq!(may(AdminRole::Operator), [true, true, true]);
        assert_eq!(may(AdminRole::ReadOnly), [true, false, false]);
        assert_eq!(may(AdminRole::IdentityServer), [false, true, false]);
    }
}
