#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use serde_json::{Value, json};

use super::*;
use crate::api::ApiSpec;
use crate::api::fixture::{faults_of, keyless_definition, with};
use crate::json::FAULTS_MAX;

/// What is kept without being looked at, or read by rules of its own: nothing is demanded at and below these places.
const FREE: [&str; 14] = [
    "/analytics_plugin/",
    "/config_data/a",
    "/error_overrides/404",
    "/event_handlers/events/AuthFailure/0/handler_meta/",
    "/external_oauth/providers/0/jwt",
    "/extended_paths/transform/0/template_data/",
    "/extended_paths/transform_response/0/template_data/",
    "/extended_paths/url_rewrites/0/triggers/0/",
    "/global_enforce_timeout",
    "/raftgate/",
    "/scopes/jwt",
    "/uptime_tests/config/",
    "/upstream_auth/basic_auth/",
    "/upstream_auth/oauth/",
];

/// What the definition that OAS documents are projected to does not have.
fn others() -> Value {
    json!({
        "slug": "s", "protocol": "http", "enable_proxy_protocol": false, "application_protocol": "", "json_rpc_version": "",
        "graphql": {"enabled": false}, "analytics_plugin": {"enabled": false}, "use_oauth2": false, "use_basic_auth": false,
        "use_go_plugin_auth": false, "enable_jwt": false, "enable_coprocess_auth": false,
        "auth": {
            "name": "n", "auth_header_name": "h", "disable_header": false, "use_param": false, "param_name": "p",
            "use_cookie": false, "cookie_name": "c", "use_certificate": false, "validate_signature": false,
            "signature": {"algorithm": "a", "header": "h", "secret": "s", "use_param": false, "param_name": "p",
                "allowed_clock_skew": 1, "error_code": 401, "error_message": "m"}
        },
        "basic_auth": {"disable_caching": true, "cache_ttl": 60, "extract_from_body": false, "body_user_regexp": "",
            "body_password_regexp": ""},
        "oauth_meta": {"allowed_access_types": ["password"], "allowed_authorize_types": ["code"], "auth_login_redirect": ""},
        "notifications": {"shared_secret": "s", "oauth_on_keychange_url": ""},
        "external_oauth": {"enabled": false, "providers": [{"jwt": {}}]},
        "openid_options": {"segregate_by_client": false, "providers": [{"issuer": "i", "client_ids": {"c": "p"}}]},
        "jwt_source": "", "jwt_signing_method": "", "jwt_identity_base_field": "", "jwt_client_base_field": "",
        "jwt_policy_field_name": "", "jwt_default_policies": ["p"], "jwt_scope_claim_name": "",
        "jwt_scope_to_policy_mapping": {"s": "p"}, "scopes": {"jwt": {}},
        "auth_provider": {"name": "n", "storage_engine": "e"}, "session_provider": {"name": "n", "storage_engine": "e"},
        "enable_ip_whitelisting": true, "enable_ip_blacklisting": true,
        "response_processors": [{"name": "header_injector", "options": {}}],
    })
}

/// What a version of it does not have.
fn others_of_version() -> Value {
    json!({"expires": "", "override_target": "", "paths": {"black_list": ["/a"], "white_list": ["/b"], "ignored": ["/c"]}})
}

fn merge(into: &mut Value, other: Value) {
    match (into, other) {
        (Value::Object(into), Value::Object(other)) => {
            for (name, value) in other {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, other) => *into = other,
    }
}

/// A definition in which every known field stands.
fn whole() -> Value {
    let mut whole: Value = serde_json::from_str(include_str!("oas/whole_classic.json")).unwrap();
    merge(&mut whole, others());
    let version = "/version_data/versions/Default";
    let at = |whole: &mut Value, place: &str, value: Value| {
        merge(
            whole.pointer_mut(&format!("{version}{place}")).unwrap(),
            value,
        );
    };
    at(&mut whole, "", others_of_version());
    let actions =
        json!({"GET": {"action": "no_action", "code": 200, "data": "", "headers": {"a": "b"}}});
    let entry = json!({"path": "/x", "method": "GET", "disabled": true, "ignore_case": true, "method_actions": actions});
    let extended = json!({
        "black_list": [entry], "transform_jq": [entry], "transform_jq_response": [entry], "persist_graphql": [entry],
        "cache": ["/x"], "validate_json": [{"path": "/x", "disabled": true, "schema_b64": "", "error_response_code": 400}],
    });
    at(&mut whole, "/extended_paths", extended);
    merge(
        &mut whole,
        json!({
            "version_data": {"default_version": ""},
            "definition": {"strip_path": true},
            "custom_middleware": {"auth_check": {"name": "a"}, "id_extractor": {}},
            "request_signing": {"secret": "", "algorithm": "", "certificate_id": "", "signature_header": ""},
            "proxy": {"service_discovery": {
                "use_nested_query": false, "parent_data_path": "", "port_data_path": "", "target_path": "",
                "use_target_list": false, "endpoint_returns_list": false, "cache_disabled": true, "cache_timeout": 1
            }},
            "uptime_tests": {"check_list": [{
                "url": "http://a", "protocol": "", "method": "GET", "body": "", "headers": {"a": "b"}, "timeout": 1,
                "enable_proxy_protocol": false, "commands": [{"name": "n"}]
            }]},
        }),
    );
    whole
}

/// The JSON pointers of everything in a value.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let pointer = format!("{pointer}/{name}");
        found.push(pointer.clone());
        places(value, &pointer, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(position, value)| below(&position.to_string(), value));
        }
        _ => {}
    }
}

/// A JSON pointer as faults name the place.
fn path_of(pointer: &str) -> String {
    let names = pointer.split('/').skip(1).enumerate();
    // Names of numbers stand in lists; the only other one is below a place that is free.
    let named = names.map(|(depth, name)| match name.parse::<usize>() {
        Ok(position) => format!("[{position}]"),
        Err(_) if depth == 0 => name.to_owned(),
        Err(_) => format!(".{name}"),
    });
    named.collect()
}

#[test]
fn another_kind_of_value_is_refused_at_every_known_place() {
    let whole = whole();
    let mut pointers = Vec::new();
    places(&whole, "", &mut pointers);
    let is_free = |pointer: &String| FREE.iter().any(|free| pointer.contains(free));
    pointers.retain(|pointer| !is_free(pointer));
    assert!(pointers.len() > 400, "{}", pointers.len());
    for pointer in pointers {
        let path = path_of(&pointer);
        let own = whole.pointer(&pointer).unwrap();
        let scalar = if own.is_string() {
            json!(7)
        } else {
            json!("text")
        };
        for other in [scalar, json!([true]), json!({"a": [1]})] {
            if std::mem::discriminant(&other) == std::mem::discriminant(own) {
                continue;
            }
            let mut wrong = whole.clone();
            *wrong.pointer_mut(&pointer).unwrap() = other.clone();
            let faults = faults_at(&wrong, &path);
            let is_named = faults.iter().any(|problem| problem.starts_with("must be "));
            assert!(is_named, "{path}: {other} is taken: {faults:?}");
            let once = faults.iter().filter(|problem| problem.contains(", not "));
            assert_eq!(once.count(), 1, "{path}: {faults:?}");
        }
        if !own.is_object() && !own.is_array() {
            continue;
        }
        let mut absent = whole.clone();
        *absent.pointer_mut(&pointer).unwrap() = Value::Null;
        let faults = faults_at(&absent, &path);
        assert!(
            faults.iter().all(|problem| !problem.contains(", not ")),
            "{path}: {faults:?}"
        );
    }
}

fn faults_at(definition: &Value, path: &str) -> Vec<String> {
    let faults = ApiSpec::from_classic(&definition.to_string()).unwrap_err();
    assert!(faults.all().len() < FAULTS_MAX, "faults would be dropped");
    let at = faults.all().iter().filter(|fault| fault.path == path);
    at.map(|fault| fault.problem.clone()).collect()
}

/// Else a row of the tables could be wrong, and nothing would say so.
#[test]
fn every_known_field_stands_in_the_definition_that_is_tried() {
    let mut missing = Vec::new();
    for table in DEFINITION {
        stand(table, &whole(), "", &mut missing);
    }
    assert_eq!(missing, Vec::<String>::new());
}

fn stand(table: &[Field], value: &Value, path: &str, missing: &mut Vec<String>) {
    for (name, shape) in table {
        let path = format!("{path}.{name}");
        match value.get(name) {
            Some(value) => stands(*shape, value, &path, missing),
            // One list of entries with everything speaks for all of them.
            None if path.contains("extended_paths") && ENTRY_FIELDS.contains(name) => {}
            None if ["schema_b64", "delete_headers"].contains(name) => {}
            None if path.contains("auth_configs") || path.contains("custom_middleware") => {}
            None => missing.push(path),
        }
    }
}

/// What the entries of all lists of `extended_paths` have.
const ENTRY_FIELDS: [&str; 5] = [
    "path",
    "method",
    "disabled",
    "ignore_case",
    "method_actions",
];

fn stands(shape: Shape, value: &Value, path: &str, missing: &mut Vec<String>) {
    match (shape, value) {
        (Object(tables), value) => {
            let tables = tables.iter();
            tables.for_each(|table| stand(table, value, path, missing));
        }
        (List(of), Value::Array(items)) => stands(*of, items.first().unwrap(), path, missing),
        (Map(of), Value::Object(members)) => {
            if let Some(value) = members.values().next() {
                stands(*of, value, path, missing);
            }
        }
        _ => {}
    }
}

#[test]
fn what_opened_closed_paths_is_refused_by_its_path() {
    let listed = json!([{"black_list": ["/admin"]}]);
    let version = |version: Value| {
        let data = json!({"not_versioned": true, "versions": {"Default": version}});
        with(keyless_definition(), "/version_data", data)
    };
    let entries = json!([{"black_list": [{"path": "/admin", "method": "GET"}]}]);
    for (definition, fault) in [
        (
            version(json!({"use_extended_paths": true, "extended_paths": entries})),
            "version_data.versions.Default.extended_paths: must be an object, not an array",
        ),
        (
            version(json!({"use_extended_paths": false, "extended_paths": entries})),
            "version_data.versions.Default.extended_paths: must be an object, not an array",
        ),
        (
            version(json!({ "paths": listed })),
            "version_data.versions.Default.paths: must be an object, not an array",
        ),
        (
            version(json!([{"paths": {"black_list": ["/admin"]}}])),
            "version_data.versions.Default: must be an object, not an array",
        ),
        (
            with(keyless_definition(), "/version_data", json!("{}")),
            "version_data: must be an object, not a string",
        ),
        (
            with(
                keyless_definition(),
                "/upstream_auth",
                json!([{"enabled": true}]),
            ),
            "upstream_auth: must be an object, not an array",
        ),
        (
            with(keyless_definition(), "/proxy", json!(5)),
            "proxy: must be an object, not a number",
        ),
        (
            with(keyless_definition(), "/session_lifetime", json!(1.5)),
            "session_lifetime: must be a whole number, not one with a decimal point or an exponent",
        ),
    ] {
        let faults = faults_of(&definition);
        assert_eq!(faults.first().map(String::as_str), Some(fault));
    }
}
