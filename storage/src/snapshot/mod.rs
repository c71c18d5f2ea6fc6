//! Snapshots: the whole state at one index of the log, in a file of its own.

use std::path::PathBuf;

use crate::types::SnapshotMeta;

/// A complete snapshot on disk.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    /// Where it stands.
    pub path: PathBuf,
    /// What it is a snapshot of.
    pub meta: SnapshotMeta,
}
