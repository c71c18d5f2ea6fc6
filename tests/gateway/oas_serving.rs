//! OpenAPI documents that say nothing of a gateway, and what the gateway gives back of them.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::apis::message;
use crate::harness::{merge, policy};
use crate::oas::{ask, oas_document, shown};
use crate::world::{World, text, unique};

/// An OpenAPI document that says nothing of a gateway.
fn bare(server: &str) -> Value {
    json!({
        "openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": server}],
        "security": [{"flow": []}],
        "components": {"securitySchemes": {"flow": {"type": "oauth2", "flows": {
            "clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {"read:pets": "", "write:pets": ""}}
        }}}},
        "paths": {"/pets": {"get": {"operationId": "list"}, "post": {}}}
    })
}

/// What says of itself that it is off is not warned of as if it were on.
#[test]
fn only_a_rate_limit_that_is_on_draws_a_warning() {
    let world = World::shared();
    let warned = "rate limits are not enforced yet";
    for (limit, warns) in [
        (json!({"enabled": true, "rate": 10, "per": "1m"}), true),
        (json!({"enabled": false, "rate": 10, "per": "1m"}), false),
    ] {
        let id = unique("limited");
        let mut document = oas_document(&id, &world.upstream.url("/"));
        document["x-tyk-api-gateway"]["upstream"]["rateLimit"] = limit.clone();
        let made = ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
        let expected = json!({"key": id, "status": "ok", "action": "added"});
        let is_as_tyks = made.json() == expected;
        assert_eq!(
            (is_as_tyks, made.text().contains(warned)),
            (!warns, warns),
            "{limit}"
        );
    }
}

#[test]
fn a_bare_document_is_imported_and_patched_case_84() {
    let world = World::shared();
    let id = unique("imported");
    let (target, dead) = (world.upstream.url("/"), "http://127.0.0.1:9/".to_owned());
    let import = format!("/tyk/apis/oas/import?apiID={id}&listenPath=/{id}/");
    let document = bare(&target);
    let made = ask(&world, "POST", &import, &document).expect_status(200);
    // It demands a scheme, and nothing was said of the gateway's own: it is open, and that is told.
    let open = "x-tyk-api-gateway.server.authentication: is off, so the API is open to everybody, although security demands a scheme";
    assert_eq!(
        made.json(),
        json!({"key": id, "status": "ok", "action": "added", "warnings": [open]})
    );
    let url = world.node.gateway_url(&format!("/{id}/pets"));
    let called = world.node.client().get(&url, &[]).expect_status(200);
    assert_eq!(called.json()["target"], json!("/pets"));

    let with_extension = oas_document(&id, &target);
    let empty = {
        let mut empty = document.clone();
        merge(&mut empty, json!({"servers": []}));
        empty
    };
    let answer = ask(&world, "POST", &import, &with_extension).expect_status(400);
    assert_eq!(
        message(&answer),
        "the import payload should not contain x-tyk-api-gateway"
    );
    let answer = ask(&world, "POST", &import, &empty).expect_status(400);
    assert!(
        message(&answer).contains("servers object is empty"),
        "{}",
        message(&answer)
    );
    let answer = ask(
        &world,
        "POST",
        &format!("{import}&upstreamURL=nowhere"),
        &empty,
    )
    .expect_status(400);
    assert!(message(&answer).contains("manually configured upstream URL is not valid"));
    ask(
        &world,
        "POST",
        &format!("{import}&upstreamURL={target}"),
        &empty,
    )
    .expect_status(200);
    let answer = ask(
        &world,
        "POST",
        &format!("{import}&authentication=maybe"),
        &document,
    );
    message(&answer.expect_status(400));
    let mut open = document.clone();
    merge(&mut open, json!({"security": []}));
    let answer = ask(
        &world,
        "POST",
        &format!("{import}&authentication=true"),
        &open,
    )
    .expect_status(400);
    assert!(
        message(&answer).contains("security object is empty"),
        "{}",
        message(&answer)
    );

    let patch = format!("/tyk/apis/oas/{id}?authentication=true");
    let changed = ask(&world, "PATCH", &patch, &bare(&dead)).expect_status(200);
    assert_eq!(text(&changed.json(), "action"), "modified");
    world.node.client().get(&url, &[]).expect_status(401);
    let shown = ask(&world, "GET", &format!("/tyk/apis/oas/{id}"), &Value::Null).json();
    // The upstream is the extension's, and what the query does not name stays.
    let own = world.node.gateway_url(&format!("/{id}/"));
    assert_eq!(shown["servers"], json!([{"url": own}, {"url": dead}]));
    assert_eq!(shown["x-tyk-api-gateway"]["upstream"]["url"], json!(target));
    let answer = ask(&world, "PATCH", "/tyk/apis/oas", &document).expect_status(400);
    assert_eq!(message(&answer), "Must specify an apiID to patch");
    ask(&world, "PATCH", "/tyk/apis/oas/nobody", &document).expect_status(404);
}

#[test]
fn scopes_that_no_flow_declares_may_not_be_asked_for() {
    let world = World::shared();
    let id = unique("scoped");
    let target = world.upstream.url("/");
    let import = format!("/tyk/apis/oas/import?apiID={id}&listenPath=/{id}/&authentication=true");
    ask(&world, "POST", &import, &bare(&target)).expect_status(200);
    world
        .node
        .create_policy(&policy(&format!("{id}-policy"), &[&id]));
    let client = world
        .node
        .create_client(&json!({"api_id": id, "policy_id": format!("{id}-policy")}));
    for (scope, status) in [
        ("", 200),
        ("read:pets", 200),
        ("write:pets read:pets", 200),
        ("admin", 400),
        ("read:pets admin", 400),
        ("read:pet", 400),
    ] {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = world
            .node
            .ask_token(&id, &client, &form)
            .expect_status(status);
        if status == 400 {
            assert_eq!(text(&answer.json(), "error"), "invalid_scope", "{scope}");
        }
    }
}

#[test]
fn documents_are_exported_as_files_case_83() {
    let world = World::shared();
    let id = unique("exported");
    let document = oas_document(&id, &world.upstream.url("/"));
    ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    let path = format!("/tyk/apis/oas/{id}/export");
    let exported = ask(&world, "GET", &path, &Value::Null).expect_status(200);
    assert_eq!(exported.json(), shown(&world, &document));
    assert_eq!(exported.header("content-type"), "application/octet-stream");
    let disposition = exported.header("content-disposition").to_owned();
    assert_eq!(
        disposition,
        format!("attachment; filename=\"oas-{id}.json\"")
    );
    let public =
        ask(&world, "GET", &format!("{path}?mode=public"), &Value::Null).expect_status(200);
    assert!(!public.text().contains("x-tyk-api-gateway") && public.text().contains("x-unknown"));
    let headers = ["content-type", "content-disposition"];
    assert_eq!(
        headers.map(|name| public.header(name).to_owned()),
        ["application/octet-stream".to_owned(), disposition]
    );
    let all_public = "/tyk/apis/oas/export?mode=public";
    let all_public = ask(&world, "GET", all_public, &Value::Null).expect_status(200);
    assert!(!all_public.text().contains("x-tyk-api-gateway"));
    assert_eq!(
        headers.map(|name| all_public.header(name)),
        [
            "application/octet-stream",
            "attachment; filename=\"oas.json\""
        ]
    );
    for misspelt in [
        format!("{path}?mode=Public"),
        "/tyk/apis/oas/export?mode=x".to_owned(),
    ] {
        ask(&world, "GET", &misspelt, &Value::Null).expect_status(400);
    }
    let all = ask(&world, "GET", "/tyk/apis/oas/export", &Value::Null).expect_status(200);
    let all_documents = all.json();
    assert!(
        all_documents
            .as_array()
            .unwrap()
            .contains(&shown(&world, &document))
    );
    assert!(all.header("content-disposition").starts_with("attachment"));
    ask(&world, "GET", "/tyk/apis/oas/nobody/export", &Value::Null).expect_status(404);
    // A quote in an id would end the name of the file.
    let mut document = oas_document(&unique("exported"), &world.upstream.url("/"));
    document["x-tyk-api-gateway"]["info"]["id"] = json!(format!("{id}\";filename=\"x"));
    let refused = ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(400);
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("x-tyk-api-gateway.info.id: stands in paths"),
        "{message}"
    );
}

#[test]
fn patches_of_one_document_that_come_at_the_same_time_undo_nothing() {
    let world = World::shared();
    let id = unique("patched");
    let target = world.upstream.url("/");
    let import = format!("/tyk/apis/oas/import?apiID={id}&listenPath=/{id}/");
    let document = bare(&target);
    ask(&world, "POST", &import, &document).expect_status(200);
    let (node, path) = (&world.node, format!("/tyk/apis/oas/{id}"));
    for round in 0..20 {
        let (url, domain) = (
            format!("{target}round{round}"),
            format!("{id}-{round}.test"),
        );
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                let patch = format!("{path}?customDomain={domain}");
                node.ask("PATCH", &patch, &document).expect_status(200);
            });
            barrier.wait();
            let patch = format!("{path}?upstreamURL={url}");
            node.ask("PATCH", &patch, &document).expect_status(200);
        });
        let kept = ask(&world, "GET", &path, &Value::Null).json();
        let kept = kept["x-tyk-api-gateway"].to_string();
        for part in [&url, &domain] {
            assert!(
                kept.contains(part.as_str()),
                "round {round}: no {part} in {kept}"
            );
        }
    }
}
