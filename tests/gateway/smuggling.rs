//! Requests that two readers could understand differently, sent raw to the real binary: what reaches the upstream is one
//! request or none, and never what was hidden behind the first.

use crate::two_readers::{Fate, Front, HIDDEN, post};

/// Ways to write `Transfer-Encoding: chunked` that one reader takes for it and another does not.
const CODINGS: [&str; 36] = [
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    " Transfer-Encoding: chunked",
    "X: x\r\n Transfer-Encoding: chunked",
    "X: x\r\n\tTransfer-Encoding: chunked",
    "X: x\nTransfer-Encoding: chunked",
    "X: x\rTransfer-Encoding: chunked",
    "X: x\r\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding:\n chunked",
    "Transfer-Encoding\r\n: chunked",
    "Transfer-Encoding\n: chunked",
    "Transfer-Encoding: chunked\r\n\t, identity",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: chunk",
    "Transfer-Encoding: chunked\x0b",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: \x0cchunked",
    "Transfer-Encoding: chunked\x00",
    "Transfer-Encoding\x00: chunked",
    "\x00Transfer-Encoding: chunked",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding:",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked\r\nX: x\r\n y",
];

#[test]
fn a_length_beside_an_odd_transfer_coding_is_refused() {
    let front = Front::start();
    for coding in CODINGS {
        for fields in [
            format!("Content-Length: 5\r\n{coding}"),
            format!("{coding}\r\nContent-Length: 5"),
            coding.to_owned(),
        ] {
            front.try_to_smuggle(&post(&fields, "0\r\n\r\n"), Fate::Refused);
        }
    }
    // The plain pair too: CL.TE and TE.CL.
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "transfer-encoding: CHUNKED\r\ncontent-length: 5",
        "Content-Length: 0\r\nTransfer-Encoding:chunked",
    ] {
        front.try_to_smuggle(&post(fields, "0\r\n\r\n"), Fate::Refused);
    }
}

#[test]
fn a_length_that_is_not_one_plain_number_is_refused() {
    let front = Front::start();
    for length in [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 5\r\ncontent-length: 0",
        "Content-Length: 5, 5",
        "Content-Length: 0, 5",
        "Content-Length: 5,",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length: 5.0",
        "Content-Length: 5e0",
        "Content-Length: 5 5",
        "Content-Length: 5;",
        "Content-Length: \"5\"",
        "Content-Length:",
        "Content-Length: 5\x00",
        "Content-Length: 5\x0b",
        "Content-Length: \u{665}",
        "Content-Length: 18446744073709551616",
        "Content-Length: 18446744073709551621",
        "Content-Length : 5",
        "Content-Length:\r\n 5",
        "Content-Length: 5\r\n 5",
        "X: x\nContent-Length: 5",
        "X: x\rContent-Length: 5",
        "Content-Length\x00: 5",
    ] {
        front.try_to_smuggle(&post(length, "hello"), Fate::Refused);
    }
}

#[test]
fn names_that_only_look_like_framing_are_no_framing() {
    let front = Front::start();
    // The body is as long as the one true field says; the other one is a field like any other.
    let hidden = format!("0\r\n\r\n{HIDDEN}\r\n\r\n");
    for alike in [
        "Transfer_Encoding: chunked",
        "Transfer-Encodin: chunked",
        "Content-Encoding: chunked",
        "Content_Length: 0",
        "Content-Lengt: 0",
        "X-Content-Length: 0",
    ] {
        let fields = format!("{alike}\r\nContent-Length: {}", hidden.len());
        let bytes = format!("POST /first HTTP/1.1\r\nHost: g\r\n{fields}\r\n\r\n{hidden}");
        front.try_to_smuggle(bytes.as_bytes(), Fate::One);
    }
    // Nor does `Connection` take away the framing, the host or what is added.
    for named in [
        "Content-Length",
        "Host",
        "X-Forwarded-For, X-Request-Id",
        "close, Content-Length",
    ] {
        let fields = format!("Connection: {named}\r\nContent-Length: {}", hidden.len());
        let bytes = format!("POST /first HTTP/1.1\r\nHost: g\r\n{fields}\r\n\r\n{hidden}");
        front.try_to_smuggle(bytes.as_bytes(), Fate::One);
    }
    // A GET with a body is one request as well.
    let bytes = format!(
        "GET /first HTTP/1.1\r\nHost: g\r\nContent-Length: {}\r\n\r\n{hidden}",
        hidden.len()
    );
    front.try_to_smuggle(bytes.as_bytes(), Fate::One);
}

#[test]
fn chunks_that_two_readers_count_differently_end_the_request() {
    let front = Front::start();
    for body in [
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "100000005\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5;x\nhello\r\n0\r\n\r\n",
        "5;x=\"\r\n\"\r\nhello\r\n0\r\n\r\n",
        "5;\x00\r\nhello\r\n0\r\n\r\n",
        "0\n\r\n",
        "0\r\n\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\r\n folded\r\n\r\n",
        "0\r\nX y\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "\r\n0\r\n\r\n",
        ";\r\n0\r\n\r\n",
        "G\r\n0\r\n\r\n",
    ] {
        // The head may have gone on already; what stands behind the fault never does.
        let bytes = post("Transfer-Encoding: chunked", body);
        front.try_to_smuggle(&bytes, Fate::OneOrRefused);
    }
}

#[test]
fn trailers_that_belong_in_a_head_are_dropped_and_well_formed_chunks_pass() {
    let front = Front::start();
    for trailers in [
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Host: evil\r\n",
        "Authorization: Bearer x\r\nX: y\r\n",
    ] {
        let bytes = format!(
            "POST /first HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n\
             5;name=value\r\nhello\r\n000\r\n{trailers}\r\n"
        );
        front.try_to_smuggle(bytes.as_bytes(), Fate::One);
    }
}

#[test]
fn request_lines_with_two_readings_are_refused() {
    let front = Front::start();
    for line in [
        "GET  /first HTTP/1.1",
        "GET /first  HTTP/1.1",
        "GET\t/first HTTP/1.1",
        "GET /first\tHTTP/1.1",
        "GET /fi rst HTTP/1.1",
        "GET /first HTTP/1.1 ",
        " GET /first HTTP/1.1",
        "GET /first HTTP/1.1\r",
        "GET /first\r HTTP/1.1",
        "GET /first\x00 HTTP/1.1",
        "GET /first\x0b HTTP/1.1",
        "GET /first http/1.1",
        "GET /first HTTP/1.10",
        "GET /first HTTP/01.1",
        "GET /first HTTP/1.2",
        "GET /first HTTP/2.0",
        "GET /first HTTP/0.9",
        "GET /first",
        "GET",
        "G\x7fT /first HTTP/1.1",
        "GET /first#/../ HTTP/1.1",
        "GET /a/../first HTTP/1.1",
        "GET /a/%2e%2e/first HTTP/1.1",
        "GET first HTTP/1.1",
        "GET * HTTP/1.1",
        "CONNECT g:80 HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        let bytes = format!("{line}\r\nHost: g\r\n\r\n{HIDDEN}\r\n\r\n");
        front.try_to_smuggle(bytes.as_bytes(), Fate::Refused);
    }
    let bare = format!("GET /first HTTP/1.1\nHost: g\n\n{HIDDEN}\r\n\r\n");
    front.try_to_smuggle(bare.as_bytes(), Fate::Refused);
}

#[test]
fn a_host_that_is_not_one_is_refused() {
    let front = Front::start();
    for (target, fields) in [
        ("/first", ""),
        ("/first", "Host: g\r\nHost: g\r\n"),
        ("/first", "Host: g\r\nhost: evil\r\n"),
        ("/first", "Host: g, evil\r\n"),
        ("/first", "Host: g evil\r\n"),
        ("/first", "Host: g@evil\r\n"),
        ("/first", "Host: g/evil\r\n"),
        ("/first", "Host: g\\evil\r\n"),
        ("/first", "Host: g\r\n evil\r\n"),
        ("/first", "Host : g\r\n"),
        ("/first", "Host:\r\n"),
        ("/first", "X: x\nHost: g\r\n"),
        ("/first", "Host: g\x00evil\r\n"),
        ("http://evil/first", "Host: g\r\n"),
        ("http://g@evil/first", "Host: evil\r\n"),
        ("http:///first", "Host: g\r\n"),
        ("https://evil:443/first", "Host: g\r\n"),
        ("ftp://g/first", "Host: g\r\n"),
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\n{fields}\r\n{HIDDEN}\r\n\r\n");
        front.try_to_smuggle(bytes.as_bytes(), Fate::Refused);
    }
}

#[test]
fn field_lines_with_two_readings_are_refused() {
    let front = Front::start();
    for field in [
        "no colon",
        ": nameless",
        "X y: z",
        "X\t: z",
        "X\x01: z",
        "X\x7f: z",
        "X\u{e9}: z",
        "(x): z",
        "X[]: z",
        "X\"y\": z",
        "X: a\x00b",
        "X: a\x08b",
        "X: a\r\n b",
        "X: a\nb: c",
        "X: a\rb: c",
        "\x00: z",
        "X: a\r\r\nY: b",
    ] {
        let bytes = format!("GET /first HTTP/1.1\r\nHost: g\r\n{field}\r\n\r\n{HIDDEN}\r\n\r\n");
        front.try_to_smuggle(bytes.as_bytes(), Fate::Refused);
    }
}

#[test]
fn nothing_is_read_behind_a_refused_request() {
    let front = Front::start();
    let bad = "GET /first HTTP/1.1\r\nHost: g\r\nHost: g\r\n\r\n";
    let good = "GET /smuggled HTTP/1.1\r\nHost: g\r\n\r\n";
    front.try_to_smuggle(format!("{bad}{good}{good}").as_bytes(), Fate::Refused);
    // A request that the gateway answers itself, its body unread: the body is no request.
    let unknown =
        format!("POST /first HTTP/1.1\r\nHost: g\r\nContent-Length: 9999\r\n\r\n{good}{good}");
    front.try_to_smuggle(unknown.as_bytes(), Fate::OneOrRefused);
    let expects = format!(
        "POST /first HTTP/1.1\r\nHost: g\r\nExpect: x\r\nContent-Length: 9999\r\n\r\n{good}"
    );
    front.try_to_smuggle(expects.as_bytes(), Fate::Refused);
}

#[test]
fn an_agreement_to_switch_protocols_is_not_asked_for_on_the_clients_word() {
    let front = Front::start();
    for fields in [
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
        "Upgrade: h2c\r\nConnection: Upgrade",
        "Upgrade: TLS/1.0\r\nConnection: Upgrade",
        "Keep-Alive: 5\r\nProxy-Connection: keep-alive",
    ] {
        let bytes = format!("GET /first HTTP/1.1\r\nHost: g\r\n{fields}\r\n\r\n");
        front.try_to_smuggle(bytes.as_bytes(), Fate::One);
    }
}

#[test]
fn a_handshake_that_is_refused_opens_no_tunnel() {
    let front = Front::start();
    let handshake = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                     Sec-WebSocket-Version: 777";
    for (method, fields) in [
        // A body, a method or a second offer with the handshake: it is none.
        ("POST", format!("{handshake}\r\nContent-Length: 0")),
        ("GET", format!("{handshake}\r\nContent-Length: 5")),
        ("GET", format!("{handshake}\r\nTransfer-Encoding: chunked")),
        ("GET", format!("{handshake}\r\nUpgrade: h2c")),
        (
            "GET",
            handshake.replace("Connection: Upgrade", "Connection: close"),
        ),
    ] {
        let body = match fields.rsplit(": ").next() {
            Some("5") => "hello",
            Some("chunked") => "0\r\n\r\n",
            _ => "",
        };
        let bytes = format!("{method} /first HTTP/1.1\r\nHost: g\r\n{fields}\r\n\r\n{body}");
        front.try_to_smuggle(bytes.as_bytes(), Fate::One);
    }
}
