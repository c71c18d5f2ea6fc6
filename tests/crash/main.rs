//! kill -9 while clients write: what was acknowledged is there after the restart.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, reads the clock, and shows what a failed node wrote"
)]

mod acknowledged;
mod damage;
mod directories;
#[path = "../harness/mod.rs"]
mod harness;
mod lost_parts;
mod restoring;
mod starting;
