//! Opening the state at a node's start: the copy if it is good, else a snapshot, else the log alone, else not at all.

use std::path::PathBuf;
use std::sync::Arc;

use openraft::storage::RaftLogStorage;
use parking_lot::Mutex;
use raftgate_model::clock::Clock;
use raftgate_model::id::LogIndex;

use super::apply::PendingSnapshot;
use super::search::Search;
use super::start::{LogExtent, StartSource, check_end};
use super::{Committed, Inner, MachineStatus, OpenError, StateMachine};
use crate::copy::{Copier, CopyFolder};
use crate::disk::Disk;
use crate::log::SnapshotMark;
use crate::snapshot::{Progress, SnapshotFolder};
use crate::types::{LogId, TypeConfig};
use crate::view::View;

/// What the state machine is made of.
pub struct MachineConfig {
    /// The folder of the persistent copy; it need not exist.
    pub copy: PathBuf,
    /// The folder of the snapshots.
    pub snapshots: Arc<dyn Disk>,
    /// Tells the log how far snapshots reach.
    pub mark: SnapshotMark,
    /// The time of day, for the head of snapshots.
    pub clock: Arc<dyn Clock>,
}

/// Which part of opening is under way, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenProgress {
    /// The persistent copy is being read, in records; said now and then.
    Copy(Progress),
    /// A snapshot is being read, in bytes.
    Snapshot(Progress),
}

/// An open state machine and how it came about.
pub struct Opened {
    /// The state machine.
    pub machine: StateMachine,
    /// Where the state was built from.
    pub source: StartSource,
    /// What was wrong with each thing that the state was not built from; not empty without the
    /// copy as the source means that this was a rebuild.
    pub passed_over: Vec<String>,
    /// The entry that the log must be cut to before Raft starts: the state came from elsewhere.
    pub cut_log_to: Option<LogId>,
}

/// Opens the state beside its log, and cuts the log where the state came from elsewhere. Blocks on the disk.
///
/// Raft may start with both afterwards.
///
/// # Errors
/// As [`open`], or the log cannot be read or cut.
pub async fn open_with_log<L: RaftLogStorage<TypeConfig>>(
    config: MachineConfig,
    log: &mut L,
    progress: &mut (dyn FnMut(OpenProgress) + Send),
) -> Result<Opened, OpenError> {
    let extent = LogExtent::of(log).await.map_err(Box::new)?;
    let opened = open(config, extent, progress)?;
    if let Some(upto) = opened.cut_log_to {
        tracing::info!(%upto, "cutting the log to the snapshot that the state came from");
        log.purge(upto).await.map_err(Box::new)?;
    }
    Ok(opened)
}

/// Opens the state. Blocks on the disk, for seconds if it is big.
///
/// # Errors
/// Nothing on disk leads to a state that the log can carry on, or the log lost entries; see [`OpenError`].
pub fn open(
    config: MachineConfig,
    log: LogExtent,
    progress: &mut dyn FnMut(OpenProgress),
) -> Result<Opened, OpenError> {
    let folder = SnapshotFolder::new(config.snapshots);
    folder.remove_unfinished()?;
    let mut search = Search::begin(&folder, log)?;
    let copy_folder = CopyFolder::new(config.copy);
    let found = search.find(&copy_folder, progress)?;
    let pending = search.pending();
    let last_and_origin = pending.as_ref().map(|(last, origin, _)| (*last, *origin));
    let cut_log_to = check_end(&log, found.applied, found.source, last_and_origin)?;
    let pending = match pending {
        Some((last, _, id)) if last <= log.last => {
            folder.settle(&id)?;
            None
        }
        other => other.map(|(last, _, id)| PendingSnapshot { id, last }),
    };
    let (newest, passed_over) = search.finish();
    let status = MachineStatus::default();
    // A snapshot that cannot be used was logged, and is no rebuild while the copy is good.
    if !passed_over.is_empty() && found.source != StartSource::Copy {
        status.note_rebuild();
        let reasons = passed_over.join("; ");
        tracing::warn!(
            source = found.source.name(),
            reasons,
            "the state was built anew"
        );
    }
    let source = found.source;
    if source == StartSource::Nothing
        && let Err(error) = copy_folder.note_unwritten()
    {
        tracing::warn!(%error, "a start after an early end will take the copy of the state for lost");
    }
    let view = Arc::new(View::default());
    let index = found.applied.map_or(0, |applied| applied.index);
    view.replace(found.loading, LogIndex(index));
    let committed = Committed {
        last_applied: found.applied,
        membership: found.membership,
        pending,
    };
    let inner = Arc::new(Inner {
        view,
        committed: Mutex::new(committed),
        copier: Copier::start(copy_folder, found.copy).map_err(OpenError::Thread)?,
        folder,
        current: Mutex::new(None),
        building: tokio::sync::Mutex::new(()),
        mark: config.mark,
        clock: config.clock,
        status: Arc::new(status),
    });
    if let Some(newest) = newest {
        inner.adopt(&newest);
    }
    Ok(Opened {
        machine: StateMachine { inner },
        source,
        passed_over,
        cut_log_to,
    })
}
