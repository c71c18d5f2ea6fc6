#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(value: &Value) -> (Vec<PolicyEntry>, Vec<String>) {
    let set = PolicySet::parse(&value.to_string()).unwrap();
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    for entry in set.entries {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(found) => faults.extend(found.all().iter().map(ToString::to_string)),
        }
    }
    (entries, faults)
}

fn ids(entries: &[PolicyEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.id.as_str()).collect()
}

#[test]
fn the_key_of_a_map_is_the_policys_id() {
    let (entries, faults) = read(&json!({
        "gold": {"id": "silver", "name": "Gold", "access_rights": {"a": {}}},
        "bronze": {"name": "Bronze", "access_rights": {}},
        "iron": {"ID": "iron", "access_rights": {}},
        "5f0": {"_id": "7", "id": "", "access_rights": {}}
    }));
    assert_eq!(faults, [""; 0]);
    assert_eq!(ids(&entries), ["gold", "bronze", "iron", "5f0"]);
    for entry in &entries {
        assert_eq!(entry.place, entry.id.as_str());
        let again = Policy::from_json(&entry.text).unwrap();
        assert_eq!(again.id.as_ref(), Some(&entry.id));
        assert_eq!(
            (&again.name, again.access_rights),
            (&entry.policy.name, entry.policy.access_rights.clone())
        );
    }
    let warned = |entry: &&PolicyEntry| !entry.policy.warnings.is_empty();
    let warned: Vec<&str> = entries
        .iter()
        .filter(warned)
        .map(|entry| entry.place.as_str())
        .collect();
    assert_eq!(warned, ["gold"]);
}

#[test]
fn a_list_names_its_policies_inside() {
    let (entries, faults) = read(&json!([
        {"id": "gold", "access_rights": {}}, {"_id": "5f0", "access_rights": {}}
    ]));
    assert_eq!((ids(&entries), faults), (vec!["gold", "5f0"], vec![]));
    let places: Vec<&str> = entries.iter().map(|entry| entry.place.as_str()).collect();
    assert_eq!(places, ["[0]", "[1]"]);
}

#[test]
fn what_is_wrong_is_told_by_its_place_and_spoils_no_other() {
    let (entries, faults) = read(&json!({
        "fine": {"access_rights": {}},
        "odd": 7,
        "none": null,
        "": {"access_rights": {}},
        "bad\nid": {"access_rights": {}},
        "wrong": {"access_rights": {"a": {"allowed_urls": [{"url": "("}]}}, "tags": "x"}
    }));
    assert_eq!(ids(&entries), ["fine"]);
    for place in [
        "odd: ",
        "none: ",
        "a policy needs an id",
        "bad\nid.id: ",
        "wrong.tags: ",
        "wrong.access_rights.a.allowed_urls[0]",
    ] {
        let named = faults
            .iter()
            .filter(|fault| fault.starts_with(place))
            .count();
        assert_eq!(named, 1, "{place}: {faults:?}");
    }
    let (entries, faults) = read(&json!([
        {"id": "gold", "access_rights": {}}, {"access_rights": {}}, "x", {"id": "gold", "access_rights": {}},
        {"id": 5, "access_rights": {}}
    ]));
    assert_eq!(ids(&entries), ["gold"]);
    let expected = [
        "[1].id: a policy needs one",
        "[2]: must be a policy, which is an object",
        "[3].id: is also the id of [0]",
        "[4].id: must be a string, not a number",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn a_document_is_wrong_as_a_whole_where_its_policies_cannot_be_told_apart() {
    for (text, words) in [
        ("{", "ends too early"),
        (r#"{"a": {"access_rights": {}}, "a": {}}"#, "stands twice"),
        (
            r#"[{"access_rights": {}, "access_rights": {}}]"#,
            "stands twice",
        ),
        ("7", "a map or a list"),
    ] {
        let faults = PolicySet::parse(text).unwrap_err().to_string();
        assert!(faults.contains(words), "{text}: {faults}");
    }
    let many: Map<String, Value> = (0..=POLICIES_MAX)
        .map(|n| (format!("p{n}"), json!({})))
        .collect();
    let faults = PolicySet::parse(&Value::Object(many).to_string()).unwrap_err();
    assert!(faults.to_string().contains("at most 10000"), "{faults}");
    let long = " ".repeat(POLICY_SET_BYTES_MAX + 1);
    assert!(PolicySet::parse(&long).is_err());
}

#[test]
fn several_policies_are_told_from_one_and_from_other_documents() {
    for (document, is_one) in [
        (json!({"a": {"access_rights": {}}}), true),
        (json!({"a": {"Access_Rights": {}}, "b": 7}), true),
        (json!([{"access_rights": {}}]), true),
        (json!({"access_rights": {}}), false),
        (json!({}), false),
        (json!([]), false),
        (json!({"a": {"b": {"access_rights": {}}}}), false),
        (json!("access_rights"), false),
    ] {
        assert_eq!(PolicySet::is_one(&document), is_one, "{document}");
    }
}

proptest! {
    #[test]
    fn whatever_the_text_is_each_entry_has_an_id_of_its_own(
        entries in proptest::collection::vec(("[a-c]?", "[a-c]?", any::<bool>()), 0..6), listed in any::<bool>()
    ) {
        let policy = |id: &str, right: bool| {
            if right { json!({"id": id, "access_rights": {}}) } else { json!({"id": id, "access_rights": 5}) }
        };
        let document = if listed {
            entries.iter().map(|(_, id, right)| policy(id, *right)).collect()
        } else {
            Value::Object(entries.iter().map(|(key, id, right)| (key.clone(), policy(id, *right))).collect())
        };
        let (entries, _) = read(&document);
        let mut found = ids(&entries);
        found.sort_unstable();
        found.dedup();
        prop_assert_eq!(found.len(), entries.len());
    }
}
