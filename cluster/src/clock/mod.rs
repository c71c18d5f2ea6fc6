//! Cluster time: how the leader stamps batches, and what every node takes the time to be in between.
//!
//! Stamps stand in the log and judge; estimates only read. Both are values computed from clocks that are handed in.

mod estimate;
mod stamper;

pub use estimate::ClockEstimate;
pub use stamper::{ClockVerdict, STEP_MAX, Stamper};
