//! What a node says about itself: logs on standard error, metrics, and panics that reach both.

pub mod answer_lines;
pub mod answers;
pub mod log_queue;
pub mod logging;
pub mod metrics;
pub mod panic_hook;
pub mod process;
pub mod told_once;
