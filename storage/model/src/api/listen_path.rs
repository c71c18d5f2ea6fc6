//! The path under which an API is mounted.

use std::fmt;
use std::sync::Arc;

/// The longest listen path, in bytes.
const LISTEN_PATH_BYTES_MAX: usize = 1024;

/// The most segments of a listen path.
pub const LISTEN_PATH_SEGMENTS_MAX: usize = 32;

/// Paths of the gateway itself.
const RESERVED: [&str; 2] = ["/hello", "/ready"];

/// Why a text cannot be a listen path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListenPath {
    /// It does not begin with a slash.
    #[error("must begin with '/'")]
    NotAbsolute,
    /// It holds a template.
    #[error("path templates in braces are not supported yet")]
    Template,
    /// It holds something that the path of a request cannot hold, or that has two spellings there.
    #[error("must hold only letters, digits and -._~!$&'()*+,;=:@ between the slashes")]
    Character,
    /// It holds an empty segment, `.` or `..`.
    #[error("must not hold '//', '/./' or '/../'")]
    Segment,
    /// It is too long.
    #[error("has at most {LISTEN_PATH_BYTES_MAX} bytes and {LISTEN_PATH_SEGMENTS_MAX} segments")]
    TooLong,
    /// The gateway answers this path itself.
    #[error("is a path of the gateway itself (/hello and /ready)")]
    Reserved,
}

/// A listen path: one leading slash and no trailing one, so that two spellings of one place are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenPath(Arc<str>);

impl ListenPath {
    /// Checks a listen path and takes off its trailing slash.
    ///
    /// # Errors
    /// The text is no path that requests can match at segment boundaries.
    pub fn parse(text: &str) -> Result<Self, InvalidListenPath> {
        let inner = text
            .strip_prefix('/')
            .ok_or(InvalidListenPath::NotAbsolute)?;
        if text.contains(['{', '}']) {
            return Err(InvalidListenPath::Template);
        }
        if !inner.bytes().all(is_path_character) {
            return Err(InvalidListenPath::Character);
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        if inner.is_empty() {
            return if text.len() > 1 {
                Err(InvalidListenPath::Segment)
            } else {
                Ok(Self(Arc::from("/")))
            };
        }
        if inner
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
        {
            return Err(InvalidListenPath::Segment);
        }
        if text.len() > LISTEN_PATH_BYTES_MAX || inner.split('/').count() > LISTEN_PATH_SEGMENTS_MAX
        {
            return Err(InvalidListenPath::TooLong);
        }
        let path = format!("/{inner}");
        if RESERVED.contains(&path.as_str()) {
            return Err(InvalidListenPath::Reserved);
        }
        Ok(Self(Arc::from(path)))
    }

    /// The path without trailing slash; `/` for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the rest of a request's path: empty for the root, so that the rest keeps its slash.
    #[must_use]
    pub fn prefix(&self) -> &str {
        if self.is_root() { "" } else { &self.0 }
    }

    /// Whether this is `/`, under which every path stands.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// How many segments the path has, none for the root; at most [`LISTEN_PATH_SEGMENTS_MAX`].
    #[must_use]
    pub fn segments(&self) -> usize {
        self.prefix().matches('/').count()
    }
}

/// `pchar` of RFC 3986 section 3.3 without percent escapes, which would give one path several spellings; and `/`.
const fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')'
        )
        || matches!(byte, b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@' | b'/')
}

impl fmt::Display for ListenPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_place_are_equal() {
        for (text, path) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/a/b-c/", "/a/b-c"),
            ("/tyk-foo/", "/tyk-foo"),
        ] {
            assert_eq!(ListenPath::parse(text).unwrap().as_str(), path);
        }
    }

    #[test]
    fn paths_that_cannot_be_matched_are_refused() {
        use InvalidListenPath as Invalid;
        for (text, why) in [
            ("", Invalid::NotAbsolute),
            ("a/", Invalid::NotAbsolute),
            ("/u/{id}", Invalid::Template),
            ("/a b", Invalid::Character),
            ("/a%2Fb", Invalid::Character),
            ("/a?b", Invalid::Character),
            ("/\u{e4}", Invalid::Character),
            ("//", Invalid::Segment),
            ("/a//b", Invalid::Segment),
            ("/a//", Invalid::Segment),
            ("/a/../b", Invalid::Segment),
            ("/.", Invalid::Segment),
            ("/hello/", Invalid::Reserved),
            ("/ready", Invalid::Reserved),
        ] {
            assert_eq!(ListenPath::parse(text), Err(why), "{text}");
        }
        assert_eq!(
            ListenPath::parse(&format!("/{}", "a".repeat(1024))),
            Err(Invalid::TooLong)
        );
        assert_eq!(ListenPath::parse(&"/a".repeat(33)), Err(Invalid::TooLong));
        assert!(ListenPath::parse("/hello/world").is_ok());
    }

    #[test]
    fn the_root_is_an_empty_prefix_without_segments() {
        for (text, prefix, segments) in [("/", "", 0), ("/a/", "/a", 1), ("/a/b-c", "/a/b-c", 2)] {
            let path = ListenPath::parse(text).unwrap();
            assert_eq!((path.prefix(), path.segments()), (prefix, segments));
            assert_eq!(path.is_root(), segments == 0);
        }
        let deepest = ListenPath::parse(&"/a".repeat(LISTEN_PATH_SEGMENTS_MAX)).unwrap();
        assert_eq!(deepest.segments(), LISTEN_PATH_SEGMENTS_MAX);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_an_accepted_path_stays_itself(text in "[ -~]{0,40}|/[a-z./]{0,40}") {
            if let Ok(path) = ListenPath::parse(&text) {
                prop_assert_eq!(ListenPath::parse(path.as_str()), Ok(path.clone()));
                prop_assert!(text.starts_with(path.prefix()));
                prop_assert!(path.segments() <= LISTEN_PATH_SEGMENTS_MAX);
            }
        }
    }
}
