//! A small log of three segments to be damaged.

use super::harness::{FOLDER, Rig, payload};
use super::model::Content;
use crate::disk::SECTOR_BYTES;
use crate::disk::sim::SimMachine;
use crate::wal::segment::segment_name;
use crate::wal::{Damage, WalError};

/// A frame's first and end sector in its segment.
pub(super) type Extent = std::ops::Range<usize>;

/// A log whose second segment is being written and whose third is prepared.
pub(super) struct Specimen {
    pub(super) machine: SimMachine,
    pub(super) content: Content,
    /// The frames of the second segment.
    pub(super) frames: Vec<Extent>,
}

pub(super) fn sector_of(bytes: &[u8], sector: usize) -> &[u8] {
    &bytes[sector * SECTOR_BYTES..][..SECTOR_BYTES]
}

/// Finds the frames of a segment by the sector counts in their tags.
pub(super) fn frames_of(bytes: &[u8]) -> Vec<Extent> {
    let mut frames = Vec::new();
    let mut sector = 1;
    while (sector + 1) * SECTOR_BYTES <= bytes.len() {
        let count = u32::from_le_bytes(sector_of(bytes, sector)[16..20].try_into().unwrap());
        if count == 0 {
            break;
        }
        frames.push(sector..sector + count as usize);
        sector += count as usize;
    }
    frames
}

pub(super) fn change(machine: &SimMachine, segment: u32, change: impl FnOnce(&mut Vec<u8>)) {
    machine
        .damage(FOLDER, &segment_name(segment), change)
        .unwrap();
}

pub(super) fn image(machine: &SimMachine, segment: u32) -> Vec<u8> {
    let mut copy = Vec::new();
    change(machine, segment, |bytes| copy.clone_from(bytes));
    copy
}

pub(super) fn specimen() -> Specimen {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    rig.vote(b"vote").unwrap();
    for (index, bytes) in (1..).zip([40_000, 10_000, 20_000, 100, 2000, 0]) {
        rig.append(index, &payload(index, bytes)).unwrap();
    }
    rig.vote(b"newer vote").unwrap();
    rig.append(7, &payload(7, 1200)).unwrap();
    rig.append(8, &payload(8, 1500)).unwrap();
    rig.wal.settle().unwrap();
    let content = Content::of(&rig).unwrap();
    drop(rig);
    let frames = frames_of(&image(&machine, 2));
    assert!(frames.len() > 4 && image(&machine, 3).len() == 64 << 10);
    Specimen {
        machine,
        content,
        frames,
    }
}

pub(super) fn damage_of(machine: &SimMachine) -> Result<Content, Damage> {
    match Rig::reopen(machine) {
        Ok(rig) => Ok(Content::of(&rig).unwrap()),
        Err(WalError::Corrupt { damage, .. }) => Err(damage),
        Err(other) => panic!("{other}"),
    }
}

pub(super) fn clear(bytes: &mut [u8], sector: usize) {
    bytes[sector * SECTOR_BYTES..][..SECTOR_BYTES].fill(0);
}
