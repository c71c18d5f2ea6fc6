//! The request target: its form, its path and query, and the dot segments that have no place in it.

use super::field::Span;

/// Why a request target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadTarget {
    /// A byte that no URI holds.
    Character,
    /// Neither a path nor an absolute URI of HTTP.
    Form,
    /// The authority of an absolute URI carries a user or is empty.
    Authority,
    /// A percent sign in the path without two hexadecimal digits, or a zero byte behind one: readers differ on them.
    Encoding,
    /// `.` or `..`, as it stands or percent-encoded, with parameters or without.
    DotSegment,
}

/// A request target taken apart; spans are places in the head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RequestTarget {
    /// The authority of an absolute URI.
    pub(crate) authority: Option<Span>,
    /// The path; empty stands for `/`.
    pub(crate) path: Span,
    /// The query without its question mark.
    pub(crate) query: Option<Span>,
}

impl RequestTarget {
    /// Takes apart `target`, which lies in `head` (RFC 9112 section 3.2).
    ///
    /// Dot segments are refused, not resolved: the upstream would see another path than the one that was matched. Encoded
    /// slashes and backslashes count as separators here, since some upstreams take them for such; and a semicolon ends the
    /// dots, since some take the parameters off a segment before they resolve it.
    pub(crate) fn parse(target: &[u8], head: &[u8]) -> Result<Self, BadTarget> {
        if !target
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'#')
        {
            return Err(BadTarget::Character);
        }
        let (authority, rest) = if target.starts_with(b"/") {
            (None, target)
        } else {
            let after = after_scheme(target).ok_or(BadTarget::Form)?;
            let end = after.iter().position(|byte| matches!(byte, b'/' | b'?'));
            let (authority, rest) = after.split_at(end.unwrap_or(after.len()));
            if authority.is_empty() || !is_host(authority) {
                return Err(BadTarget::Authority);
            }
            (Some(Span::of(authority, head)), rest)
        };
        let (path, query) = match rest.iter().position(|byte| *byte == b'?') {
            Some(mark) => (rest.get(..mark), rest.get(mark.saturating_add(1)..)),
            None => (Some(rest), None),
        };
        let path = path.unwrap_or_default();
        if !is_decodable(path) {
            return Err(BadTarget::Encoding);
        }
        if has_dot_segment(path) {
            return Err(BadTarget::DotSegment);
        }
        Ok(Self {
            authority,
            path: Span::of(path, head),
            query: query.map(|query| Span::of(query, head)),
        })
    }
}

fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    [b"http://".as_slice(), b"https://"]
        .into_iter()
        .find_map(|scheme| {
            let (start, rest) = target.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        })
}

/// Whether these bytes can be a host with or without port (RFC 3986 section 3.2, without user information).
pub(crate) fn is_host(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=:[]%".contains(byte))
}

fn is_decodable(path: &[u8]) -> bool {
    let mut parts = path.split(|byte| *byte == b'%');
    parts.next();
    parts.all(|encoded| match encoded {
        [b'0', b'0', ..] => false,
        [high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    })
}

fn has_dot_segment(path: &[u8]) -> bool {
    if !path.iter().any(|byte| matches!(byte, b'.' | b'%')) {
        return false;
    }
    let mut segment = Segment::Dots(0);
    let mut rest = path;
    while let Some((byte, after)) = next_decoded(rest) {
        rest = after;
        segment = match (byte, segment) {
            (b'/' | b'\\' | b';', Segment::Dots(1 | 2)) => return true,
            (b'/' | b'\\', _) => Segment::Dots(0),
            (b'.', Segment::Dots(count)) if count < 3 => Segment::Dots(count + 1),
            _ => Segment::Name,
        };
    }
    matches!(segment, Segment::Dots(1 | 2))
}

enum Segment {
    Dots(u8),
    Name,
}

/// The first byte of a path with its percent-encoding undone, and what follows it.
fn next_decoded(path: &[u8]) -> Option<(u8, &[u8])> {
    let hex = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    if let [b'%', high, low, after @ ..] = path
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
    {
        return Some((high << 4 | low, after));
    }
    path.split_first().map(|(byte, after)| (*byte, after))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn parts(text: &str) -> Result<(Option<&str>, &str, Option<&str>), BadTarget> {
        let bytes = text.as_bytes();
        let read = |span: Span| std::str::from_utf8(span.get(bytes)).unwrap();
        RequestTarget::parse(bytes, bytes).map(|target| {
            (
                target.authority.map(read),
                read(target.path),
                target.query.map(read),
            )
        })
    }

    #[test]
    fn the_forms_of_a_target() {
        assert_eq!(parts("/a/b?c=d?e"), Ok((None, "/a/b", Some("c=d?e"))));
        assert_eq!(parts("/"), Ok((None, "/", None)));
        assert_eq!(parts("/?"), Ok((None, "/", Some(""))));
        assert_eq!(parts("HTTP://h:1/a?b"), Ok((Some("h:1"), "/a", Some("b"))));
        assert_eq!(parts("https://h"), Ok((Some("h"), "", None)));
        assert_eq!(parts("http://h?q"), Ok((Some("h"), "", Some("q"))));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["*", "h:1", "ftp://h/", "a/b", "http:/h/"] {
            assert_eq!(parts(text), Err(BadTarget::Form), "{text}");
        }
        for text in ["http://u@h/", "http:///a", "http://h\\x/"] {
            assert_eq!(parts(text), Err(BadTarget::Authority), "{text}");
        }
        assert_eq!(parts("/a#b"), Err(BadTarget::Character));
        assert_eq!(parts("/\u{e9}"), Err(BadTarget::Character));
        assert_eq!(parts("/a\u{7f}"), Err(BadTarget::Character));
    }

    #[test]
    fn dot_segments_are_refused_however_they_are_written() {
        for text in [
            "/a/../b",
            "/..",
            "/.",
            "/a/.",
            "/./a",
            "/a/%2e%2e/b",
            "/a/.%2E",
            "/%2e",
            "/a/..%2fb",
            "/a%2f..%2fb",
            "/a/..\\b",
            "/a%5C%2e%2e",
            "http://h/..",
            "/a/..;/b",
            "/a/..;x=y/b",
            "/a/.;/b",
            "/a/..;",
            "/;x/..;/b",
            "/a/..%3b/b",
            "/a/%2e%2e%3Bx/b",
            "/a%5c..;b",
        ] {
            assert_eq!(parts(text), Err(BadTarget::DotSegment), "{text}");
        }
    }

    #[test]
    fn dots_that_are_part_of_a_name_stay() {
        for text in [
            "/a.b",
            "/...",
            "/.well-known/x",
            "/a..",
            "/..a/b",
            "/a..;/b",
            "/...;/b",
            "/a;../b",
            "/;..",
            "/%2e%2ex",
            "/a?../..",
            "/%20%C3%BC?%zz%00",
        ] {
            assert!(parts(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_nobody_can_decode_is_refused() {
        for text in [
            "/%",
            "/%2",
            "/%zz",
            "/%2x",
            "/a%/b",
            "/%%41",
            "/a%00b",
            "http://h/%",
        ] {
            assert_eq!(parts(text), Err(BadTarget::Encoding), "{text}");
        }
    }
}
