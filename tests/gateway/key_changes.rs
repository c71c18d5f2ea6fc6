//! Keys as they change with their updates and their policies, and what is listed of them.

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

#[test]
fn a_key_is_listed_for_the_apis_that_its_policy_opens() {
    let world = World::shared();
    let node = &world.node;
    let org = unique("org");
    let fields = json!({"org_id": org});
    let api = KeyApi::new(&world, Style::Rfc, fields.clone());
    let other = KeyApi::new(&world, Style::Rfc, fields);
    let gold = unique("gold");
    let put = |api: &str| {
        let mut rights = policy(&gold, &[api]);
        merge(&mut rights, json!({"org_id": org}));
        node.create_policy(&rights);
    };
    put(&api.id);
    // Whatever a session lists itself, the policy counts.
    let by_policy = json!({"org_id": org, "apply_policies": [gold], "access_rights": {other.id.as_str(): {}}});
    let made = node.ask("POST", "/tyk/keys", &by_policy).expect_status(200).json();
    let by_policy = text(&made, "key");
    let of_its_own = api.key(json!({"org_id": org}));
    let list = |api: &str| {
        let path = format!("/tyk/keys?filter={org}&api_id={api}");
        let listed = node.ask("GET", &path, &Value::Null).expect_status(200).json();
        let keys = listed["keys"].as_array().unwrap().iter();
        let mut keys: Vec<String> = keys.map(|key| key.as_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    };
    let mut both = vec![by_policy.clone(), of_its_own.clone()];
    both.sort();
    assert_eq!((list(&api.id), list(&other.id)), (both, vec![]));
    put(&other.id);
    assert_eq!((list(&api.id), list(&other.id)), (vec![of_its_own.clone()], vec![by_policy]));
    node.ask("DELETE", &format!("/tyk/policies/{gold}"), &Value::Null).expect_status(200);
    assert_eq!((list(&api.id), list(&other.id)), (vec![of_its_own], vec![]));
}
