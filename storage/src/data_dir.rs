//! The data directory: created, recognised and locked before anything in it is read.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::private_file::{self, Existing};

/// The layout of the directory that this version writes; older ones are brought up to it when there are any.
pub const FORMAT: u32 = 1;

/// The file whose lock says that a process uses the directory; it holds that process's id.
const LOCK_FILE: &str = "lock";
/// The file that names the layout.
const FORMAT_FILE: &str = "format";
/// What stands before the number in [`FORMAT_FILE`].
const FORMAT_WORDS: &str = "raftgate data format ";
/// The most bytes of [`FORMAT_FILE`] and [`LOCK_FILE`] that are looked at.
const SMALL_FILE_BYTES_MAX: u64 = 64;

/// Names that may stand in a directory before its first use: put there by the operator, the file system, or a start that
/// was cut short.
const HARMLESS: &[&str] = &[
    LOCK_FILE,
    "format.new",
    "keyring",
    "control.secret",
    "lost+found",
];

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
    #[error("the data directory {} is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("the data directory {} is in use by another process{holder}", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Which process, if it left its id.
        holder: Holder,
    },
    /// A newer version of raftgate wrote it.
    #[error(
        "the data directory {} was written by a newer version of raftgate: its format is {found}, this version knows up to {FORMAT}",
        path.display()
    )]
    NewerFormat {
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
pub struct Holder(Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, " (process {pid})"),
            None => Ok(()),
        }
    }
}

/// What was in a directory when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Nothing yet: this is its first use.
    New,
    /// The data of a node.
    Formatted,
}

/// A data directory that this process alone may use, for as long as the value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    contents: Contents,
    /// Holds the lock, which the system releases with the last handle, also when the process is killed.
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, locks it, and checks or writes its format.
    ///
    /// # Errors
    /// It cannot be created, read or locked, another process uses it, it holds other files, or a newer version wrote it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        create(path)?;
        warn_if_others_may_enter(path);
        let format_path = path.join(FORMAT_FILE);
        if !is_there(&format_path)? {
            refuse_other_files(path)?;
        }
        let lock = lock(path)?;
        // Asked again under the lock: two first starts at once must not both think that they are the first.
        let contents = if is_there(&format_path)? {
            check_format(path, &format_path)?;
            Contents::Formatted
        } else {
            let words = format!("{FORMAT_WORDS}{FORMAT}\n");
            private_file::write(&format_path, words.as_bytes(), Existing::Replace)
                .map_err(io_error("write", &format_path))?;
            Contents::New
        };
        Ok(Self {
            path: path.to_owned(),
            contents,
            _lock: lock,
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was in it when it was opened.
    #[must_use]
    pub fn contents(&self) -> Contents {
        self.contents
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |error| DataDirError::Io {
        action,
        path,
        error,
    }
}

fn create(path: &Path) -> Result<(), DataDirError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => {
            return Err(DataDirError::NotADirectory {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("read the data directory", path)(error)),
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(io_error("create the data directory", path)(error))
        }
        _ => Ok(()),
    }
}

/// Volumes of containers are often open to a group, so this is no error; every file with a secret is 0600 anyway.
fn warn_if_others_may_enter(path: &Path) {
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o077 != 0
    {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{mode:03o}"),
            "other users may enter the data directory; 700 is the mode to give it"
        );
    }
}

fn is_there(path: &Path) -> Result<bool, DataDirError> {
    path.try_exists().map_err(io_error("read", path))
}

/// Whether a file is what a first start leaves that was cut short while it wrote the format file.
fn is_format_draft(name: &str) -> bool {
    name.strip_prefix(FORMAT_FILE)
        .is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".new"))
}

fn refuse_other_files(path: &Path) -> Result<(), DataDirError> {
    for entry in fs::read_dir(path).map_err(io_error("read the data directory", path))? {
        let entry = entry.map_err(io_error("read the data directory", path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !HARMLESS.contains(&name.as_str()) && !is_format_draft(&name) {
            return Err(DataDirError::NotOurs {
                path: path.to_owned(),
                name,
            });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let lock_path = path.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options
        .mode(0o600)
        .open(&lock_path)
        .map_err(io_error("open", &lock_path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = small_text(&file).ok();
            return Err(DataDirError::Locked {
                path: path.to_owned(),
                holder: Holder(pid.and_then(|pid| pid.trim().parse().ok())),
            });
        }
        Err(TryLockError::Error(error)) => return Err(io_error("lock", &lock_path)(error)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(io_error("write", &lock_path))?;
    Ok(file)
}

fn check_format(path: &Path, format_path: &Path) -> Result<(), DataDirError> {
    let text = File::open(format_path)
        .and_then(|file| small_text(&file))
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => DataDirError::DamagedFormat {
                path: format_path.to_owned(),
            },
            _ => io_error("read", format_path)(error),
        })?;
    let number = text
        .strip_prefix(FORMAT_WORDS)
        .and_then(|rest| rest.strip_suffix('\n'))
        .and_then(|number| number.parse::<u32>().ok());
    match number {
        Some(found) if found > FORMAT => Err(DataDirError::NewerFormat {
            path: path.to_owned(),
            found,
        }),
        Some(FORMAT) => Ok(()),
        _ => Err(DataDirError::DamagedFormat {
            path: format_path.to_owned(),
        }),
    }
}

fn small_text(file: &File) -> io::Result<String> {
    let mut text = String::new();
    file.take(SMALL_FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
#[path = "data_dir_tests.rs"]
mod tests;
