//! Why a snapshot cannot be written, read or installed.

use std::io;

use raftgate_model::id::KeyId;

use crate::codec::{DecodeError, EncodeError};
use crate::digest::StateDigest;

/// Why a snapshot cannot be written, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk refused.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The file is no snapshot, or one of another format.
    #[error("{path} is not a snapshot that this raftgate can read")]
    NotASnapshot {
        /// The file.
        path: String,
    },
    /// The file was cut or changed.
    #[error("the snapshot {path} is damaged at byte {at}: {what}")]
    Damaged {
        /// The file.
        path: String,
        /// Where the damaged part begins.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A part of it cannot be decoded although its checksum is right.
    #[error("the snapshot {path}: {error}")]
    Decode {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        error: DecodeError,
    },
    /// Something is too long to be written down.
    #[error("the state cannot be written down: {0}")]
    Encode(#[from] EncodeError),
    /// The records are not those that the state had.
    #[error(
        "the records written have digest {written}, the state has {expected}: memory or a copy is damaged"
    )]
    Diverged {
        /// The digest of what was written.
        written: StateDigest,
        /// The digest of the state.
        expected: StateDigest,
    },
    /// A restore needs keys that the ring does not have.
    #[error(
        "the key ring lacks the keys {} that the snapshot names; import the key ring of that cluster first",
        list(missing)
    )]
    MissingKeys {
        /// The keys.
        missing: Vec<KeyId>,
    },
    /// A restore was given the key ring of another cluster.
    #[error(
        "the key ring is another cluster's: under the ids {} it holds other keys than those of the snapshot; import the \
         key ring of the snapshot's cluster first",
        list(foreign)
    )]
    OtherKeys {
        /// The keys.
        foreign: Vec<KeyId>,
    },
    /// A restore was pointed at a folder with snapshots in it.
    #[error("{path} holds snapshots already: restore into an empty data directory")]
    NotEmpty {
        /// The folder.
        path: String,
    },
    /// The snapshot was taken before its cluster was founded.
    #[error("the snapshot {path} is of a state that was never founded")]
    NotFounded {
        /// The file.
        path: String,
    },
    /// Another snapshot is being written.
    #[error("another snapshot is being written")]
    Busy,
    /// There is no snapshot where one is needed.
    #[error("no snapshot was received")]
    Blank,
}

fn list(keys: &[KeyId]) -> String {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    keys.join(", ")
}

/// Names what was tried with which file.
pub(super) fn io_error(
    action: &'static str,
    path: String,
) -> impl FnOnce(io::Error) -> SnapshotError {
    move |error| SnapshotError::Io {
        action,
        path,
        error,
    }
}
