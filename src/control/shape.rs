//! The success shapes of Tyk's Gateway API.

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What changed, as Tyk says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Created, or replaced by POST.
    Added,
    /// Replaced by PUT.
    Modified,
    /// Deleted.
    Deleted,
}

#[derive(Serialize)]
struct Modified<'a> {
    key: &'a str,
    status: &'static str,
    action: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// `{"key", "status", "action"}`; what has no effect yet stands in `warnings`, which Tyk does not have.
pub(super) fn modified(key: &str, action: Action, warnings: &[String]) -> HttpResponse {
    let action = match action {
        Action::Added => "added",
        Action::Modified => "modified",
        Action::Deleted => "deleted",
    };
    HttpResponse::Ok().json(Modified {
        key,
        status: "ok",
        action,
        warnings,
    })
}

#[derive(Serialize)]
struct Message<'a> {
    status: &'static str,
    message: &'a str,
}

/// `{"status": "ok", "message"}`.
pub(super) fn ok(message: &str) -> HttpResponse {
    HttpResponse::Ok().json(Message {
        status: "ok",
        message,
    })
}

/// A document as it was given.
pub(super) fn document(text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(text)
}

/// Documents as they were given, in an array.
pub(super) fn documents(texts: Vec<String>) -> HttpResponse {
    let raw: Vec<Box<RawValue>> = texts
        .into_iter()
        .filter_map(|text| RawValue::from_string(text).ok())
        .collect();
    HttpResponse::Ok().json(raw)
}

/// A body that must be JSON; the message says where it is not.
pub(super) fn parse(body: &[u8]) -> Result<Value, super::ControlFailure> {
    serde_json::from_slice(body)
        .map_err(|error| super::ControlFailure::Invalid(format!("Request malformed: {error}")))
}
