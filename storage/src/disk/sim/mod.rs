//! A simulated machine whose disk forgets, on a power cut, whatever was not synced.
//!
//! Per file every unsynced 512-byte sector survives or not, independently of the others, in any of the versions
//! written since the last sync; unsynced sizes, creations, renames and removals survive independently per
//! directory entry. All choices come from a seed. Several folders can share one machine and its power.

mod folder;
mod inode;
mod random;
mod world;

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Disk, DiskFile};
use folder::Folder;
use inode::Inode;
use random::Choices;
use world::{Fault, Outcome, World, finish};

/// A kind of change that a disk is asked for; reads are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A file is created.
    Create,
    /// Bytes are written, or space is reserved.
    Write,
    /// A file is synced.
    Fdatasync,
    /// A file is renamed.
    Rename,
    /// A file is removed.
    Remove,
    /// A folder is synced.
    SyncDir,
}

/// What remains of unsynced changes after a power cut.
#[derive(Debug, Clone, Copy)]
pub enum Survival {
    /// Nothing that was not synced.
    Nothing,
    /// Everything, as if each cache had been written back just in time.
    Everything,
    /// Each sector, size and directory entry by itself, chosen from the seed.
    Random(u64),
}

/// A machine with power, a disk of limited size, and folders on it.
#[derive(Debug, Clone, Default)]
pub struct SimMachine {
    world: Arc<Mutex<World>>,
}

impl SimMachine {
    /// Builds a machine with an empty disk without limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a handle on a folder, which works until the next power cut.
    #[must_use]
    pub fn disk(&self, folder: &str) -> SimDisk {
        let mut world = self.world.lock();
        world.folders.entry(folder.to_owned()).or_default();
        SimDisk {
            world: Arc::clone(&self.world),
            folder: folder.to_owned(),
            boot: world.boot,
        }
    }

    /// Tells how many changes the disk has been asked for so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.world.lock().operations
    }

    /// Cuts the power in the middle of the change after `count` further ones.
    pub fn cut_after(&self, count: u64) {
        let mut world = self.world.lock();
        world.cut_at = Some(world.operations.saturating_add(count));
    }

    /// Tells whether a cut has happened and the machine is still off.
    #[must_use]
    pub fn is_powerless(&self) -> bool {
        self.world.lock().powerless
    }

    /// Cuts the power now if it is still on, settles what survived, and starts the machine again.
    ///
    /// Handles from before the cut fail from now on.
    pub fn restart(&self, survival: Survival) {
        let mut choices = Choices::new(survival);
        let mut world = self.world.lock();
        for folder in world.folders.values_mut() {
            folder.lose_power(&mut choices);
        }
        for inode in world.inodes.values_mut() {
            inode.lose_power(&mut choices);
        }
        world.forget_unlinked();
        world.boot += 1;
        world.powerless = false;
        world.cut_at = None;
        world.faults.clear();
    }

    /// Ends all processes but keeps the page cache: old handles fail, nothing is lost.
    pub fn kill(&self) {
        let mut world = self.world.lock();
        world.boot += 1;
        world.powerless = false;
        world.cut_at = None;
        world.faults.clear();
    }

    /// Makes a coming operation of one kind fail, after `skip` of that kind have succeeded.
    pub fn fail(&self, operation: Operation, skip: u64, error: io::ErrorKind) {
        let mut world = self.world.lock();
        world.faults.push(Fault {
            operation,
            skip,
            error,
        });
    }

    /// Limits the disk to `bytes` in all, or lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.world.lock().capacity = bytes;
    }

    /// Tells how many bytes the files of the machine occupy.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.world.lock().used_bytes()
    }

    /// Changes bytes of a file behind everyone's back, in cache and on the platter.
    ///
    /// # Errors
    /// `NotFound` if the folder or file does not exist.
    pub fn damage(
        &self,
        folder: &str,
        name: &str,
        change: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<()> {
        let mut world = self.world.lock();
        let id = world.lookup(folder, name)?;
        let inode = world.inodes.get_mut(&id).ok_or(io::ErrorKind::NotFound)?;
        inode.damage(change);
        Ok(())
    }

    /// Removes a file behind everyone's back.
    ///
    /// # Errors
    /// `NotFound` if the folder or file does not exist.
    pub fn steal(&self, folder: &str, name: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        world.lookup(folder, name)?;
        world.folder(folder)?.steal(name);
        Ok(())
    }
}

/// A handle on one folder of a simulated machine.
#[derive(Debug, Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
    folder: String,
    boot: u64,
}

impl SimDisk {
    fn handle(&self, inode: u64) -> Arc<dyn DiskFile> {
        Arc::new(SimFile {
            world: Arc::clone(&self.world),
            inode,
            boot: self.boot,
        })
    }
}

impl Disk for SimDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world.lock();
        let outcome = world.begin(self.boot, Operation::Create)?;
        outcome.check_fault()?;
        if world.lookup(&self.folder, name).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = world.inodes.keys().next_back().map_or(1, |last| last + 1);
        world.inodes.insert(id, Inode::default());
        world.folder(&self.folder)?.link(name, id);
        finish(outcome)?;
        Ok(self.handle(id))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let world = self.world.lock();
        world.check_boot(self.boot)?;
        Ok(self.handle(world.lookup(&self.folder, name)?))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let world = self.world.lock();
        world.check_boot(self.boot)?;
        Ok(world
            .folders
            .get(&self.folder)
            .map(Folder::names)
            .unwrap_or_default())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        let outcome = world.begin(self.boot, Operation::Rename)?;
        outcome.check_fault()?;
        let id = world.lookup(&self.folder, from)?;
        let folder = world.folder(&self.folder)?;
        folder.unlink(from);
        folder.link(to, id);
        finish(outcome)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        let outcome = world.begin(self.boot, Operation::Remove)?;
        outcome.check_fault()?;
        world.lookup(&self.folder, name)?;
        world.folder(&self.folder)?.unlink(name);
        finish(outcome)
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut world = self.world.lock();
        let outcome = world.begin(self.boot, Operation::SyncDir)?;
        if outcome == Outcome::Done {
            world.folder(&self.folder)?.sync();
        }
        finish(outcome)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let world = self.world.lock();
        world.check_boot(self.boot)?;
        Ok(world.capacity.map_or(u64::MAX, |capacity| {
            capacity.saturating_sub(world.used_bytes())
        }))
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

#[derive(Debug)]
struct SimFile {
    world: Arc<Mutex<World>>,
    inode: u64,
    boot: u64,
}

impl SimFile {
    fn change(
        &self,
        operation: Operation,
        size: u64,
        apply: impl FnOnce(&mut Inode, Outcome),
    ) -> io::Result<()> {
        let mut world = self.world.lock();
        let outcome = world.begin(self.boot, operation)?;
        world.check_space(self.inode, size)?;
        if let Some(inode) = world.inodes.get_mut(&self.inode) {
            apply(inode, outcome);
        }
        finish(outcome)
    }
}

impl DiskFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        let world = self.world.lock();
        world.check_boot(self.boot)?;
        Ok(world.inodes.get(&self.inode).map_or(0, Inode::size))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let world = self.world.lock();
        world.check_boot(self.boot)?;
        match world.inodes.get(&self.inode) {
            Some(inode) => inode.read(buffer, offset),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let end = offset.saturating_add(data.len() as u64);
        self.change(Operation::Write, end, |inode, outcome| {
            // A failing write leaves its first half in the cache.
            let kept = match outcome {
                Outcome::Failed(_) => data.len() / 2,
                Outcome::Done | Outcome::PowerLost => data.len(),
            };
            inode.write(data.get(..kept).unwrap_or(data), offset);
        })
    }

    fn preallocate(&self, size: u64) -> io::Result<()> {
        self.change(Operation::Write, size, |inode, outcome| {
            if !matches!(outcome, Outcome::Failed(_)) {
                inode.grow(size);
            }
        })
    }

    fn fdatasync(&self) -> io::Result<()> {
        self.change(Operation::Fdatasync, 0, |inode, outcome| match outcome {
            Outcome::Done => inode.sync(),
            Outcome::PowerLost => {}
            Outcome::Failed(_) => inode.sync_failed(),
        })
    }
}

#[cfg(test)]
#[path = "sim_tests.rs"]
mod tests;
