//! Why a data directory cannot be used; each text names what is there or missing, and the way out.

use std::io;
use std::path::{Path, PathBuf};

use super::FORMAT;
use super::layout::{FORMAT_FILE, IDENTITY_FILE};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The system refused to create, read or write something.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The directory or the file in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The path leads to something else.
    #[error("the data directory {} is not a directory: choose another path (node.data_dir, --data-dir)", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("the data directory {} is in use by another process{holder}: end that one, or choose another directory (node.data_dir, --data-dir)", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Which process, if it left its id.
        holder: Holder,
    },
    /// A newer version of raftgate wrote it.
    #[error(
        "the data directory {} was written by a newer version of raftgate: its format is {found}, this version knows up \
         to {FORMAT}; start it with that version, or put {FORMAT_FILE} back from a copy if the file was changed",
        path.display()
    )]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// An earlier version of raftgate wrote it, in a format that is not read any more.
    #[error(
        "the data directory {} was written by an earlier version of raftgate: its format is {found}, this version reads \
         {FORMAT} alone; start it with that version, or this one with an empty directory",
        path.display()
    )]
    OlderFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The format file is not one.
    #[error("{} does not name a data format; restore it or the whole directory from a backup", path.display())]
    DamagedFormat {
        /// The file.
        path: PathBuf,
    },
    /// There is a node's data, but not the file that names its layout.
    #[error(
        "{}/{FORMAT_FILE} is missing, but the directory holds the data of a node ({}): put the file back from a copy of \
         the directory, or restore a snapshot into an empty directory (raftgate snapshot restore)",
        path.display(),
        .found.join(", ")
    )]
    FormatMissing {
        /// The directory.
        path: PathBuf,
        /// What of a node is there.
        found: Vec<String>,
    },
    /// There is a node's data, but not the file that says which node it is.
    #[error(
        "{}/{IDENTITY_FILE} is missing, but the directory holds the data of a node ({}): under a new id the node could \
         not carry that on; put the file back from a copy of the directory, or restore a snapshot into an empty directory \
         (raftgate snapshot restore)",
        path.display(),
        .found.join(", ")
    )]
    IdentityMissing {
        /// The directory.
        path: PathBuf,
        /// What of a node is there.
        found: Vec<String>,
    },
    /// Somebody else's files are in it.
    #[error("{} holds other files, such as {name:?}: choose an empty directory", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// One of the files.
        name: String,
    },
}

/// The process that uses a directory, as far as it is known; prints as an addition to a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder(pub(super) Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, " (process {pid})"),
            None => Ok(()),
        }
    }
}

/// Names what was tried with which path.
pub(super) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> DataDirError + use<> {
    let path = path.to_owned();
    move |error| DataDirError::Io {
        action,
        path,
        error,
    }
}
