//! The state of a simulated machine: power, injected faults, files and folders.

use std::collections::BTreeMap;
use std::io;

use super::Operation;
use super::folder::Folder;
use super::inode::Inode;

#[derive(Debug)]
pub(super) struct Fault {
    pub(super) operation: Operation,
    pub(super) skip: u64,
    pub(super) error: io::ErrorKind,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) boot: u64,
    pub(super) operations: u64,
    pub(super) cut_at: Option<u64>,
    pub(super) powerless: bool,
    pub(super) faults: Vec<Fault>,
    pub(super) capacity: Option<u64>,
    pub(super) inodes: BTreeMap<u64, Inode>,
    pub(super) folders: BTreeMap<String, Folder>,
}

/// Whether an operation is carried out, or only begun because the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    PowerLost,
    Failed(io::ErrorKind),
}

impl Outcome {
    /// Gives the injected fault, if that is the outcome.
    pub(super) fn check_fault(self) -> io::Result<()> {
        match self {
            Self::Failed(kind) => Err(kind.into()),
            Self::Done | Self::PowerLost => Ok(()),
        }
    }
}

fn power_lost() -> io::Error {
    io::Error::other("the simulated machine has no power")
}

impl World {
    pub(super) fn check_boot(&self, boot: u64) -> io::Result<()> {
        if self.boot != boot || self.powerless {
            return Err(power_lost());
        }
        Ok(())
    }

    pub(super) fn begin(&mut self, boot: u64, operation: Operation) -> io::Result<Outcome> {
        self.check_boot(boot)?;
        let number = self.operations;
        self.operations += 1;
        if self.cut_at.is_some_and(|cut_at| number >= cut_at) {
            self.powerless = true;
            return Ok(Outcome::PowerLost);
        }
        let mut hit = None;
        for (position, fault) in self.faults.iter_mut().enumerate() {
            if fault.operation == operation {
                if fault.skip == 0 {
                    hit = Some(position);
                    break;
                }
                fault.skip -= 1;
            }
        }
        Ok(match hit {
            Some(position) => Outcome::Failed(self.faults.remove(position).error),
            None => Outcome::Done,
        })
    }

    pub(super) fn used_bytes(&self) -> u64 {
        let linked = |id: &u64| self.folders.values().any(|folder| folder.mentions(*id));
        let occupied = self.inodes.iter().filter(|(id, _)| linked(id));
        occupied.map(|(_, inode)| inode.size()).sum()
    }

    pub(super) fn lookup(&self, folder: &str, name: &str) -> io::Result<u64> {
        self.folders
            .get(folder)
            .and_then(|folder| folder.get(name))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn folder(&mut self, name: &str) -> io::Result<&mut Folder> {
        self.folders
            .get_mut(name)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn forget_unlinked(&mut self) {
        let folders = &self.folders;
        self.inodes
            .retain(|id, _| folders.values().any(|folder| folder.mentions(*id)));
    }

    pub(super) fn check_space(&self, inode: u64, size: u64) -> io::Result<()> {
        let before = self.inodes.get(&inode).map_or(0, Inode::size);
        let growth = size.saturating_sub(before);
        match self.capacity {
            Some(capacity) if growth > 0 && self.used_bytes() + growth > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn finish(outcome: Outcome) -> io::Result<()> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::PowerLost => Err(power_lost()),
        Outcome::Failed(kind) => Err(kind.into()),
    }
}
