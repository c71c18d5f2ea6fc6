//! Scopes: a bounded set of tokens whose text keeps the order of the request (RFC 6749 section 3.3).

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest scope text, in bytes.
pub const SCOPE_BYTES_MAX: usize = 2048;

/// The most tokens that one scope may have.
pub const SCOPE_TOKENS_MAX: usize = 64;

/// Why a text is not a scope; on the wire all of them are `invalid_scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// A character outside `%x21 / %x23-5B / %x5D-7E`, or spaces other than single ones between tokens.
    #[error("a scope is a list of printable ASCII tokens with single spaces between them")]
    Syntax,
    /// More than [`SCOPE_BYTES_MAX`] bytes.
    #[error("a scope is at most {SCOPE_BYTES_MAX} bytes long")]
    TooLong,
    /// More than [`SCOPE_TOKENS_MAX`] tokens.
    #[error("a scope has at most {SCOPE_TOKENS_MAX} tokens")]
    TooManyTokens,
}

/// A scope with at least one token; repeated tokens stand once, where they stood first.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope(Arc<str>);

impl Scope {
    /// Reads the value of a `scope` parameter; an empty one counts as not sent (RFC 6749 section 3.1).
    ///
    /// # Errors
    /// The text breaks the syntax of RFC 6749 section 3.3 or a bound.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidScope> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > SCOPE_BYTES_MAX {
            return Err(InvalidScope::TooLong);
        }
        let mut tokens: Vec<&str> = Vec::new();
        for token in text.split(' ') {
            if token.is_empty() || !token.bytes().all(is_scope_character) {
                return Err(InvalidScope::Syntax);
            }
            if !tokens.contains(&token) {
                if tokens.len() == SCOPE_TOKENS_MAX {
                    return Err(InvalidScope::TooManyTokens);
                }
                tokens.push(token);
            }
        }
        Ok(Some(Self(Arc::from(tokens.join(" ")))))
    }

    /// The scope as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens in the order of the request.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    /// Whether the scope has this token, compared exactly.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.tokens().any(|own| own == token)
    }

    /// Whether every token of this scope is one of `wider`: what a refresh may ask for.
    #[must_use]
    pub fn is_subset_of(&self, wider: &Self) -> bool {
        self.tokens().all(|token| wider.contains(token))
    }
}

/// The scopes that an API's flows declare: only these may be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredScopes(Arc<[Box<str>]>);

impl DeclaredScopes {
    /// The scopes of these names; `None` without any, which leaves scopes free.
    ///
    /// # Errors
    /// A name breaks the syntax of a scope token (RFC 6749 section 3.3) or its bound.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Option<Self>, InvalidScope> {
        let mut declared: Vec<Box<str>> = Vec::new();
        for name in names {
            if name.len() > SCOPE_BYTES_MAX {
                return Err(InvalidScope::TooLong);
            }
            if name.is_empty() || !name.bytes().all(is_scope_character) {
                return Err(InvalidScope::Syntax);
            }
            declared.push(name.into());
        }
        declared.sort_unstable();
        declared.dedup();
        Ok((!declared.is_empty()).then(|| Self(declared.into())))
    }

    /// Whether all of a scope is declared.
    #[must_use]
    pub fn cover(&self, scope: &Scope) -> bool {
        let is_declared = |token: &str| self.0.binary_search_by(|own| (**own).cmp(token)).is_ok();
        scope.tokens().all(is_declared)
    }
}

const fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({:?})", &*self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match Self::parse(&text) {
            Ok(Some(scope)) => Ok(scope),
            Ok(None) => Err(D::Error::custom("a stored scope is never empty")),
            Err(error) => Err(D::Error::custom(error)),
        }
    }
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
