//! Keys: made, shown, listed, changed and deleted through `/tyk/keys`, and what they open.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Answer, Node, keyless_api, merge, policy};
use crate::world::{STYLES, Style, World, text, unique};

/// An API that demands a key.
pub(crate) struct KeyApi<'w> {
    pub(crate) world: &'w World,
    pub(crate) id: String,
    pub(crate) style: Style,
}

impl<'w> KeyApi<'w> {
    #[track_caller]
    pub(crate) fn new(world: &'w World, style: Style, fields: Value) -> Self {
        let id = unique("keyed");
        let mut definition = keyless_api(&id, &format!("/{id}/"), &world.upstream.url("/"));
        let keyed = json!({
            "use_keyless": false, "use_standard_auth": true, "raftgate": {"error_style": style.name()}
        });
        merge(&mut definition, keyed);
        merge(&mut definition, fields);
        world.node.create_api(&definition);
        Self { world, id, style }
    }

    /// A session with a right to this API.
    pub(crate) fn session(&self, fields: Value) -> Value {
        let mut session = json!({"access_rights": {self.id.as_str(): {"api_id": self.id, "versions": ["Default"]}}});
        merge(&mut session, fields);
        session
    }

    /// A generated key for this API.
    #[track_caller]
    pub(crate) fn key(&self, fields: Value) -> String {
        let made = self
            .world
            .node
            .ask("POST", "/tyk/keys", &self.session(fields));
        text(&made.expect_status(200).json(), "key")
    }

    pub(crate) fn get(&self, rest: &str, headers: &[(&str, &str)]) -> Answer {
        let url = self.world.node.gateway_url(&format!("/{}{rest}", self.id));
        self.world.node.client().get(&url, headers)
    }

    pub(crate) fn call(&self, key: &str) -> Answer {
        self.get("/called", &[("authorization", key)])
    }

    #[track_caller]
    pub(crate) fn refused(&self, answer: &Answer, rfc: (u16, &str), tyk: (u16, &str)) {
        let seen = (answer.status, answer.text());
        match self.style {
            Style::Rfc => {
                assert_eq!(
                    (answer.status, text(&answer.json(), "error").as_str()),
                    rfc,
                    "{seen:?}"
                );
            }
            Style::Tyk => {
                assert_eq!(
                    seen,
                    (tyk.0, format!("{{\n    \"error\": \"{}\"\n}}", tyk.1))
                );
            }
        }
    }

    #[track_caller]
    pub(crate) fn unknown(&self, answer: &Answer) {
        let disallowed = "Access to this API has been disallowed";
        self.refused(answer, (401, "invalid_token"), (403, disallowed));
    }
}

pub(crate) fn show(node: &Node, key: &str) -> Answer {
    node.ask("GET", &format!("/tyk/keys/{key}"), &Value::Null)
}

pub(crate) fn message(answer: Answer) -> String {
    text(&answer.json(), "message")
}

#[test]
fn a_key_is_asked_for_and_known_cases_17_18_19() {
    let world = World::shared();
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({}));
        let missing = api.get("/called", &[]);
        api.refused(
            &missing,
            (401, "unauthorized"),
            (401, "Authorization field missing"),
        );
        if style == Style::Rfc {
            let challenge = format!("Bearer realm=\"{}\"", api.id);
            assert_eq!(missing.header("www-authenticate"), challenge);
        }
        let forged = format!("rgk_{}", "A".repeat(64));
        for unknown in [
            "unknown",
            "ab",
            "Bearer unknown",
            &forged,
            "rgk_x",
            "rga_x",
            "Basic dTpw",
        ] {
            api.unknown(&api.call(unknown));
        }
        let key = api.key(json!({}));
        for credential in [
            key.clone(),
            format!("Bearer {key}"),
            format!("bearer {key}"),
        ] {
            api.call(&credential).expect_status(200);
        }
        let mut flipped = key.clone();
        flipped.replace_range(20..21, if &key[20..21] == "A" { "B" } else { "A" });
        api.unknown(&api.call(&flipped));
    }
}

#[test]
fn a_key_comes_by_query_and_cookie_with_names_to_the_letter_cases_20_21() {
    let world = World::shared();
    let (rfc, tyk) = ((401, "unauthorized"), (401, "Authorization field missing"));
    for style in STYLES {
        let place =
            json!({"auth_configs": {"authToken": {"use_param": true, "param_name": "Key"}}});
        let api = KeyApi::new(&world, style, place);
        let key = api.key(json!({}));
        api.get(&format!("/called?Key={key}"), &[])
            .expect_status(200);
        api.call(&key).expect_status(200);
        api.refused(&api.get(&format!("/called?key={key}"), &[]), rfc, tyk);
        let place = json!({
            "auth_configs": {"authToken": {"disable_header": true, "use_cookie": true, "cookie_name": "K"}},
            "strip_auth_data": true
        });
        let api = KeyApi::new(&world, style, place);
        let key = api.key(json!({}));
        api.refused(&api.call(&key), rfc, tyk);
        let answer = api.get("/called", &[("cookie", &format!("a=b; K={key}"))]);
        assert!(!answer.expect_status(200).text().contains(&key));
        let misspelt = api.get("/called", &[("cookie", &format!("k={key}"))]);
        api.refused(&misspelt, rfc, tyk);
    }
}

#[test]
fn a_session_needs_rights_and_a_policy_that_is_there_cases_32_33_34() {
    let world = World::shared();
    let node = &world.node;
    let api = KeyApi::new(&world, Style::Rfc, json!({}));
    for body in [json!({}), json!({"access_rights": {}, "rate": 5})] {
        let refused = node
            .ask("POST", "/tyk/keys/create", &body)
            .expect_status(400);
        let said = "Failed to create key, keys must have at least one Access Rights record set.";
        assert_eq!(message(refused), said);
    }
    let made = node
        .ask("POST", "/tyk/keys/create", &api.session(json!({})))
        .expect_status(200)
        .json();
    assert_eq!(
        (text(&made, "status"), text(&made, "action")),
        ("ok".into(), "added".into())
    );
    assert!(made.get("key_hash").is_none());
    api.call(&text(&made, "key")).expect_status(200);
    let unknown = api.session(json!({"apply_policies": ["nobodys"]}));
    for path in [
        "/tyk/keys/create",
        "/tyk/keys",
        "/tyk/keys/some-name",
        "/tyk/keys/preview",
    ] {
        let refused = node.ask("POST", path, &unknown).expect_status(500);
        assert_eq!(
            message(refused),
            "Failed to create key - policy not found: \"nobodys\""
        );
    }
    let id = unique("gold");
    node.create_policy(&policy(&id, &[&api.id]));
    let elsewhere = json!({"apply_policies": [id], "org_id": "another"});
    assert_eq!(node.ask("POST", "/tyk/keys", &elsewhere).status, 500);
    let made = node
        .ask("POST", "/tyk/keys", &json!({"apply_policies": [id]}))
        .expect_status(200)
        .json();
    api.call(&text(&made, "key")).expect_status(200);
}

#[test]
fn bodies_that_are_no_session_are_refused_at_every_door() {
    let world = World::shared();
    let node = &world.node;
    let secret = node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    // Of a key that is not there, nothing else would be said.
    let key = format!("/tyk/keys/{}", unique("there"));
    let session = json!({"access_rights": {"a": {}}});
    node.ask("POST", &key, &session).expect_status(200);
    for (method, path) in [
        ("POST", "/tyk/keys"),
        ("POST", "/tyk/keys/create"),
        ("POST", "/tyk/keys/preview"),
        ("POST", "/tyk/keys/a-name"),
        ("PUT", key.as_str()),
    ] {
        for body in [
            &b""[..],
            b"{",
            b"[]",
            b"\xff",
            b"{\"access_rights\": 5}",
            b"{\"access_rights\": {\"a\": {}}, \"apply_policies\": [\"a\", \"b\"]}",
            b"{\"access_rights\": {\"a\": {}}, \"certificate\": \"x\"}",
            b"{\"access_rights\": {\"a\": {}}, \"hmac_string\": \"x\"}",
            b"{\"access_rights\": {\"a\": {}}, \"expires\": \"x\"}",
            b"{\"access_rights\": {\"a\": {}}, \"org_id\": 5}",
            b"{\"access_rights\": {\"a\": {\"allowed_urls\": [{\"url\": \"(\"}]}}}",
            b"{\"access_rights\": {\"a\": {}}, \"post_expiry_action\": \"x\"}",
            b"{\"access_rights\": {\"a\": {}}, \"basic_auth_data\": {\"password\": 5}}",
        ] {
            let answer = node
                .client()
                .send(method, &node.control_url(path), &headers, body);
            let shown = String::from_utf8_lossy(body);
            assert_eq!(
                answer.status,
                400,
                "{method} {path} {shown}: {}",
                answer.text()
            );
            assert_eq!(text(&answer.json(), "status"), "error");
        }
    }
    node.ask("PATCH", "/tyk/keys", &Value::Null)
        .expect_status(405);
    node.ask("PATCH", "/tyk/keys/a", &Value::Null)
        .expect_status(405);
}

#[test]
fn a_custom_id_is_found_in_all_of_its_forms_cases_36_37_44() {
    let world = World::shared();
    let node = &world.node;
    for style in STYLES {
        let org = json!({"org_id": "o1"});
        let api = KeyApi::new(&world, style, org.clone());
        let id = unique("custom");
        let path = format!("/tyk/keys/{id}");
        let made = node
            .ask("POST", &path, &api.session(org.clone()))
            .expect_status(200)
            .json();
        assert_eq!(text(&made, "key"), format!("o1{id}"));
        let form = STANDARD.encode(format!(r#"{{"org":"o1","id":"{id}","h":"murmur64"}}"#));
        for credential in [
            id.clone(),
            format!("o1{id}"),
            form.clone(),
            format!("Bearer {id}"),
        ] {
            api.call(&credential).expect_status(200);
        }
        for name in [
            id.clone(),
            format!("o1{id}"),
            form.clone(),
            format!("{id}?org_id=o1"),
        ] {
            let shown = show(node, &name).expect_status(200).json();
            assert_eq!(text(&shown, "org_id"), "o1");
        }
        // Another organisation that is named has no such key, whichever of the two is asked for.
        show(node, &format!("{id}?org_id=o2")).expect_status(404);
        let nobodys = unique("nobodys");
        let of_nobody = format!("/tyk/keys/{nobodys}");
        node.ask("POST", &of_nobody, &api.session(json!({})))
            .expect_status(200);
        for method in ["GET", "DELETE"] {
            let elsewhere = format!("{of_nobody}?org_id=o1");
            node.ask(method, &elsewhere, &Value::Null)
                .expect_status(404);
        }
        for query in ["", "?org_id=", "?org_id=default", "?hashed="] {
            show(node, &format!("{nobodys}{query}")).expect_status(200);
        }
        let gone = node
            .ask("DELETE", &format!("/tyk/keys/o1{id}"), &Value::Null)
            .expect_status(200)
            .json();
        assert_eq!(
            gone,
            json!({"key": format!("o1{id}"), "status": "ok", "action": "deleted"})
        );
        api.unknown(&api.call(&id));
        assert_eq!(message(show(node, &id).expect_status(404)), "Key not found");
        let twice = node.ask("DELETE", &path, &Value::Null).expect_status(404);
        assert_eq!(message(twice), "There is no such key found");
        for short in ["ab", "o1ab", "rgk_abcdef", "a%20b", "a;bc"] {
            let path = format!("/tyk/keys/{short}");
            node.ask("POST", &path, &api.session(org.clone()))
                .expect_status(400);
        }
    }
    assert_eq!(
        message(show(node, "unknown").expect_status(404)),
        "Key not found"
    );
}
