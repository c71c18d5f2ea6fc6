//! The key ring's own file: readable by its owner alone, replaced as a whole or not at all.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use raftgate_model::keyring::{KeyRing, RING_TEXT_BYTES_MAX, RingFault, RingTextFault};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::private_file::{self, Existing};

/// The permission bits of group and world.
const OTHERS: u32 = 0o077;

/// Why the file of the key ring cannot be read or written; no message holds any of its content.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingFileError {
    /// There is no such file.
    #[error("there is no key ring at {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is such a file, and nothing was asked that may replace it.
    #[error("{} exists already and is not overwritten: it may hold the only copy of a key ring", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The path names a folder, a device or another thing that is no file.
    #[error("the key ring {} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Group or world may read, write or execute the file.
    #[error(
        "the key ring {} is open to others (mode {mode:04o}): whoever reads it can make tokens. \
         If nobody has, run: chmod 600 {}", path.display(), path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system refused to read it.
    #[error("the key ring {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is damaged, of a newer version or no key ring.
    #[error(
        "{}: {source}; move the file away and put a copy of it in its place, or an export (raftgate keys import)",
        path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RingTextFault,
    },
    /// The system refused to write it; what stood there before still does.
    #[error("the key ring {} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The new ring lacks a key of the one that it is to replace.
    #[error("the key ring {} is not replaced, a key would be lost: {source}", path.display())]
    WouldLose {
        /// The file.
        path: PathBuf,
        /// What would be lost.
        source: RingFault,
    },
}

/// Reads the key ring.
///
/// # Errors
/// The file is missing, unreadable, open to others, damaged or of a newer version.
pub fn load(path: &Path) -> Result<KeyRing, KeyRingFileError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyRingFileError::Missing { path: path.into() },
        _ => KeyRingFileError::Unreadable {
            path: path.into(),
            source,
        },
    };
    // Without blocking, so that a pipe in its place is refused below and not waited for.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(KeyRingFileError::NotAFile { path: path.into() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyRingFileError::OpenToOthers {
            path: path.into(),
            mode,
        });
    }
    // One byte more than allowed tells a longer file; the room beyond it keeps the buffer from growing, which would
    // leave unwiped copies of the keys behind.
    let limit = RING_TEXT_BYTES_MAX + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 64));
    file.take(limit as u64)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    KeyRing::from_text_bytes(&bytes).map_err(|source| KeyRingFileError::Content {
        path: path.into(),
        source,
    })
}

/// Writes a new key ring where there is none; it is on disk when this returns.
///
/// # Errors
/// Something stands at the path already, or the system refuses to write.
pub fn create(path: &Path, ring: &KeyRing) -> Result<(), KeyRingFileError> {
    write(path, ring, Existing::Keep)
}

/// Replaces the key ring by one that holds all of its keys, as a rotation does; it is on disk when this returns.
///
/// # Errors
/// There is no readable ring at the path, the new one lacks one of its keys, or the system refuses to write.
pub fn replace(path: &Path, ring: &KeyRing) -> Result<(), KeyRingFileError> {
    ring.covers(&load(path)?)
        .map_err(|source| KeyRingFileError::WouldLose {
            path: path.into(),
            source,
        })?;
    write(path, ring, Existing::Replace)
}

fn write(path: &Path, ring: &KeyRing, existing: Existing) -> Result<(), KeyRingFileError> {
    private_file::write(path, ring.to_text().expose().as_bytes(), existing).map_err(|source| {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::AlreadyExists => KeyRingFileError::Exists { path },
            _ => KeyRingFileError::Unwritable { path, source },
        }
    })
}

#[cfg(test)]
#[path = "keyring_file_tests.rs"]
mod tests;
