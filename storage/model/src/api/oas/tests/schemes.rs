//! Security schemes: what each kind sets, and which are refused.

use super::*;

/// A document whose security chooses `chosen` among schemes declared and set up so.
fn secured(chosen: Value, declared: Value, setup: Value) -> Value {
    let document = with(minimal(), "/security", chosen);
    let document = with(
        document,
        "/components",
        json!({"securitySchemes": declared}),
    );
    let authentication = json!({"enabled": true, "securitySchemes": setup});
    with(
        document,
        "/x-tyk-api-gateway/server/authentication",
        authentication,
    )
}

fn declared() -> Value {
    json!({
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "other": {"type": "apiKey", "in": "cookie", "name": "k"},
        "flow": {"type": "oauth2", "flows": {"clientCredentials": {}}},
        "basic": {"type": "http", "scheme": "basic"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "digest": {"type": "http", "scheme": "digest"},
        "oidc": {"type": "openIdConnect", "openIdConnectUrl": "http://i"},
        "half": {"type": "apiKey", "in": "body", "name": "k"},
        "empty": {"type": "oauth2"}
    })
}

fn setup() -> Value {
    json!({
        "key": {"enabled": true}, "other": {"enabled": true}, "basic": {"enabled": true}, "bearer": {"enabled": true},
        "flow": {"enabled": true, "header": {"enabled": true, "name": "Authorization"}},
        "jwt": {"enabled": true}, "digest": {"enabled": true}, "oidc": {"enabled": true}, "half": {"enabled": true},
        "empty": {"enabled": true, "header": {"enabled": true}}
    })
}

#[test]
fn each_kind_of_scheme_sets_its_flag_and_its_place() {
    for (name, flag, kind, place) in [
        (
            "key",
            "use_standard_auth",
            "authToken",
            json!({"auth_header_name": "X-Key", "disable_header": false}),
        ),
        (
            "other",
            "use_standard_auth",
            "authToken",
            json!({"use_cookie": true, "cookie_name": "k", "disable_header": true}),
        ),
        ("bearer", "use_standard_auth", "authToken", Value::Null),
        ("basic", "use_basic_auth", "basic", Value::Null),
        (
            "flow",
            "use_oauth2",
            "oauth",
            json!({"auth_header_name": "Authorization", "disable_header": false}),
        ),
    ] {
        let found = classic(&secured(json!([{name: []}]), declared(), setup()));
        assert_eq!(found[flag], json!(true), "{name}");
        assert_eq!(found["use_keyless"], json!(false), "{name}");
        let places = found
            .get("auth_configs")
            .and_then(|configs| configs.get(kind));
        assert_eq!(places.cloned().unwrap_or(Value::Null), place, "{name}");
    }
}

#[test]
fn schemes_that_are_not_there_or_not_supported_are_refused_by_their_place() {
    let setups = "x-tyk-api-gateway.server.authentication.securitySchemes";
    for (name, expected) in [
        (
            "nobody",
            "security[0].nobody: unknown security scheme".to_owned(),
        ),
        (
            "jwt",
            format!("{setups}.jwt.enabled: this way of authentication"),
        ),
        (
            "digest",
            "components.securitySchemes.digest.scheme: must be basic or bearer".to_owned(),
        ),
        (
            "oidc",
            "components.securitySchemes.oidc.type: must be apiKey, http or oauth2".to_owned(),
        ),
        (
            "half",
            "components.securitySchemes.half.in: must be header, query or cookie".to_owned(),
        ),
        (
            "empty",
            "components.securitySchemes.empty.flows: is required".to_owned(),
        ),
    ] {
        let found = faults(&secured(json!([{name: []}]), declared(), setup()));
        assert!(
            found.iter().any(|fault| fault.starts_with(&expected)),
            "{name}: {found:?}"
        );
    }
    let found = faults(&secured(json!([{"key": []}]), declared(), json!({})));
    let expected = format!("{setups}.key: is required, because security chooses this scheme");
    assert!(found.contains(&expected), "{found:?}");
    let found = faults(&secured(json!([{"key": []}]), json!({}), setup()));
    let expected = format!("{setups}.basic: unknown security scheme");
    assert!(
        found.iter().any(|fault| fault.starts_with(&expected)),
        "{found:?}"
    );
    let found = faults(&secured(json!("key"), declared(), setup()));
    assert!(found.contains(&"security: Invalid type. Expected: array, given: string".to_owned()));
    let bare = json!({"key": {}, "flow": {"enabled": "yes"}});
    for name in ["key", "flow"] {
        let found = faults(&secured(json!([{name: []}]), declared(), bare.clone()));
        let expected = format!("{setups}.{name}.enabled: ");
        assert!(
            found.iter().any(|fault| fault.starts_with(&expected)),
            "{found:?}"
        );
    }
}

#[test]
fn two_of_a_kind_and_alternatives_are_refused_where_they_would_be_required() {
    let both = secured(json!([{"key": [], "other": []}]), declared(), setup());
    let expected = "security[0].other: two schemes of one kind cannot be required together";
    assert!(faults(&both).contains(&expected.to_owned()));
    let alternatives = json!([{"flow": []}, {"key": []}]);
    let only = json!({"flow": setup()["flow"]});
    let legacy = secured(alternatives, declared(), only);
    let (spec, warnings) = read(&legacy);
    assert!(matches!(spec.auth, Auth::OAuth(_)));
    let said = "security[1].key: only the first requirement counts";
    assert!(
        warnings.iter().any(|warning| warning.starts_with(said)),
        "{warnings:?}"
    );
    let compliant = with(
        legacy.clone(),
        "/x-tyk-api-gateway/server/authentication/securityProcessingMode",
        json!("compliant"),
    );
    assert!(
        faults(&compliant)[0].starts_with("security[1].key: alternatives are not supported yet")
    );
    let vendor = with(
        compliant,
        "/x-tyk-api-gateway/server/authentication/security",
        json!([["hmac"]]),
    );
    let place = "x-tyk-api-gateway.server.authentication.security: ";
    assert!(faults(&vendor).iter().any(|fault| fault.starts_with(place)));
}

#[test]
fn an_api_that_asks_for_nothing_is_keyless_whatever_its_schemes() {
    let disabled = with(
        secured(json!([{"flow": []}]), declared(), setup()),
        "/x-tyk-api-gateway/server/authentication/enabled",
        json!(false),
    );
    assert_eq!(read(&disabled).0.auth, Auth::Keyless);
}

#[test]
fn schemes_are_found_to_the_letter_and_so_many_may_be_set_up() {
    let chosen = json!([{"Key": []}]);
    let unknown = faults(&secured(chosen, declared(), setup()));
    assert!(
        unknown
            .iter()
            .any(|fault| fault.contains("unknown security scheme")),
        "{unknown:?}"
    );
    let of = |count: usize| {
        let names = (0..count).map(|number| format!("s{number}"));
        let all = |value: Value| -> Value {
            let members = names.clone().map(|name| (name, value.clone()));
            members.collect::<serde_json::Map<_, _>>().into()
        };
        let declared = all(json!({"type": "apiKey", "in": "header", "name": "X-Key"}));
        secured(json!([{"s1": []}]), declared, all(json!({"enabled": true})))
    };
    assert_eq!(read(&of(64)).1.len(), 63, "one is chosen");
    assert_eq!(
        faults(&of(65)),
        [
            "x-tyk-api-gateway.server.authentication.securitySchemes: has 65 entries, at most 64 are allowed"
        ]
    );
}

#[test]
fn urls_of_a_flow_that_are_not_ours_are_warned_of() {
    let flow = json!({"authorizationCode": {
        "authorizationUrl": "https://elsewhere.test/authorize", "tokenUrl": "/oauth/token/", "refreshUrl": "",
        "scopes": {"read": "", "write": ""}
    }});
    let document = with(oauth(), "/components/securitySchemes/myScheme/flows", flow);
    let (_, warnings) = read(&document);
    let place = "components.securitySchemes.myScheme.flows.authorizationCode.authorizationUrl: ";
    assert!(
        warnings.len() == 1 && warnings[0].starts_with(place),
        "{warnings:?}"
    );
    assert_eq!(
        classic(&document)["raftgate"]["allowed_scopes"],
        json!(["read", "write"])
    );
    assert!(oauth_of(&document).scopes.is_some());
    assert!(oauth_of(&oauth()).scopes.is_none());
    let bad = json!({"authorizationCode": {"scopes": {"two words": ""}}});
    let found = faults(&with(
        oauth(),
        "/components/securitySchemes/myScheme/flows",
        bad,
    ));
    assert!(
        found[0].starts_with("components.securitySchemes.myScheme.flows: "),
        "{found:?}"
    );
}

#[test]
fn a_scheme_that_is_demanded_is_set_up_or_said_to_be_off() {
    let demanding = || secured(json!([{"key": []}]), declared(), setup());
    let place = "/x-tyk-api-gateway/server/authentication";
    assert_eq!(
        faults(&with(demanding(), place, json!(null))),
        [
            "x-tyk-api-gateway.server.authentication: is required, because security demands a scheme: \
             with \"enabled\": false the API is open to everybody"
        ]
    );
    let (_, warnings) = read(&with(demanding(), place, json!({"enabled": false})));
    assert_eq!(
        warnings,
        [
            "x-tyk-api-gateway.server.authentication: is off, so the API is open to everybody, although security demands a scheme"
        ]
    );
    // One that demands nothing of everybody is open by its own word.
    for nothing in [json!([]), json!([{}]), json!(null)] {
        let document = with(demanding(), "/security", nothing);
        let (_, warnings) = read(&with(document, place, json!(null)));
        assert_eq!(warnings, Vec::<String>::new());
    }
}
