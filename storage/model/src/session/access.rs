//! Access rights: which APIs a session may call, and which of their versions.

use std::collections::BTreeMap;

use crate::id::ApiId;
use crate::json::{DocumentFaults, Node};

/// The most APIs that one session or policy may name.
pub const ACCESS_RIGHTS_MAX: usize = 1024;

/// The most versions that one access right may name.
const VERSIONS_MAX: usize = 256;

/// The right to call one API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRight {
    /// The versions it speaks of; matters to versioned APIs only.
    pub versions: Vec<String>,
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
    ///
    /// A right that is narrower than its API (`allowed_urls`) is a fault: taking it for the whole API would widen it.
    pub(crate) fn read(node: &Node<'_>, faults: &mut DocumentFaults) -> Self {
        let mut rights = BTreeMap::new();
        for (name, entry) in node.members(ACCESS_RIGHTS_MAX, faults) {
            let api = match ApiId::new(name) {
                Ok(api) => api,
                Err(error) => {
                    faults.add(node.path(), error.to_string());
                    continue;
                }
            };
            rights.insert(api, read_right(&entry, faults));
        }
        Self(rights)
    }
}

fn read_right(entry: &Node<'_>, faults: &mut DocumentFaults) -> AccessRight {
    let _ = entry.object(faults);
    let urls = entry.get("allowed_urls", faults);
    if urls.is_set() {
        faults.add(
            urls.path(),
            "rights to single paths are not supported yet, and without them the right would cover the whole API",
        );
    }
    let versions = entry.get("versions", faults).items(VERSIONS_MAX, faults);
    let versions = versions
        .iter()
        .filter_map(|version| version.text(faults))
        .map(str::to_owned);
    AccessRight {
        versions: versions.collect(),
    }
}
