//! Access rights: which APIs a session may call, and which of their versions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::id::ApiId;
use crate::json::{DocumentFaults, Node};
use crate::path_pattern::{Methods, PatternOrigin, PatternText};

/// The most APIs that one session or policy may name.
pub const ACCESS_RIGHTS_MAX: usize = 1024;

/// The most versions that one access right may name.
const VERSIONS_MAX: usize = 256;

/// The most paths that one access right may list.
const ALLOWED_URLS_MAX: usize = 256;

/// The right to call one API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRight {
    /// The versions it speaks of; matters to versioned APIs only.
    pub versions: Vec<String>,
    /// The paths that it covers; all of the API when there are none.
    pub allowed_urls: Vec<AllowedUrl>,
}

impl AccessRight {
    /// Whether the right speaks of a version; an API without versions asks for none.
    #[must_use]
    pub fn grants_version(&self, version: Option<&str>) -> bool {
        version.is_none_or(|version| self.versions.iter().any(|own| own == version))
    }
}

/// One path of an API, with the methods that may be used on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedUrl {
    /// The path.
    pub path: PatternText,
    /// The methods; none when the list is empty (Tyk).
    pub methods: Methods,
}

/// The rights by API; the key of Tyk's map is what counts, not the `api_id` inside an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRights(BTreeMap<ApiId, AccessRight>);

impl AccessRights {
    /// The right to an API, if there is one.
    #[must_use]
    pub fn get(&self, api: &ApiId) -> Option<&AccessRight> {
        self.0.get(api)
    }

    /// Whether no API is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many APIs are named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The APIs named, in the order of their ids.
    pub fn apis(&self) -> impl Iterator<Item = &ApiId> {
        self.0.keys()
    }

    /// Reads Tyk's `access_rights` object.
    pub(crate) fn read(
        node: &Node<'_>,
        patterns: PatternOrigin,
        faults: &mut DocumentFaults,
    ) -> Self {
        let mut rights = BTreeMap::new();
        for (name, entry) in node.members(ACCESS_RIGHTS_MAX, faults) {
            let api = match ApiId::new(name) {
                Ok(api) => api,
                Err(error) => {
                    faults.add(node.path(), error.to_string());
                    continue;
                }
            };
            rights.insert(api, read_right(&entry, patterns, faults));
        }
        Self(rights)
    }
}

/// The places of rate limits and quotas of single APIs.
pub(crate) fn limits_of_apis(rights: &Node<'_>, faults: &mut DocumentFaults) -> Vec<String> {
    let mut places = Vec::new();
    for (_, entry) in rights.members(ACCESS_RIGHTS_MAX, faults) {
        let own = entry.get("limit", faults);
        let endpoints = entry.get("endpoints", faults).items(usize::MAX, faults);
        let mut all = vec![own];
        for endpoint in endpoints {
            let methods = endpoint.get("methods", faults).items(usize::MAX, faults);
            all.extend(methods.iter().map(|method| method.get("limit", faults)));
        }
        for limit in all {
            let object = limit.object(faults);
            if object.is_some_and(|object| is_limit(object, faults)) {
                places.push(limit.path().to_owned());
            }
        }
    }
    places
}

/// Whether a rate or a quota is limited here; numbers from 0 down are no limits (Tyk).
pub(crate) fn is_limit(object: &Map<String, Value>, faults: &mut DocumentFaults) -> bool {
    ["rate", "quota_max"].into_iter().any(|key| {
        let limit = Node::member(object, key, faults).value();
        let number = limit.and_then(Value::as_f64);
        number.is_some_and(|limit| limit > 0.0)
    })
}

fn read_right(
    entry: &Node<'_>,
    patterns: PatternOrigin,
    faults: &mut DocumentFaults,
) -> AccessRight {
    let _ = entry.object(faults);
    let urls = entry.get("allowed_urls", faults);
    let allowed_urls = urls
        .items(ALLOWED_URLS_MAX, faults)
        .iter()
        .filter_map(|url| read_allowed_url(url, patterns, faults))
        .collect();
    let versions = entry.get("versions", faults).items(VERSIONS_MAX, faults);
    let versions = versions
        .iter()
        .filter_map(|version| version.text(faults))
        .map(str::to_owned);
    AccessRight {
        versions: versions.collect(),
        allowed_urls,
    }
}

fn read_allowed_url(
    entry: &Node<'_>,
    patterns: PatternOrigin,
    faults: &mut DocumentFaults,
) -> Option<AllowedUrl> {
    let _ = entry.object(faults);
    let path = PatternText::read(&entry.get("url", faults), patterns, faults);
    let methods = Methods::read(&entry.get("methods", faults), faults);
    Some(AllowedUrl {
        path: path?,
        methods,
    })
}
