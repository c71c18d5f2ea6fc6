//! Proof key for code exchange (RFC 7636): the challenge that a code carries and the check of its verifier.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The shortest verifier, in characters (RFC 7636 section 4.1).
pub const VERIFIER_CHARACTERS_MIN: usize = 43;

/// The longest verifier, in characters (RFC 7636 section 4.1).
pub const VERIFIER_CHARACTERS_MAX: usize = 128;

/// Why a challenge or a verifier is malformed; on the wire all of them are `invalid_request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPkce {
    /// `code_challenge_method` is neither `S256` nor an allowed `plain`.
    #[error("code_challenge_method must be S256")]
    Method,
    /// A method without a challenge.
    #[error("code_challenge_method was sent without code_challenge")]
    MethodWithoutChallenge,
    /// The challenge cannot be what the method makes of a verifier.
    #[error("code_challenge is not the base64url text of a SHA-256 digest")]
    Challenge,
    /// Not 43 to 128 characters of `A-Z a-z 0-9 - . _ ~`.
    #[error("code_verifier must have 43 to 128 characters of A-Z a-z 0-9 - . _ ~")]
    Verifier,
}

/// What a code's exchange must prove: the SHA-256 digest of the verifier, whatever the method was.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PkceChallenge([u8; 32]);

impl PkceChallenge {
    /// Reads `code_challenge` and `code_challenge_method` of an authorization request; empty parameters count as not sent.
    ///
    /// A missing method means `plain` (RFC 7636 section 4.3), which is refused unless `allow_plain`.
    ///
    /// # Errors
    /// The method is unknown or not allowed, stands alone, or the challenge does not have its form.
    pub fn from_request(
        challenge: Option<&str>,
        method: Option<&str>,
        allow_plain: bool,
    ) -> Result<Option<Self>, InvalidPkce> {
        let method = method.filter(|text| !text.is_empty());
        let Some(challenge) = challenge.filter(|text| !text.is_empty()) else {
            return if method.is_some() {
                Err(InvalidPkce::MethodWithoutChallenge)
            } else {
                Ok(None)
            };
        };
        match method {
            Some("S256") => Self::from_s256(challenge).map(Some),
            Some("plain") | None if allow_plain => Self::of_verifier(challenge)
                .map(Some)
                .map_err(|_| InvalidPkce::Challenge),
            _ => Err(InvalidPkce::Method),
        }
    }

    /// The challenge of method S256: 43 characters of base64url without padding.
    fn from_s256(challenge: &str) -> Result<Self, InvalidPkce> {
        let digest = URL_SAFE_NO_PAD
            .decode(challenge)
            .map_err(|_| InvalidPkce::Challenge)?;
        digest
            .try_into()
            .map(Self)
            .map_err(|_| InvalidPkce::Challenge)
    }

    /// The challenge that this verifier answers.
    ///
    /// # Errors
    /// The verifier breaks RFC 7636 section 4.1.
    pub fn of_verifier(verifier: &str) -> Result<Self, InvalidPkce> {
        let length = VERIFIER_CHARACTERS_MIN..=VERIFIER_CHARACTERS_MAX;
        if !length.contains(&verifier.len()) || !verifier.bytes().all(is_unreserved) {
            return Err(InvalidPkce::Verifier);
        }
        Ok(Self(Sha256::digest(verifier.as_bytes()).into()))
    }

    /// The SHA-256 digest of the verifier.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The characters of RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl PartialEq for PkceChallenge {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for PkceChallenge {}

impl fmt::Debug for PkceChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PkceChallenge(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn from_request(
        challenge: &str,
        method: Option<&str>,
        plain: bool,
    ) -> Result<Option<PkceChallenge>, InvalidPkce> {
        PkceChallenge::from_request(Some(challenge), method, plain)
    }

    #[test]
    fn rfc_7636_appendix_b_holds() {
        let challenge = from_request(CHALLENGE, Some("S256"), false)
            .unwrap()
            .unwrap();
        assert_eq!(PkceChallenge::of_verifier(VERIFIER), Ok(challenge));
        let mut other = VERIFIER.to_owned();
        other.replace_range(..1, "e");
        assert_ne!(PkceChallenge::of_verifier(&other), Ok(challenge));
    }

    #[test]
    fn plain_is_refused_unless_allowed_and_a_missing_method_means_plain() {
        for method in [None, Some(""), Some("plain")] {
            assert_eq!(
                from_request(VERIFIER, method, false),
                Err(InvalidPkce::Method)
            );
            let challenge = from_request(VERIFIER, method, true).unwrap().unwrap();
            assert_eq!(PkceChallenge::of_verifier(VERIFIER), Ok(challenge));
        }
        for method in ["s256", "S512", "Plain"] {
            assert_eq!(
                from_request(CHALLENGE, Some(method), true),
                Err(InvalidPkce::Method)
            );
        }
    }

    #[test]
    fn challenges_that_no_verifier_makes_are_refused() {
        for wrong in [
            "a",
            &CHALLENGE[1..],
            &format!("{CHALLENGE}="),
            &CHALLENGE.replace('-', "+"),
            &"!".repeat(43),
        ] {
            assert_eq!(
                from_request(wrong, Some("S256"), false),
                Err(InvalidPkce::Challenge),
                "{wrong}"
            );
        }
        assert_eq!(
            from_request("short", Some("plain"), true),
            Err(InvalidPkce::Challenge)
        );
    }

    #[test]
    fn nothing_sent_is_no_challenge_and_a_lone_method_is_an_error() {
        assert_eq!(PkceChallenge::from_request(None, None, false), Ok(None));
        assert_eq!(
            PkceChallenge::from_request(Some(""), Some(""), false),
            Ok(None)
        );
        let alone = PkceChallenge::from_request(None, Some("S256"), false);
        assert_eq!(alone, Err(InvalidPkce::MethodWithoutChallenge));
    }

    #[test]
    fn verifiers_obey_length_and_alphabet() {
        for (length, valid) in [(42, false), (43, true), (128, true), (129, false)] {
            assert_eq!(
                PkceChallenge::of_verifier(&"a".repeat(length)).is_ok(),
                valid,
                "{length}"
            );
        }
        for wrong in ["+", "/", "=", " ", "%", "\u{e4}"] {
            let text = format!("{}{wrong}", "a".repeat(50));
            assert_eq!(
                PkceChallenge::of_verifier(&text),
                Err(InvalidPkce::Verifier),
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(challenge in any::<String>(), method in any::<Option<String>>(), plain: bool) {
            let _ = PkceChallenge::from_request(Some(&challenge), method.as_deref(), plain);
            let _ = PkceChallenge::of_verifier(&challenge);
        }
    }
}
