//! A frame: the records that are committed together, laid out in sectors.

use bytes::BufMut;

use super::record::Record;
use super::sector::{SECTOR_PAYLOAD_BYTES, SectorTag, frame_bytes};
use super::segment::{Segment, content_offset};
use crate::disk::SECTOR_BYTES;

/// Collects the records of one frame after another in reused memory.
#[derive(Debug, Default)]
pub(super) struct FrameBuilder {
    content: Vec<u8>,
    sectors: Vec<u8>,
}

impl FrameBuilder {
    pub(super) fn clear(&mut self) {
        self.content.clear();
    }

    pub(super) fn content_bytes(&self) -> usize {
        self.content.len()
    }

    /// Bytes on disk of the frame as it is.
    pub(super) fn disk_bytes(&self) -> u64 {
        frame_bytes(self.content.len())
    }

    /// Adds a record and gives its position in the content.
    pub(super) fn push(&mut self, record: &Record) -> usize {
        let position = self.content.len();
        record.encode(&mut self.content);
        position
    }

    /// Lays the frame out for its place in a segment.
    pub(super) fn seal(&mut self, segment: &Segment, offset: u64, sequence: u64) -> &[u8] {
        self.sectors.clear();
        // A segment has at most 2^21 sectors.
        let count = u32::try_from(self.disk_bytes() / SECTOR_BYTES as u64).unwrap_or(u32::MAX);
        let mut position = offset;
        for (place, part) in (0..count).zip(self.content.chunks(SECTOR_PAYLOAD_BYTES)) {
            let tag = SectorTag {
                sequence,
                place,
                count,
            };
            self.sectors
                .put_slice(&segment.seal.seal(position, tag, part));
            position += SECTOR_BYTES as u64;
        }
        &self.sectors
    }
}

/// Where in its segment a record of a frame begins.
pub(super) fn record_offset(frame_offset: u64, content_position: usize) -> u64 {
    content_offset(frame_offset, content_position)
}
