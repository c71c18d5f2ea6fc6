//! Bytes on disk: write-ahead log, sled copy, snapshots and the read view; and the folder that holds them.

mod background_thread;
pub mod codec;
mod copy;
pub mod data_dir;
pub mod digest;
pub mod disk;
pub mod fatal;
pub mod keyring_file;
pub mod latency;
pub mod log;
pub mod machine;
pub mod private_file;
pub mod runtime;
pub mod snapshot;
pub mod types;
pub mod view;
pub mod wal;
