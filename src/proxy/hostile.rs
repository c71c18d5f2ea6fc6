//! What holds of HTTP/1 whatever bytes arrive: heads, their forwarded versions, and bodies in chunks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an oracle stops at the first breach"
)]

mod address;
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;

use raftgate_actors::snapshot::{CompiledApi, GatewaySnapshot};
use raftgate_model::api::{ListenPath, Target};
use raftgate_model::id::ApiId;

use super::client_meta::ClientMeta;
use super::request::{Peer, RequestView};
use super::stages::authorize::authorize;
use super::stages::header_values::HeaderValues;
use super::stages::identify::Caller;
use super::stages::prepare::prepare;
use super::stages::selected::Selected;
use super::trust::TrustedProxies;
use super::wire::body::{BodyDecoder, BodyLength};
use super::wire::field::{FieldKind, Span};
use super::wire::request_head::{HeadLimits, RequestHead};
use super::wire::response_head::{Answer, BodyCoding, ClientShape, translate};
use super::wire::target::RequestTarget;

pub(crate) use self::address::client_address;
pub(crate) use self::websocket::websocket_handshake;
pub(crate) use super::http2::hostile::http2_request;
pub(crate) use super::stages::hostile::{request_credentials, request_versions};

/// What stands between the parts of an input that has several.
pub(super) const SEPARATOR: u8 = 0x1f;

pub(super) const LIMITS: HeadLimits = HeadLimits {
    bytes_max: 4096,
    fields_max: 64,
};
/// What forwarding may add to a head of [`LIMITS`].
pub(super) const FORWARDED: HeadLimits = HeadLimits {
    bytes_max: 2 * 4096,
    fields_max: 72,
};

/// A request head is whole, has one framing, and goes on as a head that is read the same way.
pub(crate) fn request_head(input: &[u8]) {
    let mut head = RequestHead::default();
    let Ok(Some(taken)) = head.parse(input, LIMITS) else {
        return;
    };
    let mut own = &input[..taken];
    // Empty lines before a request are passed over (RFC 9112 section 2.2).
    while let Some(rest) = own.strip_prefix(b"\r\n") {
        own = rest;
    }
    assert!(own.ends_with(b"\r\n\r\n"));
    for cut in [0, own.len() / 2, own.len() - 1] {
        let early = RequestHead::default().parse(&own[..cut], LIMITS);
        assert!(!matches!(early, Ok(Some(_))), "it was whole at {cut}");
    }
    assert!(head.path().starts_with('/'), "{:?}", head.path());
    let lines = lines(own);
    assert_eq!(lines.len(), head.fields().count());
    let lengths = named(&lines, "content-length").count();
    let codings = named(&lines, "transfer-encoding").count();
    match head.facts().body {
        BodyLength::Empty => assert_eq!((lengths, codings), (0, 0)),
        BodyLength::Sized(_) => assert_eq!((lengths, codings), (1, 0)),
        BodyLength::Chunked => assert_eq!((lengths, codings), (0, 1)),
        BodyLength::UntilClose => panic!("a request has no such body"),
    }
    assert_eq!(
        named(&lines, "host").count(),
        usize::from(head.field("host").is_some())
    );
    for trusted in ["192.0.2.7/32", "198.51.100.0/24"] {
        goes_on(&head, trusted);
    }
}

/// The upstream's version of a head, written for a peer that may be a trusted proxy.
pub(super) fn goes_on(head: &RequestHead, trusted: &str) {
    if head.method() == b"CONNECT" {
        return;
    }
    let api = CompiledApi::keyless(
        ApiId::new("a").unwrap(),
        ListenPath::parse("/").unwrap(),
        Target::parse("http://upstream/base").unwrap(),
    );
    let trusted = TrustedProxies::new([trusted.parse().unwrap()]);
    let peer = Peer::new(SocketAddr::from(([192, 0, 2, 7], 5)), &trusted);
    let view = RequestView::new(head, &peer, b"id");
    let selected = Selected::whole(Arc::new(api));
    let permit = authorize(
        &GatewaySnapshot::default(),
        None,
        &selected,
        Caller::Anonymous,
        &view,
    )
    .unwrap();
    let values = HeaderValues {
        view: &view,
        permit: &permit,
        client_meta: &ClientMeta::known_to(None),
        trusted: &trusted,
    };
    let mut out = Vec::new();
    prepare(&view, &selected, &values, &mut out);
    let mut forwarded = RequestHead::default();
    let parsed = forwarded.parse(&out, FORWARDED);
    let shown = String::from_utf8_lossy(&out);
    assert_eq!(parsed, Ok(Some(out.len())), "{shown}");
    assert_eq!(forwarded.method(), head.method());
    assert_eq!(forwarded.facts().body, head.facts().body, "{shown}");
    assert_eq!(forwarded.host(), Some("upstream"), "{shown}");
    assert!(forwarded.path().starts_with("/base"), "{shown}");
    // The one thing of a hop that may be asked for again, and only by who asked for nothing else.
    let switches = head.asks_for_websocket();
    assert_eq!(forwarded.asks_for_websocket(), switches, "{shown}");
    for (kind, name, _) in forwarded.fields() {
        let ends_here = match kind {
            FieldKind::HopByHop | FieldKind::Expect => true,
            FieldKind::Connection | FieldKind::Upgrade => !switches,
            _ => false,
        };
        assert!(!ends_here, "{name:?} of one hop goes on: {shown}");
        if kind == FieldKind::EndToEnd {
            assert!(!head.is_named_by_connection(name), "{name:?}: {shown}");
        }
    }
    let lines = lines(&out);
    if let BodyLength::Sized(length) = head.facts().body {
        let said: Vec<&[u8]> = named(&lines, "content-length").collect();
        assert_eq!(said, [length.to_string().as_bytes()], "{shown}");
    }
    for once in ["host", "x-forwarded-for", "x-request-id"] {
        assert_eq!(named(&lines, once).count(), 1, "{once}: {shown}");
    }
}

/// A head's fields by the plainest reading: lines that end with CR LF, names up to the first colon.
pub(super) fn lines(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text: Vec<&[u8]> = split_crlf(head);
    let fields = text.iter().skip(1).filter(|line| !line.is_empty());
    fields
        .map(|line| {
            let colon = line.iter().position(|byte| *byte == b':').unwrap();
            let name = &line[..colon];
            assert!(
                !name.is_empty() && name.iter().all(|byte| is_token(*byte)),
                "{name:?}"
            );
            let value = line[colon + 1..].trim_ascii();
            let is_plain = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
            assert!(value.iter().all(is_plain), "{value:?}");
            (String::from_utf8_lossy(name).to_lowercase(), value.to_vec())
        })
        .collect()
}

fn split_crlf(mut head: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(end) = head.windows(2).position(|pair| pair == b"\r\n") {
        lines.push(&head[..end]);
        head = &head[end + 2..];
    }
    assert!(head.is_empty(), "bytes behind the last line");
    lines
}

pub(super) fn named<'l>(
    lines: &'l [(String, Vec<u8>)],
    name: &'l str,
) -> impl Iterator<Item = &'l [u8]> {
    let same = lines.iter().filter(move |(known, _)| known == name);
    same.map(|(_, value)| value.as_slice())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A request target is taken apart without a byte lost, and holds no dot segment by any reading.
pub(crate) fn request_target(input: &[u8]) {
    let Ok(target) = RequestTarget::parse(input, input) else {
        return;
    };
    let text = |span: Span| std::str::from_utf8(span.get(input)).unwrap();
    let path = text(target.path);
    assert!(path.is_empty() || path.starts_with('/'), "{path}");
    let query = target
        .query
        .map_or(String::new(), |query| format!("?{}", text(query)));
    let tail = format!("{path}{query}");
    assert!(input.ends_with(tail.as_bytes()), "{tail}");
    let mut decoded = path.to_owned();
    // Whoever decodes once sees no dot segment, nor one with parameters; what is encoded twice is a name to them.
    for (encoded, plain) in [
        ("%2e", "."),
        ("%2E", "."),
        ("%2f", "/"),
        ("%2F", "/"),
        ("%5c", "\\"),
        ("%5C", "\\"),
        ("%3b", ";"),
        ("%3B", ";"),
    ] {
        decoded = decoded.replace(encoded, plain);
    }
    let mut segments = decoded.split(['/', '\\']);
    let name = |segment: &str| segment.split(';').next().unwrap_or_default().to_owned();
    assert!(
        !segments.any(|segment| matches!(&*name(segment), "." | "..")),
        "{path}"
    );
}

/// An upstream's head goes on with one framing and nothing of its own hop.
pub(crate) fn response_head(input: &[u8]) {
    for bits in 0_u8..8 {
        let client = ClientShape {
            minor_version: bits & 1,
            is_head: bits & 2 != 0,
            keep_alive: true,
            asks_for_websocket: bits == 5,
        };
        answer_goes_on(input, client);
    }
}

fn answer_goes_on(input: &[u8], client: ClientShape) {
    let mut out = Vec::new();
    let Ok(Answer::Final(facts)) = translate(input, client, None, &mut out) else {
        return;
    };
    let shown = String::from_utf8_lossy(&out).into_owned();
    assert!(facts.head_bytes <= input.len());
    assert!(
        shown.starts_with(&format!("HTTP/1.1 {} ", facts.status)),
        "{shown}"
    );
    let lines = lines(&out);
    let lengths = named(&lines, "content-length").count();
    let codings: Vec<&[u8]> = named(&lines, "transfer-encoding").collect();
    match facts.coding {
        BodyCoding::Chunked => {
            assert_eq!(
                (lengths, codings.as_slice()),
                (0, &[b"chunked".as_slice()][..]),
                "{shown}"
            );
            assert_eq!(client.minor_version, 1, "chunks for who does not know them");
        }
        BodyCoding::Identity => assert!(lengths <= 1 && codings.is_empty(), "{shown}"),
    }
    if let BodyLength::Sized(length) = facts.body {
        let said: Vec<&[u8]> = named(&lines, "content-length").collect();
        assert_eq!(said, [length.to_string().as_bytes()], "{shown}");
    }
    if facts.client_persists {
        let ends_by_closing =
            facts.coding == BodyCoding::Identity && facts.body == BodyLength::UntilClose;
        assert!(!ends_by_closing, "nobody can tell where it ends: {shown}");
    }
    let upgrades = named(&lines, "upgrade").count();
    if facts.status == 101 {
        assert!(client.asks_for_websocket, "nobody asked: {shown}");
        assert_eq!((lengths, upgrades), (0, 1), "{shown}");
    } else {
        assert_eq!(upgrades, 0, "{shown}");
    }
    for one_hop in [
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "trailer",
    ] {
        assert_eq!(named(&lines, one_hop).count(), 0, "{one_hop}: {shown}");
    }
}

/// A chunked body is read the same however it is cut, and only if the plainest reading agrees.
pub(crate) fn chunked_body(input: &[u8]) {
    let Some((step, stream)) = input.split_first() else {
        return;
    };
    let whole = decoded(stream, stream.len().max(1));
    assert_eq!(decoded(stream, usize::from(*step).max(1)), whole);
    assert_eq!(decoded(stream, 1), whole);
    let Some((data, rest)) = whole else {
        return;
    };
    let (plain, after) = plainly_decoded(stream).expect("a stream that another reader refuses");
    assert_eq!((data.as_slice(), rest), (plain.as_slice(), after));
}

/// The data of a body and how many bytes follow it; nothing when it is malformed or incomplete.
fn decoded(stream: &[u8], step: usize) -> Option<(Vec<u8>, usize)> {
    let mut decoder = BodyDecoder::new(BodyLength::Chunked);
    let mut data = Vec::new();
    let mut trailers = Vec::new();
    let mut at = 0;
    while at < stream.len() && !decoder.is_done() {
        let piece = &stream[at..stream.len().min(at + step)];
        let mut inside = 0;
        while inside < piece.len() && !decoder.is_done() {
            let decoded = decoder.decode(&piece[inside..], &mut trailers).ok()?;
            data.extend_from_slice(decoded.data);
            inside += decoded.consumed;
        }
        at += inside;
    }
    // What is passed on as trailers is whole lines.
    assert!(trailers.is_empty() || trailers.ends_with(b"\r\n"));
    assert_eq!(
        lines(&[b"\r\n", trailers.as_slice()].concat()).len(),
        split_crlf(&trailers).len()
    );
    decoder.is_done().then_some((data, stream.len() - at))
}

/// RFC 9112 section 7.1 by the letter, without any streaming.
fn plainly_decoded(mut stream: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut data = Vec::new();
    loop {
        let line = take_line(&mut stream)?;
        let digits = line.split(|byte| *byte == b';').next()?;
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 {
            break;
        }
        data.extend_from_slice(stream.get(..size)?);
        stream = stream.get(size..)?.strip_prefix(b"\r\n")?;
    }
    while !take_line(&mut stream)?.is_empty() {}
    Some((data, stream.len()))
}

fn take_line<'s>(stream: &mut &'s [u8]) -> Option<&'s [u8]> {
    let end = stream.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = stream.split_at(end);
    *stream = &rest[2..];
    Some(line)
}
