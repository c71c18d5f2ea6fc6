//! A key ring for tests.

use raftgate_model::id::KeyId;
use raftgate_model::keyring::KeyRing;
use raftgate_model::secret::SecretBytes;

/// A ring whose one key is made of this byte: rings of other bytes open nothing that it sealed.
pub(crate) fn ring(byte: u8) -> KeyRing {
    let (master, lookup) = (SecretBytes::new([byte; 32]), SecretBytes::new([2; 32]));
    KeyRing::new(KeyId(1), master, lookup)
}
