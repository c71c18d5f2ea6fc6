//! Where we differ from Tyk on purpose, as far as no other file of these tests speaks of it.

use serde_json::{Value, json};

use crate::harness::{keyless_api, merge, oauth_api};
use crate::world::{OAuthApi, STYLES, World, text, unique};

#[test]
fn grants_that_show_passwords_or_tokens_draw_a_warning() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let path = format!("/tyk/apis/{}", api.id);
        let mut definition = world.node.ask("GET", &path, &Value::Null).json();
        let types = json!({
            "allowed_access_types": ["authorization_code", "password"],
            "allowed_authorize_types": ["code", "token"],
            "auth_login_redirect": "http://127.0.0.1/login",
        });
        merge(&mut definition, json!({"oauth_meta": types}));
        let changed = world.node.ask("PUT", &path, &definition).expect_status(200);
        let warnings = changed.json()["warnings"].to_string();
        assert!(
            warnings.contains("password") && warnings.contains("implicit"),
            "{warnings}"
        );
        let form = [
            ("grant_type", "password"),
            ("username", "u"),
            ("password", "p"),
        ];
        // They are served all the same: the API's allowed types decide.
        let answer = api.token(&form);
        api.assert_error(&answer, (400, "invalid_grant"), (403, "access_denied"));
        api.implicit(&[]).expect_status(200);
    }
}

#[test]
fn an_api_is_not_mounted_under_its_id() {
    let world = World::shared();
    let (keyless, oauth) = (unique("id-of"), unique("id-of"));
    let at = unique("mounted");
    let target = world.upstream.url("/");
    for definition in [
        keyless_api(&keyless, &format!("/{at}/"), &target),
        oauth_api(&oauth, &format!("/{at}/oauth-api/"), &target),
    ] {
        world.node.create_api(&definition);
    }
    let status = |path: String| {
        let url = world.node.gateway_url(&path);
        world.node.client().get(&url, &[]).status
    };
    assert_eq!(status(format!("/{at}/x")), 200);
    for id in [&keyless, &oauth] {
        for rest in ["", "/", "/x", "/oauth/token", "/oauth/authorize"] {
            assert_eq!(status(format!("/{id}{rest}")), 404, "{id}{rest}");
        }
    }
}

#[test]
fn a_token_of_one_kind_is_none_of_another() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (pair, code) = (api.tokens(), api.code());
        for other in [&pair.refresh, &code] {
            api.assert_unknown(other);
        }
        let invalid = "invalid_grant";
        for other in [&pair.access, &code] {
            api.assert_error(&api.refresh(other), (400, invalid), (403, invalid));
        }
        for other in [&pair.access, &pair.refresh] {
            api.assert_error(&api.exchange(other, &[]), (400, invalid), (403, invalid));
        }
        // None of it burnt anything.
        api.assert_good(&pair.access);
        api.refresh(&pair.refresh).expect_status(200);
        api.exchange(&code, &[]).expect_status(200);
    }
}

#[test]
fn a_clients_document_that_is_no_json_is_400_and_a_deletion_may_be_repeated() {
    let world = World::shared();
    let secret = world.node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    let url = world.node.control_url("/tyk/oauth/clients/create");
    for malformed in ["", "{", "[]", "null", "{\"client_id\": }", "client_id=x"] {
        let client = world.node.client();
        let answer = client.send("POST", &url, &headers, malformed.as_bytes());
        let body = answer.expect_status(400).json();
        assert_eq!(text(&body, "status"), "error", "{malformed}");
        assert!(text(&body, "message").starts_with("Request malformed"));
    }
    let keyless = unique("keyless");
    let definition = keyless_api(&keyless, &format!("/{keyless}/"), &world.upstream.url("/"));
    world.node.create_api(&definition);
    let list = format!("/tyk/oauth/clients/{keyless}");
    let none = world.node.ask("GET", &list, &Value::Null);
    assert_eq!(none.expect_status(200).json(), json!([]));
    let api = OAuthApi::new(&world, crate::world::Style::Rfc);
    let path = format!("/tyk/oauth/clients/{}/{}", api.id, api.client.id);
    for _ in 0..2 {
        let gone = world.node.ask("DELETE", &path, &Value::Null);
        let expected = json!({"key": api.client.id, "status": "ok", "action": "deleted"});
        assert_eq!(gone.expect_status(200).json(), expected);
        world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(404);
    }
}
