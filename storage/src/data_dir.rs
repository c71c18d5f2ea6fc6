//! The data directory: created, recognised and locked before anything in it is read.

mod error;
mod layout;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

pub use error::{DataDirError, Holder};
pub use layout::{
    BOOT_FILE, CONTROL_ADDRESS_FILE, CONTROL_SECRET_FILE, COPY_FOLDER, EXPORT_FILE, IDENTITY_FILE,
    KEY_RING_FILE, LOG_FOLDER, SNAPSHOTS_FOLDER,
};

use crate::private_file::{self, Existing, sync_folder};
use error::io_error;
use layout::{FORMAT_FILE, Holdings, LOCK_FILE};

/// What this version writes into the directory, and all that it reads: no older format was ever released.
///
/// It is raised whenever data of before would be read wrongly, with the version of the codec; a test holds both against the
/// list of persisted types.
pub const FORMAT: u32 = 5;

/// What stands before the number in the file of the format.
const FORMAT_WORDS: &str = "raftgate data format ";
/// The most bytes of the format and the lock that are looked at.
const SMALL_FILE_BYTES_MAX: u64 = 64;

/// What was in a directory when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Nothing of a node, or what a first use left that was cut short before it wrote the format.
    New,
    /// The data of a node, or what its first use has made of it so far.
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
    /// Creates the directory if it is missing, locks it, and checks its format.
    ///
    /// A new one has no format yet: whoever uses it first writes the node's identity, then calls [`DataDir::format`].
    ///
    /// # Errors
    /// It cannot be created, read or locked, another process uses it, it holds other files, it holds the data of a node
    /// without its format or its identity, or another version wrote it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        create(path)?;
        warn_if_others_may_enter(path);
        // Looked at before anything is written: a directory of somebody else stays untouched. All else is judged under
        // the lock, because another process may be making what is there.
        if let Err(error @ DataDirError::NotOurs { .. }) = survey(path) {
            return Err(error);
        }
        let lock = lock(path)?;
        remove_drafts(path);
        let contents = survey(path)?;
        Ok(Self {
            path: path.to_owned(),
            contents,
            _lock: lock,
        })
    }

    /// Says that the directory is a node's, durably; from now on it is refused without the node's identity.
    ///
    /// # Errors
    /// The format cannot be written.
    pub fn format(&self) -> Result<(), DataDirError> {
        let path = self.path.join(FORMAT_FILE);
        let words = format!("{FORMAT_WORDS}{FORMAT}\n");
        private_file::write(&path, words.as_bytes(), Existing::Replace)
            .map_err(io_error("write", &path))
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
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && fs::metadata(folder).is_err())
        .collect();
    for folder in missing.into_iter().rev() {
        let mode = if folder == path { 0o700 } else { 0o777 };
        match DirBuilder::new().mode(mode).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(io_error("create", folder)(error));
            }
            // A power cut must not take away the folder around files that are on disk.
            _ => sync_folder(folder).map_err(io_error("sync the folder of", folder))?,
        }
    }
    Ok(())
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

/// Takes away what crashes left of files that were being written; what another process is writing, such as an import of the
/// key ring, which needs no lock of the directory, stays.
fn remove_drafts(folder: &Path) {
    for name in layout::DRAFTED {
        let path = folder.join(name);
        match private_file::remove_drafts(&path) {
            Ok(0) => {}
            Ok(drafts) => {
                tracing::info!(path = %path.display(), drafts, "unfinished drafts removed")
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "unfinished drafts cannot be removed");
            }
        }
    }
}

fn is_there(path: &Path) -> Result<bool, DataDirError> {
    path.try_exists().map_err(io_error("read", path))
}

/// Says what a directory holds, or why it cannot be used.
fn survey(path: &Path) -> Result<Contents, DataDirError> {
    let format_path = path.join(FORMAT_FILE);
    let formatted = is_there(&format_path)?;
    if formatted {
        check_format(path, &format_path)?;
        if is_there(&path.join(IDENTITY_FILE))? {
            return Ok(Contents::Formatted);
        }
    }
    let names = names(path)?;
    let holdings = match formatted {
        true => Holdings::unnamed(&names),
        false => Holdings::unformatted(&names),
    };
    let path = path.to_owned();
    match holdings {
        Holdings::Nothing => Ok(Contents::New),
        Holdings::Foreign(name) => Err(DataDirError::NotOurs { path, name }),
        Holdings::Traces(found) if formatted => Err(DataDirError::IdentityMissing { path, found }),
        Holdings::Traces(found) => Err(DataDirError::FormatMissing { path, found }),
    }
}

fn names(path: &Path) -> Result<Vec<String>, DataDirError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(io_error("read the data directory", path))? {
        let entry = entry.map_err(io_error("read the data directory", path))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
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
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(DataDirError::NewerFormat {
            path: path.to_owned(),
            found,
        }),
        Some(found) if found > 0 => Err(DataDirError::OlderFormat {
            path: path.to_owned(),
            found,
        }),
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
