//! One version of an API: what holds for requests that ask for it.

use std::sync::Arc;

use super::headers::{HeaderRules, Message};
use super::path_rules::{self, PathAccess, PathEntry};
use super::target::Target;
use super::unsupported::ImportWarning;
use super::{date, timeouts};
use crate::json::{DocumentFaults, Node};
use crate::path_pattern::LetterCase;
use crate::time::{Timestamp, Ttl};

/// A version, as `version_data.versions.NAME` has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VersionSpec {
    /// Its name, as rights and requests have it.
    pub name: Arc<str>,
    /// From when on it is refused; never set for an API without versions (Tyk).
    pub expires: Option<Timestamp>,
    /// Where its requests go instead of the API's target (`override_target`).
    pub target: Option<Target>,
    /// Which of its paths are served, and for whom.
    pub access: PathAccess,
    /// What is done to the fields of its requests.
    pub request_headers: HeaderTransforms,
    /// What is done to the fields of its upstream's answers.
    pub response_headers: HeaderTransforms,
    /// How long the upstream may take to answer on single paths (`hard_timeouts`).
    pub timeouts: Vec<PathEntry<Ttl>>,
    /// How large its requests may be.
    pub sizes: SizeLimits,
}

/// Header transforms of a version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderTransforms {
    /// On every path.
    pub everywhere: HeaderRules,
    /// On single paths; the first one that holds counts.
    pub paths: Vec<PathEntry<HeaderRules>>,
}

/// Limits of the size of request bodies, in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SizeLimits {
    /// On every path (`global_size_limit`).
    pub everywhere: Option<u64>,
    /// On single paths, in place of that; the first one that holds counts (`size_limits`).
    pub paths: Vec<PathEntry<u64>>,
}

/// Whether the API of a version has versions at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versioned {
    Yes,
    No,
}

impl VersionSpec {
    pub(super) fn read(
        name: &str,
        node: &Node<'_>,
        versioned: Versioned,
        warnings: &mut Vec<ImportWarning>,
        faults: &mut DocumentFaults,
    ) -> Self {
        let extended = node.get("use_extended_paths", faults).flag(faults);
        let paths = node.get("extended_paths", faults);
        let paths = Some(&paths).filter(|_| extended);
        let access = match paths {
            Some(paths) => PathAccess::read_extended(paths, warnings, faults),
            None => PathAccess::read_simple(&node.get("paths", faults), faults),
        };
        let mut version = Self {
            name: Arc::from(name),
            expires: read_expiry(&node.get("expires", faults), versioned, warnings, faults),
            target: read_target(&node.get("override_target", faults), faults),
            access,
            request_headers: read_request_headers(node, paths, faults),
            response_headers: read_response_headers(node, paths, faults),
            timeouts: paths
                .map(|paths| timeouts::read_hard(&paths.get("hard_timeouts", faults), faults))
                .unwrap_or_default(),
            sizes: read_sizes(node, paths, faults),
        };
        if node.get("ignore_endpoint_case", faults).flag(faults) {
            version.ignore_case();
        }
        version
    }

    /// Lets no rule for single paths look at case (Tyk's `ignore_endpoint_case`).
    fn ignore_case(&mut self) {
        let rules = self.access.rules_mut();
        let headers = [&mut self.request_headers, &mut self.response_headers];
        let headers = headers.into_iter().flat_map(|headers| &mut headers.paths);
        let timeouts = self.timeouts.iter_mut().map(|entry| &mut entry.at);
        let sizes = self.sizes.paths.iter_mut().map(|entry| &mut entry.at);
        let all = rules.chain(headers.map(|entry| &mut entry.at));
        for rule in all.chain(timeouts).chain(sizes) {
            rule.case = LetterCase::Ignored;
        }
    }
}

/// Without versions nothing expires one; such dates stand in old documents and never had an effect.
fn read_expiry(
    node: &Node<'_>,
    versioned: Versioned,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> Option<Timestamp> {
    let expires = date::read(node, faults);
    if versioned == Versioned::Yes {
        return expires;
    }
    if expires.is_some() {
        warnings.push(ImportWarning {
            path: node.path().to_owned(),
            reason: "an API without versions does not expire by it, as in Tyk; `expiration` is the API's own".to_owned(),
        });
    }
    None
}

fn read_target(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Target> {
    let text = node.filled_text(faults)?;
    Target::parse(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

fn read_request_headers(
    node: &Node<'_>,
    paths: Option<&Node<'_>>,
    faults: &mut DocumentFaults,
) -> HeaderTransforms {
    HeaderTransforms {
        everywhere: read_global(node, "global_headers", Message::Request, faults),
        paths: read_path_headers(paths, "transform_headers", Message::Request, faults),
    }
}

fn read_response_headers(
    node: &Node<'_>,
    paths: Option<&Node<'_>>,
    faults: &mut DocumentFaults,
) -> HeaderTransforms {
    HeaderTransforms {
        everywhere: read_global(node, "global_response_headers", Message::Response, faults),
        paths: read_path_headers(
            paths,
            "transform_response_headers",
            Message::Response,
            faults,
        ),
    }
}

fn read_global(
    node: &Node<'_>,
    key: &str,
    message: Message,
    faults: &mut DocumentFaults,
) -> HeaderRules {
    if node.get(&format!("{key}_disabled"), faults).flag(faults) {
        return HeaderRules::default();
    }
    let remove = node.get(&format!("{key}_remove"), faults);
    let set = node.get(key, faults);
    HeaderRules::read(&remove, &set, message, faults)
}

fn read_path_headers(
    paths: Option<&Node<'_>>,
    key: &str,
    message: Message,
    faults: &mut DocumentFaults,
) -> Vec<PathEntry<HeaderRules>> {
    let Some(paths) = paths else {
        return Vec::new();
    };
    path_rules::entries(&paths.get(key, faults), faults, |entry, faults| {
        let remove = entry.get("delete_headers", faults);
        let set = entry.get("add_headers", faults);
        Some(HeaderRules::read(&remove, &set, message, faults))
    })
}

fn read_sizes(
    node: &Node<'_>,
    paths: Option<&Node<'_>>,
    faults: &mut DocumentFaults,
) -> SizeLimits {
    let is_off = node.get("global_size_limit_disabled", faults).flag(faults);
    let everywhere = read_size(&node.get("global_size_limit", faults), faults);
    let list = paths.map(|paths| paths.get("size_limits", faults));
    let on_paths = list.map(|list| {
        path_rules::entries(&list, faults, |entry, faults| {
            read_size(&entry.get("size_limit", faults), faults)
        })
    });
    SizeLimits {
        everywhere: everywhere.filter(|_| !is_off),
        paths: on_paths.unwrap_or_default(),
    }
}

/// A number of bytes; zero is no limit (Tyk).
fn read_size(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<u64> {
    let bytes = node.whole(faults)?;
    if bytes < 0 {
        faults.add(node.path(), "must be a number of bytes");
    }
    u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}
