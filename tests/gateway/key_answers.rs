//! What answers about keys and policies say and do not say, and users that nobody could tell from keys.

use serde_json::{Value, json};

use crate::api_keys::{KeyApi, message, show};
use crate::harness::{Answer, Node, policy, wait_for};
use crate::world::{STYLES, Style, World, text, unique};

/// What is said of a user without a password.
const MISSING: &str = "basic_auth_data.password: is missing";

#[test]
fn no_user_is_made_without_a_password() {
    let world = World::shared();
    let node = &world.node;
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({}));
        for of_user in [
            json!({"password": ""}),
            json!({"password": "", "hash_type": "bcrypt"}),
            json!({"hash_type": "argon2id"}),
        ] {
            let path = format!("/tyk/keys/{}", unique("user"));
            let name = path.rsplit('/').next().unwrap();
            let session = api.session(json!({"basic_auth_data": of_user}));
            let refused = node.ask("POST", &path, &session).expect_status(400);
            assert!(message(refused).starts_with(MISSING), "{of_user}");
            api.unknown(&api.call(name));
            show(node, name).expect_status(404);
            // A key does not turn into one either.
            let plain = api.session(json!({}));
            node.ask("POST", &path, &plain).expect_status(200);
            for method in ["POST", "PUT"] {
                let refused = node.ask(method, &path, &session).expect_status(400);
                assert!(message(refused).starts_with(MISSING), "{method} {of_user}");
            }
            // A generated key has no name that anybody knows.
            let made = node.ask("POST", "/tyk/keys", &session).expect_status(200);
            let key = text(&made.json(), "key");
            api.call(&key).expect_status(200);
            let path = format!("/tyk/keys/{key}");
            node.ask("PUT", &path, &session).expect_status(200);
        }
    }
}

/// Tyk shows the member in the session of every key.
#[test]
fn what_tyk_shows_of_a_key_is_taken_for_a_key() {
    let world = World::shared();
    let node = &world.node;
    let api = KeyApi::new(&world, Style::Rfc, json!({}));
    for of_nobody in [
        json!({"password": "", "hash_type": ""}),
        json!({"hash_type": ""}),
        json!({}),
        json!(null),
    ] {
        let session = api.session(json!({"basic_auth_data": of_nobody}));
        let name = unique("dumped");
        let path = format!("/tyk/keys/{name}");
        for method in ["POST", "PUT", "POST"] {
            let made = node.ask(method, &path, &session);
            made.expect_status(200);
            api.call(&name).expect_status(200);
        }
    }
}

#[test]
fn a_key_without_an_organisation_is_of_the_default_one_and_says_so() {
    let world = World::of(Node::start());
    let node = &world.node;
    let api = KeyApi::new(&world, Style::Rfc, json!({}));
    let generated = api.key(json!({}));
    let name = unique("of-nobody");
    let path = format!("/tyk/keys/{name}");
    let made = node.ask("POST", &path, &api.session(json!({})));
    let long = format!("default{name}");
    let expected = json!({"key": long, "status": "ok", "action": "added"});
    assert_eq!(made.expect_status(200).json(), expected);
    for key in [&generated, &name, &long] {
        let shown = show(node, key).expect_status(200).json();
        assert_eq!(text(&shown, "org_id"), "default");
        api.call(key).expect_status(200);
        // What is shown can be sent back as it is.
        let path = format!("/tyk/keys/{key}");
        node.ask("PUT", &path, &shown).expect_status(200);
    }
    let listed = node.ask("GET", "/tyk/keys?filter=default", &Value::Null);
    let listed = listed.expect_status(200).json();
    let listed: Vec<_> = listed["keys"].as_array().unwrap().iter().collect();
    assert!(listed.contains(&&json!(long)) && listed.contains(&&json!(generated)));
    let preview = node.ask("POST", "/tyk/keys/preview", &api.session(json!({})));
    assert_eq!(
        text(&preview.expect_status(200).json(), "org_id"),
        "default"
    );
}

/// How often something stands in the log, once the log tells of this answer.
#[track_caller]
fn told_by(node: &Node, answer: &Answer, what: &str) -> usize {
    let id = answer.header("x-request-id");
    wait_for("the answer stands in the log", || node.log().contains(id));
    node.log().matches(what).count()
}

#[test]
fn what_has_no_effect_is_said_once_in_the_log_and_in_no_answer() {
    let world = World::of(Node::start());
    let node = &world.node;
    let api = KeyApi::new(&world, Style::Rfc, json!({}));
    let mut limited = policy("gold", &[&api.id]);
    crate::harness::merge(&mut limited, json!({"rate": 7, "per": 1, "quota_max": 5}));
    for (method, path, action) in [
        ("POST", "/tyk/policies", "added"),
        ("PUT", "/tyk/policies/gold", "modified"),
    ] {
        let answer = node.ask(method, path, &limited).expect_status(200);
        let expected = json!({"key": "gold", "status": "ok", "action": action});
        assert_eq!(answer.json(), expected);
        for field in ["rate", "quota_max"] {
            let warning = format!("warning={field}: ");
            assert_eq!(told_by(node, &answer, &warning), 1, "{method} {field}");
        }
    }
    let session = json!({"rate": 2, "per": 60, "access_rights": {"nobodys": {}, &api.id: {}}});
    let path = "/tyk/keys/with-limits";
    for (method, action) in [("POST", "added"), ("PUT", "modified"), ("POST", "added")] {
        let answer = node.ask(method, path, &session).expect_status(200);
        let body = answer.json();
        assert_eq!(text(&body, "action"), action);
        assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
        for warning in [
            "rate and quota are kept and not enforced yet",
            "access_rights.nobodys: there is no such API",
        ] {
            assert_eq!(told_by(node, &answer, warning), 1, "{method}");
        }
    }
}
