//! A file that gets its name only when it is whole, and never takes the place of another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// An unfinished file beside its final place, for its owner alone; dropping it removes it.
pub(super) struct Draft {
    path: PathBuf,
    target: PathBuf,
    file: File,
}

impl Draft {
    /// Begins a file that shall stand at `target`.
    pub(super) fn beside(target: &Path) -> io::Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut draft = name.to_owned();
        draft.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(draft);
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Self {
            path,
            target: target.to_owned(),
            file,
        })
    }

    /// Where it is as long as it is unfinished.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }

    /// Puts the content on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives it its name, durably; fails with [`io::ErrorKind::AlreadyExists`] when the name is taken.
    pub(super) fn finish(self) -> io::Result<()> {
        // A rename would overwrite; a second name for the same file fails when the name is taken.
        fs::hard_link(&self.path, &self.target)?;
        fs::remove_file(&self.path)?;
        let folder = self
            .target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Fails when it has its name already, and otherwise leaves a private file that says that it is a part.
        let _ = fs::remove_file(&self.path);
    }
}
