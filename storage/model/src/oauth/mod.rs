//! The vocabulary of OAuth 2.0 as this server speaks it (RFC 6749, RFC 7636 and Tyk's dialect).

pub mod client;
pub mod error;
pub mod grant_type;
pub mod pkce;
pub mod redirect;
pub mod scope;
