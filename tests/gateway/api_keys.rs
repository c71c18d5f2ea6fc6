//! Keys: made, shown, listed, changed and deleted through `/tyk/keys`, and what they open.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Answer, Node, keyless_api, merge, policy};
use crate::world::{OAuthApi, STYLES, Style, World, text, unique};

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

fn show(node: &Node, key: &str) -> Answer {
    node.ask("GET", &format!("/tyk/keys/{key}"), &Value::Null)
}

fn message(answer: Answer) -> String {
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
    let place = json!({"auth_configs": {"authToken": {"use_param": true, "param_name": "Key"}}});
    let api = KeyApi::new(&world, Style::Tyk, place);
    let key = api.key(json!({}));
    api.get(&format!("/called?Key={key}"), &[])
        .expect_status(200);
    api.call(&key).expect_status(200);
    api.get(&format!("/called?key={key}"), &[])
        .expect_status(401);
    let place = json!({
        "auth_configs": {"authToken": {"disable_header": true, "use_cookie": true, "cookie_name": "K"}},
        "strip_auth_data": true
    });
    let api = KeyApi::new(&world, Style::Tyk, place);
    let key = api.key(json!({}));
    api.call(&key).expect_status(401);
    let answer = api.get("/called", &[("cookie", &format!("a=b; K={key}"))]);
    assert!(!answer.expect_status(200).text().contains(&key));
    api.get("/called", &[("cookie", &format!("k={key}"))])
        .expect_status(401);
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
    for (method, path) in [
        ("POST", "/tyk/keys"),
        ("POST", "/tyk/keys/create"),
        ("POST", "/tyk/keys/preview"),
        ("POST", "/tyk/keys/a-name"),
        ("PUT", "/tyk/keys/a-name"),
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
        show(node, &format!("{id}?org_id=o2")).expect_status(404);
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

#[test]
fn an_update_changes_the_session_and_keeps_its_date_cases_42_52() {
    let world = World::shared();
    let node = &world.node;
    for style in STYLES {
        let (api, other) = (
            KeyApi::new(&world, style, json!({})),
            KeyApi::new(&world, style, json!({})),
        );
        let key = api.key(json!({"alias": "acme", "unknown": {"kept": [0]}, "rate": 0}));
        let path = format!("/tyk/keys/{key}");
        let shown = show(node, &key).expect_status(200).json();
        assert_eq!(
            (text(&shown, "alias"), &shown["unknown"]),
            ("acme".into(), &json!({"kept": [0]}))
        );
        assert!(shown.get("rate").is_none() && shown.get("expires").is_none());
        assert!(!text(&shown, "last_updated").is_empty());
        let no_right = "Access to this API has been disallowed";
        other.refused(
            &other.call(&key),
            (403, "insufficient_scope"),
            (403, no_right),
        );

        let changed = node.ask(
            "PUT",
            &format!("{path}?suppress_reset=1"),
            &other.session(json!({"alias": "new"})),
        );
        let changed = changed.expect_status(200).json();
        assert_eq!(
            (text(&changed, "key"), text(&changed, "action")),
            (key.clone(), "modified".into())
        );
        other.call(&key).expect_status(200);
        api.refused(
            &api.call(&key),
            (403, "insufficient_scope"),
            (403, no_right),
        );
        let now = show(node, &key).json();
        assert_eq!(
            (text(&now, "alias"), &now["date_created"]),
            ("new".into(), &shown["date_created"])
        );
        assert!(now.get("unknown").is_none());
        let missing = node
            .ask("PUT", "/tyk/keys/nobodys", &api.session(json!({})))
            .expect_status(404);
        assert_eq!(message(missing), "Key is not found");
    }
}

#[test]
fn sessions_end_and_are_switched_off_cases_46_47_49_51() {
    let world = World::shared();
    let node = &world.node;
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({}));
        let now_s = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let past = api.key(json!({"expires": now_s - 100}));
        api.call(&past).expect_status(200);
        assert!(
            show(node, &past).json().get("expires").is_none(),
            "a past end counts as none"
        );

        let soon = api.key(json!({"expires": now_s + 1}));
        let deleted = api.key(json!({"expires": now_s + 1, "post_expiry_action": "delete"}));
        let short = api.key(json!({"session_lifetime": 1}));
        let ended = |key: &str| api.call(key).status != 200;
        crate::harness::wait_for("the sessions end", || {
            ended(&soon) && ended(&deleted) && ended(&short)
        });
        api.refused(
            &api.call(&soon),
            (401, "invalid_token"),
            (401, "Key has expired, please renew"),
        );
        show(node, &soon).expect_status(200);
        for gone in [&deleted, &short] {
            api.unknown(&api.call(gone));
            show(node, gone).expect_status(404);
        }
        let renewed = api.session(json!({"expires": now_s + 1000}));
        node.ask("PUT", &format!("/tyk/keys/{soon}"), &renewed)
            .expect_status(200);
        api.call(&soon).expect_status(200);

        let key = api.key(json!({"is_inactive": true}));
        api.refused(
            &api.call(&key),
            (403, "access_denied"),
            (403, "Key is inactive, please renew"),
        );
    }
}

#[test]
fn a_policy_governs_the_keys_that_name_it_cases_48_77_79() {
    let world = World::shared();
    let node = &world.node;
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({}));
        let id = unique("gold");
        let mut body = policy(&id, &[&api.id]);
        merge(
            &mut body,
            json!({"key_expires_in": 1000, "tags": ["gold"], "meta_data": {"both": "policy"}, "rate": 7}),
        );
        node.create_policy(&body);
        let session = json!({"apply_policies": [id], "tags": ["own"], "meta_data": {"own": 1, "both": "session"}});
        let made = node
            .ask("POST", "/tyk/keys", &session)
            .expect_status(200)
            .json();
        let key = text(&made, "key");
        api.call(&key).expect_status(200);
        let shown = show(node, &key).json();
        assert_eq!(shown["tags"], json!(["own", "gold"]));
        assert_eq!(shown["meta_data"], json!({"own": 1, "both": "policy"}));
        assert_eq!(
            (&shown["rate"], shown["expires"].as_u64().is_some()),
            (&json!(7), true)
        );
        assert!(shown["access_rights"].get(&api.id).is_some());
        let preview = node
            .ask("POST", "/tyk/keys/preview", &session)
            .expect_status(200)
            .json();
        assert_eq!(preview["tags"], shown["tags"]);

        let path = format!("/tyk/policies/{id}");
        let put = |fields: Value| {
            let mut changed = body.clone();
            merge(&mut changed, fields);
            node.ask("PUT", &path, &changed).expect_status(200);
        };
        put(json!({"is_inactive": true}));
        api.refused(
            &api.call(&key),
            (403, "access_denied"),
            (403, "Key is inactive, please renew"),
        );
        put(json!({"access_rights": {"other": {}}}));
        let no_right = "Access to this API has been disallowed";
        api.refused(
            &api.call(&key),
            (403, "insufficient_scope"),
            (403, no_right),
        );
        put(json!({}));
        api.call(&key).expect_status(200);
        node.ask("DELETE", &path, &Value::Null).expect_status(200);
        api.unknown(&api.call(&key));
    }
}

#[test]
fn rights_to_single_paths_bind_method_and_path_case_59() {
    let world = World::shared();
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({}));
        let full = format!("^/{}/full", api.id);
        let urls =
            json!([{"url": "^/valid_path", "methods": ["GET"]}, {"url": full, "methods": ["GET"]}]);
        let key = api.key(json!({"access_rights": {api.id.as_str(): {"allowed_urls": urls}}}));
        let with = [("authorization", key.as_str())];
        for path in [
            "/valid_path",
            "/valid_path/deep",
            "/valid%5Fpath?q=1",
            "/full",
        ] {
            api.get(path, &with).expect_status(200);
        }
        let to_path = "Access to this resource has been disallowed";
        for path in ["/other", "/valid_pathology", "/x/valid_path", "/", ""] {
            api.refused(
                &api.get(path, &with),
                (403, "insufficient_scope"),
                (403, to_path),
            );
        }
        let url = world.node.gateway_url(&format!("/{}/valid_path", api.id));
        let posted = world.node.client().send("POST", &url, &with, b"x");
        api.refused(&posted, (403, "insufficient_scope"), (403, to_path));
    }
}

#[test]
fn one_token_opens_an_oauth_api_and_those_with_keys_case_28() {
    let world = World::shared();
    for style in STYLES {
        let oauth = OAuthApi::new(&world, style);
        let keyed = KeyApi::new(&world, style, json!({}));
        let other = KeyApi::new(&world, style, json!({}));
        world
            .node
            .create_policy(&policy(&oauth.policy_id(), &[&oauth.id, &keyed.id]));
        let token = oauth.access_token();
        oauth.assert_good(&token);
        keyed.call(&format!("Bearer {token}")).expect_status(200);
        keyed.call(&token).expect_status(200);
        let no_right = "Access to this API has been disallowed";
        other.refused(
            &other.call(&token),
            (403, "insufficient_scope"),
            (403, no_right),
        );
        // A key opens no OAuth API.
        oauth.assert_unknown(&keyed.key(json!({})));
        let path = format!("/tyk/oauth/clients/{}/{}", oauth.id, oauth.client.id);
        world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        keyed.unknown(&keyed.call(&token));
    }
}

#[test]
fn the_session_of_a_token_is_shown_and_deleting_it_revokes_it_t8_t10() {
    let world = World::shared();
    let node = &world.node;
    let api = OAuthApi::new(&world, Style::Rfc);
    let client = api.another_client(json!({"meta_data": {"foo": "bar", "client": "meta"}}));
    let approve = |pairs: &[(&str, &str)]| {
        let pairs = [&[("response_type", "token")], pairs].concat();
        text(
            &api.approve_for(&client, &pairs).expect_status(200).json(),
            "access_token",
        )
    };
    let rules = json!({
        "access_rights": {api.id.as_str(): {}}, "meta_data": {"key": "meta", "foo": "keybar"}
    });
    let token = approve(&[("key_rules", &rules.to_string())]);
    let shown = show(node, &token).expect_status(200).json();
    assert_eq!(
        shown["meta_data"],
        json!({"foo": "keybar", "client": "meta", "key": "meta"})
    );
    assert_eq!(text(&shown, "oauth_client_id"), client.id);
    let by_policy = approve(&[]);
    let shown = show(node, &by_policy).expect_status(200).json();
    assert_eq!(shown["apply_policies"], json!([api.policy_id()]));
    assert!(shown["access_rights"].get(&api.id).is_some() && shown["expires"].as_u64().is_some());

    node.ask("PUT", &format!("/tyk/keys/{token}"), &rules)
        .expect_status(400);
    node.ask("DELETE", &format!("/tyk/keys/{token}"), &Value::Null)
        .expect_status(200);
    api.assert_unknown(&token);
    show(node, &token).expect_status(404);
    api.assert_good(&by_policy);
}

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
    let made = node
        .ask("POST", "/tyk/keys", &elsewhere)
        .expect_status(200)
        .json();
    assert_eq!(
        made["warnings"],
        json!(["access_rights.elsewhere: there is no such API"])
    );
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
    let api = KeyApi::new(&world, Style::Tyk, json!({}));
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

#[test]
fn patterns_match_anywhere_when_the_operator_says_so() {
    let node = Node::builder()
        .configuration("[compat]\nunanchored_paths = true")
        .start();
    let world = World::of(node);
    let api = KeyApi::new(&world, Style::Rfc, json!({}));
    let urls = json!([{"url": "valid", "methods": ["GET"]}]);
    let key = api.key(json!({"access_rights": {api.id.as_str(): {"allowed_urls": urls}}}));
    let with = [("authorization", key.as_str())];
    for path in ["/valid_path", "/x/valid_path", "/invalid"] {
        api.get(path, &with).expect_status(200);
    }
    api.get("/other", &with).expect_status(403);
}
