#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::json;

use super::*;

/// A definition with one version, and `value` at the rule's field.
fn definition_with(place: Place, field: &str, value: Value, extended: bool) -> Map<String, Value> {
    let mut version = json!({"name": "Default", "use_extended_paths": extended});
    let mut root = json!({});
    let base = match place {
        Place::Definition => &mut root,
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

/// Puts a value at a dotted field.
fn insert_at(definition: &mut Map<String, Value>, field: &str, value: Value) {
    match field.split_once('.') {
        None => drop(definition.insert(field.to_owned(), value)),
        Some((parent, rest)) => {
            let inside = definition.entry(parent).or_insert(json!({}));
            insert_at(inside.as_object_mut().unwrap(), rest, value);
        }
    }
}

/// What the table makes of a definition: refused paths and warned paths.
fn judged(definition: &Map<String, Value>) -> (Vec<String>, Vec<String>) {
    let mut faults = DocumentFaults::default();
    let version = Node::member(definition, "version_data", &mut faults)
        .get("versions", &mut faults)
        .get("Default", &mut faults);
    let warnings = check(definition, &[version], &mut faults);
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
        When::Above(limit) | When::AboveUnless(limit, _) => (
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
            assert_eq!(rule.place, Place::Definition, "no other row has a flag");
            insert_at(&mut definition, flag, json!(value));
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
fn extended_paths_count_where_tyk_reads_them() {
    for rule in RULES {
        if rule.place == Place::ExtendedPaths {
            let definition = definition_with(rule.place, rule.field, json!(["/x"]), false);
            assert_eq!(judged(&definition), (vec![], vec![]), "{}", rule.field);
        }
    }
}

#[test]
fn every_version_that_is_served_is_judged() {
    let version =
        json!({"use_extended_paths": true, "extended_paths": {"virtual": [{"path": "/x"}]}});
    let root = json!({"version_data": {"versions": {"v1": {}, "v2": version}}});
    let definition = root.as_object().unwrap();
    let mut faults = DocumentFaults::default();
    let versions = Node::member(definition, "version_data", &mut faults)
        .get("versions", &mut faults)
        .members(9, &mut faults);
    let versions: Vec<_> = versions.into_iter().map(|(_, node)| node).collect();
    assert_eq!(check(definition, &versions, &mut faults), vec![]);
    let [fault] = faults.all() else {
        unreachable!("one fault: {faults}")
    };
    assert_eq!(
        fault.path,
        "version_data.versions.v2.extended_paths.virtual"
    );
}

#[test]
fn a_key_in_another_case_is_enforced_as_tyk_does() {
    let definition = definition_with(Place::Definition, "Enable_JWT", json!(true), false);
    assert_eq!(judged(&definition).0, ["enable_jwt"]);
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
        "use_mutual_tls_auth",
        "internal",
        "pinned_public_keys",
        "proxy.transport.proxy_url",
        "proxy.service_discovery.use_discovery_service",
        "url_rewrites",
        "virtual",
        "mock_response",
        "validate_json",
        "enable_jwt",
        "use_openid",
        "enable_signature_checking",
    ] {
        assert!(refused(field), "{field}");
    }
}
