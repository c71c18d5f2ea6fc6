//! Members whose Classic form is more than the same value at another place.

use serde_json::{Map, Value};

use super::projection::Projection;
use super::shape;
use crate::json::{DocumentFaults, Node};

/// How deep objects are renamed; what lies deeper is copied as it is.
const RENAMED_DEPTH_MAX: usize = 16;

/// `[{name, id}]` as an object.
pub(super) fn versions(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    set_pairs(
        node,
        at,
        PairKeys {
            name: "name",
            value: "id",
        },
        projection,
        faults,
    );
}

/// `[{name, value}]` as an object.
pub(super) fn header_values(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    set_pairs(
        node,
        at,
        PairKeys {
            name: "name",
            value: "value",
        },
        projection,
        faults,
    );
}

/// `[{domain, certificate}]` as an object.
pub(super) fn mapping(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    set_pairs(
        node,
        at,
        PairKeys {
            name: "domain",
            value: "certificate",
        },
        projection,
        faults,
    );
}

/// `[{domain, publicKeys}]` as an object of texts, the keys separated by commas.
pub(super) fn pinned_keys(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    _: &mut DocumentFaults,
) {
    let mut pinned = Map::new();
    for item in items(node) {
        let keys = items(&item.get("publicKeys", &mut DocumentFaults::default()));
        let keys: Vec<&str> = keys
            .iter()
            .filter_map(|key| key.value().and_then(Value::as_str))
            .collect();
        pinned.insert(
            text(&item, "domain").to_owned(),
            Value::from(keys.join(",")),
        );
    }
    projection.make(at, Value::Object(pinned), node);
}

/// The seconds, if they are switched on.
pub(super) fn key_lifetime(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    let value = node.get("value", faults);
    let seconds = shape::seconds(text(node, "value")).filter(|_| is_enabled(node));
    if is_enabled(node) && seconds.is_none_or(|seconds| seconds == 0) {
        faults.add(value.path(), "must be a duration such as 1h, 5m or 1m30s");
    }
    projection.make(at, Value::from(seconds.unwrap_or(0)), &value);
}

/// The proxy's URL, if it is switched on.
pub(super) fn proxy_url(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    if is_enabled(node) {
        projection.make(at, Value::from(text(node, "url")), &node.get("url", faults));
    }
}

/// `1.2` as the number of that version on the wire (RFC 8446 section 4.2.1).
pub(super) fn tls_version(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    _: &mut DocumentFaults,
) {
    let number = match node.value().and_then(Value::as_str) {
        Some("1.0") => 769,
        Some("1.1") => 770,
        Some("1.2") => 771,
        Some("1.3") => 772,
        _ => 0,
    };
    projection.make(at, Value::from(number), node);
}

/// The same object with its names in Classic's spelling.
pub(super) fn snake_case(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    _: &mut DocumentFaults,
) {
    if let Some(value) = node.value() {
        projection.make(at, renamed(value, RENAMED_DEPTH_MAX), node);
    }
}

/// Tests under Classic's names, durations as numbers.
pub(super) fn uptime_tests(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    let mut check_list = Vec::new();
    for test in items(&node.get("tests", faults)) {
        let mut check = match test.value().map(|test| renamed(test, RENAMED_DEPTH_MAX)) {
            Some(Value::Object(check)) => check,
            _ => Map::new(),
        };
        if let Some(timeout) = shape::seconds(text(&test, "timeout")) {
            let timeout_ns = timeout.saturating_mul(1_000_000_000);
            check.insert("timeout".to_owned(), Value::from(timeout_ns));
        }
        check_list.push(Value::Object(check));
    }
    let seconds = |name: &str| shape::seconds(text(node, name)).unwrap_or(0);
    let config = Map::from_iter([
        (
            "expire_utime_after".to_owned(),
            Value::from(seconds("logRetentionPeriod")),
        ),
        (
            "recheck_wait".to_owned(),
            Value::from(seconds("hostDownRetestPeriod")),
        ),
    ]);
    let tests = Map::from_iter([
        ("disabled".to_owned(), Value::Bool(!is_enabled(node))),
        ("check_list".to_owned(), Value::Array(check_list)),
        ("config".to_owned(), Value::Object(config)),
    ]);
    projection.make(at, Value::Object(tests), node);
}

/// Handlers by the event that triggers them; those that are switched off are left out.
pub(super) fn events(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    let mut events = Map::new();
    for handler in items(node) {
        let (trigger, kind) = (text(&handler, "trigger"), text(&handler, "type"));
        for (name, value) in [("trigger", trigger), ("type", kind)] {
            if value.is_empty() {
                shape::missing(&handler, name, "string", faults);
            }
        }
        if let Some(value) = handler.value().filter(|_| is_enabled(&handler)) {
            let entry = Map::from_iter([
                ("handler_name".to_owned(), Value::from(kind)),
                ("handler_meta".to_owned(), renamed(value, RENAMED_DEPTH_MAX)),
            ]);
            let list = events
                .entry(trigger)
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(Value::Object(entry));
            }
        }
    }
    projection.make(at, Value::Object(events), node);
}

/// The members that hold name and value of a pair.
struct PairKeys {
    name: &'static str,
    value: &'static str,
}

/// A list of pairs as an object; a name given twice is a fault, for only one of the two would count.
fn set_pairs(
    list: &Node<'_>,
    at: &'static str,
    keys: PairKeys,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    let mut pairs = Map::new();
    for item in items(list) {
        let key = text(&item, keys.name).to_owned();
        let place = format!("{at}.{key}");
        projection.origins.note(&place, item.path(), false, true);
        if pairs
            .insert(key, Value::from(text(&item, keys.value)))
            .is_some()
        {
            let place = item.get(keys.name, faults);
            faults.add(place.path(), "is given twice");
        }
    }
    projection.make(at, Value::Object(pairs), list);
}

/// The items of a list that is known to be one.
pub(super) fn items<'v>(list: &Node<'v>) -> Vec<Node<'v>> {
    list.items(usize::MAX, &mut DocumentFaults::default())
}

/// The text of a member, empty without one.
pub(super) fn text<'v>(node: &Node<'v>, member: &str) -> &'v str {
    let faults = &mut DocumentFaults::default();
    node.get(member, faults).text(faults).unwrap_or_default()
}

/// Whether what stands here is switched on.
pub(super) fn is_enabled(node: &Node<'_>) -> bool {
    let faults = &mut DocumentFaults::default();
    node.get("enabled", faults).flag(faults)
}

fn renamed(value: &Value, depth: usize) -> Value {
    let Some(below) = depth.checked_sub(1) else {
        return value.clone();
    };
    match value {
        Value::Object(object) => {
            let member =
                |(name, value): (&String, &Value)| (in_snake_case(name), renamed(value, below));
            Value::Object(object.iter().map(member).collect())
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, below)).collect(),
        other => other.clone(),
    }
}

fn in_snake_case(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len().saturating_add(4));
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_small {
            spelled.push('_');
        }
        after_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        spelled.push(letter.to_ascii_lowercase());
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_classic_spells_them() {
        for (name, spelled) in [
            ("allowedAuthorizeTypes", "allowed_authorize_types"),
            ("tokenUrl", "token_url"),
            ("cacheTTL", "cache_ttl"),
            ("enabled", "enabled"),
        ] {
            assert_eq!(in_snake_case(name), spelled);
        }
    }
}
