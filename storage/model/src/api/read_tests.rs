#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::fixture::{
    faults_of, keyless_definition, oauth_definition, oauth_of, spec_of, with,
};
use crate::api::{Auth, CredentialPlace, Versions};
use crate::oauth::grant_type::{GrantType, ResponseType};

#[test]
fn tyks_oauth_fixture_is_read() {
    let (spec, warnings) = ApiSpec::from_classic(&oauth_definition().to_string()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(
        (spec.id.as_str(), &*spec.name, spec.org.as_str()),
        ("999999", "OAuth Test API", "default")
    );
    assert_eq!(
        (
            spec.listen_path.as_str(),
            spec.target.origin(),
            spec.target.path()
        ),
        ("/APIID", "http://up.example:8080", "/base")
    );
    assert!(
        spec.active
            && spec.strip_listen_path
            && !spec.preserve_host_header
            && !spec.strip_auth_data
    );
    let oauth = oauth_of(&oauth_definition());
    assert!(!oauth.grant_types.contains(GrantType::Password));
    assert!(oauth.grant_types.contains(GrantType::RefreshToken));
    assert!(oauth.response_types.contains(ResponseType::Code));
    assert_eq!(
        oauth.login_redirect.as_deref(),
        Some("http://idp.example/login?tenant=a")
    );
    assert_eq!(oauth.credential, CredentialPlace::default());
    let notifications = oauth.notifications.unwrap();
    assert_eq!(&*notifications.url, "http://hook.example/oauth");
    assert_eq!(
        notifications.shared_secret.expose(),
        "9878767657654343123434556564444"
    );
    assert!(!format!("{notifications:?}").contains("98787"));
}

#[test]
fn a_keyless_definition_gets_the_defaults() {
    let spec = spec_of(&keyless_definition());
    assert_eq!(spec.auth, Auth::Keyless);
    assert_eq!(
        (&*spec.name, spec.org.as_str(), spec.domain),
        ("k", "default", None)
    );
    assert!(!spec.strip_listen_path);
}

#[test]
fn a_missing_active_flag_is_tyks_false_and_is_warned_of() {
    let mut definition = keyless_definition();
    definition.as_object_mut().unwrap().remove("active");
    let (spec, warnings) = ApiSpec::from_classic(&definition.to_string()).unwrap();
    assert!(!spec.active);
    assert_eq!(warnings.first().unwrap().path, "active");
}

#[test]
fn the_domain_counts_unless_it_is_disabled() {
    let definition = with(keyless_definition(), "/domain", json!("API.Example.com"));
    assert_eq!(
        spec_of(&definition).domain.unwrap().as_str(),
        "api.example.com"
    );
    assert_eq!(
        spec_of(&with(definition, "/domain_disabled", json!(true))).domain,
        None
    );
}

#[test]
fn faults_name_the_path_what_is_wrong_and_what_is_allowed() {
    let oauth = oauth_definition;
    for (pointer, value, fault) in [
        ("/api_id", json!("a/b"), "api_id: stands in paths"),
        ("/api_id", json!("oas"), "api_id: stands in paths"),
        ("/api_id", json!(".."), "api_id: stands in paths"),
        ("/api_id", json!("a\";x=\"b"), "api_id: stands in paths"),
        ("/api_id", json!("<a>"), "api_id: stands in paths"),
        ("/api_id", json!(""), "api_id: is missing"),
        (
            "/api_id",
            json!(7),
            "api_id: must be a string, not a number",
        ),
        (
            "/name",
            json!("a\nb"),
            "name: must not hold control characters",
        ),
        (
            "/domain",
            json!("*.example.com"),
            "domain: wildcard and template domains are not supported yet",
        ),
        (
            "/proxy/listen_path",
            json!("no-slash"),
            "proxy.listen_path: must begin with '/'",
        ),
        (
            "/proxy/listen_path",
            json!(null),
            "proxy.listen_path: is missing",
        ),
        (
            "/proxy/target_url",
            json!("ftp://x"),
            "proxy.target_url: must begin with http://, https://, ws:// or wss://",
        ),
        (
            "/proxy/target_url",
            json!("http://u:p@x"),
            "proxy.target_url: must not hold credentials",
        ),
        (
            "/proxy/strip_listen_path",
            json!("yes"),
            "proxy.strip_listen_path: must be true or false, not a string",
        ),
        (
            "/use_keyless",
            json!(true),
            "use_keyless: contradicts use_oauth2",
        ),
        (
            "/use_standard_auth",
            json!(true),
            "use_oauth2: contradicts use_standard_auth",
        ),
        (
            "/use_basic_auth",
            json!(true),
            "use_oauth2: contradicts use_basic_auth",
        ),
        (
            "/oauth_meta/allowed_access_types",
            json!(["assertion"]),
            "oauth_meta.allowed_access_types[0]: must be authorization_code",
        ),
        (
            "/oauth_meta/allowed_authorize_types",
            json!(["code", 1]),
            "oauth_meta.allowed_authorize_types[1]: must be a string",
        ),
        (
            "/oauth_meta/auth_login_redirect",
            json!("javascript:alert(1)"),
            "oauth_meta.auth_login_redirect: must be an absolute http",
        ),
        (
            "/oauth_meta/auth_login_redirect",
            json!("http://a\r\nX: y"),
            "oauth_meta.auth_login_redirect: must be an absolute http",
        ),
        (
            "/notifications/oauth_on_keychange_url",
            json!("hook"),
            "notifications.oauth_on_keychange_url: must be an absolute http",
        ),
        (
            "/notifications/shared_secret",
            json!("a\r\nb"),
            "notifications.shared_secret: is sent in a header",
        ),
        (
            "/notifications/shared_secret",
            json!("whsec_not base64"),
            "notifications.shared_secret: what follows whsec_ must be base64 text",
        ),
        (
            "/notifications/shared_secret",
            json!("env://HOOK_SECRET"),
            "notifications.shared_secret: values from env:// are not supported",
        ),
        (
            "/auth_configs",
            json!({"oauth": {"disable_header": true}}),
            "auth_configs.oauth: all auth sources are disabled for oauth",
        ),
        (
            "/auth_configs",
            json!({"oauth": {"auth_header_name": "a b"}}),
            "auth_configs.oauth.auth_header_name: must be at most",
        ),
        (
            "/raftgate",
            json!({"error_stile": "rfc"}),
            "raftgate.error_stile: is not a known key",
        ),
        (
            "/allowed_ips",
            json!(["bob"]),
            "allowed_ips[0]: invalid IP/CIDR \"bob\"",
        ),
        (
            "/version_data/not_versioned",
            json!(false),
            "definition.location: must be",
        ),
        ("/expiration", json!("soon"), "expiration: must be a date"),
        (
            "/response_processors",
            json!([{"name": "response_body_transform"}]),
            "response_processors[0].name: only header_injector is supported",
        ),
        (
            "/version_data/versions",
            json!({"a": {}, "b": {}}),
            "version_data.versions: none of the versions is named Default",
        ),
        (
            "/version_data/versions/v1/expires",
            json!("2026-01-02"),
            "version_data.versions.v1.expires: must be a date",
        ),
        (
            "/Org_ID",
            json!("other"),
            "org_id: is given twice, in different spellings",
        ),
    ] {
        let faults = faults_of(&with(oauth(), pointer, value.clone()));
        assert!(
            faults.iter().any(|found| found.starts_with(fault)),
            "{pointer} = {value}: {faults:?}"
        );
    }
}

#[test]
fn every_fault_of_a_definition_is_told_at_once() {
    let definition = json!({"use_keyless": true, "proxy": {"listen_path": "x", "target_url": "y"}});
    let faults = faults_of(&definition);
    let paths: Vec<&str> = faults
        .iter()
        .filter_map(|fault| fault.split(':').next())
        .collect();
    assert_eq!(paths, ["api_id", "proxy.listen_path", "proxy.target_url"]);
}

#[test]
fn what_is_not_json_is_told_with_its_line_and_column() {
    let faults = |text: &str| ApiSpec::from_classic(text).unwrap_err().to_string();
    assert_eq!(
        faults("{\n  \"api_id\": x\n}"),
        "line 2 column 13: malformed JSON"
    );
    assert_eq!(faults("{"), "line 1 column 1: the JSON text ends too early");
    assert_eq!(faults("[]"), "must be a JSON object, not an array");
    assert!(faults(&format!("\"{}\"", "x".repeat(1024 * 1024))).contains("at most 1048576"));
    assert!(ApiSpec::from_classic(&"[".repeat(100_000)).is_err());
}

#[test]
fn an_unversioned_definition_serves_its_only_or_its_default_version() {
    let versions = |value: Value| with(oauth_definition(), "/version_data/versions", value);
    let size_limit = |value: Value| match spec_of(&versions(value)).rules.versions {
        Versions::Single(version) => version.sizes.everywhere,
        Versions::Named(_) => panic!("it is not versioned"),
    };
    let acts = json!({"global_size_limit": 1});
    for name in ["Default", "default", ""] {
        assert_eq!(
            size_limit(json!({"other": {}, name: acts.clone()})),
            Some(1)
        );
        assert_eq!(size_limit(json!({"other": acts.clone(), name: {}})), None);
    }
    assert_eq!(size_limit(json!({"only": acts})), Some(1));
    spec_of(&with(
        keyless_definition(),
        "/version_data",
        json!({"versions": {}}),
    ));
}

#[test]
fn the_expiry_of_an_apis_only_version_means_nothing_and_is_warned_of() {
    for (expires, warned) in [("", 0), ("-1", 0), ("2006-01-02 15:04", 1)] {
        let definition = with(
            oauth_definition(),
            "/version_data/versions/v1/expires",
            json!(expires),
        );
        let (_, warnings) = ApiSpec::from_classic(&definition.to_string()).unwrap();
        assert_eq!(warnings.len(), warned, "{expires}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z_]{0,8}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = ApiSpec::from_classic(&text);
    }

    #[test]
    fn no_value_at_any_field_panics(
        pointer in prop::sample::select(vec![
            "/api_id", "/org_id", "/name", "/use_keyless", "/use_oauth2", "/oauth_meta", "/notifications", "/proxy",
            "/proxy/listen_path", "/proxy/target_url", "/version_data", "/version_data/versions", "/raftgate",
            "/version_data/versions/v1", "/version_data/versions/v1/paths", "/definition", "/CORS", "/allowed_ips",
            "/version_data/versions/v1/global_headers", "/global_enforce_timeout", "/expiration", "/auth_configs", "/domain", "/custom_middleware", "/session_lifetime",
        ]),
        value in any_json(),
    ) {
        let _ = ApiSpec::from_classic(&with(oauth_definition(), pointer, value).to_string());
    }
}
