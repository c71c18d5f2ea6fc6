//! The sector: the unit that a power cut keeps or loses, and therefore the unit that carries checksum and position.
//!
//! Every sector of a frame names the frame's sequence number, its own place in the frame and the frame's length,
//! under a checksum that also covers the log's id, the segment and the position in it. So no written sector is all
//! zero, and any surviving sector tells which frame was being written where.

use crc32fast::Hasher;

use super::WalId;
use crate::disk::SECTOR_BYTES;

/// Bytes of a sector that its own tag takes.
const TAG_BYTES: usize = 20;

/// Bytes of a frame's content in one sector.
pub(super) const SECTOR_PAYLOAD_BYTES: usize = SECTOR_BYTES - TAG_BYTES;

/// Upper bound of the bytes that a record takes beside its payload.
pub(super) const HEADER_BYTES: usize = 13;

/// One sector's bytes.
pub(super) type Sector = [u8; SECTOR_BYTES];

/// Which frame a sector belongs to, and which part of it the sector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SectorTag {
    /// The frame's sequence number, from 1.
    pub(super) sequence: u64,
    /// The sector's place in the frame, from 0.
    pub(super) place: u32,
    /// How many sectors the frame has.
    pub(super) count: u32,
}

/// What stands in a sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectorState {
    /// Nothing was written.
    Empty,
    /// A part of a frame, as it was written.
    Written(SectorTag),
    /// Neither.
    Damaged,
}

/// Seals and checks the sectors of one segment.
#[derive(Debug, Clone)]
pub(super) struct Seal {
    seed: Hasher,
}

impl Seal {
    pub(super) fn new(id: WalId, segment: u32) -> Self {
        let mut seed = Hasher::new();
        seed.update(&id.0);
        seed.update(&segment.to_le_bytes());
        Self { seed }
    }

    /// Builds the sector at `position` of the segment; what `payload` leaves is zero.
    pub(super) fn seal(&self, position: u64, tag: SectorTag, payload: &[u8]) -> Sector {
        let mut sector = [0; SECTOR_BYTES];
        sector[4..12].copy_from_slice(&tag.sequence.to_le_bytes());
        sector[12..16].copy_from_slice(&tag.place.to_le_bytes());
        sector[16..20].copy_from_slice(&tag.count.to_le_bytes());
        for (target, byte) in sector[TAG_BYTES..].iter_mut().zip(payload) {
            *target = *byte;
        }
        let checksum = self.checksum(position, &sector);
        sector[0..4].copy_from_slice(&checksum.to_le_bytes());
        sector
    }

    pub(super) fn inspect(&self, position: u64, sector: &Sector) -> SectorState {
        if sector.iter().fold(0, |seen, byte| seen | byte) == 0 {
            return SectorState::Empty;
        }
        let tag = SectorTag {
            sequence: u64::from_le_bytes(field(&sector[4..12])),
            place: u32::from_le_bytes(field(&sector[12..16])),
            count: u32::from_le_bytes(field(&sector[16..20])),
        };
        let intact = u32::from_le_bytes(field(&sector[0..4])) == self.checksum(position, sector);
        if intact && tag.sequence > 0 && tag.place < tag.count {
            SectorState::Written(tag)
        } else {
            SectorState::Damaged
        }
    }

    fn checksum(&self, position: u64, sector: &Sector) -> u32 {
        let mut hasher = self.seed.clone();
        hasher.update(&position.to_le_bytes());
        hasher.update(&sector[4..]);
        hasher.finalize()
    }
}

/// The part of a sector that belongs to the frame's content.
pub(super) fn payload_of(sector: &Sector) -> &[u8] {
    &sector[TAG_BYTES..]
}

/// Bytes on disk of a frame with `content_bytes` of content.
pub(super) fn frame_bytes(content_bytes: usize) -> u64 {
    content_bytes.div_ceil(SECTOR_PAYLOAD_BYTES) as u64 * SECTOR_BYTES as u64
}

/// Copies a field of fixed width out of a slice; missing bytes are zero.
pub(super) fn field<const WIDTH: usize>(bytes: &[u8]) -> [u8; WIDTH] {
    let mut value = [0; WIDTH];
    for (target, byte) in value.iter_mut().zip(bytes) {
        *target = *byte;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: SectorTag = SectorTag {
        sequence: 7,
        place: 1,
        count: 3,
    };

    #[test]
    fn a_sealed_sector_is_recognised_only_where_it_was_written() {
        let seal = Seal::new(WalId([1; 16]), 4);
        let sector = seal.seal(1024, TAG, b"content");
        assert_eq!(seal.inspect(1024, &sector), SectorState::Written(TAG));
        assert_eq!(seal.inspect(512, &sector), SectorState::Damaged);
        let other_segment = Seal::new(WalId([1; 16]), 5);
        assert_eq!(other_segment.inspect(1024, &sector), SectorState::Damaged);
        let other_log = Seal::new(WalId([2; 16]), 4);
        assert_eq!(other_log.inspect(1024, &sector), SectorState::Damaged);
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let seal = Seal::new(WalId([1; 16]), 4);
        let sector = seal.seal(1024, TAG, &[]);
        for bit in 0..SECTOR_BYTES * 8 {
            let mut flipped = sector;
            if let Some(byte) = flipped.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            assert_eq!(
                seal.inspect(1024, &flipped),
                SectorState::Damaged,
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_sector_of_zero_content_is_not_empty() {
        let seal = Seal::new(WalId([0; 16]), 0);
        let sector = seal.seal(0, TAG, &[0; SECTOR_PAYLOAD_BYTES]);
        assert_eq!(seal.inspect(0, &sector), SectorState::Written(TAG));
        assert_eq!(seal.inspect(0, &[0; SECTOR_BYTES]), SectorState::Empty);
    }
}
