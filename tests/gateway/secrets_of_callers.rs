//! What callers and upstreams prove themselves with, used rightly and wrongly near every log: for `secrets.rs`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api_keys::KeyApi;
use crate::harness::{Answer, merge};
use crate::world::{OAuthApi, Style, Tokens, World, text, unique};

const CUSTOM_KEY: &str = "custom-Key-zT6pLq8vRw3XkJ9d";
const PASSWORD: &str = "users-Password-uE2mNf5xHc7YbS4g";
const NEXT_PASSWORD: &str = "users-Next-Password-kW8jQr1tPv6ZaD3h";
const OF_UPSTREAM: &str = "upstream-Secret-oV4nBs7cMx2GyK5l";
const OF_HOOK: &str = "hook-Secret-iC9rTd3wFq6LpU8e";
const NOT_TAKEN: &str = "refused-Secret-aJ5hXv2bNz7RmT4y";

impl World {
    /// Sends a body as it is to the control listener, with the control secret.
    fn tell(&self, method: &str, path: &str, body: &str) -> Answer {
        let secret = self.node.secret();
        let headers = [("x-tyk-authorization", secret.as_str())];
        let url = self.node.control_url(path);
        let client = self.node.client();
        client.send(method, &url, &headers, body.as_bytes())
    }
}

/// Uses keys, users, admin tokens and upstreams in every way that brings their secrets near a log; answers what was secret.
pub(crate) fn exercise(world: &World) -> Vec<String> {
    let mut secrets = vec![OF_UPSTREAM.to_owned(), OF_HOOK.to_owned()];
    secrets.push(NOT_TAKEN.to_owned());
    secrets.extend(keys(world));
    secrets.extend(users(world));
    secrets.extend(admin_tokens(world));
    upstreams(world);
    secrets
}

/// A generated and a chosen key: in the header, the query and a cookie, in paths of the control listener, nearly right.
fn keys(world: &World) -> [String; 2] {
    let everywhere = json!({"auth": {
        "auth_header_name": "Authorization", "use_param": true, "param_name": "key",
        "use_cookie": true, "cookie_name": "key",
    }});
    let api = KeyApi::new(world, Style::Rfc, everywhere);
    let generated = api.key(json!({}));
    let session = api.session(json!({}));
    let path = format!("/tyk/keys/{CUSTOM_KEY}");
    world.node.ask("POST", &path, &session).expect_status(200);
    for key in [generated.as_str(), CUSTOM_KEY] {
        api.call(key).expect_status(200);
        api.get(&format!("/x?key={key}"), &[]).expect_status(200);
        let cookie = format!("key={key}");
        api.get("/x", &[("cookie", &cookie)]).expect_status(200);
        assert!(api.call(&format!("{key}x")).status >= 400);
        api.get(&format!("/x?key={key}x"), &[]);
        api.get("/x", &[("authorization", key), ("Authorization", key)]);
        let path = format!("/tyk/keys/{key}");
        world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(200);
        world.node.ask("PUT", &path, &session).expect_status(200);
        world.tell("PUT", &path, &format!("{{\"alias\": \"{key}\""));
        world.tell("PATCH", &path, "{}");
        world.tell("GET", &format!("{path}x"), "");
    }
    // One that is deleted and is asked for again.
    let path = format!("/tyk/keys/{CUSTOM_KEY}");
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(404);
    api.call(CUSTOM_KEY);
    world.node.ask("POST", &path, &session).expect_status(200);
    [generated, CUSTOM_KEY.to_owned()]
}

/// A user at a basic-auth API and at the password grant.
fn users(world: &World) -> Vec<String> {
    let basic = json!({"use_standard_auth": false, "use_basic_auth": true});
    let api = KeyApi::new(world, Style::Rfc, basic);
    let types = json!({
        "allowed_access_types": ["password", "refresh_token"],
        "allowed_authorize_types": [],
    });
    let oauth = OAuthApi::with(world, Style::Rfc, json!({"oauth_meta": types}));
    let user = unique("user");
    let mut session = api.session(json!({"basic_auth_data": {"password": PASSWORD}}));
    let right = json!({"api_id": oauth.id, "versions": ["Default"]});
    session["access_rights"][oauth.id.as_str()] = right;
    let path = format!("/tyk/keys/{user}");
    world.node.ask("POST", &path, &session).expect_status(200);
    let call = |password: &str| {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        api.get("/x", &[("authorization", &format!("Basic {pair}"))])
    };
    call(PASSWORD).expect_status(200);
    assert!(call(&format!("{PASSWORD}x")).status >= 400);
    api.get("/x", &[("authorization", &format!("Basic {PASSWORD}"))]);
    let login = |password: &str| {
        let pair = [("username", user.as_str()), ("password", password)];
        oauth.token(&[&[("grant_type", "password")][..], &pair].concat())
    };
    let first = Tokens::of(login(PASSWORD));
    let second = Tokens::of(oauth.refresh(&first.refresh));
    login(&format!("{PASSWORD}x")).expect_status(400);
    // Where no password belongs, and in a body that is none.
    let client = world.node.client();
    let query = format!("/oauth/token?grant_type=password&username={user}&password={PASSWORD}");
    client.post_form(&oauth.url(&query), &[], &[]);
    let json = [("content-type", "application/json")];
    let broken = format!("{{\"username\": \"{user}\", \"password\": \"{PASSWORD}\"");
    client.send("POST", &oauth.url("/oauth/token"), &json, broken.as_bytes());
    world.tell("PUT", &path, &broken);
    let typed = format!("{{\"basic_auth_data\": {{\"password\": [\"{PASSWORD}\"]}}}}");
    world.tell("PUT", &path, &typed).expect_status(400);
    merge(
        &mut session,
        json!({"basic_auth_data": {"password": NEXT_PASSWORD}}),
    );
    world.node.ask("PUT", &path, &session).expect_status(200);
    call(NEXT_PASSWORD).expect_status(200);
    assert!(call(PASSWORD).status >= 400);
    let third = Tokens::of(login(NEXT_PASSWORD));
    let shown = format!("/tyk/keys/{}", third.access);
    world
        .node
        .ask("GET", &shown, &Value::Null)
        .expect_status(200);
    let mut secrets = vec![PASSWORD.to_owned(), NEXT_PASSWORD.to_owned()];
    for tokens in [first, second, third] {
        secrets.extend([tokens.access, tokens.refresh]);
    }
    secrets
}

/// One admin token of each role: used, nearly right, where it may not, and after its end.
fn admin_tokens(world: &World) -> Vec<String> {
    let path = "/raftgate/v1/admin-tokens";
    let ask = |token: &str, method: &str, path: &str| {
        let url = world.node.control_url(path);
        let client = world.node.client();
        client.send(method, &url, &[("authorization", token)], b"")
    };
    let mut made = Vec::new();
    for role in ["operator", "read-only", "identity-server"] {
        let name = unique("admin");
        let body = json!({"name": name, "role": role});
        let answer = world.node.ask("POST", path, &body).expect_status(200);
        let token = text(&answer.json(), "token");
        ask(&token, "GET", "/tyk/apis");
        ask(&token, "DELETE", "/tyk/apis/nothing");
        ask(&format!("{token}x"), "GET", "/tyk/apis").expect_status(403);
        ask("", "GET", &format!("/tyk/apis?token={token}"));
        world.tell("POST", path, &format!("{{\"name\": \"{token}\""));
        let end = format!("{path}/{name}");
        if role == "read-only" {
            world
                .node
                .ask("DELETE", &end, &Value::Null)
                .expect_status(200);
            ask(&token, "GET", "/tyk/apis").expect_status(403);
        }
        made.push(token);
    }
    made
}

/// Secrets in a target's query, in a header that is set, in a webhook's address: in definitions that work, that lead
/// nowhere, and that are refused.
fn upstreams(world: &World) {
    let with_secret = |url: &str| format!("{url}?api_key={OF_UPSTREAM}");
    let dead = "http://127.0.0.1:1/";
    for target in [world.upstream.url("/"), dead.to_owned()] {
        let mut versions = json!({"Default": {"name": "Default"}});
        versions["Default"]["global_headers"] = json!({"X-Api-Key": OF_UPSTREAM});
        let api = KeyApi::new(
            world,
            Style::Rfc,
            json!({"version_data": {"not_versioned": true, "versions": versions}}),
        );
        let id = api.id.clone();
        let mut definition = world
            .node
            .ask("GET", &format!("/tyk/apis/{id}"), &Value::Null)
            .expect_status(200)
            .json();
        definition["proxy"]["target_url"] = json!(with_secret(&target));
        world.node.create_api(&definition);
        let key = api.key(json!({}));
        let answer = api.call(&key);
        assert_eq!(answer.status == 200, target != dead, "{}", answer.text());
        if target != dead {
            let seen = answer.text();
            assert!(seen.matches(OF_UPSTREAM).count() >= 2, "{seen}");
        }
        definition["proxy"]["target_url"] = json!(format!("http://user:{NOT_TAKEN}@h/"));
        let refused = world.node.ask("POST", "/tyk/apis", &definition);
        refused.expect_status(400);
        world.tell("POST", "/tyk/apis", &definition.to_string()[..200]);
    }
    // A receiver that is not there, with a secret in its address.
    let hook = format!("http://127.0.0.1:1/{OF_HOOK}?token={OF_HOOK}");
    let told = json!({"notifications": {"shared_secret": OF_HOOK, "oauth_on_keychange_url": hook}});
    let api = OAuthApi::with(world, Style::Rfc, told);
    api.tokens();
    let path = format!("/raftgate/v1/notifications?api_id={}", api.id);
    let shows_a_failure = || {
        let listed = world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(200);
        let listed = listed.json();
        let all = listed["notifications"].as_array().unwrap().clone();
        all.iter().any(|one| one["attempts"].as_u64() > Some(0))
    };
    crate::harness::wait_for("the receiver was tried", shows_a_failure);
}
