//! One complete snapshot on disk, as it is handed around: to openraft, to peers, to the operator.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::error::{SnapshotError, io_error};
use super::format::SnapshotInfo;
use super::reader::SnapshotReader;
use crate::disk::{Disk, DiskFile};
use crate::types::SnapshotMeta;

/// How much is copied at a time, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// A complete snapshot on disk. It stays readable while it is held, also when the file was removed meanwhile.
#[derive(Clone)]
pub struct SnapshotFile {
    content: Option<Content>,
}

#[derive(Clone)]
struct Content {
    path: String,
    file: Arc<dyn DiskFile>,
    info: Arc<SnapshotInfo>,
}

impl fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Some(content) => write!(f, "SnapshotFile({})", content.path),
            None => f.write_str("SnapshotFile(blank)"),
        }
    }
}

impl SnapshotFile {
    /// What openraft is given to receive into; snapshots are received by way of their folder instead.
    pub(crate) fn blank() -> Self {
        Self { content: None }
    }

    /// A snapshot of which everything was checked.
    pub(super) fn new(
        disk: &dyn Disk,
        name: &str,
        info: SnapshotInfo,
    ) -> Result<Self, SnapshotError> {
        let path = disk.path_of(name);
        let file = disk.open(name).map_err(io_error("open", path.clone()))?;
        Ok(Self {
            content: Some(Content {
                path,
                file,
                info: Arc::new(info),
            }),
        })
    }

    fn content(&self) -> Result<&Content, SnapshotError> {
        self.content.as_ref().ok_or(SnapshotError::Blank)
    }

    /// What the snapshot says about itself.
    ///
    /// # Errors
    /// [`SnapshotError::Blank`].
    pub fn info(&self) -> Result<&SnapshotInfo, SnapshotError> {
        Ok(&self.content()?.info)
    }

    /// What openraft calls it.
    ///
    /// # Errors
    /// [`SnapshotError::Blank`].
    pub fn meta(&self) -> Result<SnapshotMeta, SnapshotError> {
        let head = &self.info()?.head;
        Ok(SnapshotMeta {
            last_log_id: head.last_log_id,
            last_membership: head.membership.clone(),
            snapshot_id: head.id.clone(),
        })
    }

    /// How long it is, in bytes; zero for a blank one.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.content
            .as_ref()
            .map_or(0, |content| content.info.bytes)
    }

    /// Fills a buffer from an offset, for sending it to a peer or copying it. Blocks on the disk.
    ///
    /// # Errors
    /// Whatever the file system reports, or `UnexpectedEof` beyond the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match &self.content {
            Some(content) => content.file.read_at(buffer, offset),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Copies it to a new file that only its owner may read, durably. Blocks on the disk.
    ///
    /// # Errors
    /// Whatever the file system reports, `AlreadyExists` among it; nothing is left of a copy that was cut short.
    pub fn copy_to(&self, path: &Path) -> io::Result<()> {
        let mut target = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let copied = self
            .copy_into(&mut |piece| target.write_all(piece))
            .and_then(|()| target.sync_all());
        if let Err(error) = copied {
            // What matters is the first error; the part that was written is of no use.
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Gives all of it out piece by piece.
    pub(crate) fn copy_into(
        &self,
        each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        let mut done = 0;
        while done < self.bytes() {
            let left = usize::try_from(self.bytes().saturating_sub(done)).unwrap_or(usize::MAX);
            let (piece, _) = buffer.split_at_mut(left.min(PIECE_BYTES));
            self.read_at(piece, done)?;
            each(piece)?;
            done = done.saturating_add(piece.len() as u64);
        }
        Ok(())
    }

    /// Reads it from the beginning.
    pub(crate) fn reader(&self) -> Result<SnapshotReader, SnapshotError> {
        let content = self.content()?;
        SnapshotReader::open(Arc::clone(&content.file), content.path.clone())
    }
}
