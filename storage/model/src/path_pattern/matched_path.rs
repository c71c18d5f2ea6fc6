//! How patterns see the path of a request.

use std::borrow::Cow;

/// A request's path as patterns see it: percent-encoding undone, runs of slashes and backslashes as one slash.
///
/// So that one resource has one spelling here however it was asked for; the upstream still gets the path as sent.
#[derive(Clone, Debug)]
pub struct MatchedPath<'r> {
    full: Cow<'r, str>,
    rest: Cow<'r, str>,
}

impl<'r> MatchedPath<'r> {
    /// The path of a request, percent-encoded as sent and without dot segments: so many bytes of it are the listen path, and
    /// its rest begins right there, or behind the name of a version, which is no part of it.
    #[must_use]
    pub fn new(path: &'r str, listen_bytes: usize, rest_at: usize) -> Self {
        let rest = canonical(path.get(rest_at..).unwrap_or(path));
        let full = match path.get(..listen_bytes) {
            Some(listen_path) if listen_bytes != rest_at => format!("{listen_path}{rest}").into(),
            _ => canonical(path),
        };
        Self { full, rest }
    }

    /// The whole path.
    #[must_use]
    pub fn full(&self) -> &str {
        &self.full
    }

    /// The path behind the listen path; begins with a slash.
    #[must_use]
    pub fn behind_listen_path(&self) -> &str {
        &self.rest
    }
}

fn canonical(path: &str) -> Cow<'_, str> {
    if path.is_empty() {
        return Cow::Borrowed("/");
    }
    if !path.contains(['%', '\\']) && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut decoded: Vec<u8> = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = next_decoded(rest) {
        rest = after;
        let byte = if byte == b'\\' { b'/' } else { byte };
        if byte != b'/' || decoded.last() != Some(&b'/') {
            decoded.push(byte);
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// The first byte of a path with its percent-encoding undone, and what follows it.
fn next_decoded(path: &[u8]) -> Option<(u8, &[u8])> {
    let hex = |byte: u8| char::from(byte).to_digit(16);
    if let [b'%', high, low, after @ ..] = path
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        && let Ok(byte) = u8::try_from(high << 4 | low)
    {
        return Some((byte, after));
    }
    path.split_first().map(|(byte, after)| (*byte, after))
}
