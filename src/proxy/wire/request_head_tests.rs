#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

const LIMITS: HeadLimits = HeadLimits {
    bytes_max: 4096,
    fields_max: 10,
};

fn parse(text: &str) -> Result<RequestHead, BadHead> {
    let mut head = RequestHead::default();
    let taken = head.parse(text.as_bytes(), LIMITS)?;
    assert_eq!(taken, Some(text.len()), "the whole head is taken");
    Ok(head)
}

#[track_caller]
fn refused(text: &str) -> BadHead {
    parse(text).map(|head| format!("{head:?}")).unwrap_err()
}

#[test]
fn a_plain_head_is_taken_apart() {
    let head = parse("GET /a/b?c=d HTTP/1.1\r\nHost: h:1\r\nX-A:  b \r\n\r\n").unwrap();
    assert_eq!(head.method(), b"GET");
    assert_eq!(
        (head.path(), head.query(), head.host()),
        ("/a/b", Some("c=d"), Some("h:1"))
    );
    assert_eq!(head.field("x-a"), Some(b"b".as_slice()));
    assert_eq!(head.field("x-b"), None);
    assert_eq!(head.facts().body, BodyLength::Empty);
}

#[test]
fn an_incomplete_head_waits_and_what_follows_a_head_stays() {
    let mut head = RequestHead::default();
    let text = b"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /next";
    for cut in 0..27 {
        assert_eq!(
            head.parse(text.get(..cut).unwrap(), LIMITS),
            Ok(None),
            "{cut}"
        );
    }
    assert_eq!(head.parse(text, LIMITS), Ok(Some(27)));
}

#[test]
fn the_absolute_form_names_the_host_too() {
    let head = parse("GET http://H:1/a HTTP/1.1\r\nHost: h:1\r\n\r\n").unwrap();
    assert_eq!((head.path(), head.host()), ("/a", Some("h:1")));
    let head = parse("GET http://h HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!((head.path(), head.host()), ("/", Some("h")));
    assert_eq!(
        refused("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"),
        BadHead::Host
    );
    assert_eq!(refused("GET http://a/ HTTP/1.1\r\n\r\n"), BadHead::Host);
}

#[test]
fn exactly_one_host_is_needed() {
    assert!(parse("GET / HTTP/1.0\r\n\r\n").unwrap().host().is_none());
    for hosts in [
        "",
        "Host:\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: u@a\r\n",
    ] {
        assert_eq!(
            refused(&format!("GET / HTTP/1.1\r\n{hosts}\r\n")),
            BadHead::Host,
            "{hosts}"
        );
    }
}

#[test]
fn a_body_has_one_framing() {
    let body = |fields: &str| {
        parse(&format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")).map(|head| head.facts().body)
    };
    assert_eq!(body("Content-Length: 5\r\n"), Ok(BodyLength::Sized(5)));
    assert_eq!(body("Content-Length: 0\r\n"), Ok(BodyLength::Sized(0)));
    assert_eq!(
        body("Transfer-Encoding: Chunked\r\n"),
        Ok(BodyLength::Chunked)
    );
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        assert_eq!(body(fields), Err(BadHead::Framing), "{fields}");
    }
    assert_eq!(
        refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        BadHead::Framing
    );
}

#[test]
fn what_readers_understand_differently_is_refused() {
    for text in [
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\tfolded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX Y: z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX(Y): z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "G ET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert_eq!(
        refused("GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
        BadHead::Version
    );
    assert_eq!(
        refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        BadHead::Version
    );
    for line in [
        "GET /a b HTTP/1.1",
        "GET /a b HTTP/2.0",
        "GET / http/1.1",
        "GET / HTTP/",
        "GET / FTP/1.1",
        "GET / HTTP/1.x",
    ] {
        let text = format!("{line}\r\nHost: h\r\n\r\n");
        assert_eq!(refused(&text), BadHead::Syntax, "{line}");
    }
}

#[test]
fn dot_segments_and_strange_targets_are_refused() {
    for target in ["/../a", "/a/%2e%2e/b", "*", "a", "/a#b", "ftp://h/"] {
        let text = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(matches!(refused(&text), BadHead::Target(_)), "{target}");
    }
}

#[test]
fn a_head_has_limits() {
    let many = "X: y\r\n".repeat(LIMITS.fields_max);
    assert_eq!(
        refused(&format!("GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n")),
        BadHead::TooManyFields
    );
    let ceiling = "X: y\r\n".repeat(FIELDS_CEILING + 1);
    assert_eq!(
        refused(&format!("GET / HTTP/1.1\r\n{ceiling}\r\n")),
        BadHead::TooManyFields
    );
    let long = "x".repeat(LIMITS.bytes_max);
    assert_eq!(
        refused(&format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n")),
        BadHead::TooLarge
    );
    assert_eq!(
        RequestHead::default().parse(long.as_bytes(), LIMITS),
        Err(BadHead::TooLarge)
    );
}

#[test]
fn only_100_continue_is_expected() {
    let head = parse("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n").unwrap();
    assert!(head.facts().expects_continue);
    let head = parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").unwrap();
    assert!(!head.facts().expects_continue);
    let other = "POST / HTTP/1.1\r\nHost: h\r\nExpect: more\r\n\r\n";
    assert_eq!(refused(other), BadHead::Expectation);
}

#[test]
fn a_head_forgets_the_one_before() {
    let mut head = RequestHead::default();
    let first =
        b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close, x\r\n\r\n";
    assert!(head.parse(first, LIMITS).unwrap().is_some());
    assert!(head.is_named_by_connection(b"X") && !head.is_named_by_connection(b"host"));
    assert!(
        head.parse(b"GET / HTTP/1.0\r\n\r\n", LIMITS)
            .unwrap()
            .is_some()
    );
    assert_eq!((head.path(), head.query(), head.host()), ("/", None, None));
    assert_eq!(head.facts().body, BodyLength::Empty);
    assert!(!head.facts().connection.close && !head.facts().connection.names_fields);
    head.clear();
    assert_eq!((head.method(), head.fields().count()), (b"".as_slice(), 0));
}
