#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::{Value, json};

use super::*;
use crate::api::fixture::{oauth_definition, oauth_of, spec_of, with};
use crate::api::{ApiSpec, TokenLifetimes};

#[test]
fn credential_places_follow_tyks_defaults() {
    let places = |value: Value| {
        oauth_of(&with(
            oauth_definition(),
            "/auth_configs",
            json!({"oauth": value}),
        ))
        .credential
    };
    let name = |text: &str| Some(Arc::from(text));
    let found = places(json!({"use_param": true, "use_cookie": true, "cookie_name": "tok"}));
    assert_eq!(found.header, name("authorization"));
    assert_eq!(
        (found.query, found.cookie),
        (name("Authorization"), name("tok"))
    );
    let found = places(json!({"auth_header_name": "X-Token", "param_name": "unused"}));
    assert_eq!((found.header, found.query), (name("x-token"), None));
    let found =
        places(json!({"disable_header": true, "use_param": true, "param_name": "access_token"}));
    assert_eq!((found.header, found.query), (None, name("access_token")));
}

#[test]
fn implicit_and_password_are_warned_of_and_so_is_a_missing_login_page() {
    let definition = with(
        oauth_definition(),
        "/oauth_meta",
        json!({
            "allowed_access_types": ["password"], "allowed_authorize_types": ["token"]
        }),
    );
    let (_, warnings) = ApiSpec::from_classic(&definition.to_string()).unwrap();
    let paths: Vec<&str> = warnings
        .iter()
        .map(|warning| warning.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "oauth_meta.allowed_access_types",
            "oauth_meta.allowed_authorize_types",
            "oauth_meta.auth_login_redirect"
        ]
    );
}

#[test]
fn lifetimes_are_the_apis_then_the_gateways_and_session_lifetime_caps_them() {
    let gateway = TokenLifetimes {
        access_token: Ttl::from_s(3600),
        refresh_token: Ttl::from_s(1_209_600),
        auth_code: Ttl::from_s(250),
    };
    assert_eq!(spec_of(&oauth_definition()).lifetimes(gateway), gateway);
    let own = with(
        oauth_definition(),
        "/raftgate",
        json!({"access_token_ttl_s": 100, "auth_code_ttl_s": 9}),
    );
    let lifetimes = spec_of(&own).lifetimes(gateway);
    assert_eq!(
        (lifetimes.access_token, lifetimes.auth_code),
        (Ttl::from_s(100), Ttl::from_s(9))
    );
    let capped = with(own, "/session_lifetime", json!(50));
    assert_eq!(
        spec_of(&capped).lifetimes(gateway).access_token,
        Ttl::from_s(50)
    );
    let respecting = with(
        capped,
        "/session_lifetime_respects_key_expiration",
        json!(true),
    );
    assert_eq!(
        spec_of(&respecting).lifetimes(gateway).access_token,
        Ttl::from_s(100)
    );
}
