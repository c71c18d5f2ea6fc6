#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;

fn document(value: &Value) -> SessionDocument {
    SessionDocument::parse(&value.to_string()).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

const FACTS: SessionFacts = SessionFacts {
    expires_s: 0,
    created_at: Timestamp::from_unix_s(1_582_934_400),
    updated_at: Timestamp::from_unix_s(1_700_000_000),
    is_user: false,
};

fn shown(document: SessionDocument, facts: SessionFacts) -> Value {
    serde_json::from_str(&document.shown(facts)).unwrap()
}

#[test]
fn what_says_nothing_is_left_out_and_what_is_unknown_stays() {
    let given = document(&json!({
        "access_rights": {"a": {"api_id": "a"}}, "rate": 0, "quota_max": -1, "alias": "", "tags": [], "hmac_enabled": false,
        "meta_data": {}, "monitor": {"trigger_limits": null}, "date_created": "2001-01-01T00:00:00Z", "last_updated": "5",
        "unknown": 0, "Expires": 0, "smoothing": null, "x": {"y": []}
    }));
    let rules = given.rules(false).unwrap();
    let kept: Value = serde_json::from_str(rules.as_str()).unwrap();
    let expected = json!({
        "access_rights": {"a": {"api_id": "a"}}, "quota_max": -1, "unknown": 0, "x": {"y": []}
    });
    assert_eq!(kept, expected);
    let mut whole = object(expected);
    whole.insert("date_created".into(), "2020-02-29T00:00:00Z".into());
    whole.insert("last_updated".into(), "1700000000".into());
    let document = SessionDocument::of(&rules).unwrap();
    assert_eq!(shown(document, FACTS), Value::Object(whole));
}

#[test]
fn what_says_nothing_in_another_type_is_refused_all_the_same() {
    for (field, value) in [
        ("rate", json!("")),
        ("per", json!([])),
        ("quota_max", json!(false)),
        ("allowance", json!({})),
        ("throttle_retry_limit", json!(0.5)),
        ("smoothing", json!([])),
        ("expires", json!("")),
    ] {
        let given = document(&json!({"access_rights": {"a": {}}, field: value}));
        let refused = given.rules(false).unwrap_err().to_string();
        let expected = format!("key_rules: {field}: must be a");
        assert!(refused.starts_with(&expected), "{refused}");
    }
}

#[test]
fn the_password_is_taken_out_and_never_shown() {
    let given = json!({
        "access_rights": {"a": {}}, "Basic_Auth_Data": {"Password": "hunter2", "hash_type": "bcrypt"}
    });
    let mut user = document(&given);
    let password = user.take_password().unwrap().unwrap();
    assert_eq!(password.expose(), "hunter2");
    let rules = user.rules(false).unwrap();
    assert!(!rules.as_str().contains("hunter2"), "{}", rules.as_str());
    let facts = SessionFacts {
        is_user: true,
        ..FACTS
    };
    let shown = shown(SessionDocument::of(&rules).unwrap(), facts);
    let hash_type = shown.get("basic_auth_data").unwrap();
    assert_eq!(*hash_type, json!({"hash_type": "argon2id"}));
    // Also where it was not taken out first.
    assert!(
        !document(&given)
            .rules(false)
            .unwrap()
            .as_str()
            .contains("hunter2")
    );
    for none in [
        json!({}),
        json!({"basic_auth_data": {"password": ""}}),
        json!({"basic_auth_data": null}),
    ] {
        assert!(document(&none).take_password().unwrap().is_none());
    }
    for wrong in [
        json!({"basic_auth_data": 1}),
        json!({"basic_auth_data": {"password": 5}}),
    ] {
        assert!(document(&wrong).take_password().is_err(), "{wrong}");
    }
}

#[test]
fn a_policy_lies_over_the_session_that_names_it() {
    let mut session = document(&json!({
        "access_rights": {"own": {}}, "rate": 5, "alias": "acme", "tags": ["own", "both"],
        "meta_data": {"own": 1, "both": "session"}
    }));
    session.apply_policy(&object(json!({
        "access_rights": {"a": {}}, "rate": 100, "quota_max": 7, "tags": ["both", "gold"],
        "meta_data": {"both": "policy"}, "is_inactive": true, "name": "Gold"
    })));
    let shown = shown(session, FACTS);
    assert_eq!(
        shown,
        json!({
            "access_rights": {"a": {}}, "rate": 100, "quota_max": 7, "tags": ["own", "both", "gold"], "alias": "acme",
            "meta_data": {"own": 1, "both": "policy"}, "is_inactive": true,
            "date_created": "2020-02-29T00:00:00Z", "last_updated": "1700000000"
        })
    );
}

#[test]
fn a_policy_that_is_active_leaves_an_inactive_session_so() {
    let mut session = document(&json!({"is_inactive": true}));
    session.apply_policy(&object(json!({"is_inactive": false})));
    assert_eq!(
        shown(session, FACTS).get("is_inactive"),
        Some(&Value::Bool(true))
    );
}

#[test]
fn the_retention_of_a_session_is_its_own_then_that_of_its_apis() {
    let limited = |seconds, or_expiry| SessionLifetime::Limited {
        lifetime: Ttl::from_s(seconds),
        or_expiry,
    };
    let none = SessionLifetime::Unsaid;
    for (session, of_apis, expected) in [
        (json!({}), none, Retention::AfterExpiry(KEPT_AFTER_EXPIRY)),
        (json!({}), SessionLifetime::Endless, Retention::Forever),
        (
            json!({}),
            limited(9, false),
            Retention::FromNow(Ttl::from_s(9)),
        ),
        (
            json!({}),
            limited(9, true),
            Retention::FromNowOrExpiry(Ttl::from_s(9)),
        ),
        (
            json!({"session_lifetime": 5}),
            none,
            Retention::FromNow(Ttl::from_s(5)),
        ),
        (
            json!({"session_lifetime": 5}),
            limited(9, true),
            Retention::FromNowOrExpiry(Ttl::from_s(5)),
        ),
        (
            json!({"post_expiry_action": "delete"}),
            limited(9, true),
            Retention::AfterExpiry(Ttl::ZERO),
        ),
        (
            json!({"post_expiry_action": "retain", "post_expiry_grace_period": -1}),
            none,
            Retention::Forever,
        ),
        (
            json!({"post_expiry_action": "retain", "post_expiry_grace_period": 3}),
            none,
            Retention::AfterExpiry(Ttl::from_s(3)),
        ),
        (
            json!({"post_expiry_action": "retain"}),
            limited(9, false),
            Retention::FromNow(Ttl::from_s(9)),
        ),
    ] {
        assert_eq!(
            document(&session).retention(of_apis),
            Ok(expected),
            "{session}"
        );
    }
    for wrong in [
        json!({"post_expiry_action": "keep"}),
        json!({"post_expiry_grace_period": "1"}),
        json!({"session_lifetime": "1"}),
    ] {
        assert!(document(&wrong).retention(none).is_err(), "{wrong}");
    }
}

#[test]
fn of_several_apis_the_longest_lifetime_counts_case_50() {
    let limited = |seconds| SessionLifetime::Limited {
        lifetime: Ttl::from_s(seconds),
        or_expiry: false,
    };
    let all = [limited(1000), limited(999), SessionLifetime::Unsaid];
    let longest = all
        .into_iter()
        .fold(SessionLifetime::Unsaid, SessionLifetime::longest);
    assert_eq!(longest, limited(1000));
    assert_eq!(
        longest.longest(SessionLifetime::Endless),
        SessionLifetime::Endless
    );
    let mut faults = DocumentFaults::default();
    for (api, expected) in [
        (json!({}), SessionLifetime::Unsaid),
        (json!({"session_lifetime": 0}), SessionLifetime::Unsaid),
        (json!({"session_lifetime": -1}), SessionLifetime::Endless),
        (json!({"session_lifetime": 1000}), limited(1000)),
    ] {
        assert_eq!(SessionLifetime::read(&object(api), &mut faults), expected);
    }
    assert!(faults.is_empty());
}

#[test]
fn wrong_kinds_of_values_are_faults() {
    assert!(SessionDocument::parse("[]").is_err() && SessionDocument::parse("{").is_err());
    let long = json!({"alias": "a".repeat(SESSION_BYTES_MAX)}).to_string();
    assert!(SessionDocument::parse(&long).is_err());
    assert!(document(&json!({"expires": "soon"})).expires_s().is_err());
    assert!(document(&json!({"org_id": 5})).org().is_err());
    assert!(document(&json!({"org_id": "a\u{7}"})).org().is_err());
    assert_eq!(document(&json!({"org_id": ""})).org(), Ok(None));
    assert!(
        document(&json!({"hmac_string": "secret", "access_rights": {"a": {}}}))
            .rules(false)
            .is_err()
    );
    assert!(
        document(&json!({"jwt_data": {"secret": "s"}, "access_rights": {"a": {}}}))
            .rules(false)
            .is_err()
    );
}
