//! The key ring: the only secret from which tokens, sealed records and lookup hashes follow.
//!
//! It lives in a file of its own and is never part of the store, the log, a snapshot or a backup.

mod envelope;
mod master;
mod password;
pub(crate) mod purpose;
mod text;

use std::sync::Arc;

use hmac::Mac;

pub use self::envelope::{
    ENVELOPE_BYTES_MAX, EnvelopeFault, EnvelopeSeed, PASSPHRASE_CHARS_MIN, PassphraseCost,
};
pub use self::master::{CheckValue, KeyCheck};
pub use self::password::{PASSWORD_BYTES_MAX, PasswordHash};
pub use self::text::{RING_TEXT_BYTES_MAX, RingTextFault};

use self::master::MasterKey;
use self::purpose::{Derivation, Keyed, Purpose, leading_half};
use crate::id::{ApiKeyId, KeyId, OrgId};
use crate::secret::SecretBytes;

/// The most master keys that one ring holds; rotation retires keys long before.
pub const MASTER_KEYS_MAX: usize = 64;

/// The ring holds no key with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key ring holds no key {0}")]
pub struct UnknownKey(pub KeyId);

/// The ring holds another key under this id: it is the ring of another cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key ring holds another key {0}")]
pub struct ForeignKey(pub KeyId);

/// Why a ring cannot take a key, or cannot stand in for another ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingFault {
    /// The id stands for other material already.
    #[error("the key ring already holds another key under the id {0}")]
    IdTaken(KeyId),
    /// The ring holds [`MASTER_KEYS_MAX`] keys.
    #[error("the key ring is full: it holds {MASTER_KEYS_MAX} keys")]
    Full,
    /// The other ring has another lookup key, so custom keys would no longer be found.
    #[error("the key rings have different lookup keys: they belong to different clusters")]
    OtherCluster,
    /// The other ring holds a key that this one lacks or holds with other material.
    #[error("the key ring lacks key {0} of the ring it is to replace")]
    Lacks(KeyId),
}

/// The cluster's master keys, one of them active, and its lookup key.
///
/// A ring never changes: adding a key or activating one makes a new ring that shares the keys, so readers hold a ring
/// behind an `Arc` and see each rotation as a whole.
pub struct KeyRing {
    /// At least one, in ascending order of id, ids unique.
    keys: Vec<Arc<MasterKey>>,
    active: KeyId,
    lookup: Arc<LookupKey>,
}

/// The key that is never rotated: what is hashed under it must be found again for the life of the cluster.
struct LookupKey {
    material: SecretBytes<32>,
    custom_key_mac: Keyed,
    password_pepper: SecretBytes<32>,
    checked_password_mac: Keyed,
    verifier_mac: Keyed,
    ring_check_mac: Keyed,
    cluster_value: CheckValue,
}

impl KeyRing {
    /// A new ring of one master key, active at once; all 64 bytes are random ones of the caller.
    #[must_use]
    pub fn new(id: KeyId, master: SecretBytes<32>, lookup: SecretBytes<32>) -> Self {
        Self {
            keys: vec![Arc::new(MasterKey::new(id, master))],
            active: id,
            lookup: Arc::new(LookupKey::new(lookup)),
        }
    }

    /// The key under which new tokens are minted and records are sealed.
    #[must_use]
    pub const fn active(&self) -> KeyId {
        self.active
    }

    /// The ids of all keys, ascending.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.keys.iter().map(|key| key.id)
    }

    /// This ring with one more key, not yet active; the same key a second time changes nothing.
    ///
    /// # Errors
    /// The id stands for other material, or the ring is full.
    pub fn with_key(&self, id: KeyId, material: SecretBytes<32>) -> Result<Self, RingFault> {
        let mut keys = self.keys.clone();
        match keys.binary_search_by_key(&id, |key| key.id) {
            Ok(_) => {
                let same = self
                    .master(id)
                    .is_ok_and(|key| key.material.ct_eq(material.expose()));
                if !same {
                    return Err(RingFault::IdTaken(id));
                }
            }
            Err(_) if keys.len() >= MASTER_KEYS_MAX => return Err(RingFault::Full),
            Err(place) => keys.insert(place, Arc::new(MasterKey::new(id, material))),
        }
        Ok(Self {
            keys,
            active: self.active,
            lookup: Arc::clone(&self.lookup),
        })
    }

    /// This ring with another of its keys active; all others stay good for checking and opening.
    ///
    /// # Errors
    /// The ring holds no such key.
    pub fn with_active(&self, id: KeyId) -> Result<Self, UnknownKey> {
        self.master(id)?;
        Ok(Self {
            keys: self.keys.clone(),
            active: id,
            lookup: Arc::clone(&self.lookup),
        })
    }

    /// The value by which nodes compare that they hold the same material under this id.
    ///
    /// # Errors
    /// The ring holds no such key.
    pub fn check_value(&self, id: KeyId) -> Result<CheckValue, UnknownKey> {
        self.master(id).map(|key| key.check_value)
    }

    /// All keys as everybody may know them, by ascending id.
    pub fn key_checks(&self) -> impl Iterator<Item = KeyCheck> + '_ {
        self.keys.iter().map(|key| KeyCheck {
            id: key.id,
            value: key.check_value,
        })
    }

    /// Whether the ring holds the same material wherever both know a key; keys that only one knows do not matter.
    ///
    /// # Errors
    /// The first key of the ring that is another.
    pub fn agrees_with(&self, known: &[KeyCheck]) -> Result<(), ForeignKey> {
        let foreign = known.iter().find(|known| {
            self.check_value(known.id)
                .is_ok_and(|own| own != known.value)
        });
        foreign.map_or(Ok(()), |foreign| Err(ForeignKey(foreign.id)))
    }

    /// The value by which a node tells its cluster's ring from another's; the same through all rotations.
    #[must_use]
    pub fn cluster_value(&self) -> CheckValue {
        self.lookup.cluster_value
    }

    /// A sum over all keys, their ids and which of them is active, by which damage to the ring's text is seen.
    fn sum(&self) -> [u8; 16] {
        let mut mac = self.lookup.ring_check_mac.clone();
        mac.update(&self.active.0.to_be_bytes());
        for key in &self.keys {
            mac.update(&key.id.0.to_be_bytes());
            mac.update(key.check_value.as_bytes());
        }
        leading_half(&mac.finalize().into_bytes().into())
    }

    /// The key that signs webhooks for which no secret of their own is configured.
    ///
    /// # Errors
    /// The ring holds no such key.
    pub fn webhook_key(&self, id: KeyId) -> Result<SecretBytes<32>, UnknownKey> {
        self.master(id).map(|key| key.webhook().duplicate())
    }

    /// The id under which a custom key or a user is stored and found; the same for the life of the cluster.
    #[must_use]
    pub fn custom_key_id(&self, org: &OrgId, name: &str) -> ApiKeyId {
        let org_bytes = org.as_str().len() as u64;
        // The length keeps (organisation, name) pairs apart that would join to the same bytes.
        let mac = self.lookup.custom_key_mac.clone();
        let mac = mac
            .chain_update(org_bytes.to_be_bytes())
            .chain_update(org.as_str())
            .chain_update(name);
        ApiKeyId::from_bytes(leading_half(&mac.finalize().into_bytes().into()))
    }

    /// The keyed MAC state for digests of passwords that were right.
    pub(crate) fn checked_password_mac(&self) -> Keyed {
        self.lookup.checked_password_mac.clone()
    }

    /// What is mixed into every password before it is hashed: without the ring no guess can be tried.
    pub(crate) fn password_pepper(&self) -> &SecretBytes<32> {
        &self.lookup.password_pepper
    }

    /// Whether this ring can replace the other one without losing any of its keys.
    ///
    /// # Errors
    /// Which key would be lost.
    pub fn covers(&self, other: &Self) -> Result<(), RingFault> {
        if !self.lookup.material.ct_eq(other.lookup.material.expose()) {
            return Err(RingFault::OtherCluster);
        }
        for key in &other.keys {
            let held = self
                .master(key.id)
                .is_ok_and(|own| own.material.ct_eq(key.material.expose()));
            if !held {
                return Err(RingFault::Lacks(key.id));
            }
        }
        Ok(())
    }

    /// The keyed MAC state for verifiers of secrets.
    pub(crate) fn verifier_mac(&self) -> Keyed {
        self.lookup.verifier_mac.clone()
    }

    pub(crate) fn master(&self, id: KeyId) -> Result<&MasterKey, UnknownKey> {
        // A handful of keys in order: a scan beats a hash map.
        self.keys
            .iter()
            .find(|key| key.id == id)
            .map(AsRef::as_ref)
            .ok_or(UnknownKey(id))
    }
}

impl LookupKey {
    fn new(material: SecretBytes<32>) -> Self {
        let derivation = Derivation::new(&material);
        Self {
            custom_key_mac: derivation.keyed(Purpose::KeyLookup),
            checked_password_mac: derivation.keyed(Purpose::CheckedPassword),
            password_pepper: derivation.subkey(Purpose::PasswordPepper),
            verifier_mac: derivation.keyed(Purpose::SecretVerifier),
            ring_check_mac: derivation.keyed(Purpose::RingCheck),
            cluster_value: CheckValue::of(&derivation, Purpose::ClusterCheck),
            material,
        }
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
