//! The batcher: many waiting commands become one log entry.
//!
//! openraft waits for the flush of every single write, so what waits together is written together; the next batch
//! forms while the one before is on its way.

mod batcher;
mod consensus;
mod flight;
mod intake;
mod lane;
mod queue;

pub use flight::Committed;
pub use lane::{LANE_NAMES, Lane};

pub(crate) use batcher::{Batcher, RequestOrigin};
pub(crate) use consensus::{Consensus, Ended, Outcome, Readiness};
pub(crate) use intake::Intake;

/// The most commands that wait for a batch.
pub const QUEUE_COMMANDS_MAX: usize = 4096;
/// The most bytes of commands that wait for a batch.
pub const QUEUE_BYTES_MAX: usize = 8 << 20;
/// The most bytes of commands in one batch, unless a single command is larger.
pub const BATCH_BYTES_MAX: usize = 256 << 10;
/// The largest single command, in bytes.
pub const COMMAND_BYTES_MAX: usize = 4 << 20;
