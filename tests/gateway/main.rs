//! One node from outside: the real binary, real HTTP, servers of the test's own behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, reads the clock, and shows what a failed node wrote"
)]

mod command_line;
mod demo;
mod first_requests;
#[path = "../harness/mod.rs"]
mod harness;
mod harness_itself;
