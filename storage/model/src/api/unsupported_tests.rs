#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::json;

use super::*;

/// A definition with one version, and `value` at the rule's field.
fn definition_with(place: Place, field: &str, value: Value, extended: bool) -> Map<String, Value> {
    let mut version = json!({"name": "Default", "use_extended_paths": extended});
    let mut root = json!({});
    let base = match place {
        Place::Definition => &mut root,
        Place::Version => &mut version,
        Place::SimplePaths => version
            .as_object_mut()
            .unwrap()
            .entry("paths")
            .or_insert(json!({})),
        Place::ExtendedPaths => version
            .as_object_mut()
            .unwrap()
            .entry("extended_paths")
            .or_insert(json!({})),
    };
    let (last, parents) = field
        .split('.')
        .collect::<Vec<_>>()
        .split_last()
        .map(|(l, p)| (*l, p.to_vec()))
        .unwrap();
    let mut at = base;
    for parent in parents {
        at = at
            .as_object_mut()
            .unwrap()
            .entry(parent)
            .or_insert(json!({}));
    }
    at.as_object_mut().unwrap().insert(last.to_owned(), value);
    root.as_object_mut().unwrap().insert(
        "version_data".to_owned(),
        json!({"not_versioned": true, "versions": {"Default": version}}),
    );
    root.as_object().unwrap().clone()
}

/// What the table makes of a definition: refused paths and warned paths.
fn judged(definition: &Map<String, Value>) -> (Vec<String>, Vec<String>) {
    let mut faults = DocumentFaults::default();
    let version = Node::member(definition, "version_data", &mut faults)
        .get("versions", &mut faults)
        .get("Default", &mut faults);
    let warnings = check(definition, Some(&version), &mut faults);
    let refused = faults
        .all()
        .iter()
        .map(|fault| fault.path.clone())
        .collect();
    (
        refused,
        warnings.into_iter().map(|warning| warning.path).collect(),
    )
}

fn full_path(rule: &Rule) -> String {
    let prefix = match rule.place {
        Place::Definition => "",
        Place::Version => "version_data.versions.Default.",
        Place::SimplePaths => "version_data.versions.Default.paths.",
        Place::ExtendedPaths => "version_data.versions.Default.extended_paths.",
    };
    format!("{prefix}{}", rule.field)
}

/// Values with which Tyk acts on the field, and values with which it does not.
fn samples(when: When) -> (Vec<Value>, Vec<Value>) {
    let zero = vec![
        json!(null),
        json!(false),
        json!(""),
        json!([]),
        json!({}),
        json!(0),
    ];
    match when {
        When::Set | When::SetUnless(_) => (
            vec![
                json!(true),
                json!("x"),
                json!(["x"]),
                json!({"a": "b"}),
                json!(1),
            ],
            zero,
        ),
        When::Above(limit) => (
            vec![json!(limit + 1), json!("x")],
            vec![json!(null), json!(limit)],
        ),
        When::OtherThan(texts) => (
            vec![json!("tcp"), json!(7)],
            texts.iter().map(|text| json!(text)).collect(),
        ),
        When::EnabledEntry => (
            vec![
                json!([{"path": "/x"}]),
                json!([{"disabled": true}, {"disabled": false}]),
                json!(["/x"]),
            ],
            vec![
                json!(null),
                json!([]),
                json!([{"path": "/x", "disabled": true}]),
            ],
        ),
    }
}

#[test]
fn every_row_of_the_table_does_what_it_says_and_names_its_path() {
    for rule in RULES {
        let extended = rule.place == Place::ExtendedPaths;
        let (acting, idle) = samples(rule.when);
        for value in acting {
            let found = judged(&definition_with(
                rule.place,
                rule.field,
                value.clone(),
                extended,
            ));
            let path = vec![full_path(rule)];
            let wanted = match rule.verdict {
                Verdict::Refuse => (path, vec![]),
                Verdict::Warn => (vec![], path),
            };
            assert_eq!(found, wanted, "{} = {value}", rule.field);
        }
        for value in idle {
            let found = judged(&definition_with(
                rule.place,
                rule.field,
                value.clone(),
                extended,
            ));
            assert_eq!(found, (vec![], vec![]), "{} = {value}", rule.field);
        }
    }
}

#[test]
fn an_exempting_flag_silences_its_row_and_only_when_true() {
    let exempted = RULES
        .iter()
        .filter_map(|rule| Some((rule, rule.when.exemption()?)));
    for (rule, flag) in exempted {
        for (value, silent) in [(true, true), (false, false)] {
            let mut definition = definition_with(rule.place, rule.field, json!(["x"]), false);
            let base = match rule.place {
                Place::Definition => &mut definition,
                _ => definition
                    .get_mut("version_data")
                    .and_then(|data| data.pointer_mut("/versions/Default"))
                    .and_then(Value::as_object_mut)
                    .unwrap(),
            };
            base.insert(flag.to_owned(), json!(value));
            let (refused, warned) = judged(&definition);
            assert_eq!(
                refused.is_empty() && warned.is_empty(),
                silent,
                "{flag} = {value}"
            );
        }
    }
}

#[test]
fn tyk_reads_either_the_simple_or_the_extended_lists() {
    for rule in RULES {
        let other = match rule.place {
            Place::SimplePaths => true,
            Place::ExtendedPaths => false,
            Place::Definition | Place::Version => continue,
        };
        let found = judged(&definition_with(
            rule.place,
            rule.field,
            json!(["/x"]),
            other,
        ));
        assert_eq!(found, (vec![], vec![]), "{}", rule.field);
    }
}

#[test]
fn a_key_in_another_case_is_enforced_as_tyk_does() {
    let definition = definition_with(Place::Definition, "Allowed_IPs", json!(["10.0.0.1"]), false);
    assert_eq!(judged(&definition).0, ["allowed_ips"]);
}

#[test]
fn the_table_lists_no_field_twice_and_speaks_of_what_must_never_be_ignored() {
    let mut paths: Vec<String> = RULES.iter().map(full_path).collect();
    paths.sort();
    let count = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), count);
    let refused = |field: &str| {
        RULES
            .iter()
            .any(|rule| rule.field == field && rule.verdict == Verdict::Refuse)
    };
    for field in [
        "allowed_ips",
        "blacklisted_ips",
        "white_list",
        "black_list",
        "size_limits",
        "use_mutual_tls_auth",
        "internal",
        "expiration",
        "pinned_public_keys",
        "proxy.transport.ssl_min_version",
        "proxy.enable_load_balancing",
        "proxy.service_discovery.use_discovery_service",
        "url_rewrites",
        "virtual",
        "mock_response",
        "validate_json",
        "global_headers_remove",
        "global_response_headers_remove",
        "transform_headers",
        "use_standard_auth",
        "use_basic_auth",
        "enable_jwt",
        "use_openid",
        "enable_signature_checking",
    ] {
        assert!(refused(field), "{field}");
    }
}
