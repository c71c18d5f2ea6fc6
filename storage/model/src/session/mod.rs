//! Sessions: what a token may do, given with an authorization as `key_rules` or made by a policy.

mod access;
mod document;
mod fields;
mod key_text;
mod meta;
mod rules;

pub(crate) use access::limits_of_apis;
pub use access::{ACCESS_RIGHTS_MAX, AccessRight, AccessRights, AllowedUrl};
pub use document::{KEPT_AFTER_EXPIRY, SessionDocument, SessionFacts, SessionLifetime};
pub(crate) use fields::{LIMITS, RIGHTS};
pub use key_text::{
    CUSTOM_ID_BYTES_MAX, CUSTOM_ID_BYTES_MIN, InvalidCustomId, custom_id, readings,
};
pub use rules::{Rights, SESSION_BYTES_MAX, SessionError, SessionRules};
