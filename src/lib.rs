//! The raftgate process: configuration, the listeners and the command line around the crates that do the work.

pub mod boot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod control_address;
pub mod control_secret;
pub mod credentials;
pub mod definitions;
pub mod demo;
pub mod drain;
#[cfg(any(test, fuzzing))]
pub mod hostile;
pub mod listen_error;
pub mod listener_tls;
pub mod long_work;
pub mod oauth;
pub mod proxy;
pub mod ready_line;
pub mod signals;
pub mod telemetry;
#[cfg(test)]
mod test_ring;
