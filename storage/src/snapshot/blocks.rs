//! The blocks of a snapshot file, each checked as it is read.

use std::sync::Arc;

use super::error::{SnapshotError, io_error};
use super::format::{BLOCK_BYTES_MAX, BLOCK_HEAD_BYTES, MAGIC, checksum};
use crate::codec::DecodeError;
use crate::disk::DiskFile;

/// A snapshot file and how far it was read.
pub(super) struct Blocks {
    file: Arc<dyn DiskFile>,
    path: String,
    pub(super) bytes: u64,
    pub(super) at: u64,
    number: u32,
}

impl Blocks {
    /// Opens a file and checks that it claims to be a snapshot.
    pub(super) fn open(file: Arc<dyn DiskFile>, path: String) -> Result<Self, SnapshotError> {
        let bytes = file
            .size()
            .map_err(io_error("read the size of", path.clone()))?;
        let mut magic = [0; MAGIC.len()];
        let readable = bytes >= magic.len() as u64;
        if readable {
            file.read_at(&mut magic, 0)
                .map_err(io_error("read", path.clone()))?;
        }
        if !readable || magic != MAGIC {
            return Err(SnapshotError::NotASnapshot { path });
        }
        Ok(Self {
            file,
            path,
            bytes,
            at: MAGIC.len() as u64,
            number: 0,
        })
    }

    /// Reads and checks the next block: its kind and its content.
    pub(super) fn next(&mut self) -> Result<(u8, Vec<u8>), SnapshotError> {
        let mut head = [0; BLOCK_HEAD_BYTES];
        self.read(&mut head)?;
        let [kind, n0, n1, n2, n3, l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let number = u32::from_le_bytes([n0, n1, n2, n3]);
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let expected = u32::from_le_bytes([c0, c1, c2, c3]);
        let left = self
            .bytes
            .saturating_sub(self.at)
            .saturating_sub(BLOCK_HEAD_BYTES as u64);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > BLOCK_BYTES_MAX || length as u64 > left {
            return Err(self.damaged("a block ends beyond the file"));
        }
        let start = self.at;
        self.at = start.saturating_add(BLOCK_HEAD_BYTES as u64);
        let mut content = vec![0; length];
        let read = self.read(&mut content);
        self.at = start;
        read?;
        if number != self.number || checksum(kind, number, &content) != expected {
            return Err(self.damaged("the checksum of a block is wrong"));
        }
        self.number = number.saturating_add(1);
        self.at = start
            .saturating_add(BLOCK_HEAD_BYTES as u64)
            .saturating_add(length as u64);
        Ok((kind, content))
    }

    fn read(&self, buffer: &mut [u8]) -> Result<(), SnapshotError> {
        let end = self.at.saturating_add(buffer.len() as u64);
        if end > self.bytes {
            return Err(self.damaged("it ends too early"));
        }
        self.file
            .read_at(buffer, self.at)
            .map_err(io_error("read", self.path.clone()))
    }

    pub(super) fn damaged(&self, what: &'static str) -> SnapshotError {
        SnapshotError::Damaged {
            path: self.path.clone(),
            at: self.at,
            what,
        }
    }

    pub(super) fn undecodable(&self, error: DecodeError) -> SnapshotError {
        SnapshotError::Decode {
            path: self.path.clone(),
            error,
        }
    }
}
