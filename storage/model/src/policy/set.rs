//! Several policies in one document: Tyk's map from ids to policies, or a list of policies.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Policy, PolicyWarning};
use crate::id::PolicyId;
use crate::json::{DocumentFaults, parse_value};

/// The longest document of several policies, in bytes of JSON; what a YAML text comes to may be longer than itself.
pub const POLICY_SET_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most policies of one document.
pub const POLICIES_MAX: usize = 10_000;

/// One of several policies.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyEntry {
    /// Where it stands in the document: under its id in a map, at `[n]` in a list.
    pub place: String,
    /// Its id; in a map that is the key, whatever the policy says (Tyk).
    pub id: PolicyId,
    /// The policy with this id as JSON text.
    pub text: String,
    /// What the text says.
    pub policy: Policy,
}

/// The policies of a document, each right or wrong for itself.
#[derive(Debug)]
pub struct PolicySet {
    /// The policies in the document's order, or what is wrong with one, told by its place in the document.
    pub entries: Vec<Result<PolicyEntry, DocumentFaults>>,
}

impl PolicySet {
    /// Whether a document holds several policies: one of its members or items has `access_rights`.
    #[must_use]
    pub fn is_one(document: &Value) -> bool {
        let is_policy = |value: &Value| {
            let mut keys = value.as_object().into_iter().flat_map(Map::keys);
            keys.any(|key| key.eq_ignore_ascii_case("access_rights"))
        };
        match document {
            Value::Array(items) => items.iter().any(is_policy),
            Value::Object(members) => members.values().any(is_policy),
            _ => false,
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// The text is longer than [`POLICY_SET_BYTES_MAX`], is no JSON, names a key twice, is neither a map nor a list, or
    /// holds more than [`POLICIES_MAX`] policies.
    pub fn parse(text: &str) -> Result<Self, DocumentFaults> {
        let placed: Vec<(String, Option<String>, Value)> =
            match parse_value(text, POLICY_SET_BYTES_MAX)? {
                Value::Array(items) => {
                    let items = items.into_iter().enumerate();
                    items
                        .map(|(n, item)| (format!("[{n}]"), None, item))
                        .collect()
                }
                Value::Object(members) => {
                    let members = members.into_iter();
                    members
                        .map(|(id, one)| (id.clone(), Some(id), one))
                        .collect()
                }
                _ => {
                    return Err(DocumentFaults::one(
                        "",
                        "must be a map or a list of policies",
                    ));
                }
            };
        if placed.len() > POLICIES_MAX {
            let problem = format!(
                "holds {} policies, at most {POLICIES_MAX} are allowed",
                placed.len()
            );
            return Err(DocumentFaults::one("", problem));
        }
        let mut places = BTreeMap::new();
        let read = |(place, key, value)| -> Result<PolicyEntry, DocumentFaults> {
            let entry = read_entry(place, key, value)?;
            match places.insert(entry.id.clone(), entry.place.clone()) {
                Some(other) => {
                    let problem = format!("is also the id of {other}");
                    Err(DocumentFaults::one(format!("{}.id", entry.place), problem))
                }
                None => Ok(entry),
            }
        };
        Ok(Self {
            entries: placed.into_iter().map(read).collect(),
        })
    }
}

fn read_entry(
    place: String,
    key: Option<String>,
    value: Value,
) -> Result<PolicyEntry, DocumentFaults> {
    let Value::Object(mut object) = value else {
        return Err(DocumentFaults::one(
            place,
            "must be a policy, which is an object",
        ));
    };
    let mut said_otherwise = None;
    if let Some(key) = key {
        if key.is_empty() {
            return Err(DocumentFaults::one(
                "",
                "a policy needs an id, and one key of the map is empty",
            ));
        }
        said_otherwise = other_id(&object, &key);
        object.retain(|name, _| name == "id" || !name.eq_ignore_ascii_case("id"));
        object.insert("id".to_owned(), Value::String(key));
    }
    let text = Value::Object(object).to_string();
    let mut policy = Policy::from_json(&text).map_err(|faults| faults.below(&place))?;
    policy.warnings.extend(said_otherwise);
    let Some(id) = policy.id.clone() else {
        return Err(DocumentFaults::one(
            format!("{place}.id"),
            "a policy needs one",
        ));
    };
    Ok(PolicyEntry {
        place,
        id,
        text,
        policy,
    })
}

/// A word on a policy in a map that says another id than its key.
fn other_id(object: &Map<String, Value>, key: &str) -> Option<PolicyWarning> {
    let mut members = object.iter();
    let (_, said) = members.find(|(name, _)| name.eq_ignore_ascii_case("id"))?;
    let says_nothing = said.is_null() || said.as_str() == Some("");
    (!says_nothing && said.as_str() != Some(key)).then(|| PolicyWarning {
        path: "id".to_owned(),
        reason: "has no effect, the key of the map is the policy's id",
    })
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
