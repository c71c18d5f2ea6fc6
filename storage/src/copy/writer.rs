//! The thread that writes the copy and carries the digest.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::filling::{Filling, Step};
use super::folder::{CopyFolder, OpenCopy};
use super::pending::{Pending, Writes};
use super::store::{CopyError, CopyPosition};
use tokio::time::Instant;

use super::{CopyStart, CopyStatus, Summed, Work};
use crate::snapshot::SnapshotFile;

/// How long changes are gathered at the most: the copy's lag when little happens.
const GATHER_TIME: Duration = Duration::from_millis(100);

/// How many entries are taken between two parts of a filling.
const ENTRIES_PER_STEP: usize = 64;

/// Where the writing goes.
enum Target {
    /// A whole copy.
    Copy(OpenCopy),
    /// A copy that is still being filled.
    Filling(OpenCopy, Box<Filling>),
    /// There is none yet, and the state is empty.
    NotBegun,
    /// Nowhere: sled failed. The next start builds the copy anew.
    Failed,
}

/// The thread's own state.
pub(super) struct Writer {
    folder: CopyFolder,
    target: Target,
    position: CopyPosition,
    pending: Pending,
    /// Since when something waits to be written.
    waiting_since: Option<Instant>,
    status: Arc<CopyStatus>,
}

impl Writer {
    pub(super) fn new(folder: CopyFolder, start: CopyStart, status: Arc<CopyStatus>) -> Self {
        let mut writer = Self {
            folder,
            target: Target::NotBegun,
            position: CopyPosition::default(),
            pending: Pending::default(),
            waiting_since: None,
            status,
        };
        match start {
            CopyStart::Opened(copy, position) => {
                writer
                    .folder
                    .remove_older(copy.number)
                    .unwrap_or_else(|error| {
                        tracing::warn!(%error, "old copies of the state could not be removed");
                    });
                writer.target = Target::Copy(copy);
                writer.position = position;
            }
            CopyStart::Empty => {}
            CopyStart::FillFrom(snapshot) => writer.fill_from(&snapshot),
        }
        writer.report();
        writer
    }

    /// Works until the other end is gone, then writes what is left.
    pub(super) fn run(mut self, work: &Receiver<Work>) {
        loop {
            match self.next(work) {
                Ok(next) => self.take(next),
                Err(RecvTimeoutError::Timeout) => self.write(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            for _ in 0..ENTRIES_PER_STEP {
                match work.try_recv() {
                    Ok(next) => self.take(next),
                    Err(_) => break,
                }
            }
            self.fill();
        }
        self.write();
        self.flush();
    }

    /// Waits for work: while a copy is being filled not at all, else as long as what was gathered may wait.
    fn next(&self, work: &Receiver<Work>) -> Result<Work, RecvTimeoutError> {
        if matches!(self.target, Target::Filling(..)) {
            return work.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
        match self.waiting_since {
            None => work.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(since) => work.recv_timeout(GATHER_TIME.saturating_sub(since.elapsed())),
        }
    }

    fn take(&mut self, work: Work) {
        match work {
            Work::Entry {
                log_id,
                membership,
                changes,
                room,
            } => {
                self.position.last_applied = Some(log_id);
                if let Some(membership) = membership {
                    self.position.membership = membership;
                }
                self.pending.add(changes);
                self.waiting_since
                    .get_or_insert_with(tokio::time::Instant::now);
                drop(room);
                if self.pending.is_full() {
                    self.write();
                }
            }
            Work::Digest(answer) => {
                self.write();
                // Who asked may have given up.
                let _ = answer.send(Summed {
                    last_applied: self.position.last_applied,
                    digest: self.position.digest,
                    records: self.position.records,
                });
            }
            Work::Flush(answer) => {
                self.write();
                self.flush();
                let _ = answer.send(());
            }
            Work::Replace(snapshot) => {
                self.pending = Pending::default();
                self.waiting_since = None;
                self.fill_from(&snapshot);
            }
        }
    }

    /// Brings what was gathered into the digest and into sled.
    fn write(&mut self) {
        if self.waiting_since.take().is_none() {
            return;
        }
        let made = match self.pending.encode(&mut self.position.digest) {
            Ok(made) => made,
            // What was applied was encoded for the log before; if this fails, the digest cannot be trusted any more.
            Err(error) => crate::fatal::end_process("state copy", &error.to_string()),
        };
        self.position.records = self.position.records.saturating_add_signed(made.added);
        let count = made.writes.len() as u64;
        if let Err(error) = self.put(made) {
            self.fail(&error);
        }
        self.status.batches.fetch_add(1, Ordering::Relaxed);
        self.status
            .records_written
            .fetch_add(count, Ordering::Relaxed);
        self.report();
    }

    fn put(&mut self, made: Writes) -> Result<(), CopyError> {
        if matches!(self.target, Target::NotBegun) {
            return self.put_first(made);
        }
        match &mut self.target {
            Target::Copy(copy) => copy.store.write(made.writes, Some(&self.position)),
            Target::Filling(copy, filling) => {
                filling.note(&made.writes);
                copy.store.write(made.writes, None)
            }
            Target::NotBegun | Target::Failed => Ok(()),
        }
    }

    /// Begins a copy with its first changes. They go to the files at once: from then on a start takes a copy without them
    /// for a damaged one.
    fn put_first(&mut self, made: Writes) -> Result<(), CopyError> {
        if self.position.last_applied.is_none() {
            return Ok(());
        }
        let copy = self.folder.begin()?;
        copy.store.write(made.writes, Some(&self.position))?;
        copy.store.flush()?;
        self.folder.note_written()?;
        self.target = Target::Copy(copy);
        Ok(())
    }

    /// Fills in the next part of a snapshot, if a filling is under way.
    fn fill(&mut self) {
        let Target::Filling(copy, filling) = &mut self.target else {
            return;
        };
        match filling.step(&copy.store) {
            Ok(Step::More) => {}
            Ok(Step::Complete) => {
                if let Target::Filling(copy, _) =
                    std::mem::replace(&mut self.target, Target::Failed)
                {
                    self.target = Target::Copy(copy);
                    // Writes the position, which makes the copy whole.
                    self.waiting_since
                        .get_or_insert_with(tokio::time::Instant::now);
                    self.write();
                    tracing::info!("the persistent copy of the state is complete");
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Begins a new copy with what a snapshot holds.
    fn fill_from(&mut self, snapshot: &SnapshotFile) {
        // The old database is closed before its folder is removed.
        self.target = Target::Failed;
        let begun = self.begin_filling(snapshot);
        match begun {
            Ok(target) => self.target = target,
            Err(error) => self.fail(&error),
        }
        self.report();
    }

    fn begin_filling(&mut self, snapshot: &SnapshotFile) -> Result<Target, CopyError> {
        let info = snapshot
            .info()
            .map_err(|error| CopyError::Snapshot(error.to_string()))?;
        self.position = CopyPosition {
            last_applied: info.head.last_log_id,
            membership: info.head.membership.clone(),
            digest: info.totals.digest,
            records: info.totals.records,
        };
        let filling = Filling::begin(snapshot)?;
        let copy = self.folder.begin()?;
        self.folder.note_written()?;
        Ok(Target::Filling(copy, Box::new(filling)))
    }

    fn flush(&mut self) {
        if let Target::Copy(copy) | Target::Filling(copy, _) = &self.target
            && let Err(error) = copy.store.flush()
        {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &CopyError) {
        tracing::error!(
            %error,
            "the persistent copy of the state failed; the node goes on without it and builds it anew at its next start"
        );
        self.target = Target::Failed;
        self.status.failed.store(true, Ordering::Relaxed);
        // From here on the node lives without a copy, and the next start builds one anew: that is no first life.
        if let Err(error) = self.folder.note_written() {
            tracing::error!(%error, "the next start may take this life of the node for its first");
        }
    }

    fn report(&self) {
        let applied = self.position.last_applied.map_or(0, |last| last.index);
        self.status.applied.store(applied, Ordering::Relaxed);
        let filling = matches!(self.target, Target::Filling(..));
        self.status.filling.store(filling, Ordering::Relaxed);
    }
}
