//! OAuth clients that others wrote, unmodified and with their defaults, and a real browser, against the real binary.
//!
//! The libraries and the browser stand below target/tools, where `tests/run clients` puts them; what is not there is a
//! failure with its name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, reads the clock, and shows what a failed program wrote"
)]

mod browser;
mod certificates;
mod deployment;
#[path = "../harness/mod.rs"]
mod harness;
mod identity_server;
mod javascript;
mod program;
mod python;
mod rust;
mod tools;
mod webdriver;
