//! What a node keeps in its data directory, opened in the order in which each part needs the one before.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raftgate_model::clock::Clock;
use raftgate_storage::disk::{Disk, FsDisk};
use raftgate_storage::fatal::end_process;
use raftgate_storage::log::{LogStore, SnapshotMark};
use raftgate_storage::machine::{
    MachineConfig, OpenError, OpenProgress, Opened, StartSource, StateMachine, open_with_log,
};
use raftgate_storage::view::View;
use raftgate_storage::wal::{OpenMode, Wal, WalConfig, WalError, WalId};

use super::boot_id;

pub use raftgate_storage::data_dir::{COPY_FOLDER, LOG_FOLDER, SNAPSHOTS_FOLDER};

/// Where a node's storage stands, and how its log is kept.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// The data directory, which this process holds locked.
    pub data_dir: PathBuf,
    /// Sizes of the log.
    pub wal: WalConfig,
    /// Names the log that is made when there is none; `None` for a node that has started before, whose log must be there.
    pub new_log: Option<WalId>,
}

/// What a node keeps on disk, opened and checked.
pub struct Storage {
    /// The Raft log.
    pub log: LogStore,
    /// The state machine.
    pub machine: StateMachine,
    /// Where the state was built from.
    pub source: StartSource,
    /// What was wrong with each thing that the state was not built from; mostly nothing.
    pub passed_over: Vec<String>,
}

/// Why a node's storage cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A folder cannot be created or read.
    #[error("cannot open {path}: {error}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The log is damaged, missing or unreadable.
    #[error(transparent)]
    Log(#[from] WalError),
    /// The state cannot be built, or does not fit the log.
    #[error(transparent)]
    State(#[from] OpenError),
}

impl Storage {
    /// Opens or creates everything in a data directory. Blocks on the disk, for seconds if the state is big.
    ///
    /// A log that is missing where the node has started before is an error, and never silently replaced. A log that
    /// fails later ends the process.
    ///
    /// # Errors
    /// See [`StorageError`]; the messages say what an operator can do.
    pub async fn open(
        config: StorageConfig,
        clock: Arc<dyn Clock>,
        progress: &mut (dyn FnMut(OpenProgress) + Send),
    ) -> Result<Self, StorageError> {
        let mark = SnapshotMark::default();
        let wal = open_log(&config)?;
        if wal.status().repaired {
            tracing::warn!(
                "the last record of the log was torn, as by a power cut, and was cleared; no acknowledged write was in it"
            );
        }
        let mut log = LogStore::new(Arc::new(wal), mark.clone());
        let machine = MachineConfig {
            copy: config.data_dir.join(COPY_FOLDER),
            snapshots: folder(&config.data_dir.join(SNAPSHOTS_FOLDER))?,
            mark,
            clock,
        };
        let Opened {
            machine,
            source,
            passed_over,
            ..
        } = open_with_log(machine, &mut log, progress).await?;
        Ok(Self {
            log,
            machine,
            source,
            passed_over,
        })
    }

    /// The state as it is read.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.machine.view()
    }
}

fn open_log(config: &StorageConfig) -> Result<Wal, StorageError> {
    let disk = folder(&config.data_dir.join(LOG_FOLDER))?;
    let fatal = Arc::new(|error: &WalError| end_process("write-ahead log", &error.to_string()));
    let open = |mode| Wal::open(Arc::clone(&disk), config.wal.clone(), mode, fatal.clone());
    match (open(OpenMode::Existing), config.new_log) {
        // Every start is counted after its log was made: a directory without a count never had a log.
        (Err(WalError::Missing { .. }), Some(new_log))
            if !boot_id::is_counted(&config.data_dir) =>
        {
            Ok(open(OpenMode::Create(new_log))?)
        }
        (opened, _) => Ok(opened?),
    }
}

fn folder(path: &Path) -> Result<Arc<dyn Disk>, StorageError> {
    let failed = |error| StorageError::Folder {
        path: path.display().to_string(),
        error,
    };
    Ok(Arc::new(FsDisk::open(path).map_err(failed)?))
}
