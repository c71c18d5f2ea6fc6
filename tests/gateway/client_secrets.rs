//! Secrets of clients: made, shown or not, and kept.

use serde_json::{Value, json};

use crate::clients::CREATE;
use crate::harness::{Credentials, Node, policy};
use crate::world::{OAuthApi, Style, World, text, unique};

#[test]
fn generated_ids_and_secrets_are_plain_and_differ() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let mut all = Vec::new();
    for _ in 0..10 {
        let client = api.another_client(json!({}));
        for text in [&client.id, &client.secret] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            assert!(text.len() >= 20 && text.bytes().all(plain), "{text}");
        }
        all.extend([client.id, client.secret]);
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 20);
}

#[test]
fn hashed_secrets_are_shown_once() {
    let node = Node::builder()
        .configuration("[oauth]\nhash_client_secrets = true")
        .start();
    let world = World::of(node);
    let api = OAuthApi::new(&world, Style::Rfc);
    assert!(!api.client.secret.is_empty());
    let path = format!("/tyk/oauth/clients/{}/{}", api.id, api.client.id);
    let shown = world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(200);
    assert!(!shown.text().contains(&api.client.secret));
    assert_eq!(text(&shown.json(), "secret"), "");
    api.assert_good(&api.access_token());
}

#[test]
fn a_secret_that_was_not_stored_is_not_shown() {
    let node = Node::builder()
        .configuration("[oauth]\nhash_client_secrets = true")
        .start();
    let world = World::of(node);
    let api = OAuthApi::new(&world, Style::Rfc);
    let body = json!({"client_id": "again", "api_id": api.id, "policy_id": api.policy_id()});
    let register = || {
        let made = world.node.ask("POST", CREATE, &body).expect_status(200);
        text(&made.json(), "secret")
    };
    let first = register();
    assert_eq!(register(), "");
    let client = Credentials {
        id: "again".into(),
        secret: first,
    };
    api.token_for(&client, &[("grant_type", "client_credentials")])
        .expect_status(200);
}

#[test]
fn a_client_keeps_its_secret_when_its_policy_covers_another_api() {
    let world = World::shared();
    let (old, new) = (
        OAuthApi::new(&world, Style::Rfc),
        OAuthApi::new(&world, Style::Rfc),
    );
    let (id, rights) = (unique("grows"), unique("rights"));
    let body = json!({"client_id": id, "policy_id": rights});
    let register = |apis: &[&str]| {
        world.node.create_policy(&policy(&rights, apis));
        let made = world.node.ask("POST", CREATE, &body).expect_status(200);
        text(&made.json(), "secret")
    };
    let first = register(&[&old.id]);
    assert_eq!(register(&[&new.id, &old.id]), first);
    let client = Credentials { id, secret: first };
    for api in [&old, &new] {
        api.token_for(&client, &[("grant_type", "client_credentials")])
            .expect_status(200);
    }
}
