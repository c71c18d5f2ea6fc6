//! Who owns what while raftgate runs, and the immutable snapshots that the data plane reads.

pub mod api;
pub mod compile;
pub mod snapshot;
