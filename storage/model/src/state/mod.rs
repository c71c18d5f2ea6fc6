//! The replicated state: its records, their keys, and how `apply` reads and changes them.

mod change;
mod key;
mod memory;
mod read;
pub mod record;

pub use change::{Change, Txn};
pub use key::{ClientKey, NotificationKey, RecordKey, RouteKey, SourcePath, Subject};
pub use memory::MemoryState;
pub use read::ReadState;
pub use record::Record;
