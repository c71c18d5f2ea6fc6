//! The write-ahead log: entries, vote, `committed`, truncations and purges as one stream of records in segment files.
//!
//! It knows nothing of Raft's types: payloads are opaque. Records become durable in groups (frames), one fdatasync
//! each, written by one thread; a frame is begun only when the one before is on disk. What a power cut leaves is
//! told apart from damage exactly (see `scan`), and damage is never repaired by forgetting.

mod config;
mod error;
mod frame;
mod index;
mod open;
mod preparer;
mod read;
mod record;
mod replay;
mod scan;
mod sector;
mod segment;
mod shared;
mod status;
mod writer;

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use bytes::Bytes;

pub use config::{OpenMode, STATE_PAYLOAD_BYTES_MAX, WalConfig, WalId};
pub use error::{Damage, WalError};
pub use shared::{Done, Durability, FatalHook};
pub use status::{Room, Space, WalState, WalStatus};

use record::Record;
use shared::{Class, Item, Preparation, Shared, check_state_payload, entry_cost};

/// An open log. Dropping it writes what is queued and ends its threads.
pub struct Wal {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Wal {
    /// Gives the id that the log was created with.
    #[must_use]
    pub fn id(&self) -> WalId {
        self.shared.id
    }

    /// Adds entries at the end; `done` is called when the last of them is on disk.
    ///
    /// They can be read as soon as this returns. Indexes must follow the last entry, or the purge if none is live.
    /// Blocks while more than `queue_bytes_max` wait for the disk.
    ///
    /// # Errors
    /// On an error `done` is dropped without being called. [`WalError::StorageFull`] leaves votes possible, and of a
    /// very large append its first entries may have been added; every other entry is refused as a whole.
    pub fn append(&self, entries: Vec<(u64, Bytes)>, done: Done) -> Result<(), WalError> {
        let bytes_max = self.shared.config.entry_bytes_max();
        if let Some((_, payload)) = entries
            .iter()
            .find(|(_, payload)| payload.len() > bytes_max)
        {
            return Err(WalError::RecordTooLarge {
                bytes: payload.len(),
                bytes_max,
            });
        }
        if let Some((found, expected)) = entries
            .iter()
            .zip(entries.iter().skip(1))
            .map(|((before, _), (index, _))| (*index, before.saturating_add(1)))
            .find(|(index, expected)| index != expected)
        {
            return Err(WalError::OutOfOrder { expected, found });
        }
        let limit = self.shared.config.queue_limit_bytes();
        let mut part = Vec::new();
        let mut part_bytes = 0;
        for (index, payload) in entries {
            let record = Record::Entry { index, payload };
            let item = Item {
                record: Some(record),
                ticket: 0,
                durability: Durability::Lazy,
            };
            let cost = item.cost();
            if part_bytes + cost > limit && !part.is_empty() {
                self.append_part(std::mem::take(&mut part), part_bytes, None)?;
                part_bytes = 0;
            }
            part_bytes += cost;
            part.push(item);
        }
        self.append_part(part, part_bytes, Some(done))
    }

    fn append_part(&self, part: Vec<Item>, cost: u64, done: Option<Done>) -> Result<(), WalError> {
        let mut inner = self.shared.admit(cost, Class::Entry)?;
        if let Some(Record::Entry { index, .. }) =
            part.first().and_then(|item| item.record.as_ref())
        {
            inner.index.check_next(*index)?;
        }
        for mut item in part {
            if let Some(Record::Entry { index, payload }) = &item.record {
                item.ticket = inner.index.append(*index, payload.clone())?;
            }
            inner.push(item);
        }
        if let Some(done) = done {
            let mark = Item {
                record: None,
                ticket: 0,
                durability: Durability::Synced(done),
            };
            self.shared.hand_over(&mut inner, mark);
        }
        Ok(())
    }

    /// Tells whether entries with payloads of these lengths, in bytes, find a place beside all that is queued.
    ///
    /// On a disk that is running full, `left_bytes` must be left behind them.
    #[must_use]
    pub fn room_for(&self, payloads: &[usize], left_bytes: u64) -> Room {
        let cost = payloads.iter().map(|bytes| entry_cost(*bytes)).sum();
        let inner = self.shared.inner.lock();
        inner.room_of(cost, left_bytes, &self.shared.config)
    }

    /// Replaces the vote; `done` is called when it is on disk. Uses the reserve when the disk is full.
    ///
    /// # Errors
    /// On an error `done` is dropped without being called.
    pub fn save_vote(&self, payload: Bytes, done: Done) -> Result<(), WalError> {
        check_state_payload(&payload)?;
        let record = Record::Vote(payload.clone());
        self.shared
            .enqueue(record, Durability::Synced(done), |inner| {
                inner.marks.vote = Some(payload);
                Ok(())
            })
    }

    /// Replaces the `committed` position. Uses the reserve when the disk is full.
    ///
    /// # Errors
    /// On an error the callback is dropped without being called.
    pub fn save_committed(&self, payload: Bytes, durability: Durability) -> Result<(), WalError> {
        check_state_payload(&payload)?;
        let record = Record::Committed(payload.clone());
        self.shared.enqueue(record, durability, |inner| {
            inner.marks.committed = Some(payload);
            Ok(())
        })
    }

    /// Drops all entries from `from` on, at once for readers. Uses the reserve when the disk is full.
    ///
    /// Lazy is enough for Raft: whatever is appended afterwards comes later in the stream.
    ///
    /// # Errors
    /// [`WalError::TruncatesPurged`]; on an error the callback is dropped without being called.
    pub fn truncate(&self, from: u64, durability: Durability) -> Result<(), WalError> {
        self.shared
            .enqueue(Record::Truncate { from }, durability, |inner| {
                inner.index.truncate(from)
            })
    }

    /// Drops all entries up to `upto`, at once for readers, and remembers `payload` as what the last of them was.
    ///
    /// Segments that hold nothing else are deleted in the background once the purge is on disk, but one older than
    /// the one being written always stays. `upto` may lie beyond the last entry; entries then go on behind it.
    /// Without progress over an earlier purge nothing changes. Uses the reserve when the disk is full.
    ///
    /// # Errors
    /// On an error the callback is dropped without being called.
    pub fn purge(&self, upto: u64, payload: Bytes, durability: Durability) -> Result<(), WalError> {
        check_state_payload(&payload)?;
        let record = Record::Purge {
            upto,
            payload: payload.clone(),
        };
        let item = Item {
            record: Some(record),
            ticket: 0,
            durability,
        };
        let mut inner = self.shared.admit(item.cost(), Class::Reserved)?;
        let item = match inner.index.purge(upto, payload) {
            true => item,
            false => Item {
                record: None,
                ..item
            },
        };
        self.shared.hand_over(&mut inner, item);
        Ok(())
    }

    /// Calls `done` when everything that was accepted before is on disk, lazy records included.
    ///
    /// # Errors
    /// On an error `done` is dropped without being called.
    pub fn flush(&self, done: Done) -> Result<(), WalError> {
        let mut inner = self.shared.admit(0, Class::Reserved)?;
        let mark = Item {
            record: None,
            ticket: 0,
            durability: Durability::Synced(done),
        };
        self.shared.hand_over(&mut inner, mark);
        Ok(())
    }

    /// Flushes, and waits until the background work that this started has ended too.
    ///
    /// # Errors
    /// Whatever stopped the log.
    pub fn settle(&self) -> Result<(), WalError> {
        wait_for(|done| self.flush(done))?;
        let mut inner = self.shared.inner.lock();
        loop {
            inner.check_open()?;
            let chores = inner.preparing
                || inner.deletable().is_some()
                || (inner.spares.is_empty() && inner.preparation == Preparation::Going);
            if !chores && !inner.writing {
                return Ok(());
            }
            self.shared.chores.notify_one();
            self.shared.room.wait(&mut inner);
        }
    }

    /// Reads the live entries of a range of indexes, unsynced ones included, in order.
    ///
    /// Stops before the sum of the payloads exceeds `bytes_max`, but gives at least one entry if there is one.
    /// Purged and missing indexes are left out. Blocks on the disk for what is no longer in memory.
    ///
    /// # Errors
    /// [`WalError::Corrupt`] when a sector fails its checksum, and whatever the file system reports.
    pub fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<(u64, Bytes)>, WalError> {
        read::read(&self.shared, range, bytes_max)
    }

    /// Gives vote, `committed`, purge and the bounds of the log, unsynced changes included.
    #[must_use]
    pub fn state(&self) -> WalState {
        let inner = self.shared.inner.lock();
        WalState {
            vote: inner.marks.vote.clone(),
            committed: inner.marks.committed.clone(),
            purged: inner.index.purged().cloned(),
            first_index: inner.index.first(),
            last_index: inner.index.last(),
        }
    }

    /// Sums up the payloads of the live entries above an index in bytes, in constant time.
    #[must_use]
    pub fn payload_bytes_after(&self, index: u64) -> u64 {
        self.shared.inner.lock().index.payload_bytes_after(index)
    }

    /// Gives figures for metrics, the snapshot policy and operators.
    #[must_use]
    pub fn status(&self) -> WalStatus {
        let inner = self.shared.inner.lock();
        let stored = inner.segments.iter().map(|stored| stored.segment.bytes);
        let spares = inner.spares.iter().map(|segment| segment.bytes);
        WalStatus {
            bytes: stored.chain(spares).sum(),
            segments: inner.segments.len() + inner.spares.len(),
            first_index: inner.index.first(),
            last_index: inner.index.last(),
            purged_index: inner.index.purged_upto(),
            bytes_since_purge: inner.index.payload_bytes(),
            frames: inner.frames,
            queued_bytes: inner.queued_bytes,
            space: inner.space(&self.shared.config),
            poisoned: inner.failure.is_some(),
            repaired: inner.repaired,
        }
    }
}

/// Runs an operation that takes a callback and blocks until its outcome is known.
///
/// # Errors
/// What the operation itself or its callback reports.
pub fn wait_for(start: impl FnOnce(Done) -> Result<(), WalError>) -> Result<(), WalError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    start(Box::new(move |outcome| {
        // The receiver waits below and cannot be gone.
        let _ = sender.send(outcome);
    }))?;
    receiver.recv().unwrap_or(Err(WalError::Closed))
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
