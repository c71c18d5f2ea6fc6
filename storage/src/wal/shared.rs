//! What the callers, the writer and the preparer share under one lock: the queue, the live log and its segments.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::config::SEGMENT_COST_BYTES;
use super::index::Index;
use super::record::Record;
use super::replay::{Marks, Stored};
use super::sector::{HEADER_BYTES, frame_bytes};
use super::segment::Segment;
use super::{Room, Space, WalConfig, WalError, WalId};
use crate::disk::Disk;

/// Called once with the outcome, on the log's own thread; must not wait and must not call the log.
pub type Done = Box<dyn FnOnce(Result<(), WalError>) + Send>;

/// Called once when the log has failed for good; the process is expected to end.
pub type FatalHook = Arc<dyn Fn(&WalError) + Send + Sync>;

/// Whether a record is synced by itself or rides on the next one that is.
pub enum Durability {
    /// Written with the next synced record, or after a short while; order is kept.
    Lazy,
    /// Written and synced at once; the callback learns the outcome.
    Synced(Done),
}

/// What a queued change may use when the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Everything but the reserve.
    Entry,
    /// The reserve too.
    Reserved,
}

/// A change on its way to the writer.
pub(super) struct Item {
    /// `None` only marks a place in the order.
    pub(super) record: Option<Record>,
    /// The ticket that the index gave to an entry.
    pub(super) ticket: u64,
    pub(super) durability: Durability,
}

impl Item {
    /// Bytes on disk if the record gets a frame of its own.
    pub(super) fn cost(&self) -> u64 {
        self.record
            .as_ref()
            .map_or(0, |record| frame_bytes(record.encoded_bytes()))
    }

    fn is_synced(&self) -> bool {
        matches!(self.durability, Durability::Synced(_))
    }
}

/// Bytes on disk of an entry that gets a frame of its own.
pub(super) fn entry_cost(payload_bytes: usize) -> u64 {
    frame_bytes(payload_bytes.saturating_add(HEADER_BYTES))
}

/// What the preparer is doing about a next segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preparation {
    /// A segment is ready, or will be soon.
    Going,
    /// The disk is too full.
    Full,
}

pub(super) struct Inner {
    pub(super) index: Index,
    pub(super) marks: Marks,
    pub(super) queue: VecDeque<Item>,
    /// Sum of the costs of the queue.
    pub(super) queued_bytes: u64,
    /// How many items of the queue must not wait.
    pub(super) urgent: usize,
    /// A caller waits for room, so lazy records must not wait any longer.
    pub(super) pressed: bool,
    /// A frame is being written, or its callbacks run.
    pub(super) writing: bool,
    /// Segments up to the one being written.
    pub(super) segments: VecDeque<Stored>,
    pub(super) spares: VecDeque<Segment>,
    /// Bytes of the segment being written that changes may still take.
    pub(super) room_bytes: u64,
    pub(super) preparation: Preparation,
    /// The preparer is at work.
    pub(super) preparing: bool,
    /// The last purge that is on disk.
    pub(super) purged_durably: Option<u64>,
    pub(super) frames: u64,
    pub(super) failure: Option<WalError>,
    pub(super) closing: bool,
    pub(super) repaired: bool,
}

/// The lock, and what the three parties wait for.
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) config: WalConfig,
    pub(super) id: WalId,
    pub(super) fatal: FatalHook,
    pub(super) inner: Mutex<Inner>,
    /// The writer waits here for work.
    pub(super) work: Condvar,
    /// Callers, and the writer at the end of a segment, wait here for room.
    pub(super) room: Condvar,
    /// The preparer waits here.
    pub(super) chores: Condvar,
}

impl Inner {
    /// Refuses everything after a failure or while closing.
    pub(super) fn check_open(&self) -> Result<(), WalError> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None if self.closing => Err(WalError::Closed),
            None => Ok(()),
        }
    }

    /// Bytes that a change may still take from the segment being written, beside all that is queued.
    fn room_for(&self, class: Class, config: &WalConfig) -> u64 {
        let reserve = match class {
            Class::Entry => config.reserve_bytes,
            Class::Reserved => 0,
        };
        self.room_bytes
            .saturating_sub(self.queued_bytes.saturating_add(reserve))
    }

    /// Tells whether the change surely finds a place: all that is queued fits into the present segment with it,
    /// or all that is queued fits into the next one with it.
    fn fits(&self, cost: u64, class: Class, config: &WalConfig) -> bool {
        if cost <= self.room_for(class, config) {
            return true;
        }
        let Some(spare) = self.spares.front() else {
            return false;
        };
        let reserve = match class {
            Class::Entry => config.reserve_bytes,
            Class::Reserved => 0,
        };
        let taken = SEGMENT_COST_BYTES + reserve;
        self.queued_bytes.saturating_add(cost).saturating_add(taken) <= spare.bytes
    }

    /// Tells the same of entries before they are appended; on a full disk, so many bytes must be left behind them.
    pub(super) fn room_of(&self, cost: u64, left_bytes: u64, config: &WalConfig) -> Room {
        if cost > config.append_room_bytes() {
            return Room::None;
        }
        if self.preparation == Preparation::Full && self.spares.is_empty() {
            let room_bytes = self.room_for(Class::Entry, config);
            return if cost.saturating_add(left_bytes) <= room_bytes {
                Room::Ready
            } else {
                Room::None
            };
        }
        if self.fits(cost, Class::Entry, config) {
            Room::Ready
        } else {
            Room::Soon
        }
    }

    pub(super) fn space(&self, config: &WalConfig) -> Space {
        match self.preparation {
            Preparation::Going => Space::Ample,
            Preparation::Full => Space::Low {
                room_bytes: self.room_for(Class::Entry, config),
            },
        }
    }

    pub(super) fn push(&mut self, item: Item) {
        self.queued_bytes += item.cost();
        if item.is_synced() {
            self.urgent += 1;
        }
        self.queue.push_back(item);
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        self.queued_bytes = self.queued_bytes.saturating_sub(item.cost());
        if item.is_synced() {
            self.urgent = self.urgent.saturating_sub(1);
        }
        Some(item)
    }

    pub(super) fn segment(&self, number: u32) -> Option<&Segment> {
        let oldest = self.segments.front()?.segment.number;
        let position = usize::try_from(number.checked_sub(oldest)?).ok()?;
        self.segments.get(position).map(|stored| &stored.segment)
    }

    /// Gives the oldest segment if nothing in it is needed and an older one than the active stays.
    pub(super) fn deletable(&self) -> Option<Segment> {
        if self.segments.len() <= 2 {
            return None;
        }
        let oldest = self.segments.front()?;
        let needed = oldest
            .index_max
            .is_some_and(|index| self.purged_durably.is_none_or(|purged| index > purged));
        (!needed).then(|| oldest.segment.clone())
    }
}

impl Shared {
    /// Waits until a change of `cost` bytes surely finds a place, and gives the lock with it.
    pub(super) fn admit(
        &self,
        cost: u64,
        class: Class,
    ) -> Result<parking_lot::MutexGuard<'_, Inner>, WalError> {
        let mut inner = self.inner.lock();
        loop {
            inner.check_open()?;
            let queue_open = inner.queued_bytes == 0
                || class == Class::Reserved
                || inner.queued_bytes.saturating_add(cost) <= self.config.queue_limit_bytes();
            if queue_open {
                if inner.fits(cost, class, &self.config) {
                    return Ok(inner);
                }
                if inner.preparation == Preparation::Full && inner.spares.is_empty() {
                    return Err(WalError::StorageFull {
                        needed_bytes: cost,
                        room_bytes: inner.room_for(class, &self.config),
                    });
                }
            }
            inner.pressed = true;
            self.work.notify_one();
            self.room.wait(&mut inner);
        }
    }

    /// Queues one change that may use the reserve.
    pub(super) fn enqueue(
        &self,
        record: Record,
        durability: Durability,
        change: impl FnOnce(&mut Inner) -> Result<(), WalError>,
    ) -> Result<(), WalError> {
        let item = Item {
            record: Some(record),
            ticket: 0,
            durability,
        };
        let mut inner = self.admit(item.cost(), Class::Reserved)?;
        change(&mut inner)?;
        self.hand_over(&mut inner, item);
        Ok(())
    }

    /// Puts an item into the queue and wakes the writer if that changes anything for it.
    pub(super) fn hand_over(&self, inner: &mut Inner, item: Item) {
        let wake = item.is_synced() || inner.queue.is_empty();
        inner.push(item);
        if wake {
            self.work.notify_one();
        }
    }

    /// Stops the log for good and gives the failure to everyone who waits.
    pub(super) fn fail(&self, failure: WalError, waiting: Vec<Done>) {
        let poisoned = failure.clone().poisoned();
        let mut inner = self.inner.lock();
        let first = inner.failure.is_none();
        if first {
            inner.failure = Some(poisoned.clone());
        }
        let queue = std::mem::take(&mut inner.queue);
        inner.queued_bytes = 0;
        inner.urgent = 0;
        inner.writing = false;
        drop(inner);
        self.work.notify_all();
        self.room.notify_all();
        self.chores.notify_all();
        if first {
            tracing::error!(error = %failure, "the write-ahead log failed");
        }
        for done in waiting {
            done(Err(poisoned.clone()));
        }
        for item in queue {
            if let Durability::Synced(done) = item.durability {
                done(Err(poisoned.clone()));
            }
        }
        if first {
            (self.fatal)(&failure);
        }
    }
}

/// Checks the size of a vote, committed or purge payload.
pub(super) fn check_state_payload(payload: &Bytes) -> Result<(), WalError> {
    let bytes_max = super::STATE_PAYLOAD_BYTES_MAX;
    if payload.len() > bytes_max {
        return Err(WalError::RecordTooLarge {
            bytes: payload.len(),
            bytes_max,
        });
    }
    Ok(())
}
