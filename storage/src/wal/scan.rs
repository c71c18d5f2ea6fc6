//! Reads the frames of one segment and judges how they end: cleanly, torn by a power cut, or damaged.
//!
//! The rule is exact because a frame is begun only when the one before is on disk, the space after the last frame
//! is zero, and every written sector says which frame it is of. A power cut during frame N can therefore leave only
//! sectors of frame N at their place, each intact or still zero. Such a frame with a zero sector is torn and was
//! never acknowledged. Everything else is damage; above all any sector of a later frame, which proves that N had
//! been on disk.

use super::sector::{SECTOR_PAYLOAD_BYTES, SectorState, SectorTag, payload_of};
use super::segment::Segment;
use super::{Damage, WalError};
use crate::disk::SECTOR_BYTES;

const SECTOR: u64 = SECTOR_BYTES as u64;
/// Bytes that are read from the file at once.
const WINDOW_BYTES: u64 = 256 << 10;

/// A whole frame found in a segment.
pub(super) struct FoundFrame<'content> {
    pub(super) offset: u64,
    pub(super) content: &'content [u8],
}

/// How the frames of a segment end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ScanEnd {
    /// How many whole frames there are.
    pub(super) frames: u64,
    /// Where the next frame would start.
    pub(super) offset: u64,
    /// Start and end of the last whole frame.
    pub(super) last_frame: Option<(u64, u64)>,
    /// End of what a torn frame may have left from `offset` on.
    pub(super) torn_until: Option<u64>,
}

impl ScanEnd {
    /// The end of a segment without frames.
    pub(super) fn at_start() -> Self {
        Self {
            offset: SECTOR,
            ..Self::default()
        }
    }
}

/// Reads one segment from its first frame to its end.
pub(super) struct Scan<'segment> {
    segment: &'segment Segment,
    window: Vec<u8>,
    window_start: u64,
}

impl<'segment> Scan<'segment> {
    pub(super) fn new(segment: &'segment Segment) -> Self {
        Self {
            segment,
            window: Vec::new(),
            window_start: 0,
        }
    }

    /// Gives each whole frame to `sink` in order; the first one must be `next_sequence`, or any if that is `None`.
    pub(super) fn run(
        mut self,
        next_sequence: Option<u64>,
        sink: &mut dyn FnMut(FoundFrame<'_>) -> Result<(), WalError>,
    ) -> Result<(ScanEnd, Option<u64>), WalError> {
        let mut expected = next_sequence;
        let mut end = ScanEnd::at_start();
        let mut content = Vec::new();
        while end.offset < self.segment.bytes {
            let tag = match self.state(end.offset)? {
                SectorState::Damaged => return Err(self.corrupt(end.offset, Damage::Checksum)),
                SectorState::Empty => {
                    end.torn_until = self.remains(end.offset, expected)?;
                    break;
                }
                SectorState::Written(tag) => tag,
            };
            let sequence = expected.unwrap_or(tag.sequence);
            let frame_end = end.offset.saturating_add(u64::from(tag.count) * SECTOR);
            if tag.sequence != sequence || tag.place != 0 || frame_end > self.segment.bytes {
                return Err(self.misplaced(end.offset, sequence, tag));
            }
            if !self.collect(end.offset, tag, &mut content)? {
                end.torn_until = Some(frame_end);
                self.require_empty(frame_end, sequence)?;
                break;
            }
            sink(FoundFrame {
                offset: end.offset,
                content: &content,
            })?;
            end.last_frame = Some((end.offset, frame_end));
            end.offset = frame_end;
            end.frames += 1;
            expected = Some(sequence + 1);
        }
        Ok((end, expected))
    }

    /// Collects a frame's content; false if one of its sectors is empty.
    fn collect(
        &mut self,
        offset: u64,
        first: SectorTag,
        content: &mut Vec<u8>,
    ) -> Result<bool, WalError> {
        content.clear();
        content.reserve(first.count as usize * SECTOR_PAYLOAD_BYTES);
        let mut whole = true;
        for place in 0..first.count {
            let position = offset + u64::from(place) * SECTOR;
            match self.state(position)? {
                SectorState::Empty => whole = false,
                SectorState::Damaged => return Err(self.corrupt(position, Damage::Checksum)),
                SectorState::Written(tag) if tag == (SectorTag { place, ..first }) => {
                    content.extend_from_slice(payload_of(self.sector(position)?));
                }
                SectorState::Written(tag) => {
                    return Err(self.misplaced(position, first.sequence, tag));
                }
            }
        }
        Ok(whole)
    }

    /// Judges what follows an empty first sector: nothing, or the rest of a torn frame, whose end is given.
    fn remains(&mut self, offset: u64, expected: Option<u64>) -> Result<Option<u64>, WalError> {
        let mut count = None;
        let mut position = offset + SECTOR;
        while position < self.segment.bytes {
            match self.state(position)? {
                SectorState::Empty => {}
                SectorState::Damaged => return Err(self.corrupt(position, Damage::Checksum)),
                SectorState::Written(tag) => {
                    let at_its_place = offset + u64::from(tag.place) * SECTOR == position;
                    let same_frame = count.is_none_or(|count| count == tag.count);
                    if expected != Some(tag.sequence) || !at_its_place || !same_frame {
                        return Err(self.misplaced(position, expected.unwrap_or(1), tag));
                    }
                    count = Some(tag.count);
                }
            }
            position += SECTOR;
        }
        Ok(count.map(|count| offset + u64::from(count) * SECTOR))
    }

    /// Checks that nothing was written from `from` to the end; `sequence` is the frame that would be lost else.
    pub(super) fn require_empty(&mut self, from: u64, sequence: u64) -> Result<(), WalError> {
        let mut position = from;
        while position < self.segment.bytes {
            match self.state(position)? {
                SectorState::Empty => position += SECTOR,
                SectorState::Damaged => return Err(self.corrupt(position, Damage::Checksum)),
                SectorState::Written(tag) => return Err(self.misplaced(position, sequence, tag)),
            }
        }
        Ok(())
    }

    fn misplaced(&self, position: u64, expected: u64, tag: SectorTag) -> WalError {
        let damage = if tag.sequence > expected {
            Damage::LostFrame { sequence: expected }
        } else {
            Damage::Misplaced {
                expected,
                found: tag.sequence,
            }
        };
        self.corrupt(position, damage)
    }

    fn corrupt(&self, position: u64, damage: Damage) -> WalError {
        self.segment.corrupt(position, damage)
    }

    fn state(&mut self, position: u64) -> Result<SectorState, WalError> {
        let segment = self.segment;
        let sector = self.sector(position)?;
        Ok(segment.seal.inspect(position, sector))
    }

    fn sector(&mut self, position: u64) -> Result<&[u8; SECTOR_BYTES], WalError> {
        let window_end = self.window_start + self.window.len() as u64;
        if position < self.window_start || position + SECTOR > window_end {
            let end = (position + WINDOW_BYTES).min(self.segment.bytes);
            self.window = self.segment.read_sectors(position, end)?;
            self.window_start = position;
        }
        usize::try_from(position - self.window_start)
            .ok()
            .and_then(|start| self.window.get(start..))
            .and_then(<[u8]>::first_chunk)
            .ok_or_else(|| {
                let found = self.window_start + self.window.len() as u64;
                self.segment.corrupt(
                    position,
                    Damage::Size {
                        expected: Some(self.segment.bytes),
                        found,
                    },
                )
            })
    }
}
