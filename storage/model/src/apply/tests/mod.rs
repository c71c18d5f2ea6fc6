//! The state machine's decisions, table by table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod api_keys;
mod astray;
mod clients;
mod codes;
mod config;
mod notifications;
mod password;
mod queue_bounds;
mod refresh;
mod requests;
mod revoke;
mod sessions;
mod sources;
mod world;
