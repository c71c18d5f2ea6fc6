//! The raftgate process: configuration, the listeners and the command line around the crates that do the work.

pub mod clock;
pub mod config;
pub mod telemetry;
