//! Sessions: what a token may do, given with an authorization as `key_rules` or made by a policy.

mod access;
mod meta;
mod rules;

pub use access::{ACCESS_RIGHTS_MAX, AccessRight, AccessRights, AllowedUrl};
pub use rules::{Rights, SESSION_BYTES_MAX, SessionError, SessionRules};
