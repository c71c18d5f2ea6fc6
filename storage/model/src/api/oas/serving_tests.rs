#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use super::*;
use crate::api::{ApiDocument, ApiSpec, Auth};

fn bare() -> Value {
    json!({
        "openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": "http://up.test/v1"}, {"url": "http://other.test"}],
        "security": [{"key": []}],
        "components": {"securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "flow": {"type": "oauth2", "flows": {"clientCredentials": {"scopes": {}}}}
        }},
        "paths": {"/pets": {"get": {"operationId": "list"}, "post": {}}}
    })
}

fn document(value: &Value) -> OasDocument {
    OasDocument::parse(&value.to_string()).unwrap()
}

fn extension(document: &OasDocument) -> Value {
    document.object().get(EXTENSION).unwrap().clone()
}

fn serving() -> Serving {
    Serving {
        api_id: Some(ApiId::new("pets").unwrap()),
        ..Serving::default()
    }
}

#[test]
fn a_bare_document_is_served_from_its_first_server() {
    let imported = document(&bare()).imported(&serving()).unwrap();
    assert_eq!(
        extension(&imported),
        json!({
            "info": {"name": "Pets", "state": {"active": true}, "id": "pets"},
            "upstream": {"url": "http://up.test/v1"},
            "server": {
                "listenPath": {"value": "/", "strip": true},
                "authentication": {"enabled": false}
            }
        })
    );
    let (spec, _) = ApiSpec::read(&ApiDocument::Oas(imported)).unwrap();
    assert_eq!((&*spec.name, spec.auth), ("Pets", Auth::Keyless));
}

#[test]
fn the_callers_words_beat_the_documents() {
    let serving = Serving {
        upstream_url: Some("http://mine.test".to_owned()),
        listen_path: Some("/pets/".to_owned()),
        custom_domain: Some("pets.test".to_owned()),
        allow_list: Some(true),
        ..serving()
    };
    let imported = document(&bare()).imported(&serving).unwrap();
    let found = extension(&imported);
    assert_eq!(found["upstream"]["url"], json!("http://mine.test"));
    assert_eq!(
        found["server"]["listenPath"],
        json!({"value": "/pets/", "strip": true})
    );
    assert_eq!(
        found["server"]["customDomain"],
        json!({"enabled": true, "name": "pets.test"})
    );
    let operations =
        json!({"list": {"allow": {"enabled": true}}, "petsPOST": {"allow": {"enabled": true}}});
    assert_eq!(found["middleware"]["operations"], operations);
    let made = &imported.object()["paths"]["/pets"]["post"]["operationId"];
    assert_eq!(made, &json!("petsPOST"));
}

#[test]
fn who_asks_for_no_authentication_gets_an_open_api_with_a_warning() {
    let imported = document(&bare()).imported(&serving()).unwrap();
    assert_eq!(
        extension(&imported)["server"]["authentication"],
        json!({"enabled": false})
    );
    let (spec, warnings) = ApiSpec::read(&ApiDocument::Oas(imported)).unwrap();
    assert_eq!(spec.auth, Auth::Keyless);
    let warned: Vec<&str> = warnings.iter().map(|warning| &*warning.path).collect();
    assert_eq!(warned, ["x-tyk-api-gateway.server.authentication"]);
}

#[test]
fn authentication_is_by_the_first_requirement() {
    let serving = Serving {
        authentication: Some(true),
        ..serving()
    };
    let imported = document(&bare()).imported(&serving).unwrap();
    assert_eq!(
        extension(&imported)["server"]["authentication"],
        json!({"enabled": true, "securitySchemes": {"key": {"enabled": true}}})
    );
    let mut other = bare();
    other["security"] = json!([{"flow": []}, {"key": []}]);
    let imported = document(&other).imported(&serving).unwrap();
    let (spec, _) = ApiSpec::read(&ApiDocument::Oas(imported)).unwrap();
    assert!(matches!(spec.auth, Auth::OAuth(_)));
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let authenticated = Serving {
        authentication: Some(true),
        ..serving()
    };
    let elsewhere = Serving {
        upstream_url: Some("nowhere".to_owned()),
        ..serving()
    };
    for (member, value, serving, expected) in [
        (EXTENSION, json!({}), serving(), ServingFault::Extended),
        ("servers", json!([]), serving(), ServingFault::NoServers),
        ("servers", json!(null), serving(), ServingFault::NoServers),
        (
            "servers",
            json!([{"url": "/v1"}]),
            serving(),
            ServingFault::Server,
        ),
        ("x", json!(1), elsewhere, ServingFault::Upstream),
        (
            "security",
            json!([]),
            authenticated.clone(),
            ServingFault::NoSecurity,
        ),
        (
            "security",
            json!([{}]),
            authenticated,
            ServingFault::NoSecurity,
        ),
    ] {
        let mut other = bare();
        other[member] = value;
        assert_eq!(document(&other).imported(&serving), Err(expected));
    }
}

#[test]
fn a_patched_document_keeps_how_it_is_served() {
    let old = document(&bare()).imported(&serving()).unwrap();
    let mut newer = bare();
    newer["info"]["version"] = json!("2");
    let patch = Serving {
        listen_path: Some("/v2/".to_owned()),
        ..Serving::default()
    };
    let patched = document(&newer).patched(&old, &patch).unwrap();
    let mut expected = extension(&old);
    expected["server"]["listenPath"]["value"] = json!("/v2/");
    assert_eq!(extension(&patched), expected);
    assert_eq!(patched.object()["info"]["version"], json!("2"));
    let own = json!({"info": {"name": "own"}});
    newer[EXTENSION] = own.clone();
    let patched = document(&newer).patched(&old, &Serving::default()).unwrap();
    assert_eq!(extension(&patched), own);
}
