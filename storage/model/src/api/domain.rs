//! The host that an API answers to.

use std::fmt;
use std::sync::Arc;

/// The longest host name, in bytes (RFC 1035 section 2.3.4).
const DOMAIN_BYTES_MAX: usize = 253;

/// The longest label of a host name, in bytes.
const LABEL_BYTES_MAX: usize = 63;

/// Why a text cannot be an API's domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDomain {
    /// A wildcard or template.
    #[error("wildcard and template domains are not supported yet, name one host")]
    Pattern,
    /// Something that is not a host name.
    #[error("must be a host name of letters, digits, '-' and '.', without scheme, port and path")]
    Syntax,
}

/// A host name in lower case, without port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Arc<str>);

impl Domain {
    /// Checks a host name and folds it to lower case.
    ///
    /// # Errors
    /// The text is a pattern or no host name.
    pub fn parse(text: &str) -> Result<Self, InvalidDomain> {
        if text.contains(['*', '{', '}']) {
            return Err(InvalidDomain::Pattern);
        }
        let label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if text.len() > DOMAIN_BYTES_MAX || !text.split('.').all(label) {
            return Err(InvalidDomain::Syntax);
        }
        Ok(Self(Arc::from(text.to_ascii_lowercase())))
    }

    /// The host name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host name, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_folded_and_everything_else_is_refused() {
        assert_eq!(
            Domain::parse("API.Example.COM").map(|domain| domain.to_string()),
            Ok("api.example.com".into())
        );
        assert!(Domain::parse("localhost").is_ok() && Domain::parse("127.0.0.1").is_ok());
        for pattern in ["*.example.com", "{sub}.example.com"] {
            assert_eq!(Domain::parse(pattern), Err(InvalidDomain::Pattern));
        }
        let long = format!("{}.com", "a".repeat(64));
        for wrong in [
            "",
            ".",
            "a..b",
            "http://a",
            "a:80",
            "a/b",
            "-a.com",
            "a-.com",
            "a b",
            "\u{e4}.com",
            "a.",
            &long,
        ] {
            assert_eq!(Domain::parse(wrong), Err(InvalidDomain::Syntax), "{wrong}");
        }
    }
}
