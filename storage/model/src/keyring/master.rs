//! One master key with everything that is derived from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::purpose::{Derivation, Keyed, Purpose, leading_half};
use crate::id::KeyId;
use crate::secret::SecretBytes;
use crate::token::TokenKind;

/// Tells whether two nodes hold the same material under one key id, without saying anything else about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckValue([u8; 16]);

/// A key of the ring as everybody may know it: its id, and which material stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCheck {
    /// The key's id; every cluster's first key is 1.
    pub id: KeyId,
    /// The value of its material.
    pub value: CheckValue,
}

impl CheckValue {
    /// A value as it was written down.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The value of some material for one purpose of checking.
    pub(super) fn of(derivation: &Derivation, purpose: Purpose) -> Self {
        Self(leading_half(derivation.subkey(purpose).expose()))
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A master key and its derived states, computed once so that a check pays for its MAC alone.
pub(crate) struct MasterKey {
    pub(crate) id: KeyId,
    pub(crate) material: SecretBytes<32>,
    pub(crate) check_value: CheckValue,
    access_mac: Keyed,
    refresh_mac: Keyed,
    code_mac: Keyed,
    api_key_mac: Keyed,
    sealing: SecretBytes<32>,
    webhook: SecretBytes<32>,
}

impl MasterKey {
    pub(crate) fn new(id: KeyId, material: SecretBytes<32>) -> Self {
        let derivation = Derivation::new(&material);
        Self {
            id,
            check_value: CheckValue::of(&derivation, Purpose::CheckValue),
            access_mac: derivation.keyed(Purpose::AccessTokenMac),
            refresh_mac: derivation.keyed(Purpose::RefreshTokenMac),
            code_mac: derivation.keyed(Purpose::AuthCodeMac),
            api_key_mac: derivation.keyed(Purpose::ApiKeyMac),
            sealing: derivation.subkey(Purpose::Sealing),
            webhook: derivation.subkey(Purpose::WebhookSignature),
            material,
        }
    }

    /// The keyed MAC state for tokens of this kind.
    pub(crate) const fn token_mac(&self, kind: TokenKind) -> &Keyed {
        match kind {
            TokenKind::Access => &self.access_mac,
            TokenKind::Refresh => &self.refresh_mac,
            TokenKind::AuthCode => &self.code_mac,
            TokenKind::ApiKey => &self.api_key_mac,
        }
    }

    /// The AES-256-GCM key for sealed records.
    pub(crate) const fn sealing(&self) -> &SecretBytes<32> {
        &self.sealing
    }

    /// The key that signs webhooks for which no secret of their own is set.
    pub(crate) const fn webhook(&self) -> &SecretBytes<32> {
        &self.webhook
    }
}
