//! The live entries: where each stands, and the newest payloads themselves.

use std::collections::VecDeque;

use bytes::Bytes;

use super::WalError;
use super::segment::EntryPlace;

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Waiting for the writer, under this ticket.
    Waiting(u64),
    /// In a segment.
    Written { segment: u32, offset: u32 },
}

/// One live entry in 24 bytes.
#[derive(Debug, Clone, Copy)]
struct Slot {
    place: Place,
    /// Sum of the payload bytes of all entries up to this one, since the log was opened.
    payload_end: u64,
}

/// An entry as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Located {
    /// The payload is in memory.
    Cached { index: u64, payload: Bytes },
    /// The payload is in a segment.
    Written { segment: u32, place: EntryPlace },
}

/// How strictly the first entry must follow what was before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The whole history is known.
    Known,
    /// Older segments were deleted, so the first entry found may have any index.
    Unknown,
}

/// The live entries of the log, without gaps.
#[derive(Debug)]
pub(super) struct Index {
    start: Start,
    first: u64,
    /// The index that must come next; `None` until anything is known.
    next: Option<u64>,
    slots: VecDeque<Slot>,
    /// `payload_end` of the entry before the first slot.
    payload_base: u64,
    tickets: u64,
    purged: Option<(u64, Bytes)>,
    /// Payloads of the newest entries: those of the last `cache.len()` slots.
    cache: VecDeque<Bytes>,
    cache_bytes: usize,
    cache_bytes_max: usize,
}

impl Index {
    pub(super) fn new(start: Start, cache_bytes_max: usize) -> Self {
        Self {
            start,
            first: 0,
            next: None,
            slots: VecDeque::new(),
            payload_base: 0,
            tickets: 0,
            purged: None,
            cache: VecDeque::new(),
            cache_bytes: 0,
            cache_bytes_max,
        }
    }

    /// From now on entries must follow each other, whatever was before.
    pub(super) fn set_known(&mut self) {
        self.start = Start::Known;
    }

    pub(super) fn first(&self) -> Option<u64> {
        (!self.slots.is_empty()).then_some(self.first)
    }

    /// The last live entry, or the last purged one if none is live.
    pub(super) fn last(&self) -> Option<u64> {
        match self.slots.len() as u64 {
            0 => self.purged_upto(),
            count => Some(self.first + count - 1),
        }
    }

    pub(super) fn purged(&self) -> Option<&(u64, Bytes)> {
        self.purged.as_ref()
    }

    pub(super) fn purged_upto(&self) -> Option<u64> {
        self.purged.as_ref().map(|(upto, _)| *upto)
    }

    /// Checks that an entry with this index may come next.
    pub(super) fn check_next(&self, index: u64) -> Result<(), WalError> {
        if self.start == Start::Unknown && self.slots.is_empty() {
            return Ok(());
        }
        match self.next {
            Some(expected) if expected != index => Err(WalError::OutOfOrder {
                expected,
                found: index,
            }),
            _ => Ok(()),
        }
    }

    /// Adds an entry that waits to be written and gives its ticket.
    pub(super) fn append(&mut self, index: u64, payload: Bytes) -> Result<u64, WalError> {
        self.check_next(index)?;
        if self.slots.is_empty() {
            self.first = index;
        }
        self.tickets += 1;
        let before = self.payload_end();
        self.slots.push_back(Slot {
            place: Place::Waiting(self.tickets),
            payload_end: before + payload.len() as u64,
        });
        self.next = index.checked_add(1);
        self.cache_bytes += payload.len();
        self.cache.push_back(payload);
        Ok(self.tickets)
    }

    /// Says where a waiting entry was written, unless it was dropped or replaced meanwhile.
    pub(super) fn written(&mut self, index: u64, ticket: u64, segment: u32, offset: u64) {
        let Some(slot) = index
            .checked_sub(self.first)
            .and_then(|position| usize::try_from(position).ok())
            .and_then(|position| self.slots.get_mut(position))
        else {
            return;
        };
        if slot.place == Place::Waiting(ticket) {
            // A segment is at most 1 GiB.
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            slot.place = Place::Written { segment, offset };
        }
    }

    /// Drops the oldest payloads above the limit, except those that are nowhere else.
    pub(super) fn evict(&mut self) {
        while self.cache_bytes > self.cache_bytes_max {
            let oldest = self.slots.len().saturating_sub(self.cache.len());
            match self.slots.get(oldest) {
                Some(Slot {
                    place: Place::Written { .. },
                    ..
                }) => {
                    let dropped = self.cache.pop_front().map_or(0, |payload| payload.len());
                    self.cache_bytes = self.cache_bytes.saturating_sub(dropped);
                }
                _ => return,
            }
        }
    }

    /// Drops entries from `from` on; refuses to touch purged ones.
    pub(super) fn truncate(&mut self, from: u64) -> Result<(), WalError> {
        if let Some(purged) = self.purged_upto()
            && from <= purged
        {
            return Err(WalError::TruncatesPurged { from, purged });
        }
        while self.slots.len() as u64 > from.saturating_sub(self.first) {
            self.slots.pop_back();
            if let Some(payload) = self.cache.pop_back() {
                self.cache_bytes = self.cache_bytes.saturating_sub(payload.len());
            }
        }
        if self.next.is_some_and(|next| next > from) {
            self.next = Some(from);
        }
        Ok(())
    }

    /// Drops entries up to `upto`; false if that is no progress.
    pub(super) fn purge(&mut self, upto: u64, payload: Bytes) -> bool {
        if self.purged_upto().is_some_and(|purged| purged >= upto) {
            return false;
        }
        while !self.slots.is_empty() && self.first <= upto {
            if self.cache.len() == self.slots.len()
                && let Some(payload) = self.cache.pop_front()
            {
                self.cache_bytes = self.cache_bytes.saturating_sub(payload.len());
            }
            if let Some(slot) = self.slots.pop_front() {
                self.payload_base = slot.payload_end;
            }
            self.first += 1;
        }
        self.purged = Some((upto, payload));
        if self.next.is_none_or(|next| next <= upto) {
            self.next = upto.checked_add(1);
        }
        true
    }

    /// Sum of the payloads of the live entries above `index` in bytes.
    pub(super) fn payload_bytes_after(&self, index: u64) -> u64 {
        let before = match index.checked_sub(self.first) {
            None => self.payload_base,
            Some(position) => usize::try_from(position)
                .ok()
                .and_then(|position| self.slots.get(position))
                .map_or(self.payload_end(), |slot| slot.payload_end),
        };
        self.payload_end().saturating_sub(before)
    }

    /// Sum of the payloads of all live entries in bytes.
    pub(super) fn payload_bytes(&self) -> u64 {
        self.payload_end().saturating_sub(self.payload_base)
    }

    /// Finds the live entries of a range, at least one if there is any, up to a sum of payload bytes.
    pub(super) fn locate(&self, range: std::ops::Range<u64>, bytes_max: usize) -> Vec<Located> {
        let mut found = Vec::new();
        if self.slots.is_empty() {
            return found;
        }
        let start = range.start.max(self.first);
        let end = range.end.min(self.first + self.slots.len() as u64);
        let mut bytes = 0_usize;
        for index in start..end {
            let Some((located, payload_bytes)) = self.locate_one(index) else {
                break;
            };
            bytes = bytes.saturating_add(payload_bytes);
            if bytes > bytes_max && !found.is_empty() {
                break;
            }
            found.push(located);
        }
        found
    }

    fn locate_one(&self, index: u64) -> Option<(Located, usize)> {
        let position = usize::try_from(index.checked_sub(self.first)?).ok()?;
        let uncached = self.slots.len() - self.cache.len();
        if let Some(cached) = position.checked_sub(uncached) {
            let payload = self.cache.get(cached)?.clone();
            let bytes = payload.len();
            return Some((Located::Cached { index, payload }, bytes));
        }
        let slot = self.slots.get(position)?;
        let before = match position.checked_sub(1) {
            Some(before) => self.slots.get(before)?.payload_end,
            None => self.payload_base,
        };
        let payload_bytes = usize::try_from(slot.payload_end - before).ok()?;
        match slot.place {
            Place::Written { segment, offset } => {
                let offset = u64::from(offset);
                let place = EntryPlace {
                    index,
                    offset,
                    payload_bytes,
                };
                Some((Located::Written { segment, place }, payload_bytes))
            }
            Place::Waiting(_) => None,
        }
    }

    fn payload_end(&self) -> u64 {
        self.slots
            .back()
            .map_or(self.payload_base, |slot| slot.payload_end)
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
