//! The real folder: files of mode 0600 below one directory of the file system.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::{Disk, DiskFile};

/// A directory of the file system.
#[derive(Debug)]
pub struct FsDisk {
    path: PathBuf,
    directory: File,
    access: Access,
}

/// What files are opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    ReadOnly,
    ReadWrite,
}

impl FsDisk {
    /// Opens a directory, creating it (and syncing its parent) if it does not exist.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn open(path: &Path) -> io::Result<Self> {
        match std::fs::create_dir(path) {
            Ok(()) => {
                let parent = match path.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                };
                File::open(parent)?.sync_all()?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(Self {
            path: path.to_path_buf(),
            directory: File::open(path)?,
            access: Access::ReadWrite,
        })
    }

    /// Opens a directory that is there and may be on a medium that cannot be written; its files open for reading alone.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn open_read_only(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            directory: File::open(path)?,
            access: Access::ReadOnly,
        })
    }
}

impl Disk for FsDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path.join(name))?;
        Ok(Arc::new(FsFile { file }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(self.access == Access::ReadWrite)
            .open(self.path.join(name))?;
        Ok(Arc::new(FsFile { file }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let space = rustix::fs::fstatvfs(&self.directory)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    fn path_of(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

#[derive(Debug)]
struct FsFile {
    file: File,
}

impl DiskFile for FsFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn preallocate(&self, size: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, size) {
            Ok(()) => Ok(()),
            // File systems without allocation ahead still get their blocks from the zeros written next.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.file.set_len(size),
            Err(error) => Err(error.into()),
        }
    }

    fn fdatasync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
