//! Small segments on a simulated machine, and shorthands for the operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::disk::sim::SimMachine;
use crate::wal::{Durability, OpenMode, Wal, WalConfig, WalError, WalId, wait_for};

pub(super) const FOLDER: &str = "wal";
pub(super) const ID: WalId = WalId([7; 16]);

pub(super) fn config() -> WalConfig {
    WalConfig {
        segment_bytes: 64 << 10,
        first_segment_bytes: 64 << 10,
        frame_bytes_max: 8 << 10,
        queue_bytes_max: 32 << 10,
        cache_bytes_max: 4 << 10,
        reserve_bytes: 8 << 10,
        keep_free_bytes: 0,
        lazy_flush_after: None,
        ..WalConfig::default()
    }
}

/// A log whose fatal hook counts.
pub(super) struct Rig {
    pub(super) wal: Wal,
    fatal: Arc<AtomicUsize>,
}

impl Rig {
    pub(super) fn open_with(
        machine: &SimMachine,
        config: WalConfig,
        mode: OpenMode,
    ) -> Result<Self, WalError> {
        let fatal = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&fatal);
        let hook = Arc::new(move |_: &WalError| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let wal = Wal::open(Arc::new(machine.disk(FOLDER)), config, mode, hook)?;
        Ok(Self { wal, fatal })
    }

    pub(super) fn create(machine: &SimMachine) -> Self {
        Self::open_with(machine, config(), OpenMode::Create(ID)).unwrap()
    }

    pub(super) fn reopen(machine: &SimMachine) -> Result<Self, WalError> {
        Self::open_with(machine, config(), OpenMode::Existing)
    }

    /// Closes the log and tells how often the fatal hook was called.
    pub(super) fn close(self) -> usize {
        drop(self.wal);
        self.fatal.load(Ordering::SeqCst)
    }

    pub(super) fn append(&self, index: u64, payload: &[u8]) -> Result<(), WalError> {
        let payload = Bytes::copy_from_slice(payload);
        wait_for(|done| self.wal.append(vec![(index, payload)], done))
    }

    pub(super) fn vote(&self, payload: &[u8]) -> Result<(), WalError> {
        let payload = Bytes::copy_from_slice(payload);
        wait_for(|done| self.wal.save_vote(payload, done))
    }

    pub(super) fn committed(&self, payload: &[u8]) -> Result<(), WalError> {
        let payload = Bytes::copy_from_slice(payload);
        wait_for(|done| self.wal.save_committed(payload, Durability::Synced(done)))
    }

    pub(super) fn truncate(&self, from: u64) -> Result<(), WalError> {
        wait_for(|done| self.wal.truncate(from, Durability::Synced(done)))
    }

    pub(super) fn purge(&self, upto: u64, payload: &[u8]) -> Result<(), WalError> {
        let payload = Bytes::copy_from_slice(payload);
        wait_for(|done| self.wal.purge(upto, payload, Durability::Synced(done)))
    }

    pub(super) fn entries(&self) -> Vec<(u64, Vec<u8>)> {
        let found = self.wal.read(0..u64::MAX, usize::MAX).unwrap();
        found
            .into_iter()
            .map(|(index, payload)| (index, payload.to_vec()))
            .collect()
    }
}

/// A payload that names its index and is a few hundred bytes long.
pub(super) fn payload(index: u64, bytes: usize) -> Vec<u8> {
    let mut payload = vec![0; bytes];
    for (byte, value) in payload.iter_mut().zip(index.to_le_bytes().iter().cycle()) {
        *byte = *value;
    }
    payload
}
