//! How patterns see the path of a request.

use std::borrow::Cow;

/// A request's path as patterns see it: percent-encoding undone, runs of slashes and backslashes as one slash.
///
/// So that one resource has one spelling here however it was asked for; the upstream still gets the path as sent. What
/// follows a semicolon are parameters of the segment (RFC 3986 section 3.3), which some upstreams take off before they look
/// for the resource: such a path has readings without them too.
#[derive(Clone, Debug)]
pub struct MatchedPath<'r> {
    sent: Reading<'r>,
    bare: Option<Box<[Reading<'r>; 2]>>,
}

/// One way to read a path.
#[derive(Clone, Debug)]
pub(super) struct Reading<'r> {
    /// The whole path.
    pub(super) full: Cow<'r, str>,
    /// What stands behind the listen path; begins with a slash.
    pub(super) rest: Cow<'r, str>,
}

impl<'r> MatchedPath<'r> {
    /// The path of a request, percent-encoded as sent and without dot segments: so many bytes of it are the listen path, and
    /// its rest begins right there, or behind the name of a version, which is no part of it.
    #[must_use]
    pub fn new(path: &'r str, listen_bytes: usize, rest_at: usize) -> Self {
        let reading = |spelled: fn(&'r str) -> Cow<'r, str>| {
            let rest = spelled(path.get(rest_at..).unwrap_or(path));
            let full = match path.get(..listen_bytes) {
                Some(listen_path) if listen_bytes != rest_at => {
                    format!("{listen_path}{rest}").into()
                }
                _ => spelled(path),
            };
            Reading { full, rest }
        };
        let sent = reading(canonical);
        // Some take parameters off before they decode and some after it, which differs where one holds an encoded slash.
        let bare = sent.full.contains(';').then(|| {
            Box::new([
                reading(|path| bare(&canonical(path)).into()),
                reading(|path| canonical(&bare(path)).into_owned().into()),
            ])
        });
        Self { sent, bare }
    }

    /// Whether a path, percent-encoded as sent, can be read in one way alone.
    #[must_use]
    pub fn is_plain(path: &str) -> bool {
        let is_read_otherwise = |byte| matches!(byte, b'%' | b'\\' | b';');
        !path.bytes().any(is_read_otherwise) && !path.contains("//")
    }

    /// The whole path in every way to read it.
    pub fn readings_of_all(&self) -> impl Iterator<Item = &str> {
        self.readings().map(|reading| &*reading.full)
    }

    /// The whole path.
    #[must_use]
    pub fn full(&self) -> &str {
        &self.sent.full
    }

    /// The path behind the listen path; begins with a slash.
    #[must_use]
    pub fn behind_listen_path(&self) -> &str {
        &self.sent.rest
    }

    /// The path with the parameters of its segments.
    pub(super) const fn sent(&self) -> &Reading<'r> {
        &self.sent
    }

    /// Every way to read it.
    pub(super) fn readings(&self) -> impl Iterator<Item = &Reading<'r>> {
        let bare = self.bare.as_deref().map_or(&[][..], |bare| &bare[..]);
        std::iter::once(&self.sent).chain(bare)
    }
}

/// A path whose segments have no parameters; what is empty then is no segment.
fn bare(path: &str) -> String {
    let mut kept = String::with_capacity(path.len());
    let segments = path.split('/').enumerate();
    for (at, segment) in segments {
        if at > 0 && !kept.ends_with('/') {
            kept.push('/');
        }
        kept.push_str(segment.split(';').next().unwrap_or_default());
    }
    if kept.is_empty() {
        kept.push('/');
    }
    kept
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
