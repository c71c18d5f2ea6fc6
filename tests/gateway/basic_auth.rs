//! Basic-auth users: made through `/tyk/keys/{name}`, and what their passwords open.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api_keys::KeyApi;
use crate::harness::{Answer, Node};
use crate::world::{STYLES, Style, World, text, unique};

/// An API with passwords and one user.
pub(crate) struct Fixture<'w> {
    world: &'w World,
    api: KeyApi<'w>,
    pub(crate) user: String,
}

impl<'w> Fixture<'w> {
    pub(crate) fn new(world: &'w World, style: Style, fields: Value) -> Self {
        let mut definition = json!({"use_standard_auth": false, "use_basic_auth": true});
        crate::harness::merge(&mut definition, fields);
        let api = KeyApi::new(world, style, definition);
        let fixture = Self {
            world,
            api,
            user: unique("user"),
        };
        fixture
            .put("POST", json!({"basic_auth_data": {"password": "s3cret"}}))
            .expect_status(200);
        fixture
    }

    fn put(&self, method: &str, fields: Value) -> Answer {
        let path = format!("/tyk/keys/{}", self.user);
        self.world
            .node
            .ask(method, &path, &self.api.session(fields))
    }

    pub(crate) fn call(&self, user: &str, password: &str) -> Answer {
        self.send(&format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{password}"))
        ))
    }

    fn send(&self, credential: &str) -> Answer {
        self.api.get("/called", &[("authorization", credential)])
    }

    #[track_caller]
    fn wrong(&self, answer: &Answer) {
        self.api
            .refused(answer, (401, "unauthorized"), (401, "User not authorised"));
        let realm = format!("Basic realm=\"{}\"", self.api.id);
        assert_eq!(answer.header("www-authenticate"), realm);
    }
}

#[test]
fn a_password_is_asked_for_and_checked_case_102() {
    let world = World::shared();
    for style in STYLES {
        let at = Fixture::new(&world, style, json!({"strip_auth_data": true}));
        let missing = at.api.get("/called", &[]);
        at.api.refused(
            &missing,
            (401, "unauthorized"),
            (401, "Authorization field missing"),
        );
        let realm = format!("Basic realm=\"{}\"", at.api.id);
        assert_eq!(missing.header("www-authenticate"), realm);
        // The second time without a hash.
        for _ in 0..2 {
            let answer = at.call(&at.user, "s3cret").expect_status(200);
            assert!(
                !answer.text().contains("Basic "),
                "the credential is stripped"
            );
        }
        for (user, password) in [
            (at.user.as_str(), "wrong"),
            (&at.user, ""),
            ("nobody", "s3cret"),
            ("", ""),
        ] {
            at.wrong(&at.call(user, password));
        }
        let malformed = "Attempted access with malformed header, values not in basic auth format";
        for credential in [
            "Basic",
            "Basic !!",
            "Basic dTpw x",
            "Bearer dTpw",
            "x",
            "Basic /w==",
        ] {
            at.api.refused(
                &at.send(credential),
                (400, "invalid_request"),
                (400, malformed),
            );
        }
        at.api.refused(
            &at.call("user", "a:b"),
            (400, "invalid_request"),
            (400, malformed),
        );
    }
}

#[test]
fn a_user_is_shown_without_a_password_and_found_by_name_case_45() {
    let world = World::shared();
    let node = &world.node;
    for style in STYLES {
        let at = Fixture::new(&world, style, json!({}));
        for query in [
            "",
            "?username=true&org_id=default",
            "?org_id=default",
            "?username=1",
        ] {
            let shown = node
                .ask(
                    "GET",
                    &format!("/tyk/keys/{}{query}", at.user),
                    &Value::Null,
                )
                .expect_status(200);
            assert!(!shown.text().contains("s3cret"));
            assert_eq!(
                shown.json()["basic_auth_data"],
                json!({"hash_type": "argon2id"})
            );
        }
        let elsewhere = format!("/tyk/keys/{}?username=true&org_id=another", at.user);
        node.ask("GET", &elsewhere, &Value::Null).expect_status(404);
        // Whoever knows the name alone is not let in where keys are asked for.
        let keyed = KeyApi::new(&world, style, json!({}));
        let rights = json!({"access_rights": {keyed.id.as_str(): {}, at.api.id.as_str(): {}}, "basic_auth_data": {"password": "s3cret"}});
        at.put("POST", rights).expect_status(200);
        keyed.unknown(&keyed.call(&at.user));
        let session = json!({"access_rights": {"a": {}}, "basic_auth_data": {"password": "x"}});
        for path in ["/tyk/keys", "/tyk/keys/create"] {
            node.ask("POST", path, &session).expect_status(400);
        }
        let colon = json!({"basic_auth_data": {"password": "a:b"}});
        at.put("PUT", colon).expect_status(400);
        let long = json!({"basic_auth_data": {"password": "x".repeat(513)}});
        at.put("PUT", long).expect_status(400);
    }
}

#[test]
fn users_are_found_by_their_hashes_alone_where_the_operator_says_so_case_45() {
    let node = Node::builder()
        .configuration("[compat]\nhash_keys = true\ndisable_key_actions_by_username = true");
    let world = World::of(node.start());
    let at = Fixture::new(&world, Style::Tyk, json!({}));
    let node = &world.node;
    let made = at.put("POST", json!({"basic_auth_data": {"password": "s3cret"}}));
    let made = made.expect_status(200).json();
    assert_eq!(
        text(&made, "key"),
        "",
        "with hashing a name is not told again"
    );
    let hash = text(&made, "key_hash");
    let listed = node.ask("GET", "/tyk/keys", &Value::Null).json();
    assert_eq!(listed, json!({"keys": [hash]}));
    let session = at
        .api
        .session(json!({"basic_auth_data": {"password": "newer"}}));
    for query in ["", "?username=true&org_id=default", "?org_id=default"] {
        let path = format!("/tyk/keys/{}{query}", at.user);
        for (method, said) in [
            ("GET", "Key not found"),
            ("PUT", "Key is not found"),
            ("DELETE", "There is no such key found"),
        ] {
            let refused = node.ask(method, &path, &session).expect_status(404);
            assert_eq!(text(&refused.json(), "message"), said, "{method} {path}");
        }
    }
    at.call(&at.user, "s3cret").expect_status(200);
    // Keys that are no users' keep their names.
    let named = format!("/tyk/keys/{}", unique("named"));
    node.ask("POST", &named, &at.api.session(json!({})))
        .expect_status(200);
    node.ask("GET", &named, &Value::Null).expect_status(200);

    let path = format!("/tyk/keys/{hash}?hashed=true");
    node.ask("GET", &path, &Value::Null).expect_status(200);
    node.ask("PUT", &path, &session).expect_status(200);
    at.call(&at.user, "newer").expect_status(200);
    node.ask("DELETE", &path, &Value::Null).expect_status(200);
    at.wrong(&at.call(&at.user, "newer"));
}

#[test]
fn a_new_password_ends_the_old_one_at_once_and_other_changes_keep_it() {
    let world = World::shared();
    let at = Fixture::new(&world, Style::Rfc, json!({}));
    at.call(&at.user, "s3cret").expect_status(200);
    at.put("PUT", json!({"alias": "acme"})).expect_status(200);
    at.call(&at.user, "s3cret").expect_status(200);
    at.put("PUT", json!({"basic_auth_data": {"password": "newer"}}))
        .expect_status(200);
    at.wrong(&at.call(&at.user, "s3cret"));
    at.call(&at.user, "newer").expect_status(200);
    at.put("PUT", json!({"is_inactive": true}))
        .expect_status(200);
    at.call(&at.user, "newer").expect_status(403);
    let path = format!("/tyk/keys/{}?username=true&org_id=default", at.user);
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    at.wrong(&at.call(&at.user, "newer"));
}

#[test]
fn guessing_is_throttled_for_a_user_also_when_the_right_password_is_known() {
    let world = World::shared();
    for style in STYLES {
        let at = Fixture::new(&world, style, json!({}));
        at.call(&at.user, "s3cret").expect_status(200);
        for _ in 0..10 {
            at.wrong(&at.call(&at.user, "guess"));
        }
        for password in ["guess", "s3cret"] {
            let answer = at.call(&at.user, password).expect_status(429);
            assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
        }
        let other = Fixture::new(&world, style, json!({}));
        other.call(&other.user, "s3cret").expect_status(200);
    }
}

#[test]
fn malformed_credentials_are_not_counted() {
    let world = World::shared();
    let at = Fixture::new(&world, Style::Rfc, json!({}));
    for _ in 0..15 {
        at.send("Basic !!").expect_status(400);
    }
    at.call(&at.user, "s3cret").expect_status(200);
    let body = at.call("nobody", "x").json();
    assert_eq!(text(&body, "error"), "unauthorized");
}
