//! What signs notifications: the shared secret itself, or the bytes that it encodes (Standard Webhooks).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::NotificationSpec;

/// What a secret that is base64 text begins with.
const ENCODED_PREFIX: &str = "whsec_";

/// A shared secret announces base64 text, and what follows is none or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what follows {ENCODED_PREFIX} must be base64 text with padding, of at least one byte")]
pub struct NoSigningKey;

impl NotificationSpec {
    /// The key that signs what the receiver is sent, `None` for an empty secret.
    ///
    /// # Errors
    /// The secret is meant to be base64 text and is not: its receiver expects a signature that cannot be made.
    pub fn signing_key(&self) -> Result<Option<Zeroizing<Vec<u8>>>, NoSigningKey> {
        let secret = self.shared_secret.expose();
        let key = match secret.strip_prefix(ENCODED_PREFIX) {
            None if secret.is_empty() => return Ok(None),
            None => Zeroizing::new(secret.as_bytes().to_vec()),
            Some(encoded) => Zeroizing::new(STANDARD.decode(encoded).map_err(|_| NoSigningKey)?),
        };
        if key.is_empty() {
            return Err(NoSigningKey);
        }
        Ok(Some(key))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::secret::Secret;

    fn key(secret: &str) -> Result<Option<Vec<u8>>, NoSigningKey> {
        let spec = NotificationSpec {
            url: Arc::from("http://hook.test/"),
            shared_secret: Arc::new(Secret::from(secret)),
        };
        let key = spec.signing_key()?;
        Ok(key.map(|key| key.to_vec()))
    }

    #[test]
    fn a_key_is_the_secret_or_what_it_encodes() {
        assert_eq!(key(""), Ok(None));
        assert_eq!(key("plain"), Ok(Some(b"plain".to_vec())));
        assert_eq!(key("whsec"), Ok(Some(b"whsec".to_vec())));
        assert_eq!(key("whsec_aGk="), Ok(Some(b"hi".to_vec())));
    }

    #[test]
    fn an_announced_key_that_is_none_is_a_fault() {
        for secret in ["whsec_", "whsec_aGk", "whsec_???", "whsec_aGk=\n"] {
            assert_eq!(key(secret), Err(NoSigningKey), "{secret:?}");
        }
    }
}
