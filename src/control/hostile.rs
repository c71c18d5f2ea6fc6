//! What holds of bodies and queries of the control API whatever they say.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "an oracle stops at the first breach"
)]

use actix_web::web::Query;
use raftgate_model::admin_token::{AdminName, AdminRole};
use raftgate_model::api::Serving;

use super::admin_tokens::asked;
use super::oas::ServingQuery;

/// A request for an admin token: one name, one role, and a name that a path can hold.
pub(crate) fn admin_token(body: &[u8]) {
    let Ok((name, role)) = asked(body) else {
        return;
    };
    assert!(AdminRole::ALL.contains(&role));
    assert_eq!(AdminName::new(name.as_str()).as_ref(), Ok(&name));
    let encoded =
        percent_encoding::utf8_percent_encode(name.as_str(), percent_encoding::NON_ALPHANUMERIC);
    let path = format!("/raftgate/v1/admin-tokens/{encoded}");
    assert!(path.parse::<http::Uri>().is_ok(), "{path}");
    assert!(!matches!(name.as_str(), "." | ".."));
}

/// How a query asks for a document to be served, if it is one.
pub(crate) fn serving(query: &str) -> Option<Serving> {
    let query = Query::<ServingQuery>::from_query(query).ok()?;
    query.into_inner().serving().ok()
}
