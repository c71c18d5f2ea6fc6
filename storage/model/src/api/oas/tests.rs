//! Documents as people write them, and what they become.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use serde_json::json;

use super::*;
use crate::api::{ApiDocument, ApiSpec, Auth, OAuthSpec};
use crate::oauth::grant_type::{GrantType, ResponseType};

/// The smallest document that is valid.
pub(super) fn minimal() -> Value {
    json!({
        "openapi": "3.0.3", "info": {"title": "a", "version": "1"}, "paths": {},
        "x-tyk-api-gateway": {
            "info": {"id": "a", "name": "a", "state": {"active": true}},
            "upstream": {"url": "http://up:80"},
            "server": {"listenPath": {"value": "/a/", "strip": true}}
        }
    })
}

/// An OAuth API whose scheme has a name of the author's own.
fn oauth() -> Value {
    let document = with(minimal(), "/security", json!([{"myScheme": []}]));
    let document = with(
        document,
        "/components",
        json!({"securitySchemes": {"myScheme": {"type": "oauth2", "flows": {
            "authorizationCode": {"authorizationUrl": "/oauth/authorize", "tokenUrl": "/oauth/token", "scopes": {}}
        }}}}),
    );
    with(
        document,
        "/x-tyk-api-gateway/server/authentication",
        json!({"enabled": true, "stripAuthorizationData": true, "securitySchemes": {"myScheme": {
            "enabled": true, "allowedAuthorizeTypes": ["code"], "refreshToken": true,
            "authLoginRedirect": "http://idp.test/login",
            "header": {"enabled": true, "name": "X-Token"},
            "notifications": {"onKeyChangeUrl": "http://hook.test/", "sharedSecret": "s"}
        }}}),
    )
}

const SCHEME: &str = "/x-tyk-api-gateway/server/authentication/securitySchemes/myScheme";

fn with(document: Value, pointer: &str, value: Value) -> Value {
    crate::api::fixture::with(document, pointer, value)
}

fn without(mut document: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    assert!(parent.as_object_mut().unwrap().shift_remove(key).is_some());
    document
}

fn read(document: &Value) -> (ApiSpec, Vec<String>) {
    let (spec, warnings) = ApiSpec::from_text(&document.to_string()).unwrap();
    (spec, warnings.iter().map(ToString::to_string).collect())
}

fn oauth_of(document: &Value) -> OAuthSpec {
    match read(document).0.auth {
        Auth::OAuth(oauth) => oauth,
        other => panic!("not an OAuth API: {other:?}"),
    }
}

fn faults(document: &Value) -> Vec<String> {
    let faults = ApiSpec::from_text(&document.to_string()).unwrap_err();
    faults.all().iter().map(ToString::to_string).collect()
}

fn classic(document: &Value) -> Value {
    let document = ApiDocument::parse(&document.to_string()).unwrap();
    serde_json::from_str(&document.classic().to_text()).unwrap()
}

#[test]
fn a_minimal_document_is_a_keyless_api() {
    let (spec, warnings) = read(&minimal());
    assert_eq!(spec.auth, Auth::Keyless);
    assert_eq!(
        (spec.id.as_str(), spec.active, spec.strip_listen_path),
        ("a", true, true)
    );
    assert_eq!(spec.listen_path.as_str(), "/a");
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn a_scheme_of_any_name_makes_an_oauth_api() {
    let (spec, warnings) = read(&oauth());
    assert_eq!(warnings, [""; 0]);
    assert!(spec.strip_auth_data);
    let oauth = oauth_of(&oauth());
    assert_eq!(oauth.credential.header.as_deref(), Some("x-token"));
    assert_eq!(
        (oauth.credential.query, oauth.credential.cookie),
        (None, None)
    );
    assert_eq!(oauth.grant_types.iter().count(), 2);
    assert!(oauth.grant_types.contains(GrantType::AuthorizationCode));
    assert!(oauth.grant_types.contains(GrantType::RefreshToken));
    assert!(oauth.response_types.contains(ResponseType::Code));
    assert_eq!(
        oauth.login_redirect.as_deref(),
        Some("http://idp.test/login")
    );
    assert_eq!(&*oauth.notifications.unwrap().url, "http://hook.test/");
}

#[test]
fn grants_follow_from_the_flows() {
    for (flows, refresh, expected) in [
        (
            json!({"clientCredentials": {}}),
            false,
            vec!["client_credentials"],
        ),
        (
            json!({"password": {}}),
            true,
            vec!["password", "refresh_token"],
        ),
        (json!({"implicit": {}}), false, vec![]),
        (
            json!({"authorizationCode": {}, "clientCredentials": {}}),
            true,
            vec!["authorization_code", "client_credentials", "refresh_token"],
        ),
    ] {
        let document = with(oauth(), "/components/securitySchemes/myScheme/flows", flows);
        let document = with(document, &format!("{SCHEME}/refreshToken"), json!(refresh));
        let grants = &classic(&document)["oauth_meta"]["allowed_access_types"];
        assert_eq!(grants, &json!(expected));
        assert!(ApiSpec::from_text(&document.to_string()).is_ok());
    }
}

#[test]
fn a_header_is_looked_at_only_when_it_is_given() {
    let bare = without(oauth(), &format!("{SCHEME}/header"));
    let expected = "x-tyk-api-gateway.server.authentication.securitySchemes.myScheme: all auth sources are disabled for oauth, at least one of header/cookie/query must be enabled";
    assert_eq!(faults(&bare), [expected]);
    let query = with(
        bare,
        &format!("{SCHEME}/query"),
        json!({"enabled": true, "name": "t"}),
    );
    let place = oauth_of(&query).credential;
    assert_eq!((place.header, place.query.as_deref()), (None, Some("t")));
}

#[test]
fn everything_that_is_missing_or_of_a_wrong_type_is_said_at_once() {
    let document = json!({
        "openapi": "2.0", "info": {"title": 7}, "paths": null,
        "x-tyk-api-gateway": {
            "info": {"name": " ", "state": {}},
            "upstream": {},
            "server": {"listenPath": {"strip": "yes"}, "port": 0},
            "middleware": {"global": {"cors": {"allowedOrigins": ["*", 7, 8]}}}
        }
    });
    assert_eq!(
        faults(&document),
        [
            "openapi: must be a version 3.0.x or 3.1.x of OpenAPI",
            "info.title: Invalid type. Expected: string, given: integer",
            "info.version: is required",
            "paths: Invalid type. Expected: object, given: null",
            "x-tyk-api-gateway.info.name: must not be blank",
            "x-tyk-api-gateway.info.state.active: is required",
            "x-tyk-api-gateway.server.listenPath.value: is required",
            "x-tyk-api-gateway.server.listenPath.strip: Invalid type. Expected: boolean, given: string",
            "x-tyk-api-gateway.server.port: must be a whole number, at least 1",
            "x-tyk-api-gateway.middleware.global.cors.enabled: is required",
            "x-tyk-api-gateway.middleware.global.cors.allowedOrigins[1]: Invalid type. Expected: string, given: integer",
            "x-tyk-api-gateway.middleware.global.cors.allowedOrigins[2]: Invalid type. Expected: string, given: integer",
            "x-tyk-api-gateway.upstream.url: is required, unless loadBalancing names targets",
            "x-tyk-api-gateway.info.id: is missing",
        ]
    );
}

#[test]
fn the_rules_of_classic_speak_by_the_documents_paths() {
    for (pointer, value, expected) in [
        ("/info/internal_name", json!("kept"), ""),
        (
            "/server/listenPath/value",
            json!("no-slash"),
            "x-tyk-api-gateway.server.listenPath.value: ",
        ),
        (
            "/upstream/url",
            json!("nowhere"),
            "x-tyk-api-gateway.upstream.url: ",
        ),
        ("/info/id", json!("a/b"), "x-tyk-api-gateway.info.id: "),
        (
            "/info/state",
            json!({"active": true, "internal": true}),
            "x-tyk-api-gateway.info.state.internal: ",
        ),
        (
            "/server/clientCertificates",
            json!({"enabled": true}),
            "x-tyk-api-gateway.server.clientCertificates.enabled: ",
        ),
        (
            "/middleware",
            json!({"global": {"prePlugins": [{"enabled": true, "functionName": "f"}]}}),
            "x-tyk-api-gateway.middleware.global.prePlugins: ",
        ),
    ] {
        let document = with(minimal(), &format!("/x-tyk-api-gateway{pointer}"), value);
        match expected {
            "" => assert!(ApiSpec::from_text(&document.to_string()).is_ok()),
            _ => {
                let found = faults(&document);
                assert!(
                    found.len() == 1 && found.concat().starts_with(expected),
                    "{found:?}"
                );
            }
        }
    }
}

#[test]
fn settings_of_our_own_are_those_of_classic() {
    let document = with(
        minimal(),
        "/x-raftgate",
        json!({"error_style": "tyk", "auth_code_ttl_s": 5}),
    );
    assert_eq!(
        read(&document)
            .0
            .settings
            .auth_code_ttl
            .map(|ttl| ttl.as_s()),
        Some(5)
    );
    let wrong = with(
        minimal(),
        "/x-raftgate",
        json!({"eror_style": "tyk", "auth_code_ttl_s": 0}),
    );
    let found = faults(&wrong);
    assert!(
        found[0].starts_with("x-raftgate.eror_style: is not a known key"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("x-raftgate.auth_code_ttl_s: must be"),
        "{found:?}"
    );
    let wrong = with(minimal(), "/x-raftgate", json!([]));
    assert_eq!(
        faults(&wrong),
        ["x-raftgate: Invalid type. Expected: object, given: array"]
    );
}

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
fn placeholders_are_warned_of_and_lead_nowhere() {
    for host in ["<identity-server>", "{idp}", "<your-idp>:8080"] {
        let url = json!(format!("http://{host}/login"));
        let document = with(oauth(), &format!("{SCHEME}/authLoginRedirect"), url.clone());
        let document = with(
            document,
            &format!("{SCHEME}/notifications/onKeyChangeUrl"),
            url,
        );
        let (_, warnings) = read(&document);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(
            warnings[0].contains(".authLoginRedirect: its host is a placeholder"),
            "{warnings:?}"
        );
        assert!(
            warnings[1].contains(".notifications.onKeyChangeUrl: "),
            "{warnings:?}"
        );
        let oauth = oauth_of(&document);
        assert_eq!((oauth.login_redirect, oauth.notifications), (None, None));
    }
}

#[test]
fn operations_are_linked_by_their_ids() {
    let document = with(
        minimal(),
        "/paths",
        json!({"/a": {"get": {"operationId": "one"}, "post": {"operationId": "one"}}, "b": {}, "/c": 7, "x-note": 1}),
    );
    let document = with(
        document,
        "/x-tyk-api-gateway/middleware",
        json!({"operations": {"one": {"block": {"enabled": true}}, "gone": {"allow": {}}, "odd": 5}}),
    );
    assert_eq!(
        faults(&document)[..5],
        [
            "paths./a.post.operationId: is also the operationId of paths./a.get",
            "paths.b: a path begins with /",
            "paths./c: Invalid type. Expected: object, given: integer",
            "x-tyk-api-gateway.middleware.operations.gone.allow.enabled: is required",
            "x-tyk-api-gateway.middleware.operations.odd: Invalid type. Expected: object, given: integer",
        ]
    );
    let document = with(
        minimal(),
        "/paths",
        json!({"/a": {"get": {"operationId": "one"}}}),
    );
    let gone = json!({"operations": {"gone": {"trackEndpoint": {"enabled": true}}}});
    let (_, warnings) = read(&with(document, "/x-tyk-api-gateway/middleware", gone));
    let place = "x-tyk-api-gateway.middleware.operations.gone: no operation of paths";
    assert!(
        warnings.len() == 1 && warnings[0].starts_with(place),
        "{warnings:?}"
    );
}

proptest::proptest! {
    #[test]
    fn no_value_at_any_place_panics(
        place in 0_usize..500,
        value in proptest::sample::select(vec![
            json!(null), json!(true), json!(-1), json!(1.5), json!("x"), json!([]), json!([[null]]), json!({}), json!({"enabled": 1})
        ])
    ) {
        let mut document: Value = serde_json::from_str(include_str!("whole_oas.json")).unwrap();
        replace(&mut document, &mut { place }, &value);
        let _ = ApiSpec::from_text(&document.to_string());
    }
}

/// Replaces the value that stands at a position in the order of the document.
fn replace(value: &mut Value, position: &mut usize, with: &Value) {
    if *position == 0 {
        *value = with.clone();
        *position = usize::MAX;
        return;
    }
    *position -= 1;
    match value {
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| replace(value, position, with)),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|value| replace(value, position, with)),
        _ => {}
    }
}
