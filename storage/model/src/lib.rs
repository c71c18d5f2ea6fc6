//! The pure domain of raftgate: identifiers, tokens, OAuth decisions, replicated state and `apply`.
//!
//! Nothing here performs I/O or reads a clock or randomness: time, ids and random bytes arrive as values.

pub mod admin_token;
pub mod answer;
pub mod api;
pub mod apply;
pub mod clock;
pub mod command;
pub mod id;
pub mod json;
pub mod keyring;
pub mod network;
pub mod oauth;
pub mod path_pattern;
pub mod policy;
pub mod seal;
pub mod secret;
pub mod session;
pub mod state;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
pub mod time;
pub mod token;
