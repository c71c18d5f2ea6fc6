//! Why the state cannot be opened, and how failures read to openraft, which ends over any of them.

use std::fmt::Display;
use std::io;

use openraft::{AnyError, ErrorSubject, ErrorVerb, StorageError, StorageIOError};

use crate::snapshot::SnapshotError;
use crate::types::{LogId, SnapshotMeta};

/// Why a node cannot start with what is in its data directory.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log was cut behind a snapshot, and neither a snapshot nor the copy reaches to where it begins.
    #[error(
        "the state cannot be built: the log begins after {}, and nothing reaches that far: {}; put a snapshot of this \
         node back into its snapshots folder, join the cluster again as a new node with an empty data directory, or \
         restore a snapshot if this was the only node",
        shown(*.purged),
        .reasons.join("; ")
    )]
    NothingReachesTheLog {
        /// The last entry that the log no longer has.
        purged: Option<LogId>,
        /// What was wrong with each copy and snapshot.
        reasons: Vec<String>,
    },
    /// The log ends before what the state has applied.
    #[error(
        "the log ends at {}, but the state ({source}) has applied up to {}: the log lost acknowledged entries; join the \
         cluster again as a new node with an empty data directory, or restore a snapshot if this was the only node",
        shown(*.last),
        shown(*.applied),
        source = .source_name
    )]
    LogBehind {
        /// The last entry of the log.
        last: Option<LogId>,
        /// The last entry in the state.
        applied: Option<LogId>,
        /// Where the state was read from.
        source_name: &'static str,
    },
    /// There is a state, or the ruins of one, but no log and no vote.
    #[error(
        "the log and the vote are gone, but there is a state: {}; a node that forgot its vote must not come back under \
         its old name: join the cluster again as a new node with an empty data directory, or restore a snapshot if this \
         was the only node",
        .reasons.join("; ")
    )]
    LogGone {
        /// What there is.
        reasons: Vec<String>,
    },
    /// The folder of snapshots cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The log cannot be read or cut.
    #[error("the log: {0}")]
    Log(#[from] Box<StorageError<u64>>),
    /// A thread could not be started.
    #[error("cannot start the thread of the state's copy: {0}")]
    Thread(#[source] io::Error),
}

fn shown(log_id: Option<LogId>) -> String {
    log_id.map_or_else(|| "nothing".to_owned(), |log_id| log_id.to_string())
}

pub(super) fn applying(log_id: LogId, error: impl Display) -> StorageError<u64> {
    let error = AnyError::error(error.to_string());
    StorageIOError::new(ErrorSubject::Apply(log_id), ErrorVerb::Write, error).into()
}

pub(super) fn building(error: &SnapshotError) -> StorageError<u64> {
    StorageIOError::new(
        ErrorSubject::Snapshot(None),
        ErrorVerb::Write,
        AnyError::new(error),
    )
    .into()
}

pub(super) fn reading(error: &SnapshotError) -> StorageError<u64> {
    StorageIOError::new(
        ErrorSubject::Snapshot(None),
        ErrorVerb::Read,
        AnyError::new(error),
    )
    .into()
}

pub(super) fn installing(meta: &SnapshotMeta, error: &SnapshotError) -> StorageError<u64> {
    StorageIOError::new(
        ErrorSubject::Snapshot(Some(meta.signature())),
        ErrorVerb::Write,
        AnyError::new(error),
    )
    .into()
}
