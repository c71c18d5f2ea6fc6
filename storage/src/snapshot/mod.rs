//! Snapshots: the whole state at one index of the log, in a file of its own.
//!
//! A snapshot never holds the key ring. It is written off the apply path, and reported only once its bytes and its
//! name are on disk.

mod blocks;
mod error;
mod file;
mod folder;
mod format;
mod keys;
mod location;
mod reader;
mod restore;
mod writer;

pub use error::SnapshotError;
pub use file::SnapshotFile;
pub(crate) use folder::{Candidate, Standing, snapshot_id};
pub use folder::{IncomingSnapshot, SnapshotFolder, inspect};
pub use format::{SnapshotHead, SnapshotInfo, SnapshotOrigin, SnapshotTotals};
pub use location::{SnapshotLocation, inspect_file};
pub use reader::Progress;
pub(crate) use reader::SnapshotReader;
pub use restore::{Founder, GrantsAfterRestore, Restored, restore};

#[cfg(test)]
#[path = "snapshot_tests/mod.rs"]
mod tests;
