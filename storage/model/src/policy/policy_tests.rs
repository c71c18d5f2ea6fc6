#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::id::ApiId;

fn read(value: &Value) -> Result<Policy, String> {
    Policy::from_json(&value.to_string()).map_err(|faults| faults.to_string())
}

#[test]
fn a_policy_of_the_reference_is_read() {
    let policy = read(&json!({
        "id": "gold", "name": "Gold", "org_id": "o1", "active": true, "rate": 100, "per": 60, "quota_max": 1000,
        "quota_renewal_rate": 86400, "key_expires_in": 60, "tags": ["t"], "meta_data": {"a": 1},
        "access_rights": {"api1": {"api_id": "api1", "api_name": "orders", "versions": ["Default"], "allowed_urls": []}},
        "partitions": {"quota": false, "rate_limit": false, "acl": false}
    }))
    .unwrap();
    assert_eq!(policy.id, Some(PolicyId::new("gold").unwrap()));
    assert_eq!((policy.org.as_str(), policy.name.as_str()), ("o1", "Gold"));
    let right = policy
        .access_rights
        .get(&ApiId::new("api1").unwrap())
        .unwrap();
    assert_eq!(right.versions, ["Default"]);
    assert!(
        policy
            .access_rights
            .get(&ApiId::new("api2").unwrap())
            .is_none()
    );
    assert!(!policy.inactive);
    assert_eq!(
        (policy.key_expires_in_s, policy.tags),
        (60, vec!["t".to_owned()])
    );
    let warned: Vec<&str> = policy
        .warnings
        .iter()
        .map(|warning| warning.path.as_str())
        .collect();
    assert_eq!(warned, ["rate", "quota_max"]);
}

#[test]
fn the_patterns_of_a_stored_policy_are_not_compiled_when_it_is_read() {
    let with = |url: Value| json!({"id": "gold", "access_rights": {"a": {"allowed_urls": [{"url": url}]}}});
    // Whoever compiles it finds the policy unreadable.
    let broken = with(json!("/a(")).to_string();
    assert!(Policy::from_json(&broken).is_err());
    let policy = Policy::from_stored(&broken).unwrap();
    let right = policy.access_rights.get(&ApiId::new("a").unwrap()).unwrap();
    assert_eq!(right.allowed_urls.len(), 1);
    // Left out, they would leave a right to every path.
    for none in [Value::Null, json!(""), json!(7)] {
        assert!(Policy::from_stored(&with(none).to_string()).is_err());
    }
}

#[test]
fn limits_of_single_apis_are_warned_of_by_their_place() {
    let policy = read(&json!({"access_rights": {
        "a": {"limit": {"rate": 5, "per": 60}}, "b": {"limit": {"rate": 0}}, "c": {"limit": null}
    }}));
    let warned: Vec<String> = policy
        .unwrap()
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = "access_rights.a.limit: the limit is kept and not enforced yet";
    assert_eq!(warned, [expected]);
}

#[test]
fn the_id_is_id_then_underscore_id_then_absent() {
    for (value, id) in [
        (json!({"id": "a", "_id": "b"}), Some("a")),
        (json!({"id": "", "_id": "b"}), Some("b")),
        (json!({"_id": "5f00"}), Some("5f00")),
        (json!({"id": null}), None),
    ] {
        let policy = read(&value).unwrap();
        assert_eq!(policy.id.as_ref().map(PolicyId::as_str), id, "{value}");
    }
}

#[test]
fn a_bare_policy_opens_nothing_and_belongs_to_the_default_organisation() {
    let policy = read(&json!({"rate": -1, "quota_max": 0})).unwrap();
    assert!(policy.access_rights.is_empty() && policy.warnings.is_empty() && !policy.inactive);
    assert_eq!(policy.org.as_str(), "default");
    assert!(read(&json!({"is_inactive": true})).unwrap().inactive);
}

#[test]
fn faults_name_the_place() {
    for (value, fault) in [
        (json!(1), "must be a JSON object, not a number"),
        (json!({"id": 1}), "id: must be a string"),
        (
            json!({"id": "a\u{1}"}),
            "id: an identifier must not hold control characters",
        ),
        (json!({"id": "."}), "id: stands in paths"),
        (json!({"id": ".."}), "id: stands in paths"),
        (json!({"id": "a/b"}), "id: stands in paths"),
        (json!({"id": "x?y"}), "id: stands in paths"),
        (json!({"id": "a%2Fb"}), "id: stands in paths"),
        (json!({"_id": "a b"}), "_id: stands in paths"),
        (json!({"org_id": 5}), "org_id: must be a string"),
        (
            json!({"access_rights": []}),
            "access_rights: must be an object",
        ),
        (
            json!({"access_rights": {"a": {"allowed_urls": [{"url": "(", "methods": ["GET"]}]}}}),
            "access_rights.a.allowed_urls[0].url: is no regular expression",
        ),
        (
            json!({"access_rights": {"a": {"versions": "v1"}}}),
            "access_rights.a.versions: must be an array",
        ),
        (
            json!({"partitions": {"acl": true}}),
            "partitions.acl: policies that govern only a part",
        ),
        (
            json!({"partitions": {"per_api": true}}),
            "partitions.per_api: policies that govern only a part",
        ),
        (
            json!({"is_inactive": 1}),
            "is_inactive: must be true or false",
        ),
        (json!({"meta_data": "x"}), "meta_data: must be an object"),
        (json!({"active": "yes"}), "active: must be true or false"),
        (json!({"active": []}), "active: must be true or false"),
        (json!({"rate": "5"}), "rate: must be a number"),
        (json!({"per": [60]}), "per: must be a number"),
        (
            json!({"quota_max": 1.5}),
            "quota_max: must be a whole number",
        ),
        (
            json!({"access_rights": {"a": {"limit": {"rate": "5"}}}}),
            "access_rights.a.limit.rate: must be a number",
        ),
        (
            json!({"key_expires_in": "x"}),
            "key_expires_in: must be a whole number",
        ),
    ] {
        let found = read(&value).unwrap_err();
        assert!(found.starts_with(fault), "{value}: {found}");
    }
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(POLICY_BYTES_MAX));
    assert!(Policy::from_json(&long).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = Policy::from_json(&text);
    }
}

/// A further row in the table of members, or another rule for ids, must take no policy away that is kept.
#[test]
fn what_only_new_policies_must_not_say_leaves_a_stored_one_readable() {
    for (member, value) in [("active", json!("yes")), ("id", json!("a/../b"))] {
        let mut policy = json!({"id": "p", "access_rights": {"a": {}}});
        let object = policy.as_object_mut().unwrap();
        object.insert(member.to_owned(), value);
        assert!(read(&policy).is_err(), "{member}");
        let stored = Policy::from_stored(&policy.to_string()).unwrap();
        assert_eq!(stored.access_rights.apis().count(), 1);
    }
}
