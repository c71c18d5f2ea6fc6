//! Whether a key ring is the one that a snapshot was sealed with: ids alone do not tell, every cluster's first key is 1.

use std::collections::BTreeSet;

use raftgate_model::id::KeyId;
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{SealFault, Sealed, SecretKind, SecretOwner};
use raftgate_model::state::record::ClientSecret;
use raftgate_model::state::{Record, RecordKey};

/// Opens the first seal under each key and forgets what was inside.
pub(super) struct Seals<'a> {
    ring: &'a KeyRing,
    tried: BTreeSet<KeyId>,
    /// A key of the ring that does not open what was sealed under its id.
    pub(super) broken: Option<KeyId>,
}

impl<'a> Seals<'a> {
    pub(super) fn new(ring: &'a KeyRing) -> Self {
        Self {
            ring,
            tried: BTreeSet::new(),
            broken: None,
        }
    }

    /// Tries the seal of a record, if it has one.
    pub(super) fn look_at(&mut self, key: &RecordKey, record: &Record) {
        match (key, record) {
            (RecordKey::Api(id), Record::Api(api)) => {
                self.open(SecretKind::ApiDefinition, id.as_str(), &api.document);
            }
            (RecordKey::Client(key), Record::Client(client)) => {
                if let ClientSecret::Confidential {
                    sealed: Some(sealed),
                    ..
                } = &client.secret
                {
                    self.open(SecretKind::Client, key.client.as_str(), sealed);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, kind: SecretKind, id: &str, sealed: &Sealed) {
        if self.tried.insert(sealed.key)
            && self.ring.open(SecretOwner { kind, id }, sealed).err() == Some(SealFault::Broken)
        {
            self.broken.get_or_insert(sealed.key);
        }
    }
}
