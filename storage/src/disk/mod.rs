//! One folder of files as the storage code sees it: named files, positioned reads and writes, explicit syncs.
//!
//! Two implementations: [`FsDisk`] on the file system, and (feature `sim`) a simulated machine that loses power.
//! The trait exists so that the code which decides durability runs unchanged under simulated power cuts.

mod fs;
#[cfg(any(test, feature = "sim"))]
pub mod sim;

pub use fs::FsDisk;

use std::fmt;
use std::io;
use std::sync::Arc;

/// A sector in bytes: the unit that a disk writes wholly or not at all.
pub const SECTOR_BYTES: usize = 512;

/// A folder whose files are created, renamed and removed durably only by [`Disk::sync_dir`].
pub trait Disk: Send + Sync + fmt::Debug {
    /// Creates an empty file and fails with `AlreadyExists` if the name is taken.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Lists the names of the files of the folder in unspecified order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Renames a file, replacing the target if it exists.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; open handles stay usable.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all earlier creations, renames and removals durable.
    fn sync_dir(&self) -> io::Result<()>;

    /// Tells how many bytes this process may still allocate on the file system.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Names a file the way an operator finds it, for messages.
    fn path_of(&self, name: &str) -> String;
}

/// An open file with positioned reads and writes.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Tells the file's size in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset`, or fails with `UnexpectedEof`.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `data` at `offset`, growing the file if needed.
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()>;

    /// Reserves space for `size` bytes from the start and grows the file to it.
    fn preallocate(&self, size: u64) -> io::Result<()>;

    /// Makes all earlier writes to this file, and its size, durable.
    ///
    /// After an error nothing is known about the earlier writes, and calling it again proves nothing:
    /// the kernel may have dropped them and report success the second time.
    fn fdatasync(&self) -> io::Result<()>;
}
