//! Why a command was not carried out, and why a node does not start.

use raftgate_model::answer::Refusal;
use raftgate_model::time::Ttl;

/// Why a command has no reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProposeError {
    /// The state judged the command and refused it; a value of the domain, no failure.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// It waited for its whole time and nobody could take it: no leader, or one that cannot commit. It was not carried
    /// out.
    #[error("the cluster has no quorum: nobody could take the command in time")]
    NoQuorum,
    /// Too many commands wait already. It was not carried out.
    #[error("too many commands are waiting")]
    QueueFull,
    /// The command is larger than any command may be. It was not carried out.
    #[error("a command of {bytes} bytes is above the limit of {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The disk of the log has room for votes only, or made no room in time. It was not carried out.
    #[error("the disk is too full for further writes")]
    StorageFull,
    /// There was no answer in time: whether it was carried out is not known.
    #[error("no answer in time; the command may have been carried out")]
    Timeout,
    /// The node is stopping. It was not carried out.
    #[error("the node is shutting down")]
    ShuttingDown,
}

impl ProposeError {
    /// When to try again, if trying again can help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Ttl> {
        match self {
            Self::Refused(_) | Self::TooLarge { .. } => None,
            Self::QueueFull | Self::NoQuorum | Self::Timeout => Some(Ttl::from_s(1)),
            Self::ShuttingDown => Some(Ttl::from_s(2)),
            Self::StorageFull => Some(Ttl::from_s(10)),
        }
    }
}

/// Why an index was not waited for until it was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// It was not applied in time.
    #[error("the entry was not applied in time")]
    Timeout,
    /// Too many wait already.
    #[error("too many requests wait for entries to be applied")]
    TooMany,
    /// The node is stopping.
    #[error("the node is shutting down")]
    ShuttingDown,
}

/// Why no snapshot was saved.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file exists or cannot be written.
    #[error("cannot write the snapshot {path}: {error}")]
    Write {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The disk of the node refused the snapshot.
    #[error("no snapshot can be written: {reason}")]
    Refused {
        /// What was tried with which file, and what the system said.
        reason: String,
    },
    /// It was not built in time.
    #[error("the snapshot was not built in time")]
    Timeout,
    /// The node is stopping.
    #[error("the node is shutting down")]
    ShuttingDown,
}
