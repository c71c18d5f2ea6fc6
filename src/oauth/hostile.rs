//! What holds of OAuth parameters and client credentials whatever arrives.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an oracle stops at the first breach"
)]

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::client_auth::presented;
use super::form::Form;

const MEDIA_TYPES: [Option<&str>; 4] = [
    None,
    Some("application/x-www-form-urlencoded"),
    Some("application/json"),
    Some("application/x-www-form-urlencoded; charset=utf-8"),
];

/// The first byte chooses the media type, the first line is the query, the rest is the body.
pub(crate) fn parameters(input: &[u8]) {
    let Some((media_type, rest)) = input.split_first() else {
        return;
    };
    let mut parts = rest.splitn(2, |byte| *byte == b'\n');
    let query = parts.next().and_then(|line| std::str::from_utf8(line).ok());
    let body = parts.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Some(media_type) = MEDIA_TYPES[usize::from(*media_type) % MEDIA_TYPES.len()] {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    match Form::read(query, &headers, body) {
        Err(fault) => assert!(fault.to_string().len() < 256, "{fault}"),
        Ok(form) => {
            let names: Vec<&str> = form.pairs().map(|(name, _)| name).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
            assert!(names.len() <= 128, "query and body have bounds");
            for (name, value) in form.pairs() {
                assert!(!value.is_empty());
                assert_eq!(form.get(name), Some(value));
                let of_body = form.get_from_body(name);
                assert!(of_body.is_none() || of_body == Some(value));
            }
            // Whatever it says of itself: nobody is taken for a client because of a query.
            if body.is_empty() {
                assert_eq!(form.get_from_body("client_secret"), None);
            }
        }
    }
}

/// The first line is the value of `Authorization`, the second a form that may hold credentials too.
pub(crate) fn client_credentials(input: &[u8]) {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let Some(Ok(field)) = lines.next().map(HeaderValue::from_bytes) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, field.clone());
    let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, media_type);
    let Ok(form) = Form::read(None, &headers, lines.next().unwrap_or_default()) else {
        return;
    };
    let Ok(presented) = presented(&headers, &form) else {
        return;
    };
    let text = field.to_str().unwrap();
    let (scheme, encoded) = text.split_once(' ').unwrap();
    assert!(scheme.eq_ignore_ascii_case("basic"), "{text}");
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).unwrap()).unwrap();
    let (id, secret) = presented.told();
    assert_eq!(pair, format!("{id}:{}", secret.unwrap_or_default()));
    // A body that says something else is never passed over.
    if let Some(named) = form.get("client_id") {
        let decoded = percent_encoding::percent_decode_str(&id.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned();
        assert!(named == id || named == decoded, "{named} and {id}");
    }
}
