#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The `key_rules` of the 2017 documentation.
const DOCUMENTED: &str = r#"{
  "allowance": 1000, "rate": 1000, "per": 60, "expires": -1, "quota_max": -1, "quota_renews": 1406121006,
  "quota_remaining": 0, "quota_renewal_rate": 60,
  "access_rights": {"APIID1": {"api_name": "HMAC API", "api_id": "APIID1", "versions": ["Default"]}},
  "org_id": "1", "oauth_client_id": "client-id-here", "hmac_enabled": false, "hmac_string": ""
}"#;

fn read(value: &Value) -> Result<SessionRules, String> {
    SessionRules::from_json(&value.to_string(), false).map_err(|error| error.to_string())
}

fn api(id: &str) -> ApiId {
    ApiId::new(id).unwrap()
}

#[test]
fn the_documented_session_is_read() {
    let rules = SessionRules::from_json(DOCUMENTED, false).unwrap();
    assert_eq!(rules.grants(&api("APIID1")).unwrap().versions, ["Default"]);
    assert_eq!(rules.grants(&api("APIID2")), None);
    assert_eq!(rules.org().map(OrgId::as_str), Some("1"));
    assert!(!rules.is_master() && !rules.is_inactive() && rules.has_limits());
    assert_eq!(
        (rules.expires_at(), rules.policy(), rules.meta_data()),
        (None, None, None)
    );
    assert_eq!(rules.as_str(), DOCUMENTED);
}

#[test]
fn without_rights_a_session_is_a_master_key_and_needs_the_switch() {
    for text in [
        "{}",
        r#"{"access_rights":{}}"#,
        r#"{"access_rights":null,"apply_policies":[]}"#,
    ] {
        let refused = SessionRules::from_json(text, false).unwrap_err();
        assert_eq!(refused, SessionError::NoAccessRights);
        let rules = SessionRules::from_json(text, true).unwrap();
        assert!(rules.is_master());
        assert_eq!(rules.grants(&api("any")), None);
    }
}

#[test]
fn t8_rules_of_tyks_tests_lack_access_rights() {
    let rules = r#"{"last_check":1402492859,"org_id":"53ac07777cbb8c2d53000002","rate":3,"per":1,"quota_max":-1,"quota_renews":1399567002,"quota_remaining":10,"quota_renewal_rate":300}"#;
    let refused = SessionRules::from_json(rules, false)
        .unwrap_err()
        .to_string();
    assert_eq!(
        refused,
        "key_rules.access_rights: must name at least one API"
    );
    assert!(SessionRules::from_json(rules, true).is_ok());
}

#[test]
fn a_named_policy_makes_the_rights_whatever_is_listed() {
    for value in [
        json!({"apply_policies": ["gold"]}),
        json!({"apply_policy_id": "gold"}),
        json!({"apply_policies": ["gold"], "apply_policy_id": "old", "access_rights": {"a": {}}}),
    ] {
        let rules = read(&value).unwrap();
        assert_eq!(
            rules.rights(),
            Rights::Policy(&PolicyId::new("gold").unwrap())
        );
        assert_eq!((rules.grants(&api("a")), rules.is_master()), (None, false));
    }
}

#[test]
fn the_remaining_fields_are_read() {
    let rules = read(&json!({
        "access_rights": {"a": {}}, "expires": 1_900_000_000, "is_inactive": true, "alias": "acme",
        "tags": ["gold", "eu"], "meta_data": {"uid": "42"}
    }))
    .unwrap();
    assert_eq!(
        rules.expires_at(),
        Some(Timestamp::from_unix_s(1_900_000_000))
    );
    assert!(rules.is_inactive() && !rules.has_limits());
    assert_eq!(
        (rules.alias(), rules.tags()),
        ("acme", &["gold".to_owned(), "eu".to_owned()][..])
    );
    assert_eq!(rules.meta_data().unwrap().get("uid"), Some(&json!("42")));
    for never in [-1, 0] {
        assert_eq!(
            read(&json!({"access_rights": {"a": {}}, "expires": never}))
                .unwrap()
                .expires_at(),
            None
        );
    }
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let rights = json!({"a": {}});
    for (value, fault) in [
        (json!([]), "key_rules: must be a JSON object, not an array"),
        (
            json!({"access_rights": "all"}),
            "key_rules: access_rights: must be an object",
        ),
        (
            json!({"access_rights": {"a": 1}}),
            "key_rules: access_rights.a: must be an object",
        ),
        (
            json!({"access_rights": {"": {}}}),
            "key_rules: access_rights: an identifier must not be empty",
        ),
        (
            json!({"access_rights": {"a": {"allowed_urls": [{"methods": ["GET"]}]}}}),
            "key_rules: access_rights.a.allowed_urls[0].url: must not be empty",
        ),
        (
            json!({"access_rights": rights, "apply_policies": ["a", "b"]}),
            "key_rules: apply_policies: names more than one policy",
        ),
        (
            json!({"access_rights": rights, "certificate": "abc"}),
            "key_rules: certificate: sessions bound to a client certificate",
        ),
        (
            json!({"access_rights": rights, "basic_auth_data": {"password": "p"}}),
            "key_rules: basic_auth_data.password: secrets of this kind",
        ),
        (
            json!({"access_rights": rights, "mtls_static_certificate_bindings": ["x"]}),
            "key_rules: mtls_static_certificate_bindings:",
        ),
        (
            json!({"access_rights": rights, "expires": "soon"}),
            "key_rules: expires: must be a whole number",
        ),
        (
            json!({"access_rights": rights, "meta_data": []}),
            "key_rules: meta_data: must be an object",
        ),
        (
            json!({"access_rights": rights, "is_inactive": "no"}),
            "key_rules: is_inactive: must be true or false",
        ),
        (
            json!({"access_rights": rights, "org_id": "a\u{7}"}),
            "key_rules: org_id: an identifier must not hold control",
        ),
        (
            json!({"access_rights": rights, "tags": [1]}),
            "key_rules: tags[0]: must be a string",
        ),
        (
            json!({"access_rights": rights, "ACCESS_RIGHTS": {}}),
            "key_rules: access_rights: is given twice",
        ),
    ] {
        let found = read(&value).unwrap_err();
        assert!(found.starts_with(fault), "{value}: {found}");
    }
    assert!(SessionRules::from_json("", true).is_err());
    let long = format!(r#"{{"alias":"{}"}}"#, "x".repeat(SESSION_BYTES_MAX));
    assert!(SessionRules::from_json(&long, true).is_err());
    let many: Map<String, Value> = (0..=1024).map(|n| (n.to_string(), json!({}))).collect();
    assert!(
        read(&json!({"access_rights": many}))
            .unwrap_err()
            .contains("at most 1024")
    );
}

#[test]
fn the_stored_form_is_the_text_and_it_reads_the_same() {
    let rules = SessionRules::from_json(DOCUMENTED, false).unwrap();
    let stored = serde_json::to_string(&rules).unwrap();
    assert_eq!(stored, serde_json::to_string(DOCUMENTED).unwrap());
    let again: SessionRules = serde_json::from_str(&stored).unwrap();
    assert_eq!(again, rules);
    assert_eq!(again.rights(), rules.rights());
    assert!(!format!("{again:?}").contains("APIID1"));
}

#[test]
fn a_stored_text_that_cannot_be_read_grants_nothing() {
    for stored in ["\"\"", "\"{\"", "\"[]\"", r#""{\"access_rights\":1}""#] {
        let rules: SessionRules = serde_json::from_str(stored).unwrap();
        assert!(!rules.is_master());
        assert_eq!(rules.grants(&api("a")), None);
        assert!(matches!(rules.rights(), Rights::Listed(rights) if rights.is_empty()));
    }
}

fn with_pattern(url: &Value) -> Value {
    json!({"access_rights": {"a": {"allowed_urls": [{"url": url, "methods": ["GET"]}]}}})
}

#[test]
fn the_patterns_of_a_stored_text_are_not_compiled_when_it_is_read() {
    let stored = |url: Value| -> SessionRules {
        let text = with_pattern(&url).to_string();
        serde_json::from_value(Value::from(text)).unwrap()
    };
    // Whoever compiles it finds the text unreadable.
    let broken = json!("/a(");
    assert!(read(&with_pattern(&broken)).is_err());
    let rules = stored(broken);
    let right = rules.grants(&api("a")).unwrap();
    let patterns: Vec<&str> = right
        .allowed_urls
        .iter()
        .map(|url| url.path.as_str())
        .collect();
    assert_eq!(patterns, ["/a("]);
    // Left out, they would leave a right to every path.
    for none in [Value::Null, json!(""), json!(7), json!("x".repeat(1025))] {
        assert_eq!(stored(none.clone()).grants(&api("a")), None, "{none}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), master: bool) {
        let _ = SessionRules::from_json(&text, master);
    }

    #[test]
    fn no_value_at_any_field_panics(
        field in prop::sample::select(vec![
            "access_rights", "apply_policies", "apply_policy_id", "expires", "meta_data", "tags", "org_id", "rate",
        ]),
        value in prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            prop::collection::vec(".{0,4}", 0..3).prop_map(Value::from),
        ],
    ) {
        let _ = read(&json!({field: value}));
    }
}

fn with_meta(meta: &Value) -> SessionRules {
    let rules =
        json!({"access_rights": {"a": {}}, "alias": "who", "rate": 1e15, "meta_data": meta});
    SessionRules::from_json(&rules.to_string(), false).unwrap()
}

fn meta_of(rules: &SessionRules) -> Value {
    // As it is read again from the state, by whoever has only the text.
    let stored: SessionRules =
        serde_json::from_value(serde_json::to_value(rules).unwrap()).unwrap();
    assert_eq!(stored.meta_data(), rules.meta_data());
    assert_eq!((stored.alias(), stored.has_limits()), ("who", true));
    assert!(stored.grants(&api("a")).is_some());
    Value::from(stored.meta_data().cloned().unwrap_or_default())
}

#[test]
fn t8_a_clients_metadata_goes_under_the_sessions_own() {
    let rules = with_meta(&json!({"key": "meta", "foo": "keybar"}));
    let merged = rules
        .with_client_meta(r#"{"foo":"bar","client":"meta"}"#)
        .unwrap();
    assert_eq!(
        meta_of(&merged),
        json!({"foo": "keybar", "client": "meta", "key": "meta"})
    );
    let bare = with_meta(&Value::Null).with_client_meta(r#"{"foo":"bar"}"#);
    assert_eq!(meta_of(&bare.unwrap()), json!({"foo": "bar"}));
}

#[test]
fn metadata_that_adds_nothing_leaves_the_session_as_it_was_given() {
    let rules = with_meta(&json!({"foo": "own", "more": 1}));
    for nothing in ["{}", r#"{"foo":"bar"}"#, "null", "[]", "{"] {
        assert_eq!(rules.with_client_meta(nothing), None, "{nothing}");
    }
}

#[test]
fn a_session_at_its_limit_can_be_read_with_metadata_at_its_own() {
    let numbers = |count: usize| Value::from(vec![1e15; count]);
    // As short as such numbers can be written; they are stored written out.
    let short = |value: &Value| value.to_string().replace("1000000000000000.0", "1e15");
    let session = json!({"access_rights": {"a": {}}, "x": numbers(6_500)});
    let rules = SessionRules::from_json(&short(&session), false).unwrap();
    let client = json!({"y": numbers(3_200)});
    let merged = rules.with_client_meta(&short(&client)).unwrap();
    let stored: SessionRules =
        serde_json::from_value(serde_json::to_value(&merged).unwrap()).unwrap();
    assert!(stored.grants(&api("a")).is_some() && stored.meta_data().is_some());
}

#[test]
fn a_users_session_is_lent_with_the_clients_metadata_in_place_of_its_own() {
    let text =
        r#"{"access_rights":{"a":{}},"Meta_Data":{"of":"user"},"ALIAS":"user","tags":["t"]}"#;
    let rules = SessionRules::from_json(text, false).unwrap();
    let read_again = |rules: &SessionRules| -> SessionRules {
        let stored = serde_json::to_string(rules).unwrap();
        serde_json::from_str(&stored).unwrap()
    };
    let meta = r#"{"of":"client","tyk_developer_email":"dev@example"}"#;
    let lent = rules.lent_to_client(Some(meta), 4_000_000_000);
    for lent in [lent.clone(), read_again(&lent)] {
        let expected: Value = serde_json::from_str(meta).unwrap();
        assert_eq!(lent.meta_data(), expected.as_object());
        assert_eq!(lent.alias(), "dev@example");
        assert_eq!(lent.tags(), ["t"]);
        assert_eq!(
            lent.expires_at(),
            Some(Timestamp::from_unix_s(4_000_000_000))
        );
        assert!(lent.grants(&ApiId::new("a").unwrap()).is_some());
    }
    let bare = rules.lent_to_client(None, 0);
    for bare in [bare.clone(), read_again(&bare)] {
        assert_eq!((bare.meta_data(), bare.alias()), (None, "user"));
        assert_eq!(bare.expires_at(), None);
    }
}
