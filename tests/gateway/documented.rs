//! The definitions that people copy from documentation: they load, and they work.

use serde_json::{Value, json};

use crate::harness::{RecordingServer, Reply, policy};
use crate::oas::ask;
use crate::world::{REDIRECT, Tokens, World, text, unique};

/// The documents that people find in the documentation of Tyk, completed so that they are valid.
const DOCUMENTED_OAS: &str = include_str!("../definitions/documented_oas.json");
const DOCUMENTED_CLASSIC: &str = include_str!("../definitions/documented_classic.json");

/// The documented OAS document at a listen path and under an id of the test's own, its hosts on loopback.
fn documented(id: &str, world: &World, sink: &RecordingServer) -> Value {
    let text = DOCUMENTED_OAS
        .replace("http://<identity-server>/", &sink.url("/"))
        .replace("http://notifyme.com", &sink.url("/hook"))
        .replace("http://httpbin.org/", &world.upstream.url("/"))
        .replace("/my-oauth-api/", &format!("/{id}/"));
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["x-tyk-api-gateway"]["info"]["id"] = json!(id);
    document
}

/// A code, its tokens, a call, a refresh and a notification at an API that is there.
fn assert_at_work(world: &World, id: &str, sink: &RecordingServer) {
    world
        .node
        .create_policy(&policy(&format!("{id}-policy"), &[id]));
    let client = world.node.create_client(
        &json!({"api_id": id, "policy_id": format!("{id}-policy"), "redirect_uri": REDIRECT}),
    );
    let http = world.node.client();
    let query = format!(
        "response_type=code&client_id={}&redirect_uri={REDIRECT}",
        client.id
    );
    let login = http.get(
        &world
            .node
            .gateway_url(&format!("/{id}/oauth/authorize?{query}")),
        &[],
    );
    let login = login.expect_status(307);
    assert!(
        login.header("location").starts_with(&sink.url("/")),
        "{}",
        login.header("location")
    );
    let secret = world.node.secret();
    let approved = http.post_form(
        &world
            .node
            .gateway_url(&format!("/{id}/tyk/oauth/authorize-client/")),
        &[("x-tyk-authorization", &secret)],
        &[
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", REDIRECT),
        ],
    );
    let code = text(&approved.expect_status(200).json(), "code");
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
    ];
    let tokens = Tokens::of(world.node.ask_token(id, &client, &exchange));
    let called = world
        .node
        .get_with_token(&format!("/{id}/get"), &tokens.access);
    assert_eq!(called.expect_status(200).json()["target"], json!("/get"));
    world
        .node
        .get_with_token(&format!("/{id}/get"), "nobody")
        .expect_status(401);
    let told = sink.wait_for(1).remove(0);
    assert_eq!(told.json()["new_oauth_token"], json!(tokens.access));
    assert!(!told.header("x-tyk-shared-secret").is_empty());
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    let newer = Tokens::of(world.node.ask_token(id, &client, &refresh));
    world
        .node
        .get_with_token(&format!("/{id}/get"), &newer.access)
        .expect_status(200);
}

#[test]
fn the_documented_oas_document_works() {
    let world = World::shared();
    let sink = RecordingServer::replying(Reply::ok(""));
    let id = unique("documented-oas");
    let document = documented(&id, &world, &sink);
    let made = ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    assert_eq!(
        made.json(),
        json!({"key": id, "status": "ok", "action": "added"})
    );
    assert_at_work(&world, &id, &sink);
}

#[test]
fn the_documented_classic_definition_works() {
    let world = World::shared();
    let sink = RecordingServer::replying(Reply::ok(""));
    let id = unique("documented-classic");
    let text = DOCUMENTED_CLASSIC
        .replace("http://lonelycode.com/", &sink.url("/"))
        .replace("http://posttestserver.com/", &sink.url("/"))
        .replace("http://httpbin.org/", &world.upstream.url("/"))
        .replace("oauth-test-api", &id);
    let definition: Value = serde_json::from_str(&text).unwrap();
    world.node.create_api(&definition);
    assert_at_work(&world, &id, &sink);
}

#[test]
fn a_placeholder_host_is_a_warning() {
    let world = World::shared();
    let id = unique("placeholder");
    let text = DOCUMENTED_OAS.replace("/my-oauth-api/", &format!("/{id}/"));
    let document: Value = serde_json::from_str(&text).unwrap();
    let made = ask(&world, "POST", "/tyk/apis/oas", &document)
        .expect_status(200)
        .json();
    let warnings = made["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{made}");
    let place = "x-tyk-api-gateway.server.authentication.securitySchemes.oauth.authLoginRedirect: ";
    assert!(warnings[0].as_str().unwrap().starts_with(place), "{made}");
}
