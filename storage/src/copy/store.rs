//! The sled database of the copy: one tree, because a batch of sled is atomic within one tree only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use raftgate_model::state::{Record, RecordKey};
use serde::{Deserialize, Serialize};

use super::key::{POSITION, copy_key, record_key};
use super::pending::Write;
use crate::codec::{self, CONTROL_BYTES_MAX, DecodeError, EncodeError};
use crate::digest::StateDigest;
use crate::snapshot::Progress;
use crate::types::{LogId, Membership};

/// How much of the database sled keeps in memory, in bytes; its default is 1 GiB.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// How often sled writes back what it holds, in milliseconds. Durability is the log's; this only shortens replays.
const FLUSH_EVERY_MS: u64 = 5000;

/// How many records are read between two words on the progress.
const REPORT_EVERY: u64 = if cfg!(test) { 20 } else { 50_000 };

/// How many records are read at a time, and how many chunks of them ahead.
const CHUNK_RECORDS: usize = 1024;
const CHUNKS_AHEAD: usize = 4;

/// Records as sled hands them out.
type Chunk = Vec<(sled::IVec, sled::IVec)>;

/// How often opening is tried while the database is locked; the data directory's own lock keeps other processes out.
const OPEN_ATTEMPTS: u32 = 200;
/// How long to wait in between.
const OPEN_PAUSE: Duration = Duration::from_millis(25);

/// How many writes a lookup follows.
///
/// sled frees replaced pages a few at a time, every so many operations, and a batch counts as one operation however
/// many pages it replaces. Without lookups in between, a node that only issues tokens holds gigabytes of dead pages.
const WRITES_PER_LOOKUP: usize = 2;

/// How far the copy is; stands in the same batch as the changes that led there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CopyPosition {
    /// The newest entry in the copy.
    pub(crate) last_applied: Option<LogId>,
    /// The cluster's members as of that entry.
    pub(crate) membership: Membership,
    /// The sum over all records.
    pub(crate) digest: StateDigest,
    /// How many records there are.
    pub(crate) records: u64,
}

/// Why the copy cannot be used. Never the end of a node: the copy is built anew from a snapshot or the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("sled: {0}")]
    Sled(#[from] sled::Error),
    #[error("sled panicked: {0}")]
    Panicked(String),
    #[error("it has no position: it was never completed")]
    NoPosition,
    #[error("it says that it holds {expected} records, but {found} were found")]
    Count { expected: u64, found: u64 },
    #[error("its records have digest {found}, its position says {expected}")]
    Digest {
        expected: StateDigest,
        found: StateDigest,
    },
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("{0}")]
    Encode(#[from] EncodeError),
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("the snapshot to fill it from: {0}")]
    Snapshot(String),
}

/// An open database.
pub(super) struct Store {
    tree: sled::Tree,
    // The tree works only as long as its database is held.
    _database: sled::Db,
}

/// Runs something of sled's, which panics on some kinds of damage.
fn caught<T>(action: impl FnOnce() -> Result<T, CopyError>) -> Result<T, CopyError> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(CopyError::Panicked(text.unwrap_or("no reason").to_owned()))
    })
}

impl Store {
    /// Opens or creates the database in a folder.
    pub(super) fn open(path: &Path) -> Result<Self, CopyError> {
        caught(|| {
            let database = open_database(path)?;
            let tree = database.open_tree("state")?;
            Ok(Self {
                tree,
                _database: database,
            })
        })
    }

    /// Reads and checks everything; `put` is given each record, while another thread reads on.
    pub(super) fn load(
        &self,
        put: impl FnMut(&RecordKey, Record),
        progress: &mut dyn FnMut(Progress),
    ) -> Result<CopyPosition, CopyError> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
            let reading = scope.spawn(move || self.read(&sender));
            // Ends with the reader, or at the first record that is wrong; the reader ends then too.
            let sorted = Sorted::of(receiver, put, progress);
            let read = reading
                .join()
                .unwrap_or_else(|_| Err(CopyError::Panicked("the reader".to_owned())));
            read.and(sorted)?.checked()
        })
    }

    /// Hands over all that sled holds, in chunks, as long as somebody takes them.
    fn read(&self, to: &SyncSender<Chunk>) -> Result<(), CopyError> {
        caught(|| {
            let mut chunk = Vec::with_capacity(CHUNK_RECORDS);
            for item in &self.tree {
                chunk.push(item?);
                if chunk.len() >= CHUNK_RECORDS {
                    let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_RECORDS));
                    if to.send(full).is_err() {
                        return Ok(());
                    }
                }
            }
            // Nobody takes it any more only after an error of its own.
            let _ = to.send(chunk);
            Ok(())
        })
    }

    /// Writes changes and the position that they lead to, all or nothing; without a position the copy counts as
    /// incomplete until it has one.
    pub(super) fn write(
        &self,
        writes: Vec<Write>,
        position: Option<&CopyPosition>,
    ) -> Result<(), CopyError> {
        caught(|| {
            let mut batch = sled::Batch::default();
            let lookups = writes.len() / WRITES_PER_LOOKUP;
            for (place, value) in writes {
                match value {
                    Some(value) => batch.insert(place, value),
                    None => batch.remove(place),
                }
            }
            if let Some(position) = position {
                let value = codec::encode("position", position, CONTROL_BYTES_MAX)?;
                batch.insert(POSITION, value);
            }
            self.tree.apply_batch(batch)?;
            for _ in 0..lookups {
                self.tree.get(POSITION)?;
            }
            Ok(())
        })
    }

    /// Writes back what sled still holds; not durable even then.
    pub(super) fn flush(&self) -> Result<(), CopyError> {
        caught(|| {
            self.tree.flush()?;
            Ok(())
        })
    }
}

/// Opens a database; one that this process closed a moment ago may still be locked by threads of sled's own.
fn open_database(path: &Path) -> Result<sled::Db, CopyError> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(FLUSH_EVERY_MS));
    let mut attempts = OPEN_ATTEMPTS;
    loop {
        attempts = attempts.saturating_sub(1);
        match config.open() {
            Err(sled::Error::Io(error)) if attempts > 0 && is_locked(&error) => {
                std::thread::sleep(OPEN_PAUSE);
            }
            opened => return Ok(opened?),
        }
    }
}

fn is_locked(error: &std::io::Error) -> bool {
    // sled makes an error of its own, of kind `Other`, out of the system's.
    error.to_string().contains("could not acquire lock")
}

/// What a reading came to.
#[derive(Default)]
struct Sorted {
    position: Option<CopyPosition>,
    digest: StateDigest,
    records: u64,
}

impl Sorted {
    /// Decodes everything that comes and gives the records out.
    fn of(
        chunks: Receiver<Chunk>,
        mut put: impl FnMut(&RecordKey, Record),
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, CopyError> {
        let mut sorted = Self::default();
        for (place, value) in chunks.into_iter().flatten() {
            if *place == *POSITION {
                let position = codec::decode("position", &value, CONTROL_BYTES_MAX)?;
                sorted.position = Some(position);
                continue;
            }
            let key = record_key(&place)?;
            let record = codec::decode_record(&key, &value)?;
            if copy_key(&key, &record)? != *place {
                return Err(CopyError::Decode(DecodeError::Malformed {
                    what: "record of the persistent copy",
                    reason: "it does not belong under its key".to_owned(),
                }));
            }
            sorted.digest.add(&codec::encode_key(&key)?, &value);
            sorted.records = sorted.records.saturating_add(1);
            put(&key, record);
            if sorted.records.is_multiple_of(REPORT_EVERY) {
                // The position stands before the records.
                let total = sorted.position.as_ref().map_or(0, |all| all.records);
                let done = sorted.records;
                progress(Progress { done, total });
            }
        }
        Ok(sorted)
    }

    /// The position, if the records are those that it speaks of.
    fn checked(self) -> Result<CopyPosition, CopyError> {
        let position = self.position.ok_or(CopyError::NoPosition)?;
        if position.records != self.records {
            return Err(CopyError::Count {
                expected: position.records,
                found: self.records,
            });
        }
        if position.digest != self.digest {
            return Err(CopyError::Digest {
                expected: position.digest,
                found: self.digest,
            });
        }
        Ok(position)
    }
}
