//! What holds of HTTP/2 whatever a stream's fields and body are: one message of HTTP/1.1 that says the same, or none.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an oracle stops at the first breach"
)]

use bytes::Bytes;
use h2_http::header::{CONTENT_LENGTH, COOKIE, HeaderName, HeaderValue};
use h2_http::uri::{Authority, Parts, PathAndQuery, Scheme};
use h2_http::{HeaderMap, Method, Request, Uri};

use super::request::{Framing, write_end, write_head, write_piece};
use crate::proxy::hostile::SEPARATOR;
use crate::proxy::wire::body::{BodyDecoder, BodyLength};
use crate::proxy::wire::field::{FieldKind, may_be_trailer};
use crate::proxy::wire::request_head::{HeadLimits, RequestHead};

const LIMITS: HeadLimits = HeadLimits {
    bytes_max: 64 * 1024,
    fields_max: 200,
};
/// Fields of one connection, which the library refuses (RFC 9113 section 8.2.2).
const OF_CONNECTION: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// A request as the library hands it over, and its body.
struct Asked {
    request: Request<()>,
    ends_here: bool,
    has_trailers: bool,
    piece_bytes: usize,
    body: Vec<u8>,
}

/// A byte of flags; method, authority and path; then names and values until an empty name, behind which is the body.
pub(crate) fn http2_request(input: &[u8]) {
    let Some(asked) = Asked::read(input) else {
        return;
    };
    let mut out = Vec::new();
    let Ok(framing) = write_head(&asked.request, asked.ends_here, &mut out) else {
        return;
    };
    let mut head = RequestHead::default();
    let shown = String::from_utf8_lossy(&out).into_owned();
    let taken = match head.parse(&out, LIMITS) {
        Ok(taken) => taken,
        // Refused in the same words as over HTTP/1.1.
        Err(_) => return,
    };
    assert_eq!(taken, Some(out.len()), "{shown}");
    let request = &asked.request;
    assert_eq!(head.method(), request.method().as_str().as_bytes());
    assert!(!head.facts().connection.persists(1), "{shown}");
    same_target(&head, request.uri());
    same_fields(&head, request.headers());
    match (framing, head.facts().body) {
        (Framing::Empty, BodyLength::Empty | BodyLength::Sized(0)) => {}
        (Framing::Sized, BodyLength::Sized(length)) => {
            let said = &request.headers()[CONTENT_LENGTH];
            assert_eq!(said.to_str().unwrap().parse(), Ok(length));
        }
        (Framing::Chunked, BodyLength::Chunked) => same_body(&asked),
        other => panic!("{other:?}: {shown}"),
    }
}

impl Asked {
    /// What the library would hand over, if it takes the request at all.
    fn read(input: &[u8]) -> Option<Self> {
        let (flags, rest) = input.split_first()?;
        let mut texts = rest.split(|byte| *byte == SEPARATOR);
        let method = Method::from_bytes(texts.next()?).ok()?;
        let (authority, path) = (texts.next()?, texts.next()?);
        let mut parts = Parts::default();
        if !authority.is_empty() {
            parts.authority = Some(Authority::try_from(authority).ok()?);
        }
        if method != Method::CONNECT {
            if path.is_empty() {
                return None;
            }
            parts.scheme = parts.authority.as_ref().map(|_| Scheme::HTTPS);
            parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
        }
        let mut fields = HeaderMap::new();
        while let Some(name) = texts.next().filter(|name| !name.is_empty()) {
            let name = HeaderName::from_lowercase(name).ok()?;
            let value = HeaderValue::from_bytes(texts.next()?).ok()?;
            let is_refused =
                OF_CONNECTION.contains(&name.as_str()) || name == "te" && value != "trailers";
            if is_refused {
                return None;
            }
            fields.append(name, value);
        }
        let body: Vec<&[u8]> = texts.collect();
        let mut request = Request::builder().method(method);
        request = request.uri(Uri::from_parts(parts).ok()?);
        let mut request = request.body(()).ok()?;
        let length = fields.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
        if length.is_some_and(|digits| !digits.iter().all(u8::is_ascii_digit)) {
            return None;
        }
        *request.headers_mut() = fields;
        Some(Self {
            request,
            ends_here: flags & 1 != 0,
            has_trailers: flags & 2 != 0,
            piece_bytes: usize::from(flags >> 2).max(1),
            body: body.concat(),
        })
    }
}

fn same_target(head: &RequestHead, uri: &Uri) {
    if let Some(said) = uri.path_and_query() {
        let query = head
            .query()
            .map_or(String::new(), |query| format!("?{query}"));
        let read = format!("{}{query}", head.path());
        assert_eq!(said.as_str(), read);
    }
    if let Some(authority) = uri.authority() {
        let host = head.host().unwrap_or_default();
        assert!(
            host.eq_ignore_ascii_case(authority.as_str()),
            "{host}: {authority}"
        );
    }
}

/// Nothing came in that was not said, and nothing that was said twice became one.
fn same_fields(head: &RequestHead, fields: &HeaderMap) {
    for (kind, name, value) in head.fields() {
        if matches!(
            kind,
            FieldKind::Host | FieldKind::Connection | FieldKind::TransferEncoding
        ) || name.eq_ignore_ascii_case(b"cookie")
        {
            continue;
        }
        let name = HeaderName::from_bytes(name).unwrap();
        let mut said = fields.get_all(&name).iter();
        assert!(
            said.any(|one| one.as_bytes().trim_ascii() == value),
            "{name}"
        );
    }
    let count = |wanted: &[u8]| {
        let same = head
            .fields()
            .filter(|(_, name, _)| name.eq_ignore_ascii_case(wanted));
        same.count()
    };
    for name in fields
        .keys()
        .filter(|name| !matches!(name.as_str(), "host" | "cookie"))
    {
        let said = fields.get_all(name).iter().count();
        assert_eq!(count(name.as_str().as_bytes()), said, "{name}");
    }
    assert_eq!(count(b"cookie"), usize::from(fields.contains_key(COOKIE)));
    assert_eq!(count(b"connection"), 1);
}

/// A body in chunks is read as it was sent, whatever its pieces, and nothing follows it.
fn same_body(asked: &Asked) {
    let mut out = Vec::new();
    for piece in asked.body.chunks(asked.piece_bytes) {
        write_piece(Framing::Chunked, &Bytes::copy_from_slice(piece), &mut out);
    }
    let trailers = asked.has_trailers.then(|| asked.request.headers());
    if write_end(Framing::Chunked, trailers, &mut out).is_err() {
        return;
    }
    let (mut decoder, mut data, mut kept) = (
        BodyDecoder::new(BodyLength::Chunked),
        Vec::new(),
        Vec::new(),
    );
    let mut at = 0;
    while !decoder.is_done() {
        let Ok(decoded) = decoder.decode(&out[at..], &mut kept) else {
            // Only trailers can be refused here: by their size.
            assert!(asked.has_trailers);
            return;
        };
        assert!(
            decoded.consumed > 0 || decoder.is_done(),
            "a body without end"
        );
        data.extend_from_slice(decoded.data);
        at += decoded.consumed;
    }
    assert_eq!((data, at), (asked.body.clone(), out.len()));
    for line in kept
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let name = line.split(|byte| *byte == b':').next().unwrap();
        assert!(may_be_trailer(name), "{:?}", String::from_utf8_lossy(name));
    }
}
