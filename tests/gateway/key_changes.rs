//! Changes of keys: what an update may leave out, what it keeps, and by what a key is found for it.

use serde_json::{Value, json};

use crate::api_keys::KeyApi;
use crate::harness::{merge, policy};
use crate::world::{Style, World, text, unique};

#[test]
fn an_update_without_an_organisation_is_judged_by_that_of_the_key() {
    let world = World::shared();
    let node = &world.node;
    let (org, gold) = (unique("org"), unique("gold"));
    let api = KeyApi::new(&world, Style::Rfc, json!({"org_id": org}));
    let mut rights = policy(&gold, &[&api.id]);
    merge(&mut rights, json!({"org_id": org}));
    node.create_policy(&rights);
    let made = json!({"org_id": org, "apply_policies": [gold]});
    let made = node.ask("POST", "/tyk/keys", &made).expect_status(200).json();
    let path = format!("/tyk/keys/{}", text(&made, "key"));
    let changed = json!({"apply_policies": [gold], "alias": "acme"});
    node.ask("PUT", &path, &changed).expect_status(200);
    api.call(&text(&made, "key")).expect_status(200);
    let shown = node.ask("GET", &path, &Value::Null).json();
    assert_eq!(text(&shown, "alias"), "acme");
    let moved = api.session(json!({"org_id": unique("org")}));
    let refused = node.ask("PUT", &path, &moved).expect_status(400);
    assert!(text(&refused.json(), "message").contains("does not move"));
}
