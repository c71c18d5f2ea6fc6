#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use super::*;

const CLIENT: ClientShape = ClientShape {
    minor_version: 1,
    is_head: false,
    keep_alive: true,
    asks_for_websocket: false,
};
const OLD_CLIENT: ClientShape = ClientShape {
    minor_version: 0,
    ..CLIENT
};

fn translated(text: &str, client: ClientShape) -> Result<(AnswerFacts, String), BadAnswer> {
    let mut out = Vec::new();
    match translate(text.as_bytes(), client, None, &mut out)? {
        Answer::Final(facts) => Ok((facts, String::from_utf8(out).unwrap())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn fields_travel_in_order_and_those_of_one_hop_stay() {
    let text = "HTTP/1.1 200 Fine by me\r\nServer: s\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\
        Keep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nTrailer: t\r\nUpgrade: h2c\r\nX-A: b\r\n\
        Content-Length: 2\r\n\r\nok";
    let (facts, head) = translated(text, CLIENT).unwrap();
    assert_eq!(
        head,
        "HTTP/1.1 200 Fine by me\r\nServer: s\r\nX-A: b\r\nContent-Length: 2\r\n\r\n"
    );
    assert_eq!((facts.status, facts.body), (200, BodyLength::Sized(2)));
    assert_eq!(facts.head_bytes, text.len() - 2);
    assert!(facts.upstream_persists && facts.client_persists);
}

#[test]
fn a_body_without_length_goes_in_chunks_or_ends_with_the_connection() {
    for fields in ["Transfer-Encoding: chunked\r\n", ""] {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let (facts, head) = translated(&text, CLIENT).unwrap();
        assert!(head.contains("Transfer-Encoding: chunked\r\n") && facts.client_persists);
        assert_eq!(facts.coding, BodyCoding::Chunked);
        assert_eq!(facts.upstream_persists, !fields.is_empty());
        let (facts, head) = translated(&text, OLD_CLIENT).unwrap();
        assert!(!head.contains("Transfer-Encoding") && head.contains("Connection: close\r\n"));
        assert!(!facts.client_persists);
    }
}

#[test]
fn answers_without_a_body() {
    let head_request = ClientShape {
        is_head: true,
        ..CLIENT
    };
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    let (facts, head) = translated(sized, head_request).unwrap();
    assert_eq!(facts.body, BodyLength::Empty);
    assert!(
        head.contains("Content-Length: 9\r\n"),
        "HEAD says what GET would"
    );
    let not_modified = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n";
    let (facts, head) = translated(not_modified, CLIENT).unwrap();
    assert_eq!(facts.body, BodyLength::Empty);
    assert!(head.contains("Content-Length: 9\r\n"));
    let no_content = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    let (facts, head) = translated(no_content, CLIENT).unwrap();
    assert_eq!(facts.body, BodyLength::Empty);
    assert!(!head.contains("Content-Length"));
}

#[test]
fn persistence_follows_version_and_options_on_both_sides() {
    let persists = |text: &str, client| {
        let (facts, head) = translated(text, client).unwrap();
        (
            facts.upstream_persists,
            facts.client_persists,
            head.contains("Connection: "),
        )
    };
    let plain = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let close = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n";
    let old = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
    let old_kept = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(persists(plain, CLIENT), (true, true, false));
    assert_eq!(persists(close, CLIENT), (false, true, false));
    assert_eq!(persists(old, CLIENT), (false, true, false));
    assert_eq!(persists(old_kept, OLD_CLIENT), (true, true, true));
    let leaving = ClientShape {
        keep_alive: false,
        ..CLIENT
    };
    assert_eq!(persists(plain, leaving), (true, false, true));
}

#[test]
fn ambiguous_answers_are_refused() {
    for fields in [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: x\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        assert_eq!(
            translated(&text, CLIENT).unwrap_err(),
            BadAnswer::Framing,
            "{fields}"
        );
    }
    for text in [
        "HTTP/2 200\r\n\r\n",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n",
    ] {
        assert_eq!(
            translated(text, CLIENT).unwrap_err(),
            BadAnswer::Syntax,
            "{text}"
        );
    }
    let large = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD_BYTES_MAX));
    assert!(matches!(
        translate(large.as_bytes(), CLIENT, None, &mut Vec::new()),
        Err(BadAnswer::TooLarge)
    ));
}

#[test]
fn interim_answers_are_dropped_or_passed_on() {
    let mut out = Vec::new();
    let hundred = b"HTTP/1.1 100 Continue\r\n\r\n";
    assert!(matches!(
        translate(hundred, CLIENT, None, &mut out),
        Ok(Answer::Interim(25))
    ));
    assert!(out.is_empty());
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\n\r\nHTTP/1.1 200";
    assert!(matches!(
        translate(hints, OLD_CLIENT, None, &mut out),
        Ok(Answer::Interim(_))
    ));
    assert!(out.is_empty(), "HTTP/1.0 knows no interim answers");
    assert!(matches!(
        translate(hints, CLIENT, None, &mut out),
        Ok(Answer::Interim(_))
    ));
    assert_eq!(out, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    assert!(matches!(
        translate(b"HTTP/1.1 200", CLIENT, None, &mut out),
        Ok(Answer::Partial)
    ));
}

#[test]
fn only_the_change_of_protocol_that_was_asked_for_is_taken() {
    let asking = ClientShape {
        asks_for_websocket: true,
        ..CLIENT
    };
    let agreed = "HTTP/1.1 101 Fine\r\nSec-WebSocket-Accept: x\r\nupgrade: WebSocket\r\n\
        Connection: keep-alive, Upgrade\r\nContent-Length: 7\r\n\r\n";
    let (facts, head) = translated(agreed, asking).unwrap();
    assert_eq!(
        head,
        "HTTP/1.1 101 Fine\r\nSec-WebSocket-Accept: x\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    assert_eq!((facts.status, facts.body), (101, BodyLength::Empty));
    assert!(!facts.upstream_persists && !facts.client_persists);
    assert_eq!(translated(agreed, CLIENT).unwrap_err(), BadAnswer::Framing);
    for fields in [
        "",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
    ] {
        let text = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n");
        assert_eq!(
            translated(&text, asking).unwrap_err(),
            BadAnswer::Framing,
            "{fields}"
        );
    }
}
