//! The data plane at its sockets: a gateway inside the test, raw TCP on both sides of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

mod bodies;
mod broken;
mod connections;
mod drain;
mod endpoints;
mod framing;
mod http2;
mod http2_client;
mod http2_interim;
mod http2_raw;
mod http2_smuggling;
mod limits;
mod rig;
mod slow_clients;
mod targets;
mod tls;
mod websocket;
mod wire;
