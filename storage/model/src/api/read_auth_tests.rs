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

/// A definition with these fields and no other word on authentication.
fn auth_of(fields: &Value) -> Result<(Auth, usize), DocumentFaults> {
    let (mut warnings, mut faults) = (Vec::new(), DocumentFaults::default());
    let object = fields.as_object().unwrap();
    match super::read(object, &mut warnings, &mut faults) {
        Some(auth) => faults.or((auth, warnings.len())),
        None => Err(faults),
    }
}

#[test]
fn keys_are_demanded_where_nothing_is_chosen_and_taken_from_where_it_says_cases_19_20_21() {
    let header = CredentialPlace::default();
    let (auth, warnings) = auth_of(&json!({})).unwrap();
    assert_eq!((auth, warnings), (Auth::Token(header.clone()), 1));
    let chosen = json!({"use_standard_auth": true});
    assert_eq!(auth_of(&chosen).unwrap(), (Auth::Token(header.clone()), 0));
    let old = json!({"use_standard_auth": true, "auth": {"auth_header_name": "X-Key", "use_param": true}});
    let place = CredentialPlace {
        header: Some("x-key".into()),
        query: Some("X-Key".into()),
        cookie: None,
    };
    assert_eq!(auth_of(&old).unwrap().0, Auth::Token(place));
    let new = json!({
        "use_standard_auth": true, "auth": {"auth_header_name": "X-Old"},
        "auth_configs": {"authToken": {"disable_header": true, "use_cookie": true, "cookie_name": "k"}}
    });
    let place = CredentialPlace {
        header: None,
        query: None,
        cookie: Some("k".into()),
    };
    assert_eq!(auth_of(&new).unwrap().0, Auth::Token(place));
    let basic = json!({"use_basic_auth": true});
    assert_eq!(auth_of(&basic).unwrap(), (Auth::Basic(header), 0));
}

#[test]
fn what_would_have_to_be_checked_beside_a_credential_is_refused_by_name() {
    for (fields, named) in [
        (
            json!({"use_basic_auth": true, "basic_auth": {"extract_from_body": true}}),
            "basic_auth.extract_from_body",
        ),
        (
            json!({"auth": {"use_certificate": true}}),
            "auth.use_certificate",
        ),
        (
            json!({"use_standard_auth": true, "auth_configs": {"authToken": {"validate_signature": true}}}),
            "auth_configs.authToken.validate_signature",
        ),
        (
            json!({"use_keyless": true, "use_standard_auth": true}),
            "use_keyless: contradicts use_standard_auth",
        ),
        (
            json!({"use_basic_auth": true, "use_standard_auth": true}),
            "use_standard_auth: contradicts use_basic_auth",
        ),
        (
            json!({"auth": {"disable_header": true}}),
            "auth: all auth sources are disabled",
        ),
    ] {
        let faults = auth_of(&fields).unwrap_err().to_string();
        assert!(faults.starts_with(named), "{fields}: {faults}");
    }
}
