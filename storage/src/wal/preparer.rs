//! The background thread: keeps a next segment ready, and deletes old ones behind a purge that is on disk.

use std::io;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::WalError;
use super::segment::{Segment, UNFINISHED_NAME, segment_name};
use super::shared::{Inner, Preparation, Shared};

/// Works until the log is closed or fails.
pub(super) fn run(shared: &Shared) {
    let mut inner = shared.inner.lock();
    loop {
        if inner.closing || inner.failure.is_some() {
            return;
        }
        let outcome = if let Some(segment) = inner.deletable() {
            MutexGuard::unlocked(&mut inner, || delete(shared, &segment)).map(|()| {
                inner.segments.pop_front();
                // What was deleted may be the room that was missing.
                inner.preparation = Preparation::Going;
            })
        } else if inner.spares.is_empty() && inner.preparation == Preparation::Going {
            prepare_next(shared, &mut inner)
        } else {
            wait(shared, &mut inner);
            continue;
        };
        shared.room.notify_all();
        if let Err(error) = outcome {
            inner.preparing = false;
            return MutexGuard::unlocked(&mut inner, || shared.fail(error, Vec::new()));
        }
    }
}

fn wait(shared: &Shared, inner: &mut MutexGuard<'_, Inner>) {
    inner.preparing = false;
    shared.room.notify_all();
    if inner.preparation == Preparation::Full {
        let wait = shared
            .chores
            .wait_for(inner, shared.config.full_retry_after);
        if wait.timed_out() && !inner.closing {
            inner.preparing = true;
            retry(shared, inner);
        }
    } else {
        shared.chores.wait(inner);
    }
    inner.preparing = true;
}

/// Tries again whether there is space, leaving the sign that there is none up meanwhile.
fn retry(shared: &Shared, inner: &mut MutexGuard<'_, Inner>) {
    let free = MutexGuard::unlocked(inner, || shared.disk.free_bytes());
    if free.is_ok_and(|free| free >= needed_bytes(shared)) {
        inner.preparation = Preparation::Going;
    }
}

fn needed_bytes(shared: &Shared) -> u64 {
    shared
        .config
        .segment_bytes
        .saturating_add(shared.config.keep_free_bytes)
}

fn prepare_next(shared: &Shared, inner: &mut MutexGuard<'_, Inner>) -> Result<(), WalError> {
    let Some(number) = inner
        .segments
        .back()
        .and_then(|stored| stored.segment.number.checked_add(1))
    else {
        return Err(WalError::Config {
            what: "segment numbers are used up",
        });
    };
    match MutexGuard::unlocked(inner, || prepare(shared, number))? {
        Some(segment) => {
            inner.spares.push_back(segment);
            inner.preparation = Preparation::Going;
        }
        None => {
            if inner.preparation == Preparation::Going {
                tracing::warn!(
                    "disk full: no next segment for the write-ahead log, entries will be refused"
                );
            }
            inner.preparation = Preparation::Full;
        }
    }
    Ok(())
}

/// Prepares a segment; `None` if the disk has no space for it.
fn prepare(shared: &Shared, number: u32) -> Result<Option<Segment>, WalError> {
    let disk = shared.disk.as_ref();
    let failed = |action, name: &str| {
        let file = disk.path_of(name);
        move |error| WalError::io(action, file, error)
    };
    let free = disk
        .free_bytes()
        .map_err(failed("measure the space for", UNFINISHED_NAME))?;
    if free < needed_bytes(shared) {
        return Ok(None);
    }
    match Segment::prepare(disk, shared.id, number, shared.config.segment_bytes) {
        Ok(segment) => Ok(Some(segment)),
        Err(WalError::Io { source, .. }) if is_full(&source) => {
            match disk.remove(UNFINISHED_NAME) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(failed("remove", UNFINISHED_NAME)(error))
                }
                _ => Ok(None),
            }
        }
        Err(error) => Err(error),
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Deletes one segment; the next is deleted only when this is on disk, so that no gap can come back.
fn delete(shared: &Shared, segment: &Segment) -> Result<(), WalError> {
    let name = segment_name(segment.number);
    shared
        .disk
        .remove(&name)
        .map_err(segment.failed("remove"))?;
    shared
        .disk
        .sync_dir()
        .map_err(segment.failed("sync the folder of"))
}

/// Keeps a panic of one thread from leaving the callers waiting for ever.
pub(super) struct PanicGuard {
    pub(super) shared: Arc<Shared>,
    pub(super) thread: &'static str,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let failure = WalError::ThreadPanicked {
                thread: self.thread,
            };
            self.shared.fail(failure, Vec::new());
        }
    }
}
