//! Path patterns of definitions and sessions: Tyk's regular expressions over paths, compiled once.
//!
//! Matching takes time linear in the path, whatever the pattern.

mod matched_path;
mod size_class;

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use crate::json::{DocumentFaults, Node};
use matched_path::Reading;

pub use matched_path::MatchedPath;
use size_class::SizeClass;

/// The longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// The most that the automata of all patterns of one document may take together, in bytes: 8,192 ordinary ones.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 32 * 1024 * 1024;

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

/// Where the patterns of a document come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternOrigin {
    /// Somebody gives them now: each is compiled, to see that it can be and what it takes.
    Given,
    /// They were checked before they were stored: none is compiled until it is needed.
    Stored,
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
        Self::measured(text).map(|(text, _)| text)
    }

    /// Checks a pattern, and says how much its automaton may take, in bytes.
    fn measured(text: &str) -> Result<(Self, usize), InvalidPattern> {
        within_bounds(text)?;
        // By itself first: a parenthesis too many would else end the group that anchors it.
        let expression = expression_of(text)?;
        regex_syntax::parse(&expression)
            .map_err(|error| InvalidPattern::Syntax(last_line(&error.to_string())))?;
        let text = Self(Arc::from(text));
        // The largest of all forms.
        let largest = text.compile(PatternTerms {
            anchoring: Anchoring::Segment,
            case: LetterCase::Ignored,
        })?;
        Ok((text, largest.size.automaton_bytes))
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern, compiled.
    ///
    /// # Errors
    /// None for a text that was checked by this version; a stored one was by the version that stored it.
    pub fn compile(&self, terms: PatternTerms) -> Result<PathPattern, InvalidPattern> {
        let expression = expression_of(&self.0)?;
        let (regex, size) = build(&anchored(&expression, terms.anchoring), terms.case)?;
        Ok(PathPattern {
            regex,
            size,
            names_parameters: self.0.contains(';'),
        })
    }

    /// Reads the pattern at a place of a document; a bad or missing one is a fault there.
    pub(crate) fn read(
        node: &Node<'_>,
        origin: PatternOrigin,
        faults: &mut DocumentFaults,
    ) -> Option<Self> {
        let text = match node.value() {
            Some(_) => node.text(faults)?,
            None => "",
        };
        let read = match origin {
            PatternOrigin::Given => Self::measured(text),
            PatternOrigin::Stored => within_bounds(text).map(|()| (Self(Arc::from(text)), 0)),
        };
        let (text, bytes) = read
            .map_err(|invalid| faults.add(node.path(), invalid.to_string()))
            .ok()?;
        faults.charge_patterns(node.path(), bytes);
        Some(text)
    }
}

/// A compiled path pattern.
#[derive(Clone, Debug)]
pub struct PathPattern {
    regex: Regex,
    size: SizeClass,
    /// Whether its text has a semicolon.
    names_parameters: bool,
}

impl PathPattern {
    /// The most memory that it takes, in bytes.
    #[must_use]
    pub const fn bytes_max(&self) -> usize {
        self.size.bytes_max()
    }

    /// The most memory that each thread takes that matches it, in bytes, whatever the paths are.
    #[must_use]
    pub const fn thread_bytes_max(&self) -> usize {
        self.size.thread_bytes_max()
    }

    /// Whether the pattern covers a path, seen whole or behind the listen path (Tyk's prefix matching), with the parameters of
    /// its segments or without: what holds for a resource is evaded by none.
    #[must_use]
    pub fn covers(&self, path: &MatchedPath<'_>) -> bool {
        path.readings().any(|reading| self.covers_reading(reading))
    }

    /// The same for what opens something: the pattern covers the path however its parameters are read, so that none opens what
    /// is closed without it. One that names parameters itself is about the path as sent.
    #[must_use]
    pub fn grants(&self, path: &MatchedPath<'_>) -> bool {
        if self.names_parameters {
            return self.covers_reading(path.sent());
        }
        path.readings().all(|reading| self.covers_reading(reading))
    }

    fn covers_reading(&self, reading: &Reading<'_>) -> bool {
        self.regex.is_match(&reading.rest)
            || (reading.full.len() != reading.rest.len() && self.regex.is_match(&reading.full))
    }
}

fn within_bounds(text: &str) -> Result<(), InvalidPattern> {
    match text.len() {
        0 => Err(InvalidPattern::Empty),
        bytes if bytes > PATTERN_BYTES_MAX => Err(InvalidPattern::TooLong),
        _ => Ok(()),
    }
}

/// Compiles an expression within the smallest class of sizes that holds it, and says that class.
fn build(expression: &str, case: LetterCase) -> Result<(Regex, SizeClass), InvalidPattern> {
    for size in SizeClass::ALL {
        let built = RegexBuilder::new(expression)
            .case_insensitive(case == LetterCase::Ignored)
            .size_limit(size.automaton_bytes)
            .dfa_size_limit(size.states_bytes)
            .nest_limit(NESTING_MAX)
            .build();
        match built {
            Ok(regex) => return Ok((regex, size)),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(other) => return Err(InvalidPattern::Syntax(last_line(&other.to_string()))),
        }
    }
    Err(InvalidPattern::TooLarge)
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
