//! Opening: reads all segments, rebuilds the live log from the records, and makes the end of the log fit for writing.

use std::collections::VecDeque;

use bytes::Bytes;

use super::frame::record_offset;
use super::index::{Index, Start};
use super::record::{Record, Records};
use super::scan::{FoundFrame, Scan, ScanEnd};
use super::segment::{Segment, UNFINISHED_NAME, segment_number};
use super::{Damage, WalConfig, WalError, WalId};
use crate::disk::{Disk, SECTOR_BYTES};

/// The newest vote and `committed` payloads.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    pub(super) vote: Option<Bytes>,
    pub(super) committed: Option<Bytes>,
}

/// A segment with the highest index of any entry ever written to it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) segment: Segment,
    pub(super) index_max: Option<u64>,
}

/// The log as found on disk.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) id: WalId,
    pub(super) index: Index,
    pub(super) marks: Marks,
    /// Segments up to the one that is written next, by number.
    pub(super) segments: VecDeque<Stored>,
    /// Prepared segments behind it.
    pub(super) spares: VecDeque<Segment>,
    /// Where the next frame goes in the last of `segments`.
    pub(super) offset: u64,
    /// The next frame's sequence number.
    pub(super) sequence: u64,
    /// Whether a torn frame was cleared away.
    pub(super) repaired: bool,
}

/// Gives the numbers of the segments in the folder in order.
pub(super) fn list_segments(disk: &dyn Disk) -> Result<Vec<u32>, WalError> {
    let names = disk
        .list()
        .map_err(|error| WalError::io("list", disk.path_of("."), error))?;
    let mut numbers: Vec<u32> = names
        .iter()
        .filter_map(|name| segment_number(name))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads the log of a folder whose segments are `numbers`.
pub(super) fn replay(
    disk: &dyn Disk,
    config: &WalConfig,
    numbers: &[u32],
) -> Result<Replayed, WalError> {
    let segments = open_segments(disk, numbers)?;
    let Some(((first, id), last)) = segments.first().zip(segments.last()) else {
        return Err(WalError::Missing {
            folder: disk.path_of("."),
        });
    };
    let whole_history = first.number == 1;
    let start = if whole_history {
        Start::Known
    } else {
        Start::Unknown
    };
    let mut replay = Replay {
        index: Index::new(start, config.cache_bytes_max),
        marks: Marks::default(),
        sequence: whole_history.then_some(1),
        active: 0,
        end: ScanEnd::at_start(),
        last_frame: None,
        stored: Vec::with_capacity(segments.len()),
    };
    for (position, (segment, _)) in segments.iter().enumerate() {
        replay.read(position, segment)?;
    }
    let (id, newest) = (*id, &last.0);
    replay.finish(id, first, newest)
}

fn open_segments(disk: &dyn Disk, numbers: &[u32]) -> Result<Vec<(Segment, WalId)>, WalError> {
    let mut segments: Vec<(Segment, WalId)> = Vec::with_capacity(numbers.len());
    for number in numbers {
        let (segment, id) = Segment::open(disk, *number, segments.first().map(|(_, id)| *id))?;
        if let Some((before, _)) = segments.last()
            && before.number + 1 != *number
        {
            return Err(before.corrupt(
                before.bytes,
                Damage::LostSegment {
                    number: before.number + 1,
                },
            ));
        }
        segments.push((segment, id));
    }
    Ok(segments)
}

struct Replay {
    index: Index,
    marks: Marks,
    /// The next frame; unknown before the first frame of a log whose oldest segments were deleted.
    sequence: Option<u64>,
    /// Position of the segment in which the stream goes on.
    active: usize,
    /// How that segment ends.
    end: ScanEnd,
    /// The last whole frame anywhere, as segment, start and end.
    last_frame: Option<(Segment, (u64, u64))>,
    stored: Vec<Stored>,
}

impl Replay {
    fn read(&mut self, position: usize, segment: &Segment) -> Result<(), WalError> {
        let mut found = Found::default();
        let (index, marks) = (&mut self.index, &mut self.marks);
        let mut sink = |frame: FoundFrame<'_>| apply(index, marks, segment, &frame, &mut found);
        let (end, sequence) = Scan::new(segment).run(self.sequence, &mut sink)?;
        let begun = end.frames > 0 || end.torn_until.is_some();
        let lost = |sequence: Option<u64>| {
            let sequence = sequence.unwrap_or(1);
            segment.corrupt(SECTOR_BYTES as u64, Damage::LostFrame { sequence })
        };
        // The stream goes from segment to segment by its own word only, and a deleted segment leaves one with frames.
        if (begun && position != self.active) || (!begun && self.sequence.is_none()) {
            return Err(lost(self.sequence));
        }
        if position == self.active {
            self.end = end;
        }
        if let Some(frame) = end.last_frame {
            self.last_frame = Some((segment.clone(), frame));
        }
        if found.continues {
            if end.torn_until.is_some() {
                return Err(segment.corrupt(end.offset, Damage::BeyondEnd));
            }
            self.active += 1;
            self.end = ScanEnd::at_start();
        }
        self.sequence = sequence;
        self.stored.push(Stored {
            segment: segment.clone(),
            index_max: found.index_max,
        });
        Ok(())
    }

    fn finish(
        mut self,
        id: WalId,
        first: &Segment,
        newest: &Segment,
    ) -> Result<Replayed, WalError> {
        let expected = self
            .index
            .purged_upto()
            .and_then(|purged| purged.checked_add(1));
        match (self.index.first(), expected) {
            (Some(found), Some(expected)) if found != expected => {
                let damage = Damage::LostEntries { expected, found };
                return Err(first.corrupt(SECTOR_BYTES as u64, damage));
            }
            (found, None) if first.number > 1 => {
                let damage = Damage::LostEntries {
                    expected: 0,
                    found: found.unwrap_or(0),
                };
                return Err(first.corrupt(SECTOR_BYTES as u64, damage));
            }
            _ => {}
        }
        self.index.set_known();
        let Some(active) = self.stored.get(self.active).map(|stored| &stored.segment) else {
            let number = newest.number.saturating_add(1);
            return Err(newest.corrupt(newest.bytes, Damage::LostSegment { number }));
        };
        clear_torn(active, &self.end)?;
        if let Some((segment, (from, to))) = &self.last_frame {
            write_again(segment, *from, *to)?;
        }
        let spares = self.stored.split_off(self.active + 1);
        self.index.evict();
        Ok(Replayed {
            id,
            offset: self.end.offset,
            sequence: self.sequence.unwrap_or(1),
            repaired: self.end.torn_until.is_some(),
            index: self.index,
            marks: self.marks,
            spares: spares.into_iter().map(|stored| stored.segment).collect(),
            segments: self.stored.into(),
        })
    }
}

/// Clears away what a torn frame left, before anything is written in its place.
fn clear_torn(segment: &Segment, end: &ScanEnd) -> Result<(), WalError> {
    let Some(torn_until) = end.torn_until else {
        return Ok(());
    };
    let bytes = usize::try_from(torn_until - end.offset).unwrap_or(0);
    segment
        .file
        .write_at(&vec![0; bytes], end.offset)
        .map_err(segment.failed("write"))?;
    segment.file.fdatasync().map_err(segment.failed("sync"))
}

/// Makes sure that the last whole frame is on disk before anyone acts on it.
///
/// It may have come from the page cache alone: the process may have died between its write and its sync, or because
/// the sync failed. It is written again, since after a failed sync only new writes are saved.
fn write_again(segment: &Segment, from: u64, to: u64) -> Result<(), WalError> {
    let frame = segment.read_sectors(from, to)?;
    segment
        .file
        .write_at(&frame, from)
        .map_err(segment.failed("write"))?;
    segment.file.fdatasync().map_err(segment.failed("sync"))
}

/// What a segment's records say about the segment.
#[derive(Default)]
struct Found {
    index_max: Option<u64>,
    /// The stream goes on in the next segment.
    continues: bool,
}

fn apply(
    index: &mut Index,
    marks: &mut Marks,
    segment: &Segment,
    frame: &FoundFrame<'_>,
    found: &mut Found,
) -> Result<(), WalError> {
    let broken = |what| segment.corrupt(frame.offset, Damage::Records(what));
    if found.continues {
        return Err(segment.corrupt(frame.offset, Damage::BeyondEnd));
    }
    let mut records = Records::new(frame.content);
    while let Some((position, record)) = records.next().map_err(broken)? {
        match record {
            Record::Entry {
                index: entry,
                payload,
            } => {
                let ticket = index
                    .append(entry, payload)
                    .map_err(|_| broken("an entry does not follow the one before"))?;
                let offset = record_offset(frame.offset, position);
                index.written(entry, ticket, segment.number, offset);
                found.index_max = found.index_max.max(Some(entry));
            }
            Record::Vote(payload) => marks.vote = Some(payload),
            Record::Committed(payload) => marks.committed = Some(payload),
            Record::Truncate { from } => index
                .truncate(from)
                .map_err(|_| broken("a truncation reaches into what is purged"))?,
            Record::Purge { upto, payload } => {
                index.purge(upto, payload);
            }
            Record::Continue { segment: next } => {
                if next != u64::from(segment.number) + 1 {
                    return Err(broken("the stream goes on in a strange segment"));
                }
                found.continues = true;
            }
        }
    }
    index.evict();
    Ok(())
}

/// Removes what an interrupted preparation left, and makes the folder's present entries durable.
///
/// A process may have died between renaming a segment and syncing the folder, so nothing is built on entries
/// that only the cache knows.
pub(super) fn settle_folder(disk: &dyn Disk) -> Result<(), WalError> {
    match disk.remove(UNFINISHED_NAME) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(WalError::io("remove", disk.path_of(UNFINISHED_NAME), error));
        }
        _ => {}
    }
    disk.sync_dir()
        .map_err(|error| WalError::io("sync the folder of", disk.path_of(UNFINISHED_NAME), error))
}
