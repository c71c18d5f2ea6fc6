//! Which of what is on disk the state begins with: a pure decision.

use openraft::StorageError;
use openraft::storage::RaftLogStorage;

use super::OpenError;
use crate::snapshot::SnapshotOrigin;
use crate::types::{LogId, TypeConfig};

/// What the log has, as it is before Raft starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogExtent {
    /// The last entry that was cut off the front.
    pub purged: Option<LogId>,
    /// The last entry, or the last one cut off when there is none.
    pub last: Option<LogId>,
    /// Whether this node ever voted: every log with entries has a vote.
    pub voted: bool,
}

impl LogExtent {
    /// Asks a log.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn of<L: RaftLogStorage<TypeConfig>>(log: &mut L) -> Result<Self, StorageError<u64>> {
        let state = log.get_log_state().await?;
        Ok(Self {
            purged: state.last_purged_log_id,
            last: state.last_log_id,
            voted: log.read_vote().await?.is_some(),
        })
    }

    /// Whether nothing was ever written to it.
    pub(super) fn is_untouched(&self) -> bool {
        self.last.is_none() && !self.voted
    }
}

/// Where the state was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartSource {
    /// There was nothing: the first start.
    Nothing,
    /// The persistent copy.
    Copy,
    /// A snapshot, because the copy was missing, damaged or too old.
    Snapshot,
    /// The log alone, from its first entry, because there was nothing else.
    Log,
}

impl StartSource {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Copy => "the persistent copy",
            Self::Snapshot => "a snapshot",
            Self::Log => "the log",
        }
    }
}

/// Whether a state that ends at `applied` can be carried on by the log as far as the log's beginning goes.
pub(super) fn reaches(log: &LogExtent, applied: Option<LogId>) -> bool {
    log.purged <= applied
}

/// Checks that the log has everything that the state has; answers the entry that the log must first be cut to.
///
/// A log that ends before the state lost entries, unless the state is a snapshot that came from elsewhere and the
/// node was stopped before it cut its log.
pub(super) fn check_end(
    log: &LogExtent,
    applied: Option<LogId>,
    source: StartSource,
    pending: Option<(Option<LogId>, SnapshotOrigin)>,
) -> Result<Option<LogId>, OpenError> {
    if applied <= log.last {
        return Ok(None);
    }
    match pending {
        Some((last, origin))
            if last == applied && (log.voted || origin == SnapshotOrigin::Restored) =>
        {
            Ok(applied)
        }
        _ => Err(OpenError::LogBehind {
            last: log.last,
            applied,
            source_name: source.name(),
        }),
    }
}
