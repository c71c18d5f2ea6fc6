//! Writing a snapshot: into a temporary file, which gets its name when it is whole and on disk.

use std::sync::Arc;

use raftgate_model::state::{Record, RecordKey};

use super::error::{SnapshotError, io_error};
use super::format::{
    BLOCK_HEAD_BYTES, BlockKind, MAGIC, RECORDS_BYTES, SnapshotHead, SnapshotInfo, SnapshotTotals,
    checksum,
};
use crate::codec::{self, CONTROL_BYTES_MAX};
use crate::disk::{Disk, DiskFile};

/// A snapshot being written.
pub(super) struct SnapshotWriter<'disk> {
    disk: &'disk dyn Disk,
    file: Arc<dyn DiskFile>,
    temporary: String,
    head: SnapshotHead,
    totals: SnapshotTotals,
    records: Vec<u8>,
    blocks: u32,
    bytes: u64,
}

impl<'disk> SnapshotWriter<'disk> {
    /// Begins a file.
    pub(super) fn begin(
        disk: &'disk dyn Disk,
        temporary: String,
        head: SnapshotHead,
    ) -> Result<Self, SnapshotError> {
        let file = disk
            .create(&temporary)
            .map_err(io_error("create", disk.path_of(&temporary)))?;
        let mut writer = Self {
            disk,
            file,
            temporary,
            head,
            totals: SnapshotTotals::default(),
            records: Vec::with_capacity(RECORDS_BYTES + 4096),
            blocks: 0,
            bytes: 0,
        };
        writer.write(&MAGIC)?;
        let head = codec::encode("snapshot head", &writer.head, CONTROL_BYTES_MAX)?;
        writer.block(BlockKind::Head, &head)?;
        Ok(writer)
    }

    /// Adds a record.
    pub(super) fn put(&mut self, key: &RecordKey, record: &Record) -> Result<(), SnapshotError> {
        let key_bytes = codec::encode_key(key)?;
        let record_bytes = codec::encode_record(record)?;
        self.totals.count(key, record);
        self.totals.digest.add(&key_bytes, &record_bytes);
        for part in [&key_bytes, &record_bytes] {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            self.records.extend_from_slice(&length.to_le_bytes());
            self.records.extend_from_slice(part);
        }
        if self.records.len() >= RECORDS_BYTES {
            self.close_records()?;
        }
        Ok(())
    }

    /// What was written so far.
    pub(super) fn totals(&self) -> &SnapshotTotals {
        &self.totals
    }

    /// Ends the file and makes it durable under its name.
    pub(super) fn finish(mut self, name: &str) -> Result<SnapshotInfo, SnapshotError> {
        self.close_records()?;
        let totals = codec::encode("snapshot totals", &self.totals, CONTROL_BYTES_MAX)?;
        self.block(BlockKind::Totals, &totals)?;
        seal(self.disk, self.file.as_ref(), &self.temporary, name)?;
        Ok(SnapshotInfo {
            head: self.head,
            totals: self.totals,
            bytes: self.bytes,
        })
    }

    fn close_records(&mut self) -> Result<(), SnapshotError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let mut records = std::mem::take(&mut self.records);
        self.block(BlockKind::Records, &records)?;
        records.clear();
        self.records = records;
        Ok(())
    }

    fn block(&mut self, kind: BlockKind, content: &[u8]) -> Result<(), SnapshotError> {
        let kind = kind as u8;
        let number = self.blocks;
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let mut head = Vec::with_capacity(BLOCK_HEAD_BYTES);
        head.push(kind);
        head.extend_from_slice(&number.to_le_bytes());
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(&checksum(kind, number, content).to_le_bytes());
        self.blocks = number.saturating_add(1);
        self.write(&head)?;
        self.write(content)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.file
            .write_at(bytes, self.bytes)
            .map_err(io_error("write", self.disk.path_of(&self.temporary)))?;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        Ok(())
    }
}

/// Makes a whole file durable, then gives it its name, then makes the name durable.
pub(super) fn seal(
    disk: &dyn Disk,
    file: &dyn DiskFile,
    temporary: &str,
    name: &str,
) -> Result<(), SnapshotError> {
    file.fdatasync()
        .map_err(io_error("sync", disk.path_of(temporary)))?;
    disk.rename(temporary, name)
        .map_err(io_error("name", disk.path_of(name)))?;
    disk.sync_dir()
        .map_err(io_error("sync the folder of", disk.path_of(name)))
}
