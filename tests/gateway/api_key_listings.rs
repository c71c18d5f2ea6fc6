//! Keys as they are listed, by organisation, by API and by hash.

use serde_json::{Value, json};

use crate::api_keys::{KeyApi, message, show};
use crate::harness::Node;
use crate::world::{STYLES, Style, World, text, unique};

#[test]
fn keys_are_listed_by_organisation_and_api_case_41() {
    let world = World::shared();
    let node = &world.node;
    let org = unique("org");
    let api = KeyApi::new(&world, Style::Rfc, json!({"org_id": org}));
    let with_org = json!({"org_id": org});
    let generated = api.key(with_org.clone());
    let id = unique("listed");
    node.ask("POST", &format!("/tyk/keys/{id}"), &api.session(with_org))
        .expect_status(200);
    let elsewhere = json!({"org_id": org, "access_rights": {"elsewhere": {}}});
    node.ask("POST", "/tyk/keys", &elsewhere).expect_status(200);
    let list = |query: &str| {
        let answer = node
            .ask("GET", &format!("/tyk/keys?{query}"), &Value::Null)
            .expect_status(200)
            .json();
        let mut keys: Vec<String> = answer["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key.as_str().unwrap().to_owned())
            .collect();
        keys.sort();
        keys
    };
    let mut both = vec![generated, format!("{org}{id}")];
    both.sort();
    assert_eq!(list(&format!("filter={org}&api_id={}", api.id)), both);
    assert_eq!(list(&format!("filter={org}")).len(), 3);
    assert!(list("").len() >= 3 && list("filter=nobodys").is_empty());
    node.ask("GET", &format!("/tyk/keys?api_id={}", api.id), &Value::Null)
        .expect_status(400);
    let hashed = show(node, &format!("{id}?hashed=true")).expect_status(400);
    assert_eq!(
        message(hashed),
        "Key requested by hash but key hashing is not enabled"
    );
}

#[test]
fn with_hashing_keys_are_listed_and_found_by_their_hashes_cases_33_38_39() {
    let node = Node::builder()
        .configuration("[compat]\nhash_keys = true")
        .start();
    let world = World::of(node);
    let node = &world.node;
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({}));
        let made = node
            .ask("POST", "/tyk/keys", &api.session(json!({"alias": "a"})))
            .expect_status(200)
            .json();
        let (key, hash) = (text(&made, "key"), text(&made, "key_hash"));
        let listed = node.ask("GET", "/tyk/keys", &Value::Null).json();
        assert_eq!(listed, json!({"keys": [hash]}));
        show(node, &hash).expect_status(404);
        let shown = show(node, &format!("{hash}?hashed=true"))
            .expect_status(200)
            .json();
        assert_eq!(text(&shown, "alias"), "a");
        api.unknown(&api.call(&hash));
        api.call(&key).expect_status(200);
        for wrong in [
            "",
            "x",
            &"0".repeat(32),
            &"g".repeat(32),
            &format!("{hash}0"),
        ] {
            let answer = show(node, &format!("{wrong}x?hashed=true"));
            assert_eq!(answer.status, 404, "{wrong}");
        }
        node.ask(
            "DELETE",
            &format!("/tyk/keys/{hash}?hashed=1"),
            &Value::Null,
        )
        .expect_status(200);
        api.unknown(&api.call(&key));
    }
}
