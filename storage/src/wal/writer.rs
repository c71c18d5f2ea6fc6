//! The one thread that writes frames: drain what waits, write, sync, report; then the next frame.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::MutexGuard;

use super::WalError;
use super::config::SEGMENT_COST_BYTES;
use super::frame::{FrameBuilder, record_offset};
use super::record::Record;
use super::replay::{Marks, Stored};
use super::sector::frame_bytes;
use super::segment::Segment;
use super::shared::{Done, Durability, Inner, Preparation, Shared};
use crate::disk::SECTOR_BYTES;

/// Owns the segment being written and the state of the stream up to the last frame.
pub(super) struct Writer {
    shared: Arc<Shared>,
    segment: Segment,
    offset: u64,
    sequence: u64,
    /// What a new segment has to repeat.
    marks: Marks,
    purged: Option<(u64, Bytes)>,
    frame: FrameBuilder,
}

/// An entry of a frame and where in it the record starts.
struct EntryAt {
    index: u64,
    ticket: u64,
    position: usize,
}

/// What a frame carries beside its bytes.
#[derive(Default)]
struct Batch {
    entries: Vec<EntryAt>,
    callbacks: Vec<Done>,
    purged: Option<u64>,
    /// Whether there is anything to write.
    has_records: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, segment: Segment, offset: u64, sequence: u64) -> Self {
        let (marks, purged) = {
            let inner = shared.inner.lock();
            (inner.marks.clone(), inner.index.purged().cloned())
        };
        Self {
            shared,
            segment,
            offset,
            sequence,
            marks,
            purged,
            frame: FrameBuilder::default(),
        }
    }

    /// Writes frames until the log is closed or fails.
    pub(super) fn run(mut self) {
        loop {
            let mut batch = Batch::default();
            match self.gather(&mut batch) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.shared.clone().fail(error, batch.callbacks),
            }
            if let Err(error) = self.commit(&batch) {
                return self.shared.clone().fail(error, batch.callbacks);
            }
            self.report(batch);
        }
    }

    /// Waits for work and drains it into the frame; false when the log is closed and everything is written.
    fn gather(&mut self, batch: &mut Batch) -> Result<bool, WalError> {
        let shared = Arc::clone(&self.shared);
        let mut inner = shared.inner.lock();
        loop {
            if inner.failure.is_some() {
                return Ok(false);
            }
            let flush = inner.urgent > 0
                || inner.pressed
                || inner.closing
                || inner.queued_bytes >= shared.config.frame_bytes_max as u64;
            if flush && !inner.queue.is_empty() {
                break;
            }
            inner.pressed = false;
            if inner.closing {
                return Ok(false);
            }
            match shared.config.lazy_flush_after {
                Some(delay) if !inner.queue.is_empty() => {
                    if shared.work.wait_for(&mut inner, delay).timed_out()
                        && !inner.queue.is_empty()
                    {
                        break;
                    }
                }
                _ => shared.work.wait(&mut inner),
            }
        }
        inner.writing = true;
        self.begin_frame();
        while !self.has_room(&inner) {
            if !inner.spares.is_empty() {
                MutexGuard::unlocked(&mut inner, || self.close_segment())?;
                self.enter_next(&mut inner);
                continue;
            }
            if inner.failure.is_some() {
                return Ok(false);
            }
            if inner.preparation == Preparation::Full {
                // Admission lets nothing in that has no place, so this is unreachable; better stop than spin.
                let (needed_bytes, room_bytes) = (inner.queued_bytes, inner.room_bytes);
                return Err(WalError::StorageFull {
                    needed_bytes,
                    room_bytes,
                });
            }
            shared.room.wait(&mut inner);
        }
        self.drain(&mut inner, batch);
        Ok(true)
    }

    /// Bytes of the segment that frames may still take; the last sector is for the sign that it goes on elsewhere.
    fn room_bytes(&self) -> u64 {
        self.segment
            .bytes
            .saturating_sub(self.offset + SECTOR_BYTES as u64)
    }

    fn has_room(&self, inner: &Inner) -> bool {
        let next = inner.queue.front().and_then(|item| item.record.as_ref());
        next.is_none_or(|record| {
            let content_bytes = self.frame.content_bytes() + record.encoded_bytes();
            frame_bytes(content_bytes) <= self.room_bytes()
        })
    }

    /// Starts a frame; the first of a segment repeats what older segments may have said, so that they can go.
    fn begin_frame(&mut self) {
        self.frame.clear();
        if self.offset > SECTOR_BYTES as u64 {
            return;
        }
        let purged = self.purged.clone();
        let purged = purged.map(|(upto, payload)| Record::Purge { upto, payload });
        let vote = self.marks.vote.clone().map(Record::Vote);
        let committed = self.marks.committed.clone().map(Record::Committed);
        for record in [purged, vote, committed].iter().flatten() {
            self.frame.push(record);
        }
    }

    /// Says in the segment that the stream goes on in the next, so that a lost segment is missed.
    fn close_segment(&mut self) -> Result<(), WalError> {
        self.frame.clear();
        let segment = u64::from(self.segment.number) + 1;
        self.frame.push(&Record::Continue { segment });
        self.write_frame()
    }

    fn enter_next(&mut self, inner: &mut Inner) {
        let Some(segment) = inner.spares.pop_front() else {
            return;
        };
        inner.frames = self.sequence - 1;
        inner.room_bytes = segment.bytes.saturating_sub(SEGMENT_COST_BYTES);
        inner.segments.push_back(Stored {
            segment: segment.clone(),
            index_max: None,
        });
        self.segment = segment;
        self.offset = SECTOR_BYTES as u64;
        self.begin_frame();
        self.shared.chores.notify_one();
    }

    /// Moves as many items as a frame takes from the queue to the frame.
    fn drain(&mut self, inner: &mut Inner, batch: &mut Batch) {
        let limit = self.shared.config.frame_bytes_max;
        let mut taken = false;
        while let Some(item) = inner.queue.front() {
            let record_bytes = item.record.as_ref().map_or(0, Record::encoded_bytes);
            let content_bytes = self.frame.content_bytes() + record_bytes;
            let too_much = content_bytes > limit || frame_bytes(content_bytes) > self.room_bytes();
            if taken && record_bytes > 0 && too_much {
                break;
            }
            let Some(item) = inner.pop() else { break };
            taken = true;
            if let Some(record) = item.record {
                self.take(record, item.ticket, batch);
            }
            if let Durability::Synced(done) = item.durability {
                batch.callbacks.push(done);
            }
        }
        if batch.has_records {
            inner.room_bytes = self.room_bytes().saturating_sub(self.frame.disk_bytes());
        }
        inner.pressed = false;
    }

    fn take(&mut self, record: Record, ticket: u64, batch: &mut Batch) {
        let position = self.frame.push(&record);
        batch.has_records = true;
        match record {
            Record::Entry { index, .. } => batch.entries.push(EntryAt {
                index,
                ticket,
                position,
            }),
            Record::Vote(payload) => self.marks.vote = Some(payload),
            Record::Committed(payload) => self.marks.committed = Some(payload),
            Record::Truncate { .. } | Record::Continue { .. } => {}
            Record::Purge { upto, payload } => {
                self.purged = Some((upto, payload));
                batch.purged = Some(upto);
            }
        }
    }

    /// Writes and syncs the frame, then says where its entries are.
    fn commit(&mut self, batch: &Batch) -> Result<(), WalError> {
        if !batch.has_records {
            return Ok(());
        }
        let frame_offset = self.offset;
        self.write_frame()?;
        let mut inner = self.shared.inner.lock();
        for entry in &batch.entries {
            let offset = record_offset(frame_offset, entry.position);
            inner
                .index
                .written(entry.index, entry.ticket, self.segment.number, offset);
        }
        if let (Some(stored), Some(index)) = (
            inner.segments.back_mut(),
            batch.entries.iter().map(|entry| entry.index).max(),
        ) {
            stored.index_max = stored.index_max.max(Some(index));
        }
        if batch.purged.is_some() {
            inner.purged_durably = batch.purged;
        }
        inner.index.evict();
        inner.frames = self.sequence - 1;
        Ok(())
    }

    /// Writes and syncs the frame, and moves on behind it.
    fn write_frame(&mut self) -> Result<(), WalError> {
        let sectors = self.frame.seal(&self.segment, self.offset, self.sequence);
        let file = &self.segment.file;
        file.write_at(sectors, self.offset)
            .map_err(self.segment.failed("write"))?;
        file.fdatasync().map_err(self.segment.failed("sync"))?;
        self.offset += self.frame.disk_bytes();
        self.sequence += 1;
        Ok(())
    }

    fn report(&self, batch: Batch) {
        for done in batch.callbacks {
            done(Ok(()));
        }
        self.shared.inner.lock().writing = false;
        self.shared.room.notify_all();
        if batch.purged.is_some() {
            self.shared.chores.notify_one();
        }
    }
}
