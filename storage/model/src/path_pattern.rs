//! Path patterns of definitions and sessions: Tyk's regular expressions over paths, compiled once.
//!
//! Matching takes time linear in the path, whatever the pattern.

use std::borrow::Cow;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use crate::api::ListenPath;
use crate::json::{DocumentFaults, Node};

/// The longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// The most memory that one compiled pattern may take, in bytes; also that of its cache per thread.
const COMPILED_BYTES_MAX: usize = 256 * 1024;

/// How deep groups may stand in each other.
const NESTING_MAX: u32 = 32;

/// The most methods that one pattern may name.
const METHODS_MAX: usize = 64;

/// Where in a path a pattern must begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchoring {
    /// From the path's beginning to the end of a segment: `/a` covers `/a` and `/a/b`, not `/ab`.
    Segment,
    /// From the path's beginning to anywhere: `/a` covers `/ab` too. For what refuses, so that no suffix evades it.
    Start,
    /// Anywhere (`[compat] unanchored_paths`): `/a` covers `/x/ab` too.
    Anywhere,
}

/// How patterns are matched where the gateway's configuration decides (`[compat] unanchored_paths`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathMatching {
    /// From the path's beginning.
    #[default]
    Anchored,
    /// Anywhere, as Tyk does unless told otherwise.
    Unanchored,
}

impl PathMatching {
    /// For patterns that open something: allowed, ignored and granted paths.
    #[must_use]
    pub const fn granting(self) -> Anchoring {
        match self {
            Self::Anchored => Anchoring::Segment,
            Self::Unanchored => Anchoring::Anywhere,
        }
    }

    /// For patterns that close something: blocked paths.
    #[must_use]
    pub const fn refusing(self) -> Anchoring {
        match self {
            Self::Anchored => Anchoring::Start,
            Self::Unanchored => Anchoring::Anywhere,
        }
    }
}

/// Whether upper and lower case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterCase {
    /// They are not.
    Matters,
    /// They are (Tyk's `ignore_case`).
    Ignored,
}

/// How a pattern is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternTerms {
    /// Where it must match.
    pub anchoring: Anchoring,
    /// Whether case matters.
    pub case: LetterCase,
}

/// Why a text cannot be a path pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It holds nothing.
    #[error("must not be empty; `.*` matches every path")]
    Empty,
    /// Longer than [`PATTERN_BYTES_MAX`].
    #[error("has at most {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    /// A brace without its counterpart.
    #[error("has a brace that is not closed; a literal one is written `\\{{`")]
    Brace,
    /// Compiled, it would take more memory than one pattern may.
    #[error("is too large once compiled: use fewer or smaller repetitions")]
    TooLarge,
    /// No regular expression, or one with look-around or back references.
    #[error("is no regular expression of the supported kind: {0}")]
    Syntax(String),
}

/// The methods that a pattern speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Methods {
    /// Every one.
    Any,
    /// These; none at all when empty.
    Listed(Box<[Box<str>]>),
}

impl Methods {
    /// Whether a request's method is one of them; case is ignored, so that `post` evades no rule for `POST`.
    #[must_use]
    pub fn contain(&self, method: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed
                .iter()
                .any(|own| own.as_bytes().eq_ignore_ascii_case(method)),
        }
    }

    /// Reads a list of method names; what is not there is an empty list.
    pub(crate) fn read(node: &Node<'_>, faults: &mut DocumentFaults) -> Self {
        let items = node.items(METHODS_MAX, faults);
        let names = items.iter().filter_map(|item| {
            let name = item.filled_text(faults)?;
            if !name
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || b"-_".contains(&byte))
            {
                faults.add(item.path(), "must be the name of a method");
            }
            Some(Box::from(name))
        });
        Self::Listed(names.collect())
    }
}

/// A request's path as patterns see it: percent-encoding undone, runs of slashes and backslashes as one slash.
///
/// So that one resource has one spelling here however it was asked for; the upstream still gets the path as sent.
#[derive(Clone, Debug)]
pub struct MatchedPath<'r> {
    full: Cow<'r, str>,
    rest: Cow<'r, str>,
}

impl<'r> MatchedPath<'r> {
    /// The path of a request, percent-encoded as sent and without dot segments, to an API at `listen_path`.
    #[must_use]
    pub fn new(path: &'r str, listen_path: &ListenPath) -> Self {
        let rest = path.strip_prefix(listen_path.prefix()).unwrap_or(path);
        Self {
            full: canonical(path),
            rest: canonical(rest),
        }
    }

    /// A path whose rest begins behind the name of a version, which is no part of it.
    #[must_use]
    pub fn split(path: &'r str, listen_bytes: usize, rest_at: usize) -> Self {
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

/// The text of a pattern that can be compiled on any terms.
///
/// It is a regular expression with two shorthands of Tyk's: `{name}` is one segment (`{name:expression}` what the
/// expression says), `/*/` one segment and any other `/*` everything below. Without look-around and back references.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PatternText(Arc<str>);

impl PatternText {
    /// Checks a pattern.
    ///
    /// # Errors
    /// It is empty, too long or too large, or no regular expression.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(InvalidPattern::TooLong);
        }
        // By itself first: a parenthesis too many would else end the group that anchors it.
        build(&expression_of(text)?, LetterCase::Ignored)?;
        let text = Self(Arc::from(text));
        // The largest of all forms.
        text.compile(PatternTerms {
            anchoring: Anchoring::Segment,
            case: LetterCase::Ignored,
        })?;
        Ok(text)
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern, compiled.
    ///
    /// # Errors
    /// None for a text that was checked; said all the same, because the library that compiles it may.
    pub fn compile(&self, terms: PatternTerms) -> Result<PathPattern, InvalidPattern> {
        let expression = expression_of(&self.0)?;
        build(&anchored(&expression, terms.anchoring), terms.case).map(PathPattern)
    }

    /// Reads the pattern at a place of a document; a bad or missing one is a fault there.
    pub(crate) fn read(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Self> {
        let text = match node.value() {
            Some(_) => node.text(faults)?,
            None => "",
        };
        Self::parse(text)
            .map_err(|invalid| faults.add(node.path(), invalid.to_string()))
            .ok()
    }
}

/// A compiled path pattern.
#[derive(Clone, Debug)]
pub struct PathPattern(Regex);

impl PathPattern {
    /// Whether the pattern covers a path, seen whole or behind the listen path (Tyk's prefix matching).
    #[must_use]
    pub fn covers(&self, path: &MatchedPath<'_>) -> bool {
        self.0.is_match(&path.rest)
            || (path.full.len() != path.rest.len() && self.0.is_match(&path.full))
    }
}

fn build(expression: &str, case: LetterCase) -> Result<Regex, InvalidPattern> {
    RegexBuilder::new(expression)
        .case_insensitive(case == LetterCase::Ignored)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => InvalidPattern::TooLarge,
            other => InvalidPattern::Syntax(last_line(&other.to_string())),
        })
}

/// What is wrong, without the drawing of the place that the library puts before it.
fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or(message).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn anchored(expression: &str, anchoring: Anchoring) -> String {
    if anchoring == Anchoring::Anywhere {
        return expression.to_owned();
    }
    let body = expression.strip_prefix('^').unwrap_or(expression);
    // A pattern that does not say its first slash begins at a segment all the same.
    let slash = if body.starts_with('/') { "" } else { "/?" };
    // What follows a semicolon are parameters of the segment (RFC 3986 section 3.3), not another name.
    let end = match anchoring {
        Anchoring::Segment if !body.ends_with('/') => "(?:[/;]|$)",
        _ => "",
    };
    format!("^{slash}(?:{body}){end}")
}

/// The pattern with Tyk's shorthands written out.
fn expression_of(text: &str) -> Result<String, InvalidPattern> {
    let mut out = String::with_capacity(text.len().saturating_add(16));
    let mut rest = text;
    let mut in_class = false;
    while let Some(character) = rest.chars().next() {
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        rest = match character {
            '\\' => {
                let escaped = after.chars().next().map_or(0, char::len_utf8);
                out.push('\\');
                out.push_str(after.get(..escaped).unwrap_or_default());
                after.get(escaped..).unwrap_or_default()
            }
            '{' if !in_class => {
                let (inner, behind) = braced(after).ok_or(InvalidPattern::Brace)?;
                push_braced(inner, &mut out);
                behind
            }
            '/' if !in_class && after.starts_with('*') => {
                let behind = after.get(1..).unwrap_or_default();
                out.push_str(if behind.starts_with('/') {
                    "/[^/]+"
                } else {
                    "/.*"
                });
                behind
            }
            _ => {
                in_class = match character {
                    '[' => true,
                    ']' => false,
                    _ => in_class,
                };
                out.push(character);
                after
            }
        };
    }
    Ok(out)
}

/// What stands before the brace that closes, and what behind it.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1_usize;
    for (place, character) in text.char_indices() {
        depth = match character {
            '{' => depth.checked_add(1)?,
            '}' => depth.checked_sub(1)?,
            _ => depth,
        };
        if depth == 0 {
            return Some((text.get(..place)?, text.get(place.checked_add(1)?..)?));
        }
    }
    None
}

fn push_braced(inner: &str, out: &mut String) {
    let is_count = inner.starts_with(|first: char| first.is_ascii_digit())
        && inner.chars().all(|c| c.is_ascii_digit() || c == ',');
    if is_count {
        out.push('{');
        out.push_str(inner);
        out.push('}');
        return;
    }
    out.push_str("(?:");
    out.push_str(
        inner
            .split_once(':')
            .map_or("[^/]+", |(_, expression)| expression),
    );
    out.push(')');
}

#[cfg(test)]
#[path = "path_pattern_tests.rs"]
mod tests;
