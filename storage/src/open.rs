//! Opening everything that a node keeps: the log, and the state that it leads to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use openraft::StorageError;
use openraft::storage::RaftLogStorage;
use raftgate_model::clock::Clock;

use crate::disk::FsDisk;
use crate::fatal::end_process;
use crate::log::{LogStore, SnapshotMark};
use crate::machine::{LogExtent, MachineConfig, OpenError, OpenProgress, StateMachine, open};
use crate::view::View;
use crate::wal::{FatalHook, OpenMode, Wal, WalConfig, WalError, WalId};

/// The folder of the write-ahead log in the data directory.
const LOG_FOLDER: &str = "log";
/// The folder of the persistent copy.
const COPY_FOLDER: &str = "state";
/// The folder of snapshots.
const SNAPSHOT_FOLDER: &str = "snapshots";
/// How many records pass between two words on the progress of loading.
const PROGRESS_RECORDS: u64 = 100_000;

/// Whether a node's log is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOrigin {
    /// The node was never started to its end: whatever an interrupted first start left is removed.
    New(WalId),
    /// The log must be there.
    Existing,
}

/// What a node keeps on disk, open.
pub struct OpenStorage {
    /// The Raft log.
    pub log: LogStore,
    /// The state machine.
    pub machine: StateMachine,
    /// The state as it is read.
    pub view: Arc<View>,
}

/// Why a node's storage does not open.
#[derive(Debug, thiserror::Error)]
pub enum StorageOpenError {
    /// A folder cannot be made, read or emptied.
    #[error("{}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The log cannot be used; the text says what to do.
    #[error("the log in {}: {error}", path.display())]
    Log {
        /// The folder of the log.
        path: PathBuf,
        /// What is wrong.
        error: WalError,
    },
    /// The log cannot be read or cut.
    #[error("the log cannot be read: {0}")]
    Raft(Box<StorageError<u64>>),
    /// Nothing on disk leads to a state that can be carried on; the text says what to do.
    #[error(transparent)]
    State(#[from] OpenError),
}

/// Opens log and state. Blocks on the disk, for seconds if the state is big; how far it is goes to the log of the process.
///
/// # Errors
/// See [`StorageOpenError`]; nothing is mended silently.
pub async fn open_storage(
    data_dir: &Path,
    origin: LogOrigin,
    clock: Arc<dyn Clock>,
) -> Result<OpenStorage, StorageOpenError> {
    let log_path = data_dir.join(LOG_FOLDER);
    let mode = match origin {
        LogOrigin::New(id) => {
            for folder in [LOG_FOLDER, COPY_FOLDER, SNAPSHOT_FOLDER] {
                remove_folder(&data_dir.join(folder))?;
            }
            OpenMode::Create(id)
        }
        LogOrigin::Existing => OpenMode::Existing,
    };
    let fatal: FatalHook = Arc::new(|error| end_process("the write-ahead log", &error.to_string()));
    let disk = disk_of(&log_path)?;
    let wal = Wal::open(disk, WalConfig::default(), mode, fatal).map_err(|error| {
        StorageOpenError::Log {
            path: log_path,
            error,
        }
    })?;
    let mark = SnapshotMark::default();
    let mut log = LogStore::new(Arc::new(wal), mark.clone());
    let extent = LogExtent::of(&mut log).await.map_err(unreadable)?;
    let config = MachineConfig {
        copy: data_dir.join(COPY_FOLDER),
        snapshots: disk_of(&data_dir.join(SNAPSHOT_FOLDER))?,
        mark,
        clock,
    };
    let opened = open(config, extent, &mut tell)?;
    if let Some(end) = opened.cut_log_to {
        log.purge(end).await.map_err(unreadable)?;
    }
    let view = opened.machine.view();
    Ok(OpenStorage {
        log,
        machine: opened.machine,
        view,
    })
}

fn unreadable(error: StorageError<u64>) -> StorageOpenError {
    StorageOpenError::Raft(Box::new(error))
}

fn remove_folder(path: &Path) -> Result<(), StorageOpenError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageOpenError::Folder {
                path: path.to_owned(),
                error,
            })
        }
        _ => Ok(()),
    }
}

fn disk_of(path: &Path) -> Result<Arc<FsDisk>, StorageOpenError> {
    std::fs::create_dir_all(path)
        .and_then(|()| FsDisk::open(path))
        .map(Arc::new)
        .map_err(|error| StorageOpenError::Folder {
            path: path.to_owned(),
            error,
        })
}

fn tell(progress: OpenProgress) {
    match progress {
        OpenProgress::Copy(records) if records > 0 && records.is_multiple_of(PROGRESS_RECORDS) => {
            tracing::info!(records, "loading the state");
        }
        OpenProgress::Copy(_) => {}
        OpenProgress::Snapshot(progress) => {
            tracing::info!(?progress, "loading a snapshot");
        }
    }
}
