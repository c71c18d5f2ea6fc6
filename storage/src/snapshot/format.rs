//! The snapshot file: a magic number, then numbered blocks with a checksum each; head, records, totals.

use std::collections::{BTreeMap, BTreeSet};

use raftgate_model::id::{Incarnation, KeyId, Revision};
use raftgate_model::keyring::KeyCheck;
use raftgate_model::state::{Record, RecordKey};
use raftgate_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::StateDigest;
use crate::types::{LogId, Membership};

/// The first bytes of every snapshot; the last one is the version of the format.
pub(super) const MAGIC: [u8; 8] = *b"rgsnap\0\x01";

/// Bytes before a block's content: kind, number, length, checksum.
pub(super) const BLOCK_HEAD_BYTES: usize = 13;
/// A block of records is closed when it is this long, in bytes.
pub(super) const RECORDS_BYTES: usize = 256 * 1024;
/// The longest content of a block that is read, in bytes: one record of the greatest length and its neighbours.
pub(super) const BLOCK_BYTES_MAX: usize = 40 * 1024 * 1024;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Head = 1,
    Records = 2,
    Totals = 3,
}

/// The checksum of a block, over everything of it but the checksum itself.
pub(super) fn checksum(kind: u8, number: u32, content: &[u8]) -> u32 {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(&number.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(content);
    hasher.finalize()
}

/// How a snapshot came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotOrigin {
    /// A running node wrote its state down.
    Built,
    /// It founds a cluster: made from another snapshot by a restore.
    Restored,
}

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotHead {
    /// Names the snapshot among others of the cluster; digits and dashes.
    pub id: String,
    /// How it came to be.
    pub origin: SnapshotOrigin,
    /// The cluster that it was taken from.
    pub cluster: [u8; 16],
    /// The incarnation that it was taken in.
    pub incarnation: Incarnation,
    /// Earlier incarnations whose tokens it honours.
    pub ancestors: Vec<Incarnation>,
    /// The last log entry in it.
    pub last_log_id: Option<LogId>,
    /// The keys of the ring that have been active, by which a ring is told from another cluster's.
    pub keys: Vec<KeyCheck>,
    /// The members as of that entry.
    pub membership: Membership,
    /// How many commands had been applied.
    pub revision: Revision,
    /// The state's clock at that entry.
    pub clock: Timestamp,
    /// When it was taken, by the node's clock.
    pub created_at: Timestamp,
}

/// What a snapshot holds, known at its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SnapshotTotals {
    /// The sum over all records.
    pub digest: StateDigest,
    /// How many records there are.
    pub records: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<String, u64>,
    /// The keys of the ring that its records name: without one of them some of it is dead.
    pub keys: BTreeSet<KeyId>,
}

impl SnapshotTotals {
    /// Counts a record.
    pub(crate) fn count(&mut self, key: &RecordKey, record: &Record) {
        self.records = self.records.saturating_add(1);
        let kind = kind_of(key);
        match self.kinds.get_mut(kind) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.kinds.insert(kind.to_owned(), 1);
            }
        }
        super::keys::collect(record, &mut self.keys);
    }
}

/// Everything that a snapshot says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotInfo {
    /// What it is of.
    pub head: SnapshotHead,
    /// What it holds.
    pub totals: SnapshotTotals,
    /// How long its file is, in bytes.
    pub bytes: u64,
}

/// The word for a kind of record.
fn kind_of(key: &RecordKey) -> &'static str {
    match key {
        RecordKey::Meta => "meta",
        RecordKey::Boot(_) => "boots",
        RecordKey::Api(_) => "apis",
        RecordKey::Route(_) => "routes",
        RecordKey::Policy(_) => "policies",
        RecordKey::Client(_) => "clients",
        RecordKey::Mark(_) => "marks",
        RecordKey::Code(_) => "codes",
        RecordKey::Grant(_) => "grants",
        RecordKey::Family(_) => "families",
        RecordKey::Outbox(_) => "outboxes",
        RecordKey::Notification(_) => "notifications",
        RecordKey::Source(_) => "sources",
        RecordKey::ApiKey(_) => "api_keys",
        RecordKey::AdminTokens => "admin_tokens",
    }
}
