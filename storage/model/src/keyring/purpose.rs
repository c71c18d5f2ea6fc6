//! Subkeys: one per purpose, derived by HKDF-SHA256 (RFC 5869), so that no value made for one use passes in another.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::SecretBytes;

/// A keyed HMAC-SHA256 state; cloning it is cheaper than keying it again.
pub(crate) type Keyed = Hmac<Sha256>;

/// The HKDF salt: separates raftgate's first key format from any later one.
const SALT: &[u8] = b"raftgate key ring 1";

/// What a subkey is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    AccessTokenMac,
    RefreshTokenMac,
    AuthCodeMac,
    ApiKeyMac,
    Sealing,
    SecretVerifier,
    WebhookSignature,
    CheckValue,
    KeyLookup,
    RingCheck,
    ClusterCheck,
    PasswordPepper,
    CheckedPassword,
}

impl Purpose {
    /// The HKDF `info`; none is a prefix of another, and none may ever change.
    const fn info(self) -> &'static [u8] {
        match self {
            Self::AccessTokenMac => b"mac/access-token",
            Self::RefreshTokenMac => b"mac/refresh-token",
            Self::AuthCodeMac => b"mac/auth-code",
            Self::ApiKeyMac => b"mac/api-key",
            Self::Sealing => b"seal/aes-256-gcm",
            Self::SecretVerifier => b"verify/secret",
            Self::WebhookSignature => b"sign/webhook",
            Self::CheckValue => b"check-value",
            Self::KeyLookup => b"lookup/custom-key",
            Self::RingCheck => b"check-ring",
            Self::ClusterCheck => b"check-cluster",
            Self::PasswordPepper => b"pepper/password",
            Self::CheckedPassword => b"mac/checked-password",
        }
    }
}

/// HKDF's pseudorandom key of one master key, from which all of its subkeys come.
pub(crate) struct Derivation(Keyed);

impl Derivation {
    /// HKDF-Extract.
    pub(crate) fn new(material: &SecretBytes<32>) -> Self {
        let (prk, _) = Hkdf::<Sha256>::extract(Some(SALT), material.expose());
        Self(keyed(&SecretBytes::new(prk.into())))
    }

    /// HKDF-Expand for exactly one block, which cannot fail as the general form can.
    pub(crate) fn subkey(&self, purpose: Purpose) -> SecretBytes<32> {
        let first_block = self
            .0
            .clone()
            .chain_update(purpose.info())
            .chain_update([1]);
        SecretBytes::new(first_block.finalize().into_bytes().into())
    }

    /// The HMAC state keyed with the subkey of this purpose.
    pub(crate) fn keyed(&self, purpose: Purpose) -> Keyed {
        keyed(&self.subkey(purpose))
    }
}

fn keyed(key: &SecretBytes<32>) -> Keyed {
    // HMAC pads a short key with zeros to one block; giving the whole block makes the constructor infallible.
    let mut block = zeroize::Zeroizing::new([0_u8; 64]);
    for (slot, byte) in block.iter_mut().zip(key.expose()) {
        *slot = *byte;
    }
    Keyed::new((&*block).into())
}

/// The leftmost 16 of 32 bytes: truncation as RFC 2104 section 5 describes it.
pub(crate) fn leading_half(bytes: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    for (slot, byte) in half.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    half
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a failed test may panic"
    )]

    use super::*;

    const ALL: [Purpose; 13] = [
        Purpose::AccessTokenMac,
        Purpose::RefreshTokenMac,
        Purpose::AuthCodeMac,
        Purpose::ApiKeyMac,
        Purpose::Sealing,
        Purpose::SecretVerifier,
        Purpose::WebhookSignature,
        Purpose::CheckValue,
        Purpose::KeyLookup,
        Purpose::RingCheck,
        Purpose::ClusterCheck,
        Purpose::PasswordPepper,
        Purpose::CheckedPassword,
    ];

    #[test]
    fn subkeys_are_those_of_rfc_5869() {
        let material = SecretBytes::new([0x42; 32]);
        let derivation = Derivation::new(&material);
        for purpose in ALL {
            let mut expected = [0_u8; 32];
            Hkdf::<Sha256>::new(Some(SALT), material.expose())
                .expand(purpose.info(), &mut expected)
                .expect("32 bytes are within HKDF's limit");
            assert!(derivation.subkey(purpose).ct_eq(&expected), "{purpose:?}");
        }
    }

    #[test]
    fn keyed_state_is_hmac_under_the_subkey() {
        let derivation = Derivation::new(&SecretBytes::new([0x42; 32]));
        let subkey = derivation.subkey(Purpose::AccessTokenMac);
        let expected = Keyed::new_from_slice(subkey.expose())
            .expect("any length")
            .chain_update(b"text");
        let actual = derivation
            .keyed(Purpose::AccessTokenMac)
            .chain_update(b"text");
        assert_eq!(
            actual.finalize().into_bytes(),
            expected.finalize().into_bytes()
        );
    }

    #[test]
    fn no_two_purposes_share_a_subkey() {
        let derivation = Derivation::new(&SecretBytes::new([0x42; 32]));
        for (at, one) in ALL.iter().enumerate() {
            for other in ALL.iter().skip(at + 1) {
                let other_key = derivation.subkey(*other);
                assert!(
                    !derivation.subkey(*one).ct_eq(other_key.expose()),
                    "{one:?} and {other:?}"
                );
            }
        }
    }
}
