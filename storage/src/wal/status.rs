//! What the log tells about itself.

use bytes::Bytes;

/// The replicated positions as they stand, unsynced changes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalState {
    /// The payload of the newest vote.
    pub vote: Option<Bytes>,
    /// The payload of the newest `committed` record.
    pub committed: Option<Bytes>,
    /// The last purged index with the payload that came with it.
    pub purged: Option<(u64, Bytes)>,
    /// The first live entry.
    pub first_index: Option<u64>,
    /// The last live entry, or the last purged index if no entry is live.
    pub last_index: Option<u64>,
}

/// How much room the disk leaves for entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// A next segment is ready or being prepared.
    Ample,
    /// No next segment could be prepared; so many bytes on disk are left for entries before appends are refused.
    ///
    /// Whoever proposes entries should stop at this sign already, because a refused append ends Raft on this node.
    Low {
        /// Bytes on disk that entries may still use.
        room_bytes: u64,
    },
}

/// Whether entries that are appended now surely find a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// They do.
    Ready,
    /// Perhaps soon: a next segment is being prepared, or what is queued must be written first.
    Soon,
    /// They do not, and the disk has no space for more: an append would be refused.
    None,
}

/// Figures for metrics, the snapshot policy and operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalStatus {
    /// Bytes of all segment files, prepared ones included.
    pub bytes: u64,
    /// Number of segment files, prepared ones included.
    pub segments: usize,
    /// The first live entry.
    pub first_index: Option<u64>,
    /// The last live entry, or the last purged index if no entry is live.
    pub last_index: Option<u64>,
    /// The last purged index.
    pub purged_index: Option<u64>,
    /// Sum of the payloads of the live entries in bytes, which is what a snapshot and purge would free.
    pub bytes_since_purge: u64,
    /// Frames written since the log was created, each by one fdatasync.
    pub frames: u64,
    /// Bytes on disk that wait for the writer.
    pub queued_bytes: u64,
    /// Room for entries.
    pub space: Space,
    /// Whether a failure has stopped the log.
    pub poisoned: bool,
    /// Whether opening found a torn frame, never acknowledged, and cleared it away.
    pub repaired: bool,
}
