//! Reading a snapshot, checking every byte of it on the way.

use std::sync::Arc;

use raftgate_model::state::{Record, RecordKey};

use super::blocks::Blocks;
use super::error::SnapshotError;
use super::format::{BlockKind, SnapshotHead, SnapshotInfo, SnapshotTotals};
use crate::codec::{self, CONTROL_BYTES_MAX, DecodeError};
use crate::digest::StateDigest;
use crate::disk::DiskFile;

/// How far some long work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// What there is in all, in the same unit.
    pub total: u64,
}

/// What one block of records holds.
pub(crate) type Records = Vec<(RecordKey, Record)>;

/// A snapshot being read, block by block.
pub(crate) struct SnapshotReader {
    blocks: Blocks,
    head: SnapshotHead,
    /// What was read so far; the digest counts what is stored, whether or not the records are decoded.
    digest: StateDigest,
    records: u64,
    /// Records were skipped, so that nothing can be said of their sum.
    unsummed: bool,
    totals: Option<SnapshotTotals>,
}

impl SnapshotReader {
    /// Opens a snapshot and reads its head.
    pub(crate) fn open(file: Arc<dyn DiskFile>, path: String) -> Result<Self, SnapshotError> {
        let mut blocks = Blocks::open(file, path)?;
        let (kind, content) = blocks.next()?;
        if kind != BlockKind::Head as u8 {
            return Err(blocks.damaged("the first block is no head"));
        }
        let head = codec::decode("snapshot head", &content, CONTROL_BYTES_MAX)
            .map_err(|error| blocks.undecodable(error))?;
        Ok(Self {
            blocks,
            head,
            digest: StateDigest::default(),
            records: 0,
            unsummed: false,
            totals: None,
        })
    }

    /// How far the reading is, in bytes.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            done: self.blocks.at,
            total: self.blocks.bytes,
        }
    }

    /// The next records; `None` at the end, after everything was found to be as the totals say.
    pub(crate) fn next_records(&mut self) -> Result<Option<Records>, SnapshotError> {
        match self.next_block()? {
            None => Ok(None),
            Some(content) => self.decode(&content).map(Some),
        }
    }

    /// Checks the next records without decoding them; false at the end, after everything was found right.
    pub(crate) fn next_unread(&mut self) -> Result<bool, SnapshotError> {
        match self.next_block()? {
            None => Ok(false),
            Some(content) => self.sum(&content, |_, _| Ok(())).map(|()| true),
        }
    }

    /// Checks the checksum of the next records and nothing else; false at the end.
    pub(crate) fn skip_records(&mut self) -> Result<bool, SnapshotError> {
        self.unsummed = true;
        Ok(self.next_block()?.is_some())
    }

    /// What the snapshot says about itself, once it was read to its end.
    pub(crate) fn into_info(self) -> Result<SnapshotInfo, SnapshotError> {
        match self.totals {
            Some(totals) => Ok(SnapshotInfo {
                head: self.head,
                totals,
                bytes: self.blocks.bytes,
            }),
            None => Err(self.blocks.damaged("it was not read to its end")),
        }
    }

    /// The content of the next block of records, or `None` once the totals were met and found right.
    fn next_block(&mut self) -> Result<Option<Vec<u8>>, SnapshotError> {
        if self.totals.is_some() {
            return Ok(None);
        }
        let (kind, content) = self.blocks.next()?;
        if kind == BlockKind::Records as u8 {
            return Ok(Some(content));
        }
        if kind != BlockKind::Totals as u8 {
            return Err(self.blocks.damaged("a block of unknown kind"));
        }
        let totals: SnapshotTotals = codec::decode("snapshot totals", &content, CONTROL_BYTES_MAX)
            .map_err(|error| self.blocks.undecodable(error))?;
        if self.blocks.at != self.blocks.bytes {
            return Err(self.blocks.damaged("bytes after the end"));
        }
        let same = totals.records == self.records && totals.digest == self.digest;
        if !same && !self.unsummed {
            return Err(self
                .blocks
                .damaged("the records are not those that its totals count"));
        }
        self.totals = Some(totals);
        Ok(None)
    }

    fn decode(&mut self, content: &[u8]) -> Result<Records, SnapshotError> {
        let mut records = Vec::with_capacity(2048);
        self.sum(content, |key, record| {
            let key = codec::decode_key(key)?;
            let record = codec::decode_record(&key, record)?;
            records.push((key, record));
            Ok(())
        })?;
        Ok(records)
    }

    /// Goes through a block's records and takes them into the sum.
    fn sum(
        &mut self,
        content: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), SnapshotError> {
        let mut rest = content;
        while !rest.is_empty() {
            let key = part(&mut rest);
            let record = part(&mut rest);
            let (Some(key), Some(record)) = (key, record) else {
                return Err(self.blocks.damaged("a record ends beyond its block"));
            };
            self.digest.add(key, record);
            self.records = self.records.saturating_add(1);
            each(key, record).map_err(|error| self.blocks.undecodable(error))?;
        }
        Ok(())
    }
}

/// Takes a part with its length before it off the front.
fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (part, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(part)
}
