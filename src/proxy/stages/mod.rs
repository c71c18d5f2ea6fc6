//! The phases of a request before it is forwarded: pure and synchronous, each yielding what the next one demands.

pub(super) mod authorize;
pub(super) mod cors;
pub(super) mod gate;
pub(super) mod header_values;
#[cfg(any(test, fuzzing))]
pub(super) mod hostile;
pub(super) mod identify;
pub(super) mod prepare;
pub(super) mod route;
pub(super) mod selected;
pub(super) mod version;
