//! The persistent copy of the state in sled, written by a thread of its own, behind the state and never before it.
//!
//! It makes a restart quick and decides nothing: what it lacks is in the log, and a damaged one is built anew from a
//! snapshot. The same thread carries the digest along, so that neither costs the apply path anything.

mod filling;
mod folder;
mod key;
mod pending;
mod store;
mod weight;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use raftgate_model::state::Change;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub(crate) use folder::CopyFolder;
pub(crate) use store::CopyPosition;

use crate::background_thread::follow_behind;
use crate::digest::StateDigest;
use crate::snapshot::SnapshotFile;
use crate::types::{LogId, Membership};
use weight::units;

/// How much may wait for the thread, in units of about 256 bytes: 8 MiB, and so many entries at the most.
const QUEUE_UNITS: u32 = 32_768;

/// What the thread is told, in the order of the log.
enum Work {
    /// An entry was applied.
    Entry {
        log_id: LogId,
        membership: Option<Membership>,
        changes: Vec<Change>,
        room: OwnedSemaphorePermit,
    },
    /// Everything before this is to be in the digest; the sum is the answer.
    Digest(oneshot::Sender<Summed>),
    /// Everything before this is to be in sled, and with its files.
    Flush(oneshot::Sender<()>),
    /// A snapshot took the place of the whole state.
    Replace(SnapshotFile),
}

/// The sum over all records at one entry of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summed {
    /// The entry.
    pub last_applied: Option<LogId>,
    /// The sum.
    pub digest: StateDigest,
    /// How many records there are.
    pub records: u64,
}

/// Room for one entry in the queue.
pub(crate) struct Room(OwnedSemaphorePermit);

/// What the copy begins with.
pub(crate) enum CopyStart {
    /// An open copy that is as far as the state.
    Opened(folder::OpenCopy, CopyPosition),
    /// Nothing: the state is empty too.
    Empty,
    /// The state was loaded from this snapshot; the copy is filled from it.
    FillFrom(SnapshotFile),
}

/// What the copy does, for metrics.
#[derive(Debug, Default)]
pub struct CopyStatus {
    pub(super) applied: AtomicU64,
    pub(super) failed: AtomicBool,
    pub(super) filling: AtomicBool,
    pub(super) batches: AtomicU64,
    pub(super) records_written: AtomicU64,
}

impl CopyStatus {
    /// The newest log entry in the copy.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    /// Whether sled failed, so that nothing more is written until the next start.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether the copy is still being filled from a snapshot.
    #[must_use]
    pub fn filling(&self) -> bool {
        self.filling.load(Ordering::Relaxed)
    }

    /// How many batches were written since the start.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// How many records were written or removed since the start.
    #[must_use]
    pub fn records_written(&self) -> u64 {
        self.records_written.load(Ordering::Relaxed)
    }
}

/// The thread's end of the apply path.
pub(crate) struct Copier {
    sender: Option<SyncSender<Work>>,
    room: Arc<Semaphore>,
    status: Arc<CopyStatus>,
    thread: Option<JoinHandle<()>>,
}

impl Copier {
    /// Starts the thread.
    pub(crate) fn start(folder: CopyFolder, start: CopyStart) -> std::io::Result<Self> {
        // Every message but the few without an entry holds room, so that the bound of the channel is never met.
        let (sender, receiver) = sync_channel(QUEUE_UNITS as usize + 64);
        let status = Arc::new(CopyStatus::default());
        let writer = writer::Writer::new(folder, start, Arc::clone(&status));
        let thread = crate::fatal::spawn_fatal_thread("state copy", move || {
            follow_behind();
            writer.run(&receiver);
        })?;
        Ok(Self {
            sender: Some(sender),
            room: Arc::new(Semaphore::new(QUEUE_UNITS as usize)),
            status,
            thread: Some(thread),
        })
    }

    pub(crate) fn status(&self) -> &Arc<CopyStatus> {
        &self.status
    }

    /// Waits until the queue has room for an entry's changes: this is how a slow disk slows the applying down.
    pub(crate) async fn room(&self, changes: &[Change]) -> Option<Room> {
        let units = changes.iter().map(units).fold(1, u32::saturating_add);
        let room = Arc::clone(&self.room);
        let permit = room.acquire_many_owned(units.min(QUEUE_UNITS)).await;
        permit.ok().map(Room)
    }

    /// Hands an entry over. Entries come in the order of the log.
    pub(crate) fn entry(
        &self,
        room: Room,
        log_id: LogId,
        membership: Option<Membership>,
        changes: Vec<Change>,
    ) {
        self.tell(Work::Entry {
            log_id,
            membership,
            changes,
            room: room.0,
        });
    }

    /// Asks for the digest as of the newest entry that was handed over.
    pub(crate) fn digest(&self) -> oneshot::Receiver<Summed> {
        let (answer, receiver) = oneshot::channel();
        self.tell(Work::Digest(answer));
        receiver
    }

    /// Asks for everything so far to be written back.
    pub(crate) fn flush(&self) -> oneshot::Receiver<()> {
        let (answer, receiver) = oneshot::channel();
        self.tell(Work::Flush(answer));
        receiver
    }

    /// Begins a new copy from the snapshot that took the place of the state.
    pub(crate) fn replace(&self, snapshot: SnapshotFile) {
        self.tell(Work::Replace(snapshot));
    }

    fn tell(&self, work: Work) {
        if let Some(sender) = &self.sender {
            // The thread ends only after this sender is gone, or with the whole process.
            let _ = sender.send(work);
        }
    }
}

impl Drop for Copier {
    /// Lets the thread write what waits, and ends it.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Begins to fill a copy from a snapshot and stops after its first part, as a node that is killed.
#[cfg(test)]
pub(crate) fn begin_and_abandon(path: &std::path::Path, snapshot: &SnapshotFile) {
    let copy = CopyFolder::new(path.to_owned()).begin();
    let filling = filling::Filling::begin(snapshot);
    if let (Ok(copy), Ok(mut filling)) = (copy, filling) {
        let _ = filling.step(&copy.store);
        let _ = copy.store.flush();
    }
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
