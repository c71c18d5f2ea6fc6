//! The log on a simulated machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod basics;
mod damage;
mod damage_random;
mod failures;
mod harness;
mod model;
mod power;
mod real;
mod specimen;
