//! A segment file: its name, its header, and how one is prepared so that using it needs no allocation.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use crc32fast::Hasher;

use super::record::entry_payload;
use super::sector::{
    HEADER_BYTES, SECTOR_PAYLOAD_BYTES, Seal, Sector, SectorState, field, payload_of,
};
use super::{Damage, WalError, WalId};
use crate::disk::{Disk, DiskFile, SECTOR_BYTES};

const MAGIC: [u8; 8] = *b"rgatewal";
const FORMAT_VERSION: u32 = 1;
/// The name under which a segment is prepared; whatever bears it is unfinished.
pub(super) const UNFINISHED_NAME: &str = "unfinished";
/// Zeros are written and synced in steps of this size, so that a commit never waits behind a whole segment.
const ZERO_STEP_BYTES: u64 = 1 << 20;

/// An open segment whose header has been checked.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) bytes: u64,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) seal: Seal,
    pub(super) path: String,
}

/// Names the segment with a number so that names sort like numbers.
pub(super) fn segment_name(number: u32) -> String {
    format!("{number:010}.wal")
}

/// Gives the number in a segment's name, or `None` for other files.
pub(super) fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".wal")?.parse().ok()?;
    (number > 0 && segment_name(number) == name).then_some(number)
}

impl Segment {
    /// Writes, syncs and publishes a segment full of zeros.
    pub(super) fn prepare(
        disk: &dyn Disk,
        id: WalId,
        number: u32,
        bytes: u64,
    ) -> Result<Self, WalError> {
        let unfinished = disk.path_of(UNFINISHED_NAME);
        let failed = |action| {
            let file = unfinished.clone();
            move |error| WalError::io(action, file, error)
        };
        match disk.remove(UNFINISHED_NAME) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove")(error));
            }
            _ => {}
        }
        let file = disk.create(UNFINISHED_NAME).map_err(failed("create"))?;
        file.preallocate(bytes).map_err(failed("allocate"))?;
        let zeros = vec![0; usize::try_from(ZERO_STEP_BYTES.min(bytes)).unwrap_or(SECTOR_BYTES)];
        let mut position = 0;
        while position < bytes {
            let step = ZERO_STEP_BYTES.min(bytes - position);
            let part = usize::try_from(step)
                .ok()
                .and_then(|step| zeros.get(..step));
            file.write_at(part.unwrap_or(&zeros), position)
                .map_err(failed("write"))?;
            file.fdatasync().map_err(failed("sync"))?;
            position += step;
        }
        file.write_at(&header(id, number, bytes), 0)
            .map_err(failed("write"))?;
        file.fdatasync().map_err(failed("sync"))?;
        let name = segment_name(number);
        disk.rename(UNFINISHED_NAME, &name)
            .map_err(failed("rename"))?;
        disk.sync_dir().map_err(failed("sync the folder of"))?;
        Ok(Self {
            number,
            bytes,
            file,
            seal: Seal::new(id, number),
            path: disk.path_of(&name),
        })
    }

    /// Opens a segment and checks its header; `id` is `None` for the first one, which then tells it.
    pub(super) fn open(
        disk: &dyn Disk,
        number: u32,
        id: Option<WalId>,
    ) -> Result<(Self, WalId), WalError> {
        let name = segment_name(number);
        let path = disk.path_of(&name);
        let failed = |action| {
            let file = path.clone();
            move |error| WalError::io(action, file, error)
        };
        let damaged = |damage| WalError::Corrupt {
            file: path.clone(),
            offset: 0,
            damage,
        };
        let file = disk.open(&name).map_err(failed("open"))?;
        let size = file.size().map_err(failed("measure"))?;
        let mut sector = [0; SECTOR_BYTES];
        if size < SECTOR_BYTES as u64 {
            return Err(damaged(Damage::Size {
                expected: None,
                found: size,
            }));
        }
        file.read_at(&mut sector, 0).map_err(failed("read"))?;
        if sector[0..8] != MAGIC || u32::from_le_bytes(field(&sector[12..16])) != checksum(&sector)
        {
            return Err(damaged(Damage::SegmentHeader));
        }
        let version = u32::from_le_bytes(field(&sector[8..12]));
        if version > FORMAT_VERSION {
            return Err(WalError::NewerVersion {
                file: path,
                found: version,
                supported: FORMAT_VERSION,
            });
        }
        let found_id = WalId(field(&sector[16..32]));
        if id.is_some_and(|id| id != found_id) {
            return Err(damaged(Damage::ForeignSegment));
        }
        if u32::from_le_bytes(field(&sector[32..36])) != number {
            return Err(damaged(Damage::SegmentHeader));
        }
        let bytes = u64::from_le_bytes(field(&sector[40..48]));
        if bytes != size {
            return Err(damaged(Damage::Size {
                expected: Some(bytes),
                found: size,
            }));
        }
        let seal = Seal::new(found_id, number);
        Ok((
            Self {
                number,
                bytes,
                file,
                seal,
                path,
            },
            found_id,
        ))
    }

    pub(super) fn corrupt(&self, offset: u64, damage: Damage) -> WalError {
        WalError::Corrupt {
            file: self.path.clone(),
            offset,
            damage,
        }
    }

    pub(super) fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> WalError {
        let file = self.path.clone();
        move |error| WalError::io(action, file, error)
    }

    /// Reads the sectors from `start` to `end`, both multiples of a sector.
    pub(super) fn read_sectors(&self, start: u64, end: u64) -> Result<Vec<u8>, WalError> {
        let bytes = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        let mut sectors = vec![0; bytes];
        self.file
            .read_at(&mut sectors, start)
            .map_err(self.failed("read"))?;
        Ok(sectors)
    }

    /// Takes an entry's payload out of sectors that were read from `start`, checking each of them.
    pub(super) fn entry_in(
        &self,
        sectors: &[u8],
        start: u64,
        place: &EntryPlace,
    ) -> Result<Bytes, WalError> {
        let mut skip = usize::try_from(place.offset % SECTOR_BYTES as u64)
            .unwrap_or(0)
            .saturating_sub(SECTOR_BYTES - SECTOR_PAYLOAD_BYTES);
        let mut record = Vec::with_capacity(place.record_bytes());
        let mut position = place.first_sector();
        while record.len() < place.record_bytes() {
            let sector = usize::try_from(position.saturating_sub(start))
                .ok()
                .and_then(|from| sectors.get(from..))
                .and_then(<[u8]>::first_chunk::<SECTOR_BYTES>)
                .ok_or_else(|| {
                    self.corrupt(
                        position,
                        Damage::WrongEntry {
                            expected: place.index,
                        },
                    )
                })?;
            let SectorState::Written(_) = self.seal.inspect(position, sector) else {
                return Err(self.corrupt(position, Damage::Checksum));
            };
            let missing = place.record_bytes() - record.len();
            let part = payload_of(sector).get(skip..).unwrap_or_default();
            record.extend_from_slice(part.get(..missing).unwrap_or(part));
            skip = 0;
            position += SECTOR_BYTES as u64;
        }
        entry_payload(Bytes::from(record), place.index).ok_or_else(|| {
            self.corrupt(
                place.offset,
                Damage::WrongEntry {
                    expected: place.index,
                },
            )
        })
    }
}

/// Where an entry's record stands in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryPlace {
    pub(super) index: u64,
    /// Offset in the file of the record's first byte.
    pub(super) offset: u64,
    pub(super) payload_bytes: usize,
}

impl EntryPlace {
    pub(super) fn record_bytes(&self) -> usize {
        self.payload_bytes + HEADER_BYTES
    }

    pub(super) fn first_sector(&self) -> u64 {
        self.offset - self.offset % SECTOR_BYTES as u64
    }

    /// The end of the last sector that the record touches.
    pub(super) fn sectors_end(&self) -> u64 {
        let in_sector = self.offset % SECTOR_BYTES as u64;
        let tag = (SECTOR_BYTES - SECTOR_PAYLOAD_BYTES) as u64;
        let content = in_sector.saturating_sub(tag) + self.record_bytes() as u64;
        self.first_sector() + content.div_ceil(SECTOR_PAYLOAD_BYTES as u64) * SECTOR_BYTES as u64
    }
}

/// Gives the offset in the file of a byte of a frame's content.
pub(super) fn content_offset(frame_offset: u64, content_position: usize) -> u64 {
    let sector = content_position / SECTOR_PAYLOAD_BYTES;
    let within = content_position % SECTOR_PAYLOAD_BYTES;
    let tag = SECTOR_BYTES - SECTOR_PAYLOAD_BYTES;
    frame_offset + (sector * SECTOR_BYTES + tag + within) as u64
}

fn header(id: WalId, number: u32, bytes: u64) -> Sector {
    let mut sector = [0; SECTOR_BYTES];
    sector[0..8].copy_from_slice(&MAGIC);
    sector[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    sector[16..32].copy_from_slice(&id.0);
    sector[32..36].copy_from_slice(&number.to_le_bytes());
    sector[40..48].copy_from_slice(&bytes.to_le_bytes());
    let checksum = checksum(&sector);
    sector[12..16].copy_from_slice(&checksum.to_le_bytes());
    sector
}

fn checksum(sector: &Sector) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&sector[0..12]);
    hasher.update(&sector[16..]);
    hasher.finalize()
}
