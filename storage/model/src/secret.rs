//! Secret values: wiped when dropped, compared in constant time, absent from every log by construction.
//!
//! Neither type has `Debug`, `Display`, `Serialize` or `Clone`; a copy is made by name, and reading one is a call that
//! a reviewer can search for.

use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text: a token, code, client secret, password or passphrase.
///
/// It can be read from a request or a configuration file, never written back by serde.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of a secret text.
    ///
    /// The caller must not have grown the text by reallocation, which leaves unwiped copies behind.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that needs it: a comparison, a MAC, an answer to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the other text is the same; the time taken depends on the lengths alone.
    #[must_use]
    pub fn ct_eq(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }

    /// A second copy, made by name so that no copy is made by accident.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// A secret of exactly `N` bytes, such as a master key or a subkey.
pub struct SecretBytes<const N: usize>(Zeroizing<[u8; N]>);

impl<const N: usize> SecretBytes<N> {
    /// Takes the bytes; the caller's own array is a copy that the caller wipes.
    #[must_use]
    pub fn new(bytes: [u8; N]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// Whether the other bytes are the same, in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &[u8; N]) -> bool {
        self.0.as_slice().ct_eq(other.as_slice()).into()
    }

    /// A second copy, made by name so that no copy is made by accident.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

/// 32 bytes that count up from `from`, for tests whose expected values come from elsewhere.
#[cfg(test)]
pub(crate) fn counting_bytes(from: u8) -> SecretBytes<32> {
    let mut next = from;
    SecretBytes::new([(); 32].map(|()| {
        next += 1;
        next - 1
    }))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a failed test may panic"
    )]

    use super::*;

    /// Compiles only while the type lacks the trait: with it, two impls would fit and inference fails.
    macro_rules! lacks {
        ($type:ty: $($trait:path),+) => {$(
            const _: fn() = || {
                trait Absent<Marker> {
                    fn proof() {}
                }
                impl<T: ?Sized> Absent<()> for T {}
                struct Present;
                impl<T: ?Sized + $trait> Absent<Present> for T {}
                let _ = <$type as Absent<_>>::proof;
            };
        )+};
    }

    lacks!(Secret: std::fmt::Debug, std::fmt::Display, serde::Serialize, Clone, PartialEq, AsRef<str>);
    lacks!(SecretBytes<32>: std::fmt::Debug, std::fmt::Display, serde::Serialize, Clone, PartialEq, AsRef<[u8]>);

    #[test]
    fn equality_looks_at_every_byte_and_the_length() {
        let secret = Secret::from("s3cret");
        assert!(secret.ct_eq("s3cret"));
        for other in ["", "s3cre", "s3crets", "S3cret", "s3creT"] {
            assert!(!secret.ct_eq(other), "{other:?} passed");
        }
        let bytes = SecretBytes::new([7_u8; 4]);
        assert!(bytes.ct_eq(&[7; 4]));
        assert!(!bytes.ct_eq(&[7, 7, 7, 8]));
    }

    #[test]
    fn copies_and_reads_carry_the_text() {
        let read: Secret = serde_json::from_str("\"p\\u00e4ss\"").expect("a JSON string");
        assert_eq!(read.expose(), "p\u{e4}ss");
        assert_eq!(read.duplicate().expose(), read.expose());
        assert!(!read.is_empty() && Secret::from("").is_empty());
        assert_eq!(SecretBytes::new([1, 2]).duplicate().expose(), &[1, 2]);
    }
}
