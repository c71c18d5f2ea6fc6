//! What callers read when something is refused: one table for the OAuth endpoints and one for proxied requests.

mod access;
mod answer;
mod code;
mod failure;
mod label;

pub use access::{AccessAnswer, AccessFailure, AuthScheme, BodyKind, TYK_GENERATOR};
pub use answer::{ErrorShape, OAuthEndpoint, OAuthErrorAnswer};
pub use code::ErrorCode;
pub use failure::OAuthFailure;

/// The status of OAuth errors in Tyk's style unless configured otherwise.
pub const TYK_STATUS_DEFAULT: u16 = 403;

/// Whose words and statuses errors have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorStyle {
    /// Those of RFC 6749 and RFC 6750.
    #[default]
    Rfc,
    /// Tyk's.
    Tyk {
        /// The status of every error that Tyk's OAuth library makes (`oauth_error_status_code`).
        status: u16,
    },
}
