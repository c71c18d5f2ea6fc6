//! What the log is told when it is opened.

use std::fmt;
use std::time::Duration;

use super::WalError;
use super::sector::{HEADER_BYTES, SECTOR_PAYLOAD_BYTES};
use crate::disk::SECTOR_BYTES;

/// The largest opaque payload of a vote, committed or purge record in bytes.
pub const STATE_PAYLOAD_BYTES_MAX: usize = 1024;

/// Identifies one log for good; random, chosen by the caller when the log is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalId(pub [u8; 16]);

impl fmt::Display for WalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Whether the folder must, must not, or may already hold a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// The folder must hold no log; one with this id is created.
    Create(WalId),
    /// The folder must hold a log: a lost one is an error and never silently replaced.
    Existing,
}

/// Sizes and delays of a log, all with working defaults.
#[derive(Debug, Clone)]
pub struct WalConfig {
    /// Size of a segment file in bytes: a multiple of 512 between 64 KiB and 1 GiB.
    pub segment_bytes: u64,
    /// Size of the very first segment in bytes, small so that a new node starts at once; same bounds.
    pub first_segment_bytes: u64,
    /// Most record bytes that are committed as one group, unless a single record is larger.
    pub frame_bytes_max: usize,
    /// Most bytes on disk that wait for the writer; [`super::Wal::append`] blocks above it.
    pub queue_bytes_max: u64,
    /// Most payload bytes kept in memory for reads, beside those not written yet.
    pub cache_bytes_max: usize,
    /// Part of a segment in bytes that only votes, `committed`, truncations and purges may use when no next
    /// segment can be prepared.
    pub reserve_bytes: u64,
    /// Free bytes of the file system that preparing a segment leaves to others.
    pub keep_free_bytes: u64,
    /// How long a lazy record waits for a synced one before it is written alone; `None` is for ever.
    pub lazy_flush_after: Option<Duration>,
    /// How long to wait before a segment is prepared again after the disk was full.
    pub full_retry_after: Duration,
}

impl Default for WalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            first_segment_bytes: 4 << 20,
            frame_bytes_max: 1 << 20,
            queue_bytes_max: 16 << 20,
            cache_bytes_max: 16 << 20,
            reserve_bytes: 256 << 10,
            keep_free_bytes: 64 << 20,
            lazy_flush_after: Some(Duration::from_millis(20)),
            full_retry_after: Duration::from_secs(1),
        }
    }
}

impl WalConfig {
    /// Refuses sizes that cannot work together.
    pub(super) fn check(&self) -> Result<(), WalError> {
        let refuse = |what: &'static str| Err(WalError::Config { what });
        for bytes in [self.segment_bytes, self.first_segment_bytes] {
            if !bytes.is_multiple_of(SECTOR_BYTES as u64) || !(64 << 10..=1 << 30).contains(&bytes)
            {
                return refuse("segment sizes must be multiples of 512 from 64 KiB to 1 GiB");
            }
        }
        if self.first_segment_bytes > self.segment_bytes {
            return refuse("first_segment_bytes must not be above segment_bytes");
        }
        if self.frame_bytes_max == 0 || self.frame_bytes_max > 64 << 20 {
            return refuse("frame_bytes_max must be between 1 byte and 64 MiB");
        }
        if self.reserve_bytes > self.first_segment_bytes / 4 {
            return refuse("reserve_bytes must be at most a quarter of first_segment_bytes");
        }
        if self.queue_bytes_max == 0 {
            return refuse("queue_bytes_max must not be 0");
        }
        Ok(())
    }

    /// Bytes on disk that a fresh segment has for records which are not in reserve.
    pub(super) fn append_room_bytes(&self) -> u64 {
        self.segment_bytes - SEGMENT_COST_BYTES - self.reserve_bytes
    }

    /// Most bytes on disk that may wait for the writer at once.
    pub(super) fn queue_limit_bytes(&self) -> u64 {
        self.queue_bytes_max.min(self.append_room_bytes())
    }

    /// The largest payload of an entry in bytes.
    #[must_use]
    pub fn entry_bytes_max(&self) -> usize {
        let sectors =
            usize::try_from(self.append_room_bytes()).unwrap_or(usize::MAX) / SECTOR_BYTES;
        sectors * SECTOR_PAYLOAD_BYTES - HEADER_BYTES
    }
}

/// Bytes of a segment that no change can have: its header, its state records and the sign that it goes on elsewhere.
pub(super) const SEGMENT_COST_BYTES: u64 = 2 * SECTOR_BYTES as u64 + STATE_COST_BYTES;

/// Bytes on disk that the state records at the start of a segment can take at most.
const STATE_COST_BYTES: u64 = (3 * (STATE_PAYLOAD_BYTES_MAX + HEADER_BYTES))
    .div_ceil(SECTOR_PAYLOAD_BYTES) as u64
    * SECTOR_BYTES as u64;
