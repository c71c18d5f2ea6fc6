//! Keys as they change with their updates and their policies, and what is listed of them.

use std::sync::Barrier;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api_keys::KeyApi;
use crate::harness::{Node, merge, policy};
use crate::world::{OAuthApi, STYLES, Style, World, text, unique};

fn hashing() -> World {
    let node = Node::builder().configuration("[compat]\nhash_keys = true");
    World::of(node.start())
}

#[test]
fn a_change_without_an_organisation_is_judged_by_that_of_the_key() {
    let world = World::shared();
    let node = &world.node;
    let (org, gold) = (unique("org"), unique("gold"));
    let api = KeyApi::new(&world, Style::Rfc, json!({"org_id": org}));
    let mut rights = policy(&gold, &[&api.id]);
    merge(&mut rights, json!({"org_id": org}));
    node.create_policy(&rights);
    let made = json!({"org_id": org, "apply_policies": [gold]});
    let made = node
        .ask("POST", "/tyk/keys", &made)
        .expect_status(200)
        .json();
    let path = format!("/tyk/keys/{}", text(&made, "key"));
    for (method, alias) in [("PUT", "updated"), ("POST", "replaced")] {
        let changed = json!({"apply_policies": [gold], "alias": alias});
        node.ask(method, &path, &changed).expect_status(200);
        api.call(&text(&made, "key")).expect_status(200);
        let shown = node.ask("GET", &path, &Value::Null).json();
        assert_eq!(text(&shown, "alias"), alias);
        let moved = api.session(json!({"org_id": unique("org")}));
        let refused = node.ask(method, &path, &moved).expect_status(400);
        assert!(text(&refused.json(), "message").contains("does not move"));
        api.call(&text(&made, "key")).expect_status(200);
    }
    // By now its session names none, and its policy is its organisation's all the same.
    let path = format!("/tyk/keys/policy/{}", text(&made, "key"));
    node.ask("POST", &path, &json!({"policy": gold}))
        .expect_status(200);
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
    let by_policy =
        json!({"org_id": org, "apply_policies": [gold], "access_rights": {other.id.as_str(): {}}});
    let made = node
        .ask("POST", "/tyk/keys", &by_policy)
        .expect_status(200)
        .json();
    let by_policy = text(&made, "key");
    let of_its_own = api.key(json!({"org_id": org}));
    let list = |api: &str| {
        let path = format!("/tyk/keys?filter={org}&api_id={api}");
        let listed = node
            .ask("GET", &path, &Value::Null)
            .expect_status(200)
            .json();
        let keys = listed["keys"].as_array().unwrap().iter();
        let mut keys: Vec<String> = keys.map(|key| key.as_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    };
    let mut both = vec![by_policy.clone(), of_its_own.clone()];
    both.sort();
    assert_eq!((list(&api.id), list(&other.id)), (both, vec![]));
    put(&other.id);
    assert_eq!(
        (list(&api.id), list(&other.id)),
        (vec![of_its_own.clone()], vec![by_policy])
    );
    node.ask("DELETE", &format!("/tyk/policies/{gold}"), &Value::Null)
        .expect_status(200);
    assert_eq!((list(&api.id), list(&other.id)), (vec![of_its_own], vec![]));
}

#[test]
fn a_key_is_replaced_by_its_hash_and_none_is_made_under_one() {
    let world = hashing();
    let node = &world.node;
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({}));
        let made = api.session(json!({"alias": "old", "own": 1}));
        let made = node
            .ask("POST", "/tyk/keys", &made)
            .expect_status(200)
            .json();
        let (key, hash) = (text(&made, "key"), text(&made, "key_hash"));
        let path = format!("/tyk/keys/{hash}?hashed=true");
        let session = api.session(json!({"alias": "new"}));
        let replaced = node.ask("POST", &path, &session).expect_status(200).json();
        let expected = json!({"key": hash, "status": "ok", "action": "added", "key_hash": hash});
        assert_eq!(replaced, expected);
        let shown = node
            .ask("GET", &path, &Value::Null)
            .expect_status(200)
            .json();
        assert_eq!(
            (text(&shown, "alias"), shown.get("own")),
            ("new".to_owned(), None)
        );
        api.call(&key).expect_status(200);
        let moved = api.session(json!({"org_id": unique("org")}));
        let refused = node.ask("POST", &path, &moved).expect_status(400);
        assert!(text(&refused.json(), "message").contains("does not move"));
        api.call(&key).expect_status(200);
        let nobodys = "0123456789abcdef0123456789abcdef";
        let refused = node.ask("POST", &format!("/tyk/keys/{nobodys}?hashed=1"), &session);
        assert_eq!(
            text(&refused.expect_status(404).json(), "message"),
            "Key is not found"
        );
        for text in [hash.as_str(), nobodys] {
            api.unknown(&api.call(text));
        }
        let plain = World::shared();
        let api = KeyApi::new(&plain, style, json!({}));
        let session = api.session(json!({}));
        let refused = plain.node.ask("POST", &path, &session).expect_status(400);
        let said = "Key requested by hash but key hashing is not enabled";
        assert_eq!(text(&refused.json(), "message"), said);
    }
}

#[test]
fn a_user_is_replaced_together_with_a_password_or_not_at_all() {
    let world = hashing();
    let node = &world.node;
    for style in STYLES {
        let keyed = KeyApi::new(&world, style, json!({}));
        let by_password = json!({"use_standard_auth": false, "use_basic_auth": true});
        let by_password = KeyApi::new(&world, style, by_password);
        let user = unique("user");
        let session = |fields: Value| {
            let mut session =
                json!({"access_rights": {keyed.id.as_str(): {}, by_password.id.as_str(): {}}});
            merge(&mut session, fields);
            session
        };
        let password = |password: &str| session(json!({"basic_auth_data": {"password": password}}));
        let assert_only_opened_by = |password: &str| {
            keyed.unknown(&keyed.call(&user));
            let credential = STANDARD.encode(format!("{user}:{password}"));
            let credential = format!("Basic {credential}");
            let with = [("authorization", credential.as_str())];
            by_password.get("/called", &with).expect_status(200);
        };
        let by_name = format!("/tyk/keys/{user}");
        let made = node.ask("POST", &by_name, &password("s3cret"));
        let hash = text(&made.expect_status(200).json(), "key_hash");
        let by_hash = format!("/tyk/keys/{hash}?hashed=true");
        for path in [&by_hash, &by_name] {
            for without in [session(json!({})), password("")] {
                let refused = node.ask("POST", path, &without).expect_status(400);
                let said = text(&refused.json(), "message");
                let what = "basic_auth_data.password: is missing";
                assert!(said.starts_with(what) && said.contains("PUT"), "{said}");
                assert_only_opened_by("s3cret");
            }
        }
        for (path, next) in [(&by_hash, "newer"), (&by_name, "newest")] {
            node.ask("POST", path, &password(next)).expect_status(200);
            assert_only_opened_by(next);
            node.ask("PUT", path, &session(json!({})))
                .expect_status(200);
            assert_only_opened_by(next);
        }
    }
}

#[test]
fn a_generated_key_has_no_name_and_so_takes_no_password() {
    let world = hashing();
    let node = &world.node;
    let api = KeyApi::new(&world, Style::Rfc, json!({}));
    let made = node
        .ask("POST", "/tyk/keys", &api.session(json!({})))
        .expect_status(200)
        .json();
    let (key, hash) = (text(&made, "key"), text(&made, "key_hash"));
    let session = api.session(json!({"basic_auth_data": {"password": "s3cret"}}));
    for path in [
        format!("/tyk/keys/{key}"),
        format!("/tyk/keys/{hash}?hashed=true"),
    ] {
        for method in ["PUT", "POST"] {
            let refused = node.ask(method, &path, &session).expect_status(400);
            let said = "a user needs a name: POST /tyk/keys/{name}";
            assert_eq!(text(&refused.json(), "message"), said);
            api.call(&key).expect_status(200);
        }
    }
}

#[test]
fn a_key_is_given_another_policy_and_keeps_the_rest_of_its_session() {
    for world in [World::of(Node::start()), hashing()] {
        let node = &world.node;
        let (first, second) = (
            KeyApi::new(&world, Style::Rfc, json!({})),
            KeyApi::new(&world, Style::Rfc, json!({})),
        );
        for (id, api) in [("gold", &first), ("silver", &second)] {
            node.create_policy(&policy(id, &[&api.id]));
        }
        let session = json!({"apply_policy_id": "gold", "alias": "acme", "meta_data": {"own": 1}});
        let made = node
            .ask("POST", "/tyk/keys", &session)
            .expect_status(200)
            .json();
        let key = text(&made, "key");
        // With hashing the path takes the hash, as in Tyk.
        let name = made
            .get("key_hash")
            .map_or(key.clone(), |_| text(&made, "key_hash"));
        let path = format!("/tyk/keys/policy/{name}");
        let opens = || (first.call(&key).status, second.call(&key).status);
        assert_eq!(opens(), (200, 403));
        for (body, expected) in [
            (json!({"policy": "silver"}), (403, 200)),
            (json!({"apply_policies": ["gold"]}), (200, 403)),
            (
                json!({"policy": "gold", "apply_policies": ["silver"]}),
                (403, 200),
            ),
        ] {
            let changed = node.ask("POST", &path, &body).expect_status(200).json();
            assert_eq!(
                changed,
                json!({"key": name, "status": "ok", "action": "updated"})
            );
            assert_eq!(opens(), expected, "{body}");
        }
        let listed = node.ask("GET", "/tyk/keys", &Value::Null).json();
        assert_eq!(listed, json!({"keys": [name]}));
        let shown = match made.get("key_hash") {
            Some(_) => format!("/tyk/keys/{name}?hashed=true"),
            None => format!("/tyk/keys/{name}"),
        };
        let shown = node
            .ask("GET", &shown, &Value::Null)
            .expect_status(200)
            .json();
        assert_eq!(shown["apply_policies"], json!(["silver"]));
        assert!(shown.get("apply_policy_id").is_none());
        assert_eq!(
            (text(&shown, "alias"), &shown["meta_data"]),
            ("acme".to_owned(), &json!({"own": 1}))
        );

        for body in [
            json!([]),
            json!({"policy": 5}),
            json!({"apply_policies": "gold"}),
            json!("x"),
        ] {
            let refused = node.ask("POST", &path, &body).expect_status(400);
            let message = text(&refused.json(), "message");
            assert!(
                message.starts_with("Couldn't decode instruction: "),
                "{message}"
            );
        }
        for (body, named) in [
            (json!({}), "policy: must name a policy"),
            (
                json!({"apply_policies": [""]}),
                "policy: must name a policy",
            ),
            (
                json!({"apply_policies": ["gold", "silver"]}),
                "more than one policy",
            ),
        ] {
            let refused = node.ask("POST", &path, &body).expect_status(400);
            let said = text(&refused.json(), "message");
            assert!(said.contains(named), "{said}");
        }
        let unknown = json!({"policy": "nobodys"});
        node.ask("POST", &path, &unknown).expect_status(500);
        let nobody = format!("/tyk/keys/policy/{}", "0".repeat(32));
        node.ask("POST", &nobody, &json!({"policy": "gold"}))
            .expect_status(404);
        node.ask("GET", &path, &Value::Null).expect_status(405);
        assert_eq!(opens(), (403, 200));
    }
}

#[test]
fn another_policy_undoes_no_change_that_comes_at_the_same_time() {
    let world = World::of(Node::start());
    let node = &world.node;
    let api = KeyApi::new(&world, Style::Rfc, json!({}));
    for id in ["gold", "silver"] {
        node.create_policy(&policy(id, &[&api.id]));
    }
    let session = |alias: &str| json!({"apply_policies": ["gold"], "alias": alias});
    let made = node
        .ask("POST", "/tyk/keys", &session(""))
        .expect_status(200)
        .json();
    let key = text(&made, "key");
    let (path, of_policy) = (
        format!("/tyk/keys/{key}"),
        format!("/tyk/keys/policy/{key}"),
    );
    for round in 0..30 {
        let alias = format!("alias {round}");
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                node.ask("PUT", &path, &session(&alias)).expect_status(200);
            });
            barrier.wait();
            node.ask("POST", &of_policy, &json!({"policy": "silver"}))
                .expect_status(200);
        });
        let shown = node.ask("GET", &path, &Value::Null).json();
        assert_eq!(text(&shown, "alias"), alias, "round {round}");
    }
}

#[test]
fn the_session_of_a_token_is_not_changed_like_that_of_a_key() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let token = api.access_token();
    let body = json!({"policy": api.policy_id()});
    let refused = world
        .node
        .ask("POST", &format!("/tyk/keys/policy/{token}"), &body);
    let message = text(&refused.expect_status(400).json(), "message");
    assert!(
        message.starts_with("the session of an OAuth token is its client's"),
        "{message}"
    );
    api.assert_good(&token);
}
