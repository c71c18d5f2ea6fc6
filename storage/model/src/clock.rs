//! Time and randomness as capabilities: who needs them receives one of these, nobody reads the system.
//!
//! The implementations that do read the system stand in one file of the process; tests use their own.

use crate::time::{Timestamp, Ttl};

/// Tells the time to whoever was handed it.
pub trait Clock: Send + Sync {
    /// The time of day by this machine's clock; it may jump in either direction.
    fn now(&self) -> Timestamp;

    /// The time since a fixed moment in the past that only means something on this machine.
    ///
    /// It never goes back and counts the time that the machine was suspended, so that a lease does not outlive a sleep.
    fn boot_time(&self) -> Ttl;
}

/// Gives out random bytes fit for secrets.
///
/// An implementation without a source of randomness panics: there is nothing safe that a caller could do instead.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice with random bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// 4 random bytes, for node names and incarnations.
    fn bytes4(&self) -> [u8; 4] {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        bytes
    }

    /// 12 random bytes, the size of an AES-GCM nonce.
    fn bytes12(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        self.fill(&mut bytes);
        bytes
    }

    /// 16 random bytes, the size of a grant, family or code id.
    fn bytes16(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }

    /// 32 random bytes, the size of a key.
    fn bytes32(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        bytes
    }

    /// A random number of 64 bits.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn boot_time(&self) -> Ttl {
        (**self).boot_time()
    }
}

impl<T: Entropy + ?Sized> Entropy for std::sync::Arc<T> {
    fn fill(&self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (value, byte) in (1..).zip(bytes.iter_mut()) {
                *byte = value;
            }
        }
    }

    #[test]
    fn every_size_is_filled_to_its_end() {
        assert_eq!(Counting.bytes4(), [1, 2, 3, 4]);
        assert_eq!(Counting.bytes12().last(), Some(&12));
        assert_eq!(Counting.bytes16().last(), Some(&16));
        assert_eq!(Counting.bytes32().last(), Some(&32));
        assert_eq!(Counting.number(), 0x0807_0605_0403_0201);
        assert_eq!(std::sync::Arc::new(Counting).bytes4(), [1, 2, 3, 4]);
    }
}
