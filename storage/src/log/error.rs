//! Why the log fails, and how that reads to openraft, which ends over any of it.

use openraft::{AnyError, ErrorSubject, ErrorVerb, StorageError, StorageIOError};

use crate::codec::{DecodeError, EncodeError};
use crate::types::LogId;
use crate::wal::WalError;

/// Why the Raft log cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The write-ahead log refused or failed.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// Something cannot be written down.
    #[error("raft log: {0}")]
    Encode(#[from] EncodeError),
    /// What is written down cannot be read.
    #[error("raft log: {0}")]
    Decode(#[from] DecodeError),
    /// A purge would drop entries that no durable snapshot holds.
    #[error(
        "raft log: entries up to {upto} were to be purged, but the newest durable snapshot ends at {}",
        covered.map_or_else(|| "nothing".to_owned(), |index| index.to_string())
    )]
    PurgeAheadOfSnapshot {
        /// The last entry to be purged.
        upto: u64,
        /// The last entry that is in a durable snapshot.
        covered: Option<u64>,
    },
    /// The state has applied entries that the log does not have.
    #[error(
        "raft log: it ends at {}, but the state has applied up to {applied}: the log lost acknowledged entries, so this \
         node does not start with it; join the cluster again as a new node with an empty data directory, or restore a \
         snapshot if this was the only node",
        last.map_or_else(|| "nothing".to_owned(), |last| last.to_string())
    )]
    BehindState {
        /// The last entry of the log.
        last: Option<LogId>,
        /// The last entry that the state has applied.
        applied: LogId,
    },
    /// An entry that must be there is not.
    #[error("raft log: entry {index} is missing")]
    MissingEntry {
        /// Its index.
        index: u64,
    },
    /// The thread that reads from disk is gone.
    #[error("raft log: reading from disk was cut short")]
    ReadCutShort,
}

impl LogError {
    /// As an error of reading.
    pub(super) fn reading(self) -> StorageError<u64> {
        self.during(ErrorSubject::Logs, ErrorVerb::Read)
    }

    /// As an error of writing.
    pub(super) fn writing(self) -> StorageError<u64> {
        self.during(ErrorSubject::Logs, ErrorVerb::Write)
    }

    /// As an error of reading or writing the vote.
    pub(super) fn voting(self, verb: ErrorVerb) -> StorageError<u64> {
        self.during(ErrorSubject::Vote, verb)
    }

    fn during(self, subject: ErrorSubject<u64>, verb: ErrorVerb) -> StorageError<u64> {
        StorageIOError::new(subject, verb, AnyError::new(&self)).into()
    }
}
