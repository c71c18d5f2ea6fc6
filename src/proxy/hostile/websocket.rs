//! Changes of protocol: both sides agree on one and the same, or none happens.

use super::{LIMITS, SEPARATOR, goes_on, lines, named};
use crate::proxy::wire::field::has_only_crlf;
use crate::proxy::wire::request_head::RequestHead;
use crate::proxy::wire::response_head::{Answer, ClientShape, translate};

/// The field by which an upstream shows that it has understood.
const PROOF: &str = "sec-websocket-accept";

/// The first part is fields behind a GET's first two lines, the second the upstream's head.
pub(crate) fn websocket_handshake(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == SEPARATOR);
    let fields = parts.next().unwrap_or_default();
    let answer = parts.next().unwrap_or_default();
    let text = [b"GET /ws HTTP/1.1\r\nHost: h\r\n", fields, b"\r\n"].concat();
    let mut head = RequestHead::default();
    let Ok(Some(taken)) = head.parse(&text, LIMITS) else {
        return;
    };
    let lines = lines(&text[..taken]);
    let switches = head.asks_for_websocket();
    assert_eq!(switches, asks_plainly(&lines), "{lines:?}");
    for trusted in ["192.0.2.7/32", "198.51.100.0/24"] {
        goes_on(&head, trusted);
    }
    for asks_for_websocket in [switches, false] {
        let client = ClientShape {
            minor_version: 1,
            is_head: false,
            keep_alive: true,
            asks_for_websocket,
        };
        agreement(answer, client);
    }
}

/// RFC 6455 section 4.2.1 by the letter, for a GET of HTTP/1.1; lists of protocols are left to nobody's choice.
fn asks_plainly(lines: &[(String, Vec<u8>)]) -> bool {
    let upgrades: Vec<&[u8]> = named(lines, "upgrade").collect();
    let offers = matches!(upgrades[..], [one] if one.eq_ignore_ascii_case(b"websocket"));
    let names_it = named(lines, "connection").any(|value| {
        let mut options = value.split(|byte| *byte == b',');
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    let has_body = named(lines, "transfer-encoding").next().is_some()
        || named(lines, "content-length").any(|length| length.iter().any(|digit| *digit != b'0'));
    offers && names_it && !has_body
}

/// An upstream's head switches only who asked, and then says so in one way.
fn agreement(input: &[u8], client: ClientShape) {
    let mut out = Vec::new();
    let Ok(Answer::Final(facts)) = translate(input, client, None, &mut out) else {
        return;
    };
    let shown = String::from_utf8_lossy(&out);
    let written = lines(&out);
    let values = |name: &'static str| {
        named(&written, name)
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    };
    if facts.status != 101 {
        assert!(values("upgrade").is_empty(), "{shown}");
        return;
    }
    assert!(client.asks_for_websocket, "{shown}");
    assert_eq!(values("upgrade"), [b"websocket"], "{shown}");
    assert_eq!(values("connection"), [b"Upgrade"], "{shown}");
    for framing in ["content-length", "transfer-encoding"] {
        assert!(values(framing).is_empty(), "{shown}");
    }
    // What proves the agreement goes on as it came.
    let mut theirs = &input[..facts.head_bytes];
    while let Some(rest) = theirs.strip_prefix(b"\r\n") {
        theirs = rest;
    }
    if has_only_crlf(theirs) {
        let theirs = lines(theirs);
        let ends_here = named(&theirs, "connection").any(|value| value.contains(&b'-'));
        let proofs: Vec<&[u8]> = named(&theirs, PROOF).collect();
        assert!(ends_here || values(PROOF) == proofs, "{shown}");
    }
}
