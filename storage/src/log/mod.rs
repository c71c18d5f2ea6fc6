//! The Raft log over the write-ahead log: entries, vote, `committed`, truncation and purging.
//!
//! Appending hands the bytes to the log's own thread, which reports from there when they are on disk, so no thread
//! of a runtime waits. The newest entries are served from memory as they were appended, older ones from disk.

mod entries;
mod error;
mod gauge;
mod recent;
mod snapshot_mark;
mod store;

pub use entries::LogReader;
pub use error::LogError;
pub use gauge::LogGauge;
pub use snapshot_mark::SnapshotMark;
pub use store::LogStore;

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
