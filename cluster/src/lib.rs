//! Consensus assembled: the Raft node, the batcher before it, cluster time, and one handle for everyone above.
//!
//! Knows nothing of what commands mean; no type of the consensus library leaves this crate.

pub mod clock;
