//! Sessions of keys: changed, ended, governed by policies, bound to paths, and shared with tokens.

use serde_json::{Value, json};

use crate::api_keys::{KeyApi, message, show};
use crate::harness::{Node, merge, policy};
use crate::world::{OAuthApi, STYLES, Style, Tokens, World, text, unique};

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
        let now_s = || {
            let now = std::time::SystemTime::now();
            now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
        };
        let past = api.key(json!({"expires": now_s() - 100}));
        api.call(&past).expect_status(200);
        assert!(
            show(node, &past).json().get("expires").is_none(),
            "a past end counts as none"
        );

        // An end that has passed when the key arrives would be none.
        let soon = api.key(json!({"expires": now_s() + 4}));
        let deleted = api.key(json!({"expires": now_s() + 4, "post_expiry_action": "delete"}));
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
        let renewed = api.session(json!({"expires": now_s() + 1000}));
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
fn a_lifetime_that_respects_an_expiry_ends_no_key_before_it_case_49() {
    let world = World::shared();
    let far_s = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 1000;
    for style in STYLES {
        let api = |respects: bool| {
            let field = "session_lifetime_respects_key_expiration";
            KeyApi::new(
                &world,
                style,
                json!({"session_lifetime": 1, field: respects}),
            )
        };
        let (respecting, plain) = (api(true), api(false));
        // Tyk deletes neither the one that ends later nor the one that never ends.
        let kept = [json!({"expires": far_s}), json!({"expires": 0})];
        let kept = kept.map(|fields| respecting.key(fields));
        let own = respecting.key(json!({"expires": far_s, "session_lifetime": 1}));
        let began = std::time::Instant::now();
        let cut = plain.key(json!({"expires": far_s}));
        let first = show(&world.node, &cut).status;
        assert!(first == 200 || began.elapsed() > std::time::Duration::from_secs(1));
        crate::harness::wait_for("the life of the key ends", || {
            show(&world.node, &cut).status == 404
        });
        plain.unknown(&plain.call(&cut));
        for key in kept.iter().chain([&own]) {
            show(&world.node, key).expect_status(200);
            respecting.call(key).expect_status(200);
        }
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
        // A key that is of none of its clients opens no OAuth API.
        oauth.assert_call_refused(
            &oauth.call(&keyed.key(json!({}))),
            (401, "invalid_token"),
            (403, "Key not authorised. OAuth client access was revoked"),
        );
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
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let client = api.another_client(json!({"meta_data": {"foo": "bar", "client": "meta"}}));
        let approve = |pairs: &[(&str, &str)]| {
            let pairs = [&[("response_type", "token")], pairs].concat();
            let approved = api.approve_for(&client, &pairs).expect_status(200);
            text(&approved.json(), "access_token")
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
        assert!(shown["access_rights"].get(&api.id).is_some(), "{shown}");
        assert!(shown["expires"].as_u64().is_some(), "{shown}");

        node.ask("PUT", &format!("/tyk/keys/{token}"), &rules)
            .expect_status(400);
        node.ask("DELETE", &format!("/tyk/keys/{token}"), &Value::Null)
            .expect_status(200);
        api.assert_unknown(&token);
        show(node, &token).expect_status(404);
        api.assert_good(&by_policy);
    }
}

#[test]
fn rate_tags_and_alias_of_a_tokens_session_are_kept_and_shown() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let own = json!({
        "rate": 7, "per": 60, "quota_max": 500, "quota_renewal_rate": 3600, "tags": ["gold", "eu"], "alias": "acme",
    });
    let limits = ["rate", "per", "quota_max", "quota_renewal_rate", "tags"];
    let assert_shown = |token: &str, names: &[&str]| {
        let shown = show(&world.node, token).expect_status(200).json();
        for name in names {
            assert_eq!(shown[name], own[name], "{shown}");
        }
    };
    // Of the rules that were given, and of what a refresh makes of them.
    let mut rules = own.clone();
    merge(&mut rules, json!({"access_rights": {api.id.as_str(): {}}}));
    let rules = rules.to_string();
    let approved = api.approve(&[("key_rules", &rules)]).expect_status(200);
    let code = text(&approved.json(), "code");
    let first = Tokens::of(api.exchange(&code, &[]));
    assert_shown(&first.access, &limits);
    assert_shown(&first.access, &["alias"]);
    let second = Tokens::of(api.refresh(&first.refresh));
    assert_shown(&second.access, &limits);
    assert_shown(&second.access, &["alias"]);
    // Of the policy; an alias is not a policy's to give.
    let mut body = policy(&api.policy_id(), &[&api.id]);
    merge(&mut body, own.clone());
    world.node.create_policy(&body);
    assert_shown(&api.access_token(), &limits);
}

#[test]
fn a_policys_expiry_ends_the_keys_that_are_made_by_it() {
    let world = World::shared();
    let node = &world.node;
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({}));
        let id = unique("brief");
        let mut body = policy(&id, &[&api.id]);
        merge(&mut body, json!({"key_expires_in": 2}));
        node.create_policy(&body);
        let session = json!({"apply_policies": [id]});
        let made = node.ask("POST", "/tyk/keys", &session).expect_status(200);
        let key = text(&made.json(), "key");
        // What it says of later keys does not prolong one that is there.
        merge(&mut body, json!({"key_expires_in": 1000}));
        node.create_policy(&body);
        let later = node.ask("POST", "/tyk/keys", &session).expect_status(200);
        crate::harness::wait_for("the key ends", || api.call(&key).status != 200);
        api.refused(
            &api.call(&key),
            (401, "invalid_token"),
            (401, "Key has expired, please renew"),
        );
        show(node, &key).expect_status(200);
        api.call(&text(&later.json(), "key")).expect_status(200);
    }
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
