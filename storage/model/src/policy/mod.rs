//! Policies: named sets of access rights that make the sessions of clients bound to them.

mod set;

use std::fmt;

use serde_json::{Map, Value};

pub use set::{POLICIES_MAX, POLICY_SET_BYTES_MAX, PolicyEntry, PolicySet};

use crate::id::{NOT_FOR_PATHS, OrgId, PolicyId, fits_paths};
use crate::json::Shape::{Flag, Map as ByName, Number, Text, Whole};
use crate::json::{DocumentFaults, Field, Node, Shape, parse_object};
use crate::path_pattern::PatternOrigin;
use crate::session::{AccessRights, LIMITS, RIGHTS, limits_of_apis};

/// The longest policy document, in bytes.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;

/// The most tags that one policy may have.
const TAGS_MAX: usize = 256;

/// The fields of Tyk's policies, and the kinds of values that its decoder takes for them.
const POLICY: &[&[Field]] = &[LIMITS, RIGHTS, POLICY_ONLY];

const POLICY_ONLY: &[Field] = &[
    ("id", Text),
    ("name", Text),
    ("active", Flag),
    ("key_expires_in", Whole),
    ("allowance", Number),
    ("partitions", ByName(&Flag)),
];

/// A policy as Tyk's JSON describes it; fields not named here stay in its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The public `id`, or `_id` where it is absent; `None` when neither is given.
    pub id: Option<PolicyId>,
    /// The organisation, `default` where none is given.
    pub org: OrgId,
    /// The name for people.
    pub name: String,
    /// The APIs that sessions of this policy may call; empty opens none.
    pub access_rights: AccessRights,
    /// Whether its sessions are switched off (`is_inactive`).
    pub inactive: bool,
    /// Tags of its sessions.
    pub tags: Vec<String>,
    /// Metadata of its sessions.
    pub meta_data: Option<Map<String, Value>>,
    /// `key_expires_in` in seconds: how long keys made from the policy live, 0 for ever. It does not shorten OAuth tokens.
    pub key_expires_in_s: i64,
    /// What the document asks for and this version keeps without doing it.
    pub warnings: Vec<PolicyWarning>,
}

/// Something in a policy that is kept and has no effect yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWarning {
    /// The JSON path.
    pub path: String,
    /// What has no effect.
    pub reason: &'static str,
}

impl fmt::Display for PolicyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl Policy {
    /// Reads a policy from Tyk's JSON.
    ///
    /// # Errors
    /// Every place that is malformed, out of bounds, or that would weaken the policy if it were ignored.
    pub fn from_json(text: &str) -> Result<Self, DocumentFaults> {
        Self::read(text, PatternOrigin::Given)
    }

    /// Reads a policy that was checked before it was stored; its path patterns are compiled when they are needed.
    ///
    /// # Errors
    /// Every place that this version cannot read; a pattern that it cannot compile is none, and covers nothing.
    pub fn from_stored(text: &str) -> Result<Self, DocumentFaults> {
        Self::read(text, PatternOrigin::Stored)
    }

    fn read(text: &str, patterns: PatternOrigin) -> Result<Self, DocumentFaults> {
        let object = parse_object(text, POLICY_BYTES_MAX)?;
        let mut faults = DocumentFaults::default();
        let policy = Self::from_object(&object, patterns, &mut faults);
        match policy {
            Some(policy) => faults.or(policy),
            None => Err(faults),
        }
    }

    fn from_object(
        object: &Map<String, Value>,
        patterns: PatternOrigin,
        faults: &mut DocumentFaults,
    ) -> Option<Self> {
        // What is kept was judged by the rules of its day; a policy that is not read any more closes what it opened.
        let is_given = patterns == PatternOrigin::Given;
        if is_given {
            Shape::check_members(POLICY, object, faults);
        }
        refuse_partitions(object, faults);
        let id = ["id", "_id"].into_iter().find_map(|key| {
            let node = Node::member(object, key, faults);
            let text = node.filled_text(faults)?;
            if is_given && !fits_paths(text) {
                faults.add(node.path(), NOT_FOR_PATHS);
            }
            PolicyId::new(text)
                .map_err(|error| faults.add(node.path(), error.to_string()))
                .ok()
        });
        let org = Node::member(object, "org_id", faults);
        let org_text = org.filled_text(faults).unwrap_or("default");
        let org_id =
            OrgId::new(org_text).map_err(|error| faults.add(org.path(), error.to_string()));
        let tags = Node::member(object, "tags", faults).items(TAGS_MAX, faults);
        Some(Self {
            id,
            org: org_id.ok()?,
            name: Node::member(object, "name", faults)
                .text(faults)
                .unwrap_or_default()
                .to_owned(),
            access_rights: AccessRights::read(
                &Node::member(object, "access_rights", faults),
                patterns,
                faults,
            ),
            inactive: Node::member(object, "is_inactive", faults).flag(faults),
            tags: tags
                .iter()
                .filter_map(|tag| tag.text(faults))
                .map(str::to_owned)
                .collect(),
            meta_data: Node::member(object, "meta_data", faults)
                .object(faults)
                .cloned(),
            key_expires_in_s: Node::member(object, "key_expires_in", faults)
                .whole(faults)
                .unwrap_or(0),
            warnings: warnings(object, faults),
        })
    }
}

fn refuse_partitions(object: &Map<String, Value>, faults: &mut DocumentFaults) {
    let partitions = Node::member(object, "partitions", faults);
    for (_, part) in partitions.members(usize::MAX, faults) {
        if part.flag(faults) {
            faults.add(
                part.path(),
                "policies that govern only a part of a session are not supported yet",
            );
        }
    }
}

fn warnings(object: &Map<String, Value>, faults: &mut DocumentFaults) -> Vec<PolicyWarning> {
    let limits = [
        ("rate", "the rate limit is kept and not enforced yet"),
        ("quota_max", "the quota is kept and not enforced yet"),
    ];
    let mut warnings = Vec::new();
    for (key, reason) in limits {
        let node = Node::member(object, key, faults);
        if node
            .value()
            .and_then(Value::as_f64)
            .is_some_and(|limit| limit > 0.0)
        {
            warnings.push(PolicyWarning {
                path: node.path().to_owned(),
                reason,
            });
        }
    }
    let rights = Node::member(object, "access_rights", faults);
    let places = limits_of_apis(&rights, faults).into_iter();
    warnings.extend(places.map(|path| PolicyWarning {
        path,
        reason: "the limit is kept and not enforced yet",
    }));
    warnings
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
