//! Who owns what while raftgate runs, and the immutable snapshots that the data plane reads.

pub mod snapshot;
