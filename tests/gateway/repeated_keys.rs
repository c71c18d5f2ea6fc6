//! A key that stands twice in a document of the control API is refused at its path: readers differ on which of the two counts.

use serde_json::{Value, json};

use crate::harness::{Answer, Node, keyless_api, merge, oauth_api, policy};
use crate::oas::oas_document;
use crate::world::text;

pub(crate) const TARGET: &str = "http://127.0.0.1:9/";

/// What can be read of a node that a document could have changed.
pub(crate) fn kept(node: &Node) -> Vec<Value> {
    [
        "/tyk/apis",
        "/tyk/apis/oas",
        "/tyk/policies",
        "/tyk/keys",
        "/tyk/keys/some-name",
        "/tyk/oauth/clients/guarded",
        "/raftgate/v1/admin-tokens",
    ]
    .iter()
    .map(|path| node.ask("GET", path, &Value::Null).json())
    .collect()
}

/// An OpenAPI document that says nothing of a gateway.
pub(crate) fn bare() -> Value {
    let mut document = oas_document("described", TARGET);
    document
        .as_object_mut()
        .unwrap()
        .remove("x-tyk-api-gateway");
    merge(&mut document, json!({"servers": [{"url": TARGET}]}));
    document
}

pub(crate) fn session() -> Value {
    json!({"access_rights": {"plain": {"api_id": "plain", "versions": ["Default"]}}, "alias": "a"})
}

pub(crate) fn registration() -> Value {
    json!({"api_id": "guarded", "policy_id": "guarded-policy", "description": "a"})
}

/// Every door that takes a document: how it is asked, a document that it takes, and a key of it.
fn doors(client: &str) -> Vec<(&'static str, String, Value, &'static str)> {
    let plain = keyless_api("plain", "/plain/", TARGET);
    let oas = oas_document("described", TARGET);
    let gold = policy("gold", &["plain"]);
    let registration = registration();
    let at = |path: &str| path.to_owned();
    vec![
        ("POST", at("/tyk/apis"), plain.clone(), "proxy"),
        ("POST", at("/tyk/apis/plain"), plain.clone(), "api_id"),
        ("PUT", at("/tyk/apis/plain"), plain, "use_keyless"),
        (
            "POST",
            at("/tyk/apis/oas"),
            oas.clone(),
            "x-tyk-api-gateway",
        ),
        ("PUT", at("/tyk/apis/oas/described"), oas, "openapi"),
        ("PATCH", at("/tyk/apis/oas/described"), bare(), "info"),
        (
            "POST",
            at("/tyk/apis/oas/import?apiID=imported&listenPath=/imported/"),
            bare(),
            "servers",
        ),
        ("POST", at("/tyk/policies"), gold.clone(), "id"),
        ("PUT", at("/tyk/policies/gold"), gold, "access_rights"),
        ("POST", at("/tyk/keys"), session(), "access_rights"),
        ("POST", at("/tyk/keys/create"), session(), "alias"),
        ("POST", at("/tyk/keys/preview"), session(), "alias"),
        ("POST", at("/tyk/keys/some-name"), session(), "alias"),
        ("PUT", at("/tyk/keys/some-name"), session(), "access_rights"),
        (
            "POST",
            at("/tyk/keys/policy/some-name"),
            json!({"policy": "gold"}),
            "policy",
        ),
        (
            "POST",
            at("/tyk/oauth/clients/create"),
            registration.clone(),
            "policy_id",
        ),
        (
            "PUT",
            format!("/tyk/oauth/clients/guarded/{client}"),
            registration.clone(),
            "description",
        ),
        (
            "POST",
            at("/api/apis/oauth/guarded"),
            registration.clone(),
            "policy_id",
        ),
        (
            "PUT",
            format!("/api/apis/oauth/guarded/{client}"),
            registration,
            "policy_id",
        ),
        (
            "POST",
            at("/raftgate/v1/admin-tokens"),
            json!({"name": "keeper", "role": "read-only"}),
            "role",
        ),
    ]
}

/// The text of a document in which this key stands twice, both times with the same value or with another one first.
fn twice(document: &Value, key: &str, first: &Value) -> String {
    let text = document.to_string();
    format!("{{\"{key}\":{first},{}", &text[1..])
}

#[track_caller]
fn assert_twice(answer: &Answer, path: &str) {
    let said = answer.text();
    assert_eq!(answer.status, 400, "{path}: {said}");
    let body = answer.json();
    let message = [text(&body, "message"), text(&body, "Message")].concat();
    let named = format!("{path}: this key stands twice in one object, again at line 1 column ");
    assert!(message.contains(&named), "{path}: {said}");
}

#[test]
fn a_document_that_names_a_key_twice_is_400_at_every_door_and_changes_nothing() {
    let node = Node::start();
    node.create_api(&keyless_api("plain", "/plain/", TARGET));
    node.create_policy(&policy("gold", &["plain"]));
    let described = oas_document("described", TARGET);
    node.ask("POST", "/tyk/apis/oas", &described)
        .expect_status(200);
    let client = node.create_oauth_api("guarded", TARGET);
    node.ask("POST", "/tyk/keys/some-name", &session())
        .expect_status(200);
    let before = kept(&node);
    let secret = node.secret();
    let headers = [
        ("authorization", secret.as_str()),
        ("content-type", "application/json"),
    ];
    let send = |method: &str, path: &str, body: &str| {
        let url = node.control_url(path);
        node.client().send(method, &url, &headers, body.as_bytes())
    };
    let doors = doors(&client.id);
    for (method, path, document, key) in &doors {
        for first in [&document[*key], &Value::Null, &json!({"s3cret-value": []})] {
            assert_twice(&send(method, path, &twice(document, key, first)), key);
        }
        let nested = document.to_string();
        let nested = format!(
            "{{\"x-own\":[0,{{\"a b\":{{\"c\":1,\"c\":1}}}}],{}",
            &nested[1..]
        );
        assert_twice(&send(method, path, &nested), "x-own[1].a b.c");
        assert_eq!(kept(&node), before, "{method} {path}");
    }
    // Keys that differ in case alone are one to decoders like Tyk's.
    let mut definition = oauth_api("guarded", "/guarded/", TARGET).to_string();
    definition.insert_str(1, "\"Use_Keyless\":true,");
    let refused = send("POST", "/tyk/apis", &definition).expect_status(400);
    assert!(
        refused
            .text()
            .contains("use_keyless: is given twice, in different spellings")
    );
    assert_eq!(kept(&node), before);
    assert!(!node.log().contains("s3cret-value"), "{}", node.log());
    // It was the repetition alone that was refused.
    for (method, path, document, _) in &doors {
        let taken = send(method, path, &document.to_string());
        assert_eq!(taken.status, 200, "{method} {path}: {}", taken.text());
    }
}

#[test]
fn yaml_that_names_a_key_twice_is_400_at_its_line() {
    let node = Node::start();
    let secret = node.secret();
    let headers = [
        ("authorization", secret.as_str()),
        ("content-type", "application/yaml"),
    ];
    let yaml = "api_id: plain\nname: plain\nuse_keyless: false\nuse_keyless: true\n";
    for path in ["/tyk/apis", "/tyk/apis/oas"] {
        let url = node.control_url(path);
        let refused = node.client().send("POST", &url, &headers, yaml.as_bytes());
        let message = text(&refused.expect_status(400).json(), "message");
        assert!(
            message.contains("line 4 column 1: a key stands twice in one mapping"),
            "{message}"
        );
    }
    assert_eq!(node.ask("GET", "/tyk/apis", &Value::Null).json(), json!([]));
}
