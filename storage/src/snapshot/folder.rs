//! The folder of a node's snapshots: written, received, kept, and found again at the next start.

use std::sync::Arc;

use raftgate_model::time::Timestamp;

use super::SnapshotFile;
use super::error::{SnapshotError, io_error};
use super::format::{SnapshotHead, SnapshotInfo};
use super::reader::{Progress, SnapshotReader};
use super::writer::{SnapshotWriter, seal};
use crate::digest::StateDigest;
use crate::disk::{Disk, DiskFile};
use crate::types::LogId;
use crate::view::Walk;

/// What a whole snapshot's name ends with.
const WHOLE: &str = ".snapshot";
/// What it ends with as long as the log may not have been cut to it.
const PENDING: &str = ".pending.snapshot";
/// What an unfinished one's name ends with.
const UNFINISHED: &str = ".unfinished";
/// How many snapshots are kept.
const KEPT: usize = 2;
/// The longest name of a snapshot, in bytes.
const ID_BYTES_MAX: usize = 80;

/// Whether the log is known to have been cut to where a snapshot ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The log reaches to the snapshot's end or beyond.
    Settled,
    /// It came from elsewhere; the log may still end before it.
    Pending,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct SnapshotFolder {
    disk: Arc<dyn Disk>,
}

/// A snapshot in the folder, by its name alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    id: String,
    name: String,
}

impl Candidate {
    pub(crate) fn standing(&self) -> Standing {
        if self.name.ends_with(PENDING) {
            Standing::Pending
        } else {
            Standing::Settled
        }
    }
}

impl SnapshotFolder {
    /// The folder on a disk.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// The whole snapshots, newest first, nothing of them read.
    pub(crate) fn candidates(&self) -> Result<Vec<Candidate>, SnapshotError> {
        let mut found: Vec<Candidate> = self
            .names()?
            .into_iter()
            .filter_map(|name| {
                let id = name
                    .strip_suffix(PENDING)
                    .or_else(|| name.strip_suffix(WHOLE))?;
                is_id(id).then(|| Candidate {
                    id: id.to_owned(),
                    name: name.clone(),
                })
            })
            .collect();
        found.sort_by(|one, other| other.cmp(one));
        Ok(found)
    }

    fn names(&self) -> Result<Vec<String>, SnapshotError> {
        self.disk
            .list()
            .map_err(io_error("list", self.disk.path_of("")))
    }

    /// Opens a snapshot after checking the checksums of all of it.
    pub(crate) fn open(&self, candidate: &Candidate) -> Result<SnapshotFile, SnapshotError> {
        let mut reader = self.reader(&candidate.name)?;
        while reader.skip_records()? {}
        SnapshotFile::new(self.disk.as_ref(), &candidate.name, reader.into_info()?)
    }

    fn reader(&self, name: &str) -> Result<SnapshotReader, SnapshotError> {
        let path = self.disk.path_of(name);
        let file = self
            .disk
            .open(name)
            .map_err(io_error("open", path.clone()))?;
        SnapshotReader::open(file, path)
    }

    /// Writes the records of a walk down as a snapshot; `expected` is asked at the end for the digest they must have.
    pub(crate) fn build(
        &self,
        head: SnapshotHead,
        mut walk: Walk,
        expected: impl FnOnce() -> Option<StateDigest>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<SnapshotFile, SnapshotError> {
        let id = head.id.clone();
        let unfinished = self.fresh(&id)?;
        let mut writer = SnapshotWriter::begin(self.disk.as_ref(), unfinished, head)?;
        let total = walk.parts() as u64;
        let mut done = 0;
        while let Some(part) = walk.next_part() {
            for (key, record) in &part {
                writer.put(key, record)?;
            }
            done += 1;
            progress(Progress { done, total });
        }
        drop(walk);
        let written = writer.totals().digest;
        if let Some(expected) = expected().filter(|expected| *expected != written) {
            return Err(SnapshotError::Diverged { written, expected });
        }
        let name = format!("{id}{WHOLE}");
        let info = writer.finish(&name)?;
        self.keep_newest()?;
        SnapshotFile::new(self.disk.as_ref(), &name, info)
    }

    /// Writes a snapshot that founds a cluster, record by record.
    pub(super) fn found(
        &self,
        head: SnapshotHead,
        fill: impl FnOnce(&mut SnapshotWriter<'_>) -> Result<(), SnapshotError>,
    ) -> Result<SnapshotInfo, SnapshotError> {
        if !self.names()?.is_empty() {
            return Err(SnapshotError::NotEmpty {
                path: self.disk.path_of(""),
            });
        }
        let name = format!("{}{PENDING}", head.id);
        let unfinished = self.fresh(&head.id)?;
        let mut writer = SnapshotWriter::begin(self.disk.as_ref(), unfinished, head)?;
        fill(&mut writer)?;
        writer.finish(&name)
    }

    /// Begins to receive a snapshot; what an earlier attempt left is dropped.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn receive(&self) -> Result<IncomingSnapshot, SnapshotError> {
        let name = self.fresh("incoming")?;
        let file = self
            .disk
            .create(&name)
            .map_err(io_error("create", self.disk.path_of(&name)))?;
        Ok(IncomingSnapshot {
            folder: self.clone(),
            name,
            file,
            bytes: 0,
        })
    }

    /// The name of an unfinished file that is not there yet.
    fn fresh(&self, id: &str) -> Result<String, SnapshotError> {
        let name = format!("{id}{UNFINISHED}");
        if self.names()?.contains(&name) {
            self.remove(&name)?;
        }
        Ok(name)
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        self.disk
            .remove(name)
            .map_err(io_error("remove", self.disk.path_of(name)))
    }

    /// Notes that the log reaches to where a received snapshot ends.
    pub(crate) fn settle(&self, id: &str) -> Result<(), SnapshotError> {
        let pending = format!("{id}{PENDING}");
        if !self.names()?.contains(&pending) {
            return Ok(());
        }
        let name = format!("{id}{WHOLE}");
        self.disk
            .rename(&pending, &name)
            .map_err(io_error("name", self.disk.path_of(&name)))?;
        self.disk
            .sync_dir()
            .map_err(io_error("sync the folder of", self.disk.path_of(&name)))
    }

    /// Removes all but the newest snapshots.
    pub(crate) fn keep_newest(&self) -> Result<(), SnapshotError> {
        for old in self.candidates()?.iter().skip(KEPT) {
            self.remove(&old.name)?;
        }
        Ok(())
    }

    /// Removes what unfinished work left; for the start, when nobody writes.
    pub(crate) fn remove_unfinished(&self) -> Result<(), SnapshotError> {
        for name in self.names()? {
            if name.ends_with(UNFINISHED) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Whether a file is in this folder.
    pub(crate) fn holds(&self, snapshot: &SnapshotFile) -> Result<bool, SnapshotError> {
        let id = &snapshot.info()?.head.id;
        let candidates = self.candidates()?;
        Ok(candidates.iter().any(|candidate| candidate.id == *id))
    }
}

/// A snapshot that comes in from a peer, piece by piece, in order.
#[derive(Debug)]
pub struct IncomingSnapshot {
    folder: SnapshotFolder,
    name: String,
    file: Arc<dyn DiskFile>,
    bytes: u64,
}

impl IncomingSnapshot {
    /// How much was received, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds the next piece. Blocks on the disk.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), SnapshotError> {
        self.file
            .write_at(piece, self.bytes)
            .map_err(io_error("write", self.folder.disk.path_of(&self.name)))?;
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        Ok(())
    }

    /// Checks every byte and makes the snapshot durable, before anybody is told of it. Blocks on the disk.
    ///
    /// # Errors
    /// It is damaged or the disk refuses; the file is gone then.
    pub fn finish(self, progress: &mut dyn FnMut(Progress)) -> Result<SnapshotFile, SnapshotError> {
        let finished = self.check_and_name(progress);
        if finished.is_err() {
            // It is removed at the next start otherwise.
            let _ = self.folder.remove(&self.name);
        }
        finished
    }

    fn check_and_name(
        &self,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<SnapshotFile, SnapshotError> {
        let folder = &self.folder;
        let path = folder.disk.path_of(&self.name);
        let mut reader = SnapshotReader::open(Arc::clone(&self.file), path.clone())?;
        while reader.next_unread()? {
            progress(reader.progress());
        }
        let info = reader.into_info()?;
        if !is_id(&info.head.id) {
            return Err(SnapshotError::NotASnapshot { path });
        }
        let name = format!("{}{PENDING}", info.head.id);
        seal(folder.disk.as_ref(), self.file.as_ref(), &self.name, &name)?;
        folder.keep_newest()?;
        SnapshotFile::new(folder.disk.as_ref(), &name, info)
    }
}

/// A name for a snapshot, by which names sort as the snapshots' ages.
pub(crate) fn snapshot_id(last: Option<LogId>, created_at: Timestamp) -> String {
    let (index, term) = last.map_or((0, 0), |last| (last.index, last.leader_id.term));
    format!("{index:020}-{term}-{:013}", created_at.as_ms())
}

/// Whether a text from a file or a peer is such a name; it becomes part of a path.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= ID_BYTES_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Reads a snapshot anywhere on disk to its end and tells what it says about itself.
///
/// # Errors
/// It cannot be read or is damaged.
pub fn inspect(
    disk: &dyn Disk,
    name: &str,
    progress: &mut dyn FnMut(Progress),
) -> Result<SnapshotInfo, SnapshotError> {
    let path = disk.path_of(name);
    let file = disk.open(name).map_err(io_error("open", path.clone()))?;
    let mut reader = SnapshotReader::open(file, path)?;
    while reader.next_records()?.is_some() {
        progress(reader.progress());
    }
    progress(reader.progress());
    reader.into_info()
}
