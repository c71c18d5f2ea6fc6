//! The content of a simulated file: what reads see, what is on the platter, and the unsynced versions between.

use std::collections::BTreeMap;
use std::io;

use super::Choices;
use crate::disk::SECTOR_BYTES;

/// A file's bytes in the page cache and on the platter.
#[derive(Debug, Default)]
pub(super) struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// Per sector number, every content since the last sync, oldest first.
    unsynced: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Every size since the last sync, oldest first.
    unsynced_sizes: Vec<usize>,
}

impl Inode {
    pub(super) fn size(&self) -> u64 {
        self.cached.len() as u64
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let source = start
            .checked_add(buffer.len())
            .and_then(|end| self.cached.get(start..end))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(source);
        Ok(())
    }

    pub(super) fn grow(&mut self, size: u64) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > self.cached.len() {
            self.cached.resize(size, 0);
            self.unsynced_sizes.push(size);
        }
    }

    pub(super) fn write(&mut self, data: &[u8], offset: u64) {
        if data.is_empty() {
            return;
        }
        self.grow(offset.saturating_add(data.len() as u64));
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(data.len());
        if let Some(target) = self.cached.get_mut(start..end) {
            target.copy_from_slice(data);
        }
        for sector in start / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES {
            let content = sector_of(&self.cached, sector);
            self.unsynced.entry(sector).or_default().push(content);
        }
    }

    pub(super) fn sync(&mut self) {
        for size in std::mem::take(&mut self.unsynced_sizes) {
            self.durable.resize(size, 0);
        }
        for (sector, mut versions) in std::mem::take(&mut self.unsynced) {
            if let Some(newest) = versions.pop() {
                put_sector(&mut self.durable, sector, &newest);
            }
        }
    }

    /// Forgets what was unsynced without writing it: reads still see it, and no later sync will save it.
    pub(super) fn sync_failed(&mut self) {
        self.unsynced.clear();
        if !self.unsynced_sizes.is_empty() {
            self.unsynced_sizes.clear();
            let size = self.cached.len();
            self.durable.resize(size, 0);
        }
    }

    pub(super) fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.cached);
        self.durable.clone_from(&self.cached);
        self.unsynced.clear();
        self.unsynced_sizes.clear();
    }

    pub(super) fn lose_power(&mut self, choices: &mut Choices) {
        let sizes = std::mem::take(&mut self.unsynced_sizes);
        let chosen = choices.version(sizes.len());
        if let Some(size) = chosen
            .checked_sub(1)
            .and_then(|position| sizes.get(position))
        {
            self.durable.resize(*size, 0);
        }
        for (sector, versions) in std::mem::take(&mut self.unsynced) {
            let chosen = choices.version(versions.len());
            if let Some(content) = chosen
                .checked_sub(1)
                .and_then(|position| versions.get(position))
            {
                put_sector(&mut self.durable, sector, content);
            }
        }
        self.cached.clone_from(&self.durable);
    }
}

fn sector_of(bytes: &[u8], sector: usize) -> Vec<u8> {
    bytes
        .chunks(SECTOR_BYTES)
        .nth(sector)
        .map(<[u8]>::to_vec)
        .unwrap_or_default()
}

/// Puts a sector's content where the file has room for it; bytes past the end are lost.
fn put_sector(bytes: &mut [u8], sector: usize, content: &[u8]) {
    if let Some(target) = bytes.chunks_mut(SECTOR_BYTES).nth(sector) {
        for (byte, new) in target.iter_mut().zip(content) {
            *byte = *new;
        }
    }
}
