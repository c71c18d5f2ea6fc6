//! The phases of a request before it is forwarded: pure and synchronous, each yielding what the next one demands.

pub(super) mod authorize;
pub(super) mod identify;
pub(super) mod prepare;
pub(super) mod route;
