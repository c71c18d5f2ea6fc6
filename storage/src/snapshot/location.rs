//! A snapshot anywhere on disk, named by its path: a backup, mostly, and possibly on a medium that cannot be written.

use std::io;
use std::path::Path;

use super::error::{SnapshotError, io_error};
use super::format::SnapshotInfo;
use super::reader::Progress;
use crate::disk::FsDisk;

/// Where a snapshot is, opened for reading alone.
#[derive(Debug)]
pub struct SnapshotLocation {
    /// The folder that it is in.
    pub disk: FsDisk,
    /// Its name there.
    pub name: String,
}

impl SnapshotLocation {
    /// Finds the folder of a path; the file itself is not opened yet.
    ///
    /// # Errors
    /// The path names no file, or its folder cannot be opened.
    pub fn find(path: &Path) -> Result<Self, SnapshotError> {
        let shown = || path.display().to_string();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))
            .map_err(io_error("open", shown()))?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let disk = FsDisk::open_read_only(folder.unwrap_or(Path::new(".")))
            .map_err(io_error("open", shown()))?;
        Ok(Self {
            disk,
            name: name.to_owned(),
        })
    }
}

/// Reads the snapshot at a path to its end, checking every byte, and tells what it says about itself. Blocks on the disk.
///
/// # Errors
/// It cannot be read or is damaged.
pub fn inspect_file(
    path: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<SnapshotInfo, SnapshotError> {
    let location = SnapshotLocation::find(path)?;
    super::inspect(&location.disk, &location.name, progress)
}
