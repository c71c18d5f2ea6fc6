//! Bytes on disk: write-ahead log, sled copy, snapshots and the read view; and the folder that holds them.

pub mod codec;
pub mod data_dir;
pub mod disk;
pub mod fatal;
pub mod keyring_file;
pub mod latency;
pub mod log;
pub mod private_file;
pub mod runtime;
pub mod snapshot;
pub mod types;
#[allow(
    dead_code,
    reason = "the state machine that writes the view stands on the next change"
)]
pub mod view;
pub mod wal;
