//! Documents as people write them, and what they become.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod schemes;

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
