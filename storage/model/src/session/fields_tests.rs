#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::{Value, json};

use crate::session::SessionRules;

fn read(value: &Value) -> Result<SessionRules, String> {
    SessionRules::from_json(&value.to_string(), false).map_err(|error| error.to_string())
}

/// Values that are neither a number nor nothing.
fn no_numbers() -> [Value; 4] {
    [json!("5"), json!(true), json!([5]), json!({"a": 5})]
}

#[test]
fn limits_are_numbers_wherever_they_stand() {
    let floats = ["rate", "per", "throttle_interval"];
    let integers = [
        "quota_max",
        "quota_renews",
        "quota_remaining",
        "quota_renewal_rate",
        "throttle_retry_limit",
    ];
    for (field, is_whole) in floats
        .map(|f| (f, false))
        .into_iter()
        .chain(integers.map(|f| (f, true)))
    {
        let fraction = is_whole.then(|| json!(1.5));
        for value in no_numbers().into_iter().chain(fraction) {
            let place = |place: &str, right: Value| {
                let found = read(
                    &json!({"access_rights": {"a": right}, field: if place.is_empty() { value.clone() } else { json!(1) }}),
                );
                let refused = found.unwrap_err();
                let expected = format!("key_rules: {place}{field}: must be a ");
                assert!(refused.starts_with(&expected), "{value}: {refused}");
            };
            place("", json!({}));
            place("access_rights.a.limit.", json!({"limit": {field: value}}));
            let methods = json!([{"name": "GET", "limit": {field: value}}]);
            place(
                "access_rights.a.endpoints[0].methods[0].limit.",
                json!({"endpoints": [{"path": "/", "methods": methods}]}),
            );
        }
        let number = if is_whole { json!(7) } else { json!(0.5) };
        for value in [number, json!(-1), json!(0), Value::Null] {
            read(&json!({"access_rights": {"a": {"limit": {field: value}}}, field: value}))
                .unwrap();
        }
    }
    for value in no_numbers() {
        assert!(read(&json!({"access_rights": {"a": {}}, "allowance": value})).is_err());
    }
    for limit in [json!([5]), json!("5"), json!(5)] {
        let refused = read(&json!({"access_rights": {"a": {"limit": limit}}})).unwrap_err();
        let expected = "key_rules: access_rights.a.limit: must be an object";
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn the_limits_of_single_apis_are_limits() {
    let limited = |right: Value| {
        read(&json!({"access_rights": {"a": right}}))
            .unwrap()
            .has_limits()
    };
    assert!(limited(json!({"limit": {"rate": 5, "per": 60}})));
    assert!(limited(json!({"limit": {"quota_max": 5}})));
    let methods = json!([{"name": "GET", "limit": {"rate": 1, "per": 60}}]);
    assert!(limited(
        json!({"endpoints": [{"path": "/", "methods": methods}]})
    ));
    for none in [json!(null), json!({}), json!({"rate": 0, "quota_max": -1})] {
        assert!(!limited(json!({ "limit": none })));
    }
}
