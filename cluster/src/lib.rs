//! Consensus assembled: the Raft node, the batcher before it, cluster time, and one handle for everyone above.
//!
//! Knows nothing of what commands mean; no type of the consensus library leaves this crate.

pub mod batch;
pub mod clock;
pub mod error;
pub mod handle;
pub mod metrics;
mod network;
pub mod node;
mod snapshot;
pub mod status;
pub mod waiters;
