//! The life of a log: opening or creating it, its two threads, and closing it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::config::SEGMENT_COST_BYTES;
use super::index::{Index, Start};
use super::preparer::{self, PanicGuard};
use super::replay::{self, Marks, Replayed, Stored};
use super::segment::Segment;
use super::shared::{FatalHook, Inner, Preparation, Shared};
use super::writer::Writer;
use super::{OpenMode, Wal, WalConfig, WalError, WalId};
use crate::disk::{Disk, SECTOR_BYTES};

impl Wal {
    /// Opens or creates the log in a folder that nobody else uses.
    ///
    /// Reads every segment and blocks meanwhile. `fatal` is called once when a later write fails; the process is
    /// expected to end there.
    ///
    /// # Errors
    /// [`WalError::Corrupt`] when the files hold what no power cut can leave, [`WalError::Missing`] and
    /// [`WalError::AlreadyExists`] against the mode, and whatever the file system reports.
    pub fn open(
        disk: Arc<dyn Disk>,
        config: WalConfig,
        mode: OpenMode,
        fatal: FatalHook,
    ) -> Result<Self, WalError> {
        config.check()?;
        replay::settle_folder(disk.as_ref())?;
        let numbers = replay::list_segments(disk.as_ref())?;
        let replayed = match (mode, numbers.is_empty()) {
            (OpenMode::Create(id), true) => create(disk.as_ref(), &config, id)?,
            (OpenMode::Create(_), false) => {
                return Err(WalError::AlreadyExists {
                    folder: disk.path_of("."),
                });
            }
            (OpenMode::Existing, _) => replay::replay(disk.as_ref(), &config, &numbers)?,
        };
        Self::start(disk, config, replayed, fatal)
    }

    fn start(
        disk: Arc<dyn Disk>,
        config: WalConfig,
        replayed: Replayed,
        fatal: FatalHook,
    ) -> Result<Self, WalError> {
        let Some(active) = replayed
            .segments
            .back()
            .map(|stored| stored.segment.clone())
        else {
            return Err(WalError::Missing {
                folder: disk.path_of("."),
            });
        };
        let shared = Arc::new(Shared {
            disk,
            config,
            id: replayed.id,
            fatal,
            inner: Mutex::new(Inner {
                purged_durably: replayed.index.purged_upto(),
                index: replayed.index,
                marks: replayed.marks,
                queue: VecDeque::new(),
                queued_bytes: 0,
                urgent: 0,
                pressed: false,
                writing: false,
                segments: replayed.segments,
                spares: replayed.spares,
                room_bytes: room_bytes(&active, replayed.offset),
                preparation: Preparation::Going,
                preparing: true,
                frames: replayed.sequence - 1,
                failure: None,
                closing: false,
                repaired: replayed.repaired,
            }),
            work: Condvar::new(),
            room: Condvar::new(),
            chores: Condvar::new(),
        });
        let mut wal = Self {
            shared,
            threads: Vec::with_capacity(2),
        };
        let writer = Writer::new(
            Arc::clone(&wal.shared),
            active,
            replayed.offset,
            replayed.sequence,
        );
        wal.spawn("wal-writer", move || writer.run())?;
        let shared = Arc::clone(&wal.shared);
        wal.spawn("wal-preparer", move || preparer::run(&shared))?;
        Ok(wal)
    }

    fn spawn(
        &mut self,
        thread: &'static str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), WalError> {
        let guard = PanicGuard {
            shared: Arc::clone(&self.shared),
            thread,
        };
        let handle = std::thread::Builder::new()
            .name(thread.to_owned())
            .spawn(move || {
                let _guard = guard;
                work();
            })
            .map_err(|error| {
                WalError::io("start the threads of", self.shared.disk.path_of("."), error)
            })?;
        self.threads.push(handle);
        Ok(())
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        self.shared.inner.lock().closing = true;
        self.shared.work.notify_all();
        self.shared.room.notify_all();
        self.shared.chores.notify_all();
        let this_thread = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // A hook or callback may own the last handle; a thread cannot wait for itself.
            if thread.thread().id() != this_thread {
                // A panic has been reported by the thread's guard.
                let _ = thread.join();
            }
        }
    }
}

fn create(disk: &dyn Disk, config: &WalConfig, id: WalId) -> Result<Replayed, WalError> {
    let segment = Segment::prepare(disk, id, 1, config.first_segment_bytes)?;
    Ok(Replayed {
        id,
        index: Index::new(Start::Known, config.cache_bytes_max),
        marks: Marks::default(),
        segments: VecDeque::from([Stored {
            segment,
            index_max: None,
        }]),
        spares: VecDeque::new(),
        offset: SECTOR_BYTES as u64,
        sequence: 1,
        repaired: false,
    })
}

/// Bytes that changes may take of a segment in which the next frame goes to `offset`.
fn room_bytes(segment: &Segment, offset: u64) -> u64 {
    let sector = SECTOR_BYTES as u64;
    match offset > sector {
        true => segment.bytes.saturating_sub(offset + sector),
        false => segment.bytes.saturating_sub(SEGMENT_COST_BYTES),
    }
}
