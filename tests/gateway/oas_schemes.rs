//! Security schemes of OAS documents at work: keys by header, query and cookie, bearer tokens, passwords.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api_keys::KeyApi;
use crate::apis::message;
use crate::harness::Style;
use crate::oas::{ask, oas_document};
use crate::oas_rules::extension;
use crate::rules::in_both_styles;
use crate::world::{World, unique};

const MISSING: ((u16, &str), (u16, &str)) =
    ((401, "unauthorized"), (401, "Authorization field missing"));

/// A document whose one scheme is declared and set up so.
fn document(world: &World, id: &str, declared: &Value, setup: &Value) -> Value {
    let mut document = oas_document(id, &world.upstream.url("/"));
    document["security"] = json!([{"My Scheme": []}]);
    document["components"] = json!({"securitySchemes": {"My Scheme": declared}});
    document["paths"] = json!({"/open": {"get": {"operationId": "open"}}});
    extension(&mut document)["server"]["authentication"] = json!({
        "enabled": true, "stripAuthorizationData": true, "securitySchemes": {"My Scheme": setup}
    });
    let open = json!({"operations": {"open": {"ignoreAuthentication": {"enabled": true}}}});
    extension(&mut document)["middleware"] = open;
    document
}

/// The API of such a document.
#[track_caller]
fn api_of<'w>(world: &'w World, style: Style, declared: &Value, setup: &Value) -> KeyApi<'w> {
    let id = unique("oas-keyed");
    let mut document = document(world, &id, declared, setup);
    document["x-raftgate"] = json!({"error_style": style.name()});
    ask(world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    KeyApi { world, id, style }
}

/// Where a key is presented.
#[derive(Clone, Copy, Debug)]
enum At {
    Header(&'static str),
    Query(&'static str),
    Cookie(&'static str),
}

fn present(api: &KeyApi<'_>, at: At, key: &str) -> crate::harness::Answer {
    match at {
        At::Header(name) => api.get("/called", &[(name, key)]),
        At::Query(name) => api.get(&format!("/called?{name}={key}"), &[]),
        At::Cookie(name) => api.get("/called", &[("cookie", &format!("a=b; {name}={key}"))]),
    }
}

#[test]
fn a_key_comes_where_the_document_says() {
    let places = [
        At::Header("x-api-key"),
        At::Header("authorization"),
        At::Query("k"),
        At::Cookie("sid"),
    ];
    let declared = |place: &str, name: &str| json!({"type": "apiKey", "in": place, "name": name});
    let on = json!({"enabled": true});
    in_both_styles(|world, style| {
        for (declared, setup, taken) in [
            (declared("header", "X-Api-Key"), on.clone(), vec![0]),
            (declared("query", "k"), on.clone(), vec![2]),
            (declared("cookie", "sid"), on.clone(), vec![3]),
            (
                declared("query", "k"),
                json!({
                    "enabled": true, "header": {"enabled": true, "name": "X-Api-Key"},
                    "cookie": {"enabled": true, "name": "sid"}
                }),
                vec![0, 2, 3],
            ),
            (
                json!({"type": "http", "scheme": "bearer"}),
                json!({"enabled": true, "header": {"enabled": true, "name": "Authorization"}}),
                vec![1],
            ),
        ] {
            let api = api_of(world, style, &declared, &setup);
            let key = api.key(json!({}));
            for (number, at) in places.into_iter().enumerate() {
                let answer = present(&api, at, &key);
                if taken.contains(&number) {
                    let seen = answer.expect_status(200).text();
                    assert!(!seen.contains(&key), "the credential is stripped: {seen}");
                    api.unknown(&present(&api, at, "unknown"));
                } else {
                    api.refused(&answer, MISSING.0, MISSING.1);
                }
            }
            // A path without authentication asks for nothing, and a wrong key is no hindrance there.
            api.get("/open", &[]).expect_status(200);
            api.get("/open", &[("x-api-key", "unknown")])
                .expect_status(200);
        }
    });
}

#[test]
fn a_password_is_asked_for() {
    in_both_styles(|world, style| {
        let declared = json!({"type": "http", "scheme": "Basic"});
        let setup = json!({"enabled": true, "header": {"enabled": true, "name": "Authorization"}});
        let api = api_of(world, style, &declared, &setup);
        let user = unique("user");
        let session = api.session(json!({"basic_auth_data": {"password": "s3cret"}}));
        let path = format!("/tyk/keys/{user}");
        world.node.ask("POST", &path, &session).expect_status(200);
        let call = |password: &str| {
            let credential = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            api.get("/called", &[("authorization", &credential)])
        };
        assert!(!call("s3cret").expect_status(200).text().contains("Basic "));
        let realm = format!("Basic realm=\"{}\"", api.id);
        let wrong = call("wrong");
        api.refused(&wrong, (401, "unauthorized"), (401, "User not authorised"));
        assert_eq!(wrong.header("www-authenticate"), realm);
        let missing = api.get("/called", &[]);
        api.refused(&missing, MISSING.0, MISSING.1);
        assert_eq!(missing.header("www-authenticate"), realm);
        // A key is no password.
        assert_eq!(api.call(&api.key(json!({}))).status, 400);
        api.get("/open", &[]).expect_status(200);
    });
}

#[test]
fn wrong_schemes_are_told_by_the_paths_of_their_author() {
    let world = World::shared();
    let scheme = "x-tyk-api-gateway.server.authentication.securitySchemes.My Scheme";
    let declared_at = "components.securitySchemes.My Scheme";
    let key = json!({"type": "apiKey", "in": "header", "name": "X-Key"});
    let basic = json!({"type": "http", "scheme": "basic"});
    let on = json!({"enabled": true});
    for (declared, setup, said) in [
        (
            json!({"type": "apiKey", "in": "body", "name": "k"}),
            on.clone(),
            format!("{declared_at}.in: must be header, query or cookie"),
        ),
        (
            json!({"type": "apiKey", "in": "query"}),
            on.clone(),
            format!("{declared_at}.name: is required"),
        ),
        (
            json!({"type": "apiKey", "in": "header", "name": "X Key"}),
            on.clone(),
            format!("{declared_at}.name: must be at most"),
        ),
        (
            json!({"type": "http", "scheme": "digest"}),
            on.clone(),
            format!("{declared_at}.scheme: must be basic or bearer"),
        ),
        (
            json!({"type": "magic"}),
            on.clone(),
            format!("{declared_at}.type: must be apiKey, http or oauth2"),
        ),
        (
            key.clone(),
            json!({}),
            format!("{scheme}.enabled: is required"),
        ),
        (
            key.clone(),
            json!({"enabled": true, "cookie": {"enabled": "yes"}}),
            format!("{scheme}.cookie.enabled: Invalid type. Expected: boolean, given: string"),
        ),
        (
            key.clone(),
            json!({"enabled": true, "query": {"enabled": true, "name": "a b"}}),
            format!("{scheme}.query.name: must be at most"),
        ),
        (
            key,
            json!({"enabled": true, "enableClientCertificate": true}),
            format!("{scheme}.enableClientCertificate: "),
        ),
        (
            basic.clone(),
            json!({"enabled": true, "header": {"enabled": true, "name": "X Y"}}),
            format!("{scheme}.header.name: must be at most"),
        ),
        (
            basic,
            json!({"enabled": true, "extractCredentialsFromBody": {"enabled": true}}),
            format!(
                "{scheme}.extractCredentialsFromBody.enabled: credentials in bodies are not read"
            ),
        ),
    ] {
        let faulty = document(&world, &unique("oas-faulty"), &declared, &setup);
        let refused = message(&ask(&world, "POST", "/tyk/apis/oas", &faulty).expect_status(400));
        let mut faults = refused.split("; ");
        assert!(
            faults.any(|fault| fault.starts_with(&said)),
            "{said}\n{refused}"
        );
    }
}

#[test]
fn schemes_that_are_set_up_are_bounded_and_named_to_the_letter() {
    let world = World::shared();
    let id = unique("oas-many");
    let declared = json!({"type": "apiKey", "in": "header", "name": "X-Key"});
    let mut many = document(&world, &id, &declared, &json!({"enabled": true}));
    let setups = (0..4000).map(|number| (format!("s{number}"), json!({})));
    let setups: serde_json::Map<String, Value> = setups.collect();
    extension(&mut many)["server"]["authentication"]["securitySchemes"] = setups.into();
    let answer = ask(&world, "POST", "/tyk/apis/oas", &many).expect_status(400);
    let words = message(&answer);
    assert!(
        words.contains("has 4000 entries, at most 64 are allowed"),
        "{words}"
    );
    let mut other = document(&world, &id, &declared, &json!({"enabled": true}));
    other["security"] = json!([{"my scheme": []}]);
    let answer = ask(&world, "POST", "/tyk/apis/oas", &other).expect_status(400);
    let words = message(&answer);
    assert!(words.contains("unknown security scheme"), "{words}");
}
