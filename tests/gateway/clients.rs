//! `/tyk/oauth/clients`: created, shown, listed and deleted.

use serde_json::{Value, json};

use crate::harness::{keyless_api, merge, oauth_api, policy, wait_for};
use crate::world::{OAuthApi, REDIRECT, STYLES, Style, World, text, unique};

pub(crate) const CREATE: &str = "/tyk/oauth/clients/create";

#[track_caller]
fn assert_refused(world: &World, body: &Value, message: &str) {
    let answer = world.node.ask("POST", CREATE, body).expect_status(400);
    let expected = json!({"status": "error", "message": message});
    assert_eq!(answer.json(), expected, "{body}");
}

/// An API whose own errors have this style.
fn styled(style: Style, mut api: Value) -> Value {
    merge(&mut api, json!({"raftgate": {"error_style": style.name()}}));
    api
}

#[test]
fn clients_are_listed_once_they_are_there_t30() {
    let world = World::shared();
    for style in STYLES {
        lists_clients(&world, style);
    }
}

fn lists_clients(world: &World, style: Style) {
    let id = unique("listed");
    let list = format!("/tyk/oauth/clients/{id}");
    assert_eq!(world.node.ask("GET", &list, &Value::Null).status, 404);
    world.node.create_api(&styled(
        style,
        oauth_api(&id, &format!("/{id}/"), &world.upstream.url("/")),
    ));
    let none = world
        .node
        .ask("GET", &list, &Value::Null)
        .expect_status(200);
    assert_eq!(none.json(), json!([]));
    let body = json!({"client_id": "test", "redirect_uri": "", "api_id": id, "secret": "test"});
    world.node.ask("POST", CREATE, &body).expect_status(200);
    let one = world
        .node
        .ask("GET", &list, &Value::Null)
        .expect_status(200);
    assert!(
        one.text().starts_with(r#"[{"client_id":"test""#),
        "{}",
        one.text()
    );
}

#[test]
fn what_a_client_needs_is_checked_t31_to_t35() {
    let world = World::shared();
    for style in STYLES {
        checks_what_a_client_needs(&world, style);
    }
}

fn checks_what_a_client_needs(world: &World, style: Style) {
    let (oauth, keyless) = (unique("oauth"), unique("keyless"));
    world.node.create_api(&styled(
        style,
        oauth_api(&oauth, &format!("/{oauth}/"), &world.upstream.url("/")),
    ));
    world.node.create_api(&styled(
        style,
        keyless_api(&keyless, &format!("/{keyless}/"), &world.upstream.url("/")),
    ));
    let (good, of_keyless, of_nothing) = (unique("p"), unique("p"), unique("p"));
    world
        .node
        .create_policy(&policy(&good, &[&oauth, &keyless]));
    world.node.create_policy(&policy(&of_keyless, &[&keyless]));
    world
        .node
        .create_policy(&policy(&of_nothing, &["no-such-api"]));
    for body in [
        json!({"client_id": unique("c"), "policy_id": good}),
        json!({"client_id": unique("c"), "api_id": oauth}),
    ] {
        world.node.ask("POST", CREATE, &body).expect_status(200);
    }
    assert_refused(
        world,
        &json!({"policy_id": "unknown"}),
        "Policy doesn't exist",
    );
    assert_refused(world, &json!({}), "Policy doesn't exist");
    assert_refused(world, &json!({"api_id": "unknown"}), "API doesn't exist");
    assert_refused(world, &json!({"api_id": keyless}), "API is not OAuth2");
    assert_refused(
        world,
        &json!({"policy_id": of_keyless}),
        "API is not OAuth2",
    );
    assert_refused(
        world,
        &json!({"policy_id": of_nothing}),
        "API doesn't exist",
    );
}

#[test]
fn a_client_is_shown_in_tyks_order_with_its_secret() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let id = unique("shown");
    let body = json!({
        "client_id": id, "secret": "s3cret", "redirect_uri": REDIRECT, "api_id": api.id,
        "policy_id": api.policy_id(), "meta_data": {"z": 1, "a": {"b": null}}, "description": "a \"quoted\" one",
    });
    let made = world.node.ask("POST", CREATE, &body).expect_status(200);
    let expected = format!(
        r#"{{"client_id":"{id}","redirect_uri":"{REDIRECT}","policy_id":"{}","secret":"s3cret","meta_data":{{"z":1,"a":{{"b":null}}}},"description":"a \"quoted\" one"}}"#,
        api.policy_id()
    );
    assert_eq!(made.text().trim_end(), expected);
    for path in [
        format!("/tyk/oauth/clients/{}/{id}", api.id),
        format!("/tyk/oauth/clients/{}/{id}/", api.id),
    ] {
        let shown = world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(200);
        assert_eq!(shown.text().trim_end(), expected);
        assert_eq!(shown.header("content-type"), "application/json");
    }
    let bare = world
        .node
        .ask("POST", CREATE, &json!({"api_id": api.id}))
        .expect_status(200)
        .json();
    let keys: Vec<_> = bare.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "client_id",
            "redirect_uri",
            "secret",
            "meta_data",
            "description"
        ]
    );
    assert_eq!(bare["meta_data"], Value::Null);
}

#[test]
fn an_id_that_exists_is_409_unless_nothing_differs() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let id = unique("twice");
    let body = json!({"client_id": id, "secret": "first", "api_id": api.id, "policy_id": api.policy_id(), "redirect_uri": REDIRECT});
    let first = world
        .node
        .ask("POST", CREATE, &body)
        .expect_status(200)
        .text();
    assert_eq!(
        world
            .node
            .ask("POST", CREATE, &body)
            .expect_status(200)
            .text(),
        first
    );
    for (name, value) in [
        ("secret", json!("second")),
        ("redirect_uri", json!("http://other.example/")),
        ("policy_id", json!("")),
        ("description", json!("another")),
        ("meta_data", json!({"a": 1})),
        ("public", json!(true)),
        ("expires", json!(4_000_000_000_u64)),
    ] {
        let mut other = body.clone();
        other[name] = value;
        if name == "public" {
            other.as_object_mut().unwrap().shift_remove("secret");
        }
        let answer = world.node.ask("POST", CREATE, &other).expect_status(409);
        assert_eq!(text(&answer.json(), "status"), "error");
    }
    let path = format!("/tyk/oauth/clients/{}/{id}", api.id);
    assert_eq!(world.node.ask("GET", &path, &Value::Null).text(), first);
}

#[test]
fn fields_that_cannot_be_kept_are_400_by_name() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    for (name, value) in [
        ("client_id", json!("with:colon")),
        ("client_id", json!("with/slash")),
        ("client_id", json!(5)),
        ("client_id", json!("x".repeat(1000))),
        ("secret", json!(["s"])),
        ("secret", json!("line\nbreak")),
        ("secret", json!("x".repeat(100_000))),
        ("meta_data", json!([1])),
        ("meta_data", json!("text")),
        ("description", json!(1)),
        ("redirect_uri", json!(1)),
        ("public", json!("yes")),
        ("expires", json!("soon")),
    ] {
        let mut body = json!({"api_id": api.id});
        body[name] = value;
        let answer = world.node.ask("POST", CREATE, &body).expect_status(400);
        let message = text(&answer.json(), "message");
        assert!(
            message.contains(name) || message.contains("bytes"),
            "{name}: {message}"
        );
        assert!(!message.contains("line\nbreak"), "secrets are not repeated");
    }
    let both = json!({"api_id": api.id, "public": true, "secret": "s"});
    let answer = world.node.ask("POST", CREATE, &both).expect_status(400);
    assert!(answer.text().contains("public"));
}

#[test]
fn unknown_clients_and_apis() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let unknown = json!({"status": "error", "message": "OAuth Client ID not found"});
    for path in [
        format!("/tyk/oauth/clients/{}/nobody", api.id),
        "/tyk/oauth/clients/no-api/nobody".to_owned(),
    ] {
        let answer = world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(404);
        assert_eq!(answer.json(), unknown);
    }
    // Deleting one that is not there is no error; an API that is not there is.
    let path = format!("/tyk/oauth/clients/{}/nobody", api.id);
    for _ in 0..2 {
        let answer = world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        assert_eq!(
            answer.json(),
            json!({"key": "nobody", "status": "ok", "action": "deleted"})
        );
    }
    let answer = world
        .node
        .ask("DELETE", "/tyk/oauth/clients/no-api/nobody", &Value::Null);
    assert_eq!(answer.expect_status(404).json(), unknown);
    // A listing of an API that is not there has a body of its own.
    let answer = world
        .node
        .ask("GET", "/tyk/oauth/clients/no-api", &Value::Null)
        .expect_status(404);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.text(), "null");
}

#[test]
fn a_client_without_an_api_id_is_registered_with_every_oauth_api_of_its_policy() {
    let world = World::shared();
    let ([one, two], _, client) = OAuthApi::two_of_one_client(&world, Style::Rfc);
    for api in [&one, &two] {
        let path = format!("/tyk/oauth/clients/{}/{}", api.id, client.id);
        let shown = world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(200)
            .json();
        assert_eq!(text(&shown, "secret"), client.secret);
        world.node.access_token(&api.id, &client);
    }
    // Deleted with one, it stays with the other.
    let path = format!("/tyk/oauth/clients/{}/{}", one.id, client.id);
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    world.node.access_token(&two.id, &client);
    let grant = [("grant_type", "client_credentials")];
    one.token_for(&client, &grant).expect_status(401);
}

#[test]
fn a_registration_that_comes_back_revives_no_token_of_another_api() {
    let world = World::shared();
    for style in STYLES {
        let ([one, two], both, client) = OAuthApi::two_of_one_client(&world, style);
        let token = world.node.access_token(&one.id, &client);
        two.assert_good(&token);
        let path = format!("/tyk/oauth/clients/{}/{}", two.id, client.id);
        world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        two.call(&token).expect_status(403);
        let again = json!({"client_id": client.id, "secret": client.secret, "policy_id": both});
        two.another_client(again);
        two.assert_unknown(&token);
        one.assert_good(&token);
        let fresh = world.node.access_token(&one.id, &client);
        two.assert_good(&fresh);
    }
}

#[test]
fn an_expired_client_is_as_good_as_unknown() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let past = api.another_client(json!({"expires": 1_000_000_000}));
        let never = api.another_client(json!({"expires": 0}));
        let grant = [("grant_type", "client_credentials")];
        api.token_for(&never, &grant).expect_status(200);
        let answer = api.token_for(&past, &grant);
        api.assert_error(
            &answer,
            (401, "invalid_client"),
            (403, "unauthorized_client"),
        );
        let answer = api.approve_for(&past, &[]);
        api.assert_error(&answer, (400, "invalid_client"), (403, "server_error"));
        // While it lives its tokens are good, and they stop with it.
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let soon = api.another_client(json!({"expires": now.as_secs() + 2}));
        let path = format!("/tyk/oauth/clients/{}/{}", api.id, soon.id);
        let shown = world.node.ask("GET", &path, &Value::Null).json();
        assert_eq!(shown["expires"], json!(now.as_secs() + 2));
        let token = world.node.access_token(&api.id, &soon);
        wait_for("the client expires", || api.call(&token).status != 200);
        api.assert_call_refused(
            &api.call(&token),
            (401, "invalid_token"),
            (403, "Key not authorised. OAuth client access was revoked"),
        );
    }
}

#[test]
fn an_api_that_is_switched_off_takes_no_clients_and_keeps_its_tokens_revocable() {
    let world = World::shared();
    for style in STYLES {
        let (apis, both, client) = OAuthApi::two_of_one_client(&world, style);
        let [off, on] = &apis;
        let tokens = off.tokens();
        let path = format!("/tyk/apis/{}", off.id);
        let stored = world.node.ask("GET", &path, &Value::Null);
        let switch = |active: bool| {
            let mut definition = stored.json();
            definition["active"] = json!(active);
            world.node.ask("PUT", &path, &definition).expect_status(200);
        };

        switch(false);
        let message = format!("API doesn't exist: {} is not active", off.id);
        assert_refused(&world, &json!({"policy_id": both}), &message);
        assert_refused(&world, &json!({"api_id": off.id}), &message);
        let refresh = format!("/tyk/oauth/refresh/{}?api_id={}", tokens.refresh, off.id);
        world
            .node
            .ask("DELETE", &refresh, &Value::Null)
            .expect_status(200);

        switch(true);
        off.assert_not_refreshed(&tokens.refresh);
        for api in [off, on] {
            api.assert_good(&world.node.access_token(&api.id, &client));
        }
    }
}
