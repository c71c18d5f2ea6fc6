//! A stream's request as a message of HTTP/1.1, whose parser then judges it like every other.

use bytes::Bytes;
use h2_http::header::{CONTENT_LENGTH, COOKIE, HOST};
use h2_http::{HeaderMap, Method, Request};

/// How the body goes behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// As it is; its length has been said, and `h2` holds the client to it.
    Sized,
    /// In chunks.
    Chunked,
}

/// A request that no message of HTTP/1.1 can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unwritable;

/// Writes a request's head.
///
/// Names are in lower case, and no field is one of a connection's own: `h2` refuses those (RFC 9113 section 8.2).
/// `:authority` is `Host`; a client that sends both sends two, which the parser refuses unless they say the same.
pub(super) fn write_head<B>(
    request: &Request<B>,
    ends_here: bool,
    out: &mut Vec<u8>,
) -> Result<Framing, Unwritable> {
    let uri = request.uri();
    let authority = uri.authority().map(|authority| authority.as_str());
    let target = match (request.method(), uri.path_and_query(), authority) {
        (&Method::CONNECT, None, Some(authority)) => authority,
        // No other form stands there (RFC 9113 section 8.3.1), whatever the library lets through.
        (_, Some(path), _) if path.as_str().starts_with('/') || path == "*" => path.as_str(),
        _ => return Err(Unwritable),
    };
    line(&[request.method().as_str(), " ", target, " HTTP/1.1"], out)?;
    // The answer ends this connection in memory.
    out.extend_from_slice(b"Connection: close\r\n");
    if let Some(authority) = authority {
        line(&["Host: ", authority], out)?;
    }
    let fields = request.headers();
    if ends_here && !says_no_body(fields) {
        return Err(Unwritable);
    }
    for (name, value) in fields {
        let is_repeated_host = *name == HOST
            && authority
                .is_some_and(|known| known.as_bytes().eq_ignore_ascii_case(value.as_bytes()));
        if *name == COOKIE || is_repeated_host {
            continue;
        }
        field(name.as_str(), value.as_bytes(), out)?;
    }
    write_cookies(fields, out)?;
    let framing = match (ends_here, fields.contains_key(CONTENT_LENGTH)) {
        (true, _) => Framing::Empty,
        (false, true) => Framing::Sized,
        (false, false) => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            Framing::Chunked
        }
    };
    out.extend_from_slice(b"\r\n");
    Ok(framing)
}

/// Whether no length promises a body: where the stream has ended there will be none (RFC 9113 section 8.1.1), and
/// whoever is told of one waits for it. The library has looked at the first length.
fn says_no_body(fields: &HeaderMap) -> bool {
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    lengths.all(|length| length.as_bytes().iter().all(|digit| *digit == b'0'))
}

/// Cookies come in crumbs, which are one field in HTTP/1.1 (RFC 9113 section 8.2.3).
fn write_cookies(fields: &HeaderMap, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    let crumbs: Vec<&[u8]> = fields
        .get_all(COOKIE)
        .iter()
        .map(|crumb| crumb.as_bytes())
        .collect();
    if crumbs.is_empty() {
        return Ok(());
    }
    field("cookie", &crumbs.join(&b"; "[..]), out)
}

fn line(parts: &[&str], out: &mut Vec<u8>) -> Result<(), Unwritable> {
    for part in parts {
        if part.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(Unwritable);
        }
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// One field; the library lets no line's end through, and a second look costs little.
pub(super) fn field(name: &str, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unwritable> {
    if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(Unwritable);
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Writes one piece of a body.
pub(super) fn write_piece(framing: Framing, piece: &Bytes, out: &mut Vec<u8>) {
    match framing {
        Framing::Chunked if !piece.is_empty() => {
            out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            out.extend_from_slice(piece);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Empty | Framing::Chunked => {}
        Framing::Sized => out.extend_from_slice(piece),
    }
}

/// Writes the end of a body; only chunks can be followed by trailers.
pub(super) fn write_end(
    framing: Framing,
    trailers: Option<&HeaderMap>,
    out: &mut Vec<u8>,
) -> Result<(), Unwritable> {
    if framing != Framing::Chunked {
        return Ok(());
    }
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        field(name.as_str(), value.as_bytes(), out)?;
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn written(request: &Request<()>, ends_here: bool) -> (String, Framing) {
        let mut out = Vec::new();
        let framing = write_head(request, ends_here, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), framing)
    }

    #[test]
    fn pseudo_fields_become_a_request_line_and_a_host() {
        let request = Request::get("https://a.example:8443/p%20q?x=1")
            .header("accept", "*/*")
            .header("expect", "100-continue")
            .header("host", "A.example:8443")
            .body(())
            .unwrap();
        assert_eq!(
            written(&request, true),
            (
                "GET /p%20q?x=1 HTTP/1.1\r\nConnection: close\r\nHost: a.example:8443\r\n\
                 accept: */*\r\nexpect: 100-continue\r\n\r\n"
                    .to_owned(),
                Framing::Empty
            )
        );
        let two_hosts = Request::get("https://a/")
            .header("host", "b")
            .body(())
            .unwrap();
        assert!(
            written(&two_hosts, true)
                .0
                .contains("Host: a\r\nhost: b\r\n")
        );
    }

    #[test]
    fn crumbs_become_one_cookie() {
        let request = Request::get("https://a/")
            .header("cookie", "a=1")
            .header("x", "y")
            .header("cookie", "b=2; c=3")
            .body(())
            .unwrap();
        let (head, _) = written(&request, true);
        assert!(
            head.ends_with("x: y\r\ncookie: a=1; b=2; c=3\r\n\r\n"),
            "{head}"
        );
    }

    #[test]
    fn a_body_has_one_framing() {
        let sized = Request::post("https://a/")
            .header("content-length", "3")
            .body(());
        let (head, framing) = written(&sized.unwrap(), false);
        assert!(head.contains("content-length: 3") && !head.contains("chunked"));
        assert_eq!(framing, Framing::Sized);
        let unsized_body = Request::post("https://a/").body(()).unwrap();
        let (head, framing) = written(&unsized_body, false);
        assert!(head.contains("Transfer-Encoding: chunked\r\n"));
        let mut out = Vec::new();
        write_piece(framing, &Bytes::from_static(b"abc"), &mut out);
        write_piece(framing, &Bytes::new(), &mut out);
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "1".parse().unwrap());
        write_end(framing, Some(&trailers), &mut out).unwrap();
        assert_eq!(out, b"3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
    }

    #[test]
    fn a_path_has_one_form() {
        let written = |path: &str| {
            let mut parts = h2_http::uri::Parts::default();
            parts.path_and_query = Some(path.parse().unwrap());
            let uri = h2_http::Uri::from_parts(parts).unwrap();
            let request = Request::get(uri).header("host", "a").body(()).unwrap();
            write_head(&request, true, &mut Vec::new())
        };
        assert_eq!(written("/x"), Ok(Framing::Empty));
        assert_eq!(written("?x"), Err(Unwritable));
    }

    #[test]
    fn a_stream_that_has_ended_promises_no_body() {
        let ended = |length: &str| {
            let request = Request::post("https://a/").header("content-length", length);
            write_head(&request.body(()).unwrap(), true, &mut Vec::new())
        };
        assert_eq!(ended("0"), Ok(Framing::Empty));
        assert_eq!(ended("3"), Err(Unwritable));
        assert_eq!(ended("x"), Err(Unwritable));
    }

    #[test]
    fn what_could_end_a_line_is_not_written() {
        for value in [&b"a\r\nb: c"[..], b"a\nb", b"a\0b"] {
            assert_eq!(field("x", value, &mut Vec::new()), Err(Unwritable));
        }
    }
}
