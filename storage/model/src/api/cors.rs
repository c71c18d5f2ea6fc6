//! Cross-origin requests of browsers (the Fetch standard's CORS protocol): who may, and what they are told.

use serde_json::{Map, Value};

use super::unsupported::ImportWarning;
use crate::json::{DocumentFaults, Node};

/// The most entries of one list.
const ENTRIES_MAX: usize = 256;
/// The longest entry, in bytes.
const ENTRY_BYTES_MAX: usize = 512;
/// The longest that a browser may keep a preflight's answer, in seconds.
const MAX_AGE_S_MAX: i64 = 7 * 24 * 3600;

/// What an API that lists nothing allows.
const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];
/// The same for the fields of a request.
const FIELDS: [&str; 4] = ["Origin", "Accept", "Content-Type", "X-Requested-With"];

/// The CORS settings of an API (Tyk's `CORS`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    origins: Origins,
    methods: Box<[Box<str>]>,
    fields: AllowedFields,
    /// The value of `Access-Control-Expose-Headers`.
    pub exposed: Option<Box<str>>,
    /// Whether requests may carry credentials; never where an origin that nobody listed is allowed.
    pub credentials: bool,
    /// How long a browser may keep a preflight's answer, in seconds; zero leaves it to the browser.
    pub max_age_s: u32,
    /// Whether the upstream answers `OPTIONS`, which then needs no credential.
    pub options_passthrough: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origins {
    Any,
    Listed(Box<[OriginPattern]>),
}

/// An origin in lower case; what stands between the two halves may be any labels of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OriginPattern {
    Exact(Box<str>),
    Between(Box<str>, Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AllowedFields {
    Any,
    Listed(Box<[Box<str>]>),
}

/// The origin as an answer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedOrigin<'o> {
    /// `*`: every origin.
    Any,
    /// The one that asked.
    This(&'o [u8]),
}

impl Cors {
    /// What an answer to this origin says, if it is allowed.
    #[must_use]
    pub fn allow<'o>(&self, origin: &'o [u8]) -> Option<AllowedOrigin<'o>> {
        match &self.origins {
            Origins::Any => Some(AllowedOrigin::Any),
            Origins::Listed(listed) => {
                let lower = origin.to_ascii_lowercase();
                let found = listed.iter().any(|pattern| pattern.covers(&lower));
                found.then_some(AllowedOrigin::This(origin))
            }
        }
    }

    /// Whether requests with this method are allowed; `OPTIONS` always is.
    #[must_use]
    pub fn allows_method(&self, method: &[u8]) -> bool {
        method.eq_ignore_ascii_case(b"OPTIONS")
            || self
                .methods
                .iter()
                .any(|own| own.as_bytes().eq_ignore_ascii_case(method))
    }

    /// Whether requests with these fields are allowed.
    #[must_use]
    pub fn allows_fields<'f>(&self, mut names: impl Iterator<Item = &'f [u8]>) -> bool {
        match &self.fields {
            AllowedFields::Any => true,
            AllowedFields::Listed(listed) => names.all(|name| {
                listed
                    .iter()
                    .any(|own| own.as_bytes().eq_ignore_ascii_case(name))
            }),
        }
    }

    /// Reads the settings of an API that has them enabled.
    pub(super) fn read(
        definition: &Map<String, Value>,
        warnings: &mut Vec<ImportWarning>,
        faults: &mut DocumentFaults,
    ) -> Option<Self> {
        let node = Node::member(definition, "CORS", faults);
        if !node.get("enable", faults).flag(faults) {
            return None;
        }
        let (origins, is_broad) = read_origins(&node.get("allowed_origins", faults), faults);
        let credentials = node.get("allow_credentials", faults);
        let wants_credentials = credentials.flag(faults);
        if wants_credentials && is_broad {
            warnings.push(ImportWarning {
                path: credentials.path().to_owned(),
                reason: "is not heeded: with it any site could act as its visitors, because allowed_origins \
                         has an entry that holds for sites nobody listed"
                    .to_owned(),
            });
        }
        let methods = texts(&node.get("allowed_methods", faults), faults);
        let fields = texts(&node.get("allowed_headers", faults), faults);
        let exposed = texts(&node.get("exposed_headers", faults), faults);
        Some(Self {
            origins,
            methods: or_default(methods, &METHODS),
            fields: if fields.iter().any(|name| name.as_ref() == "*") {
                AllowedFields::Any
            } else {
                AllowedFields::Listed(or_default(fields, &FIELDS))
            },
            exposed: (!exposed.is_empty()).then(|| exposed.join(", ").into()),
            credentials: wants_credentials && !is_broad,
            max_age_s: read_max_age(&node.get("max_age", faults), faults),
            options_passthrough: node.get("options_passthrough", faults).flag(faults),
        })
    }
}

impl OriginPattern {
    fn covers(&self, origin: &[u8]) -> bool {
        match self {
            Self::Exact(own) => own.as_bytes() == origin,
            Self::Between(start, end) => {
                let between = origin
                    .strip_prefix(start.as_bytes())
                    .and_then(|rest| rest.strip_suffix(end.as_bytes()));
                between.is_some_and(|labels| {
                    !labels.is_empty()
                        && labels
                            .iter()
                            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
                })
            }
        }
    }

    /// Whether it holds for sites that nobody thought of: only labels below a host that is named are bounded.
    fn is_broad(&self) -> bool {
        match self {
            // Sandboxed documents of every site have this origin.
            Self::Exact(own) => own.as_ref() == "null",
            Self::Between(start, end) => {
                !start.ends_with("://") || !end.starts_with('.') || end.len() < 2
            }
        }
    }
}

/// The origins, and whether one of them holds for sites that nobody listed.
fn read_origins(node: &Node<'_>, faults: &mut DocumentFaults) -> (Origins, bool) {
    let listed = placed_texts(node, faults);
    if listed.is_empty() || listed.iter().any(|(_, origin)| origin.as_ref() == "*") {
        return (Origins::Any, true);
    }
    let mut patterns = Vec::with_capacity(listed.len());
    for (place, origin) in &listed {
        let lower = origin.to_ascii_lowercase();
        patterns.push(match lower.split_once('*') {
            None => OriginPattern::Exact(lower.into()),
            Some((start, end)) if !end.contains('*') => {
                OriginPattern::Between(start.into(), end.into())
            }
            Some(_) => {
                faults.add(place, "an origin may hold one * at the most");
                continue;
            }
        });
    }
    let is_broad = patterns.iter().any(OriginPattern::is_broad);
    (Origins::Listed(patterns.into()), is_broad)
}

/// The texts of a list, fit for a header field.
fn texts(node: &Node<'_>, faults: &mut DocumentFaults) -> Vec<Box<str>> {
    let placed = placed_texts(node, faults).into_iter();
    placed.map(|(_, text)| text).collect()
}

/// The same with their places.
fn placed_texts(node: &Node<'_>, faults: &mut DocumentFaults) -> Vec<(String, Box<str>)> {
    let items = node.items(ENTRIES_MAX, faults);
    let texts = items.iter().filter_map(|item| {
        let text = item.filled_text(faults)?;
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',');
        if !is_plain || text.len() > ENTRY_BYTES_MAX {
            let problem = format!(
                "must be visible ASCII without spaces and commas, at most {ENTRY_BYTES_MAX} bytes"
            );
            faults.add(item.path(), problem);
        }
        Some((item.path().to_owned(), Box::from(text)))
    });
    texts.collect()
}

fn or_default(listed: Vec<Box<str>>, default: &[&str]) -> Box<[Box<str>]> {
    if listed.is_empty() {
        return default.iter().copied().map(Box::from).collect();
    }
    listed.into()
}

fn read_max_age(node: &Node<'_>, faults: &mut DocumentFaults) -> u32 {
    let seconds = node.whole(faults).unwrap_or(0);
    // Negative ones mean the browser's own choice in Tyk.
    if seconds > MAX_AGE_S_MAX {
        faults.add(node.path(), format!("is at most {MAX_AGE_S_MAX} seconds"));
    }
    u32::try_from(seconds).unwrap_or(0)
}

#[cfg(test)]
#[path = "cors_tests.rs"]
mod tests;
