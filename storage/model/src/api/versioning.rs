//! The versions of an API: inside one definition or as APIs of their own, and how a request names one.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::unsupported::ImportWarning;
use super::version::{VersionSpec, Versioned};
use crate::id::ApiId;
use crate::json::{DocumentFaults, Node};

/// The most versions that a definition may list.
const VERSIONS_MAX: usize = 256;
/// The longest pattern of a path segment, in bytes, and the most memory that it may take compiled.
const PATTERN_BYTES_MAX: usize = 512;
const COMPILED_BYTES_MAX: usize = 64 * 1024;
/// The header or parameter that names a version where the definition gives none (Tyk).
const DEFAULT_KEY: &str = "x-api-version";
/// What stands for the API itself among versions that are APIs.
const SELF: &str = "self";

/// The versions inside one definition.
#[derive(Clone, Debug, PartialEq)]
pub enum Versions {
    /// All requests are of one version, which has no name to them (`not_versioned`).
    Single(Box<VersionSpec>),
    /// Each request names its version.
    Named(NamedVersions),
}

/// Versions by name, and how a request names one.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedVersions {
    /// How a request names its version.
    pub selector: VersionSelector,
    /// The versions.
    pub versions: BTreeMap<Arc<str>, VersionSpec>,
}

/// Versions that are APIs of their own, of which this one is the base (Tyk's `definition.enabled`).
#[derive(Clone, Debug, PartialEq)]
pub struct VersionApis {
    /// How a request names its version; the default one is the base where it is not among the versions.
    pub selector: VersionSelector,
    /// The name of the base itself.
    pub own: Option<Arc<str>>,
    /// The other versions.
    pub versions: BTreeMap<Arc<str>, ApiId>,
}

impl VersionApis {
    /// Whether a name is the base's own.
    #[must_use]
    pub fn is_own(&self, name: &str) -> bool {
        name == SELF || self.own.as_deref() == Some(name)
    }
}

/// How a request names a version.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionSelector {
    /// Where the name stands.
    pub place: VersionPlace,
    /// Whether the target sees the name (`strip_versioning_data`, `strip_path`).
    pub forwarding: NameForwarding,
    /// The version of requests that name none.
    pub default: Option<Arc<str>>,
    /// What becomes of requests that name one that there is not.
    pub unknown: UnknownVersion,
}

/// Where the name of a version stands.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionPlace {
    /// Nowhere: every request is of the default version.
    Nowhere,
    /// In this header field.
    Header(Arc<str>),
    /// In this query parameter.
    Query(Arc<str>),
    /// In the first segment behind the listen path; one that the pattern does not know is part of the path.
    Path(Option<SegmentPattern>),
}

/// Whether the target sees the name of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameForwarding {
    /// It does.
    Forwarded,
    /// It does not.
    Stripped,
}

/// What becomes of requests that name an unknown version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownVersion {
    /// They are refused.
    Refused,
    /// They get the default version (`fallback_to_default`).
    Default,
}

/// Tells the segments that name a version from others (`url_versioning_pattern`).
#[derive(Clone, Debug)]
pub struct SegmentPattern(Regex);

impl SegmentPattern {
    /// Whether a segment names a version.
    #[must_use]
    pub fn is_match(&self, segment: &str) -> bool {
        self.0.is_match(segment)
    }
}

impl PartialEq for SegmentPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// What a definition says of its versions.
#[derive(Debug)]
pub(super) struct ReadVersions<'v> {
    pub(super) versions: Versions,
    pub(super) apis: Option<VersionApis>,
    /// The places of the versions that are served.
    pub(super) nodes: Vec<Node<'v>>,
}

/// Reads `version_data` and `definition`.
pub(super) fn read<'v>(
    object: &'v Map<String, Value>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> ReadVersions<'v> {
    let data = Node::member(object, "version_data", faults);
    let definition = Node::member(object, "definition", faults);
    let listed = data.get("versions", faults).members(VERSIONS_MAX, faults);
    let unversioned = data.get("not_versioned", faults);
    let apis = read_apis(&definition, faults);
    if listed.is_empty() || unversioned.flag(faults) {
        let single = the_single(&data, listed, faults);
        let versions = match &single {
            Some((name, node)) => VersionSpec::read(name, node, Versioned::No, warnings, faults),
            None => VersionSpec::default(),
        };
        return ReadVersions {
            versions: Versions::Single(Box::new(versions)),
            apis,
            nodes: single.into_iter().map(|(_, node)| node).collect(),
        };
    }
    if apis.is_some() {
        faults.add(
            unversioned.path(),
            "must be true where definition.enabled names versions that are APIs",
        );
    }
    let default = read_default(&data.get("default_version", faults), faults);
    let selector = read_selector(&definition, default, faults);
    if let Some(name) = &selector.default
        && !listed.iter().any(|(own, _)| *own == name.as_ref())
    {
        faults.add("version_data.default_version", "is none of the versions");
    }
    if selector.place == VersionPlace::Nowhere && selector.default.is_none() {
        faults.add(
            "definition.location",
            "must be \"header\", \"url-param\" or \"url\": no request could name its version; or set \
             version_data.not_versioned",
        );
    }
    let versions = listed.iter().map(|(name, node)| {
        let version = VersionSpec::read(name, node, Versioned::Yes, warnings, faults);
        (Arc::clone(&version.name), version)
    });
    let versions = versions.collect();
    ReadVersions {
        versions: Versions::Named(NamedVersions { selector, versions }),
        apis,
        nodes: listed.into_iter().map(|(_, node)| node).collect(),
    }
}

/// The version that an unversioned definition serves: its only one, else the one with a default name (Tyk's rule).
fn the_single<'v>(
    data: &Node<'v>,
    mut listed: Vec<(&'v str, Node<'v>)>,
    faults: &mut DocumentFaults,
) -> Option<(&'v str, Node<'v>)> {
    if listed.len() <= 1 {
        return listed.pop();
    }
    let found = ["Default", "default", ""]
        .into_iter()
        .find_map(|name| listed.iter().position(|(own, _)| *own == name));
    if found.is_none() {
        faults.add(
            format!("{}.versions", data.path()),
            "none of the versions is named Default, so it is unclear which one is served",
        );
    }
    found.map(|position| listed.swap_remove(position))
}

fn read_apis(definition: &Node<'_>, faults: &mut DocumentFaults) -> Option<VersionApis> {
    if !definition.get("enabled", faults).flag(faults) {
        return None;
    }
    let default_node = definition.get("default", faults);
    let default = read_default(&default_node, faults);
    let own = read_default(&definition.get("name", faults), faults);
    let listed = definition
        .get("versions", faults)
        .members(VERSIONS_MAX, faults);
    let versions: BTreeMap<Arc<str>, ApiId> = listed
        .iter()
        .filter_map(|(name, node)| {
            let id = ApiId::new(node.text(faults)?)
                .map_err(|error| faults.add(node.path(), error.to_string()))
                .ok()?;
            Some((Arc::from(*name), id))
        })
        .collect();
    let apis = VersionApis {
        selector: read_selector(definition, default, faults),
        own,
        versions,
    };
    if let Some(name) = apis.selector.default.as_deref()
        && !apis.is_own(name)
        && !listed.iter().any(|(known, _)| *known == name)
    {
        faults.add(default_node.path(), "is none of the versions");
    }
    Some(apis)
}

fn read_default(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Arc<str>> {
    node.filled_text(faults).map(Arc::from)
}

fn read_selector(
    definition: &Node<'_>,
    default: Option<Arc<str>>,
    faults: &mut DocumentFaults,
) -> VersionSelector {
    let strips = ["strip_versioning_data", "strip_path"]
        .map(|key| definition.get(key, faults).flag(faults))
        .contains(&true);
    let falls_back = definition.get("fallback_to_default", faults).flag(faults);
    VersionSelector {
        place: read_place(definition, faults),
        forwarding: if strips {
            NameForwarding::Stripped
        } else {
            NameForwarding::Forwarded
        },
        default,
        unknown: if falls_back {
            UnknownVersion::Default
        } else {
            UnknownVersion::Refused
        },
    }
}

fn read_place(definition: &Node<'_>, faults: &mut DocumentFaults) -> VersionPlace {
    let location = definition.get("location", faults);
    match location.filled_text(faults) {
        None => VersionPlace::Nowhere,
        Some("header") => VersionPlace::Header(read_key(definition, true, faults)),
        Some("url-param") => VersionPlace::Query(read_key(definition, false, faults)),
        Some("url") => {
            let pattern = definition.get("url_versioning_pattern", faults);
            VersionPlace::Path(read_pattern(&pattern, faults))
        }
        Some(_) => {
            faults.add(
                location.path(),
                "must be \"header\", \"url-param\" or \"url\"",
            );
            VersionPlace::Nowhere
        }
    }
}

fn read_key(definition: &Node<'_>, is_header: bool, faults: &mut DocumentFaults) -> Arc<str> {
    let node = definition.get("key", faults);
    let key = node.filled_text(faults).unwrap_or(DEFAULT_KEY);
    let is_name_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if is_header && !key.bytes().all(is_name_byte) {
        faults.add(node.path(), "must be the name of a header field");
    }
    Arc::from(key)
}

fn read_pattern(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<SegmentPattern> {
    let text = node.filled_text(faults)?;
    let compiled = RegexBuilder::new(text)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .build();
    match compiled {
        Ok(pattern) if text.len() <= PATTERN_BYTES_MAX => Some(SegmentPattern(pattern)),
        _ => {
            let problem =
                format!("must be a regular expression of at most {PATTERN_BYTES_MAX} bytes");
            faults.add(node.path(), problem);
            None
        }
    }
}

#[cfg(test)]
#[path = "versioning_tests.rs"]
mod tests;
