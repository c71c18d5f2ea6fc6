//! The success shapes of Tyk's Gateway API.

use std::fmt::Display;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use raftgate_model::json::parse_object;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{ControlFailure, Listings};
use crate::definitions::{Imported, yaml};
use crate::proxy::EndpointResponse;

/// What changed, as Tyk says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Created, or replaced by POST.
    Added,
    /// Replaced by PUT.
    Modified,
    /// Given another policy.
    Updated,
    /// Deleted.
    Deleted,
}

impl Action {
    /// Tyk's word for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

#[derive(Serialize)]
struct Modified<'a> {
    key: &'a str,
    status: &'static str,
    action: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// What a request wrote, kept with its answer for the log.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// The id of what was written.
    pub(super) key: String,
    /// What was done to it.
    pub(super) action: &'static str,
}

/// `{"key", "status", "action"}`; what of an API has no effect yet stands in `warnings`, which Tyk does not have.
pub(super) fn modified(key: &str, action: Action, warnings: &[String]) -> HttpResponse {
    let action = action.word();
    let response = HttpResponse::Ok().json(Modified {
        key,
        status: "ok",
        action,
        warnings,
    });
    noted(response, key, action)
}

/// The same of something whose name is a secret: the answer repeats it, the log does not.
pub(super) fn deleted_secret(key: &str) -> HttpResponse {
    HttpResponse::Ok().json(Modified {
        key,
        status: "ok",
        action: Action::Deleted.word(),
        warnings: &[],
    })
}

/// What an import made or replaced: an API.
pub(super) fn imported(imported: &Imported, action: Action) -> HttpResponse {
    modified(&imported.id, action, &imported.warnings)
}

/// The same answer with a word for the log on what was written.
pub(super) fn noted(mut response: HttpResponse, key: &str, action: &'static str) -> HttpResponse {
    let key = key.to_owned();
    response.extensions_mut().insert(Written { key, action });
    response
}

/// An answer that knows no server, on its way out by this one.
pub(super) fn plain(response: EndpointResponse) -> HttpResponse {
    let mut out = HttpResponse::build(response.status);
    for (name, value) in &response.headers {
        out.insert_header((name.clone(), value.clone()));
    }
    let mut out = out.body(response.body);
    if let Some(note) = response.note {
        out.extensions_mut().insert(note);
    }
    out
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
///
/// They are collected on a thread that may block: there may be many, each has to be decrypted, and the control listener's
/// only worker answers `/ready` and `/metrics` meanwhile; and only so many at a time, for all of their texts are held.
pub(super) async fn documents(
    listings: &Listings,
    collect: impl FnOnce() -> Result<Vec<String>, ControlFailure> + Send + 'static,
) -> Result<HttpResponse, ControlFailure> {
    texts(listings, collect).await.map(document)
}

/// The text of such an array.
pub(super) async fn texts(
    listings: &Listings,
    collect: impl FnOnce() -> Result<Vec<String>, ControlFailure> + Send + 'static,
) -> Result<String, ControlFailure> {
    let place = listings.enter().await?;
    let body = web::block(move || {
        let _place = place;
        collect().and_then(array)
    });
    let body = body.await;
    body.map_err(|_| ControlFailure::Internal)?
}

fn array(texts: Vec<String>) -> Result<String, ControlFailure> {
    let raw: Vec<Box<RawValue>> = texts
        .into_iter()
        .filter_map(|text| RawValue::from_string(text).ok())
        .collect();
    serde_json::to_string(&raw).map_err(|_| ControlFailure::Internal)
}

/// The definition in a body as JSON text: YAML where the media type says so, else JSON as it came.
///
/// # Errors
/// The reason why there is none, in words.
pub(super) fn document_text(request: &HttpRequest, body: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| "not valid UTF-8".to_owned())?;
    let media_type = request.headers().get(CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let is_yaml = media_type.is_some_and(|value| {
        let name = value.split(';').next().unwrap_or_default().trim();
        [
            "application/yaml",
            "application/x-yaml",
            "text/yaml",
            "text/x-yaml",
        ]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
    });
    if !is_yaml {
        return Ok(text.to_owned());
    }
    let value = yaml(text).map_err(|error| error.to_string())?;
    Ok(value.to_string())
}

/// A parameter of a query, if it is there; one that stands twice is refused, for readers differ on which of the two counts.
pub(super) fn parameter(query: &str, name: &str) -> Result<Option<String>, ControlFailure> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut values = pairs.filter(|(known, _)| known == name);
    let value = values.next();
    if values.next().is_some() {
        return Err(ControlFailure::Invalid(format!(
            "{name}: is given more than once"
        )));
    }
    Ok(value.map(|(_, value)| value.into_owned()))
}

/// The page that a query asks for, if it asks for pages; what is no number of a page is the first one (Tyk).
pub(super) fn page(query: &str, name: &str) -> Result<Option<usize>, ControlFailure> {
    let page = parameter(query, name)?.filter(|page| !page.is_empty());
    Ok(page.map(|page| page.parse().unwrap_or(1).max(1)))
}

/// A body that must be one JSON object of at most `bytes_max` bytes, in which no key stands twice; the message says where it
/// is not.
pub(super) fn object(body: &[u8], bytes_max: usize) -> Result<Map<String, Value>, ControlFailure> {
    parse_object(utf8(body)?, bytes_max).map_err(malformed)
}

/// A body that must be text.
pub(super) fn utf8(body: &[u8]) -> Result<&str, ControlFailure> {
    std::str::from_utf8(body).map_err(|_| malformed("not valid UTF-8"))
}

/// A request whose body or parameters cannot be read, and why.
pub(super) fn malformed(reason: impl Display) -> ControlFailure {
    ControlFailure::Invalid(format!("Request malformed: {reason}"))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use actix_web::body::to_bytes;
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn a_page_is_a_number_from_one_on_t11() {
        for (query, expected) in [
            ("", None),
            ("page=", None),
            ("pages=3", None),
            ("page=1", Some(1)),
            ("x=2&page=3&p=4", Some(3)),
            ("page=0", Some(1)),
            ("page=-3", Some(1)),
            ("page=x", Some(1)),
            ("page=99999999999999999999999", Some(1)),
        ] {
            assert_eq!(page(query, "page").unwrap(), expected, "{query}");
        }
        let twice = page("page=3&x=2&page=3", "page").unwrap_err();
        assert_eq!(twice.to_string(), "page: is given more than once");
    }

    #[test]
    fn the_worker_goes_on_while_documents_are_collected() {
        let (send, receive) = sync_channel(1);
        let collect = move || {
            let from_worker = receive.recv_timeout(Duration::from_secs(10));
            let text: String = from_worker.map_err(|_| ControlFailure::Internal)?;
            Ok(vec![text, r#"{"b":2}"#.to_owned()])
        };
        actix_rt::System::new().block_on(async move {
            let listings = Listings::default();
            // One of two places is taken, so that this listing has the other while it goes on.
            let _other = listings.enter().await.unwrap();
            let listings = Arc::new(listings);
            let own = Arc::clone(&listings);
            let answer = actix_rt::spawn(async move { documents(&own, collect).await });
            tokio::task::yield_now().await;
            let next = timeout(Duration::from_millis(1), listings.enter()).await;
            assert!(next.is_err(), "both places are taken");
            send.send(r#"{"a":1}"#.to_owned()).unwrap();
            let answer = answer.await.unwrap().unwrap();
            let body = to_bytes(answer.into_body()).await.ok().unwrap();
            assert_eq!(body, r#"[{"a":1},{"b":2}]"#);
        });
    }
}
