//! `/tyk/policies`, and what a change of a policy does to tokens that are out already.

use serde_json::{Value, json};

use crate::harness::{merge, policy};
use crate::world::{OAuthApi, STYLES, Style, World, text, unique};

fn message(answer: crate::harness::Answer) -> String {
    text(&answer.json(), "message")
}

#[test]
fn a_policy_is_created_shown_listed_changed_and_deleted_case_78() {
    let world = World::shared();
    let id = unique("policy");
    let path = format!("/tyk/policies/{id}");
    let missing = world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(404);
    assert_eq!(message(missing), "Policy not found");
    let mut body = policy(&id, &["some-api"]);
    merge(&mut body, json!({"unknown": [1, {"z": 1, "a": 2}]}));
    let made = world
        .node
        .ask("POST", "/tyk/policies", &body)
        .expect_status(200);
    assert_eq!(
        made.json(),
        json!({"key": id, "status": "ok", "action": "added"})
    );
    let shown = world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(200);
    assert_eq!(shown.json().to_string(), body.to_string());
    let listed = world.node.ask("GET", "/tyk/policies/", &Value::Null).json();
    assert!(listed.as_array().unwrap().contains(&body));

    merge(&mut body, json!({"name": "changed"}));
    let changed = world.node.ask("PUT", &path, &body).expect_status(200);
    assert_eq!(
        changed.json(),
        json!({"key": id, "status": "ok", "action": "modified"})
    );
    assert_eq!(world.node.ask("GET", &path, &Value::Null).json(), body);
    merge(&mut body, json!({"id": "another"}));
    world.node.ask("PUT", &path, &body).expect_status(400);

    let gone = world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    assert_eq!(
        gone.json(),
        json!({"key": id, "status": "ok", "action": "deleted"})
    );
    for method in ["GET", "DELETE"] {
        let answer = world
            .node
            .ask(method, &path, &Value::Null)
            .expect_status(404);
        assert_eq!(message(answer), "Policy not found");
    }
}

#[test]
fn a_policy_without_an_id_or_with_wrong_parts_is_refused() {
    let world = World::shared();
    let answer = world
        .node
        .ask("POST", "/tyk/policies", &json!({"access_rights": {}}));
    assert_eq!(
        message(answer.expect_status(400)),
        "Unable to create policy without id."
    );
    for (fields, named) in [
        (json!({"access_rights": []}), "access_rights"),
        (json!({"is_inactive": "no"}), "is_inactive"),
        (json!({"partitions": {"acl": true}}), "partitions.acl"),
        (
            json!({"access_rights": {"x": {"allowed_urls": [{"url": "(", "methods": ["GET"]}]}}}),
            "access_rights.x.allowed_urls[0].url",
        ),
        (json!({"id": 5}), "id"),
        (json!({"id": ".."}), "id: stands in paths"),
        (json!({"id": "a/b"}), "id: stands in paths"),
        (json!({"id": "a%2Fb"}), "id: stands in paths"),
        (json!({"id": "x?y"}), "id: stands in paths"),
        (json!({"tags": "one"}), "tags"),
        (json!({"meta_data": 1}), "meta_data"),
    ] {
        let id = unique("wrong");
        let mut body = policy(&id, &["some-api"]);
        merge(&mut body, fields);
        let answer = world
            .node
            .ask("POST", "/tyk/policies", &body)
            .expect_status(400);
        let text = message(answer);
        assert!(text.contains(named), "{body}: {text}");
        world
            .node
            .ask("GET", &format!("/tyk/policies/{id}"), &Value::Null)
            .expect_status(404);
    }
}

#[test]
fn a_policy_is_measured_without_the_white_space_of_its_body() {
    let world = World::shared();
    let id = unique("spaced");
    let of_name = |bytes: usize| {
        let mut body = policy(&id, &["some-api"]);
        merge(&mut body, json!({"name": "x".repeat(bytes)}));
        body.to_string()
    };
    let send = |method: &str, path: &str, body: &str| {
        let secret = world.node.secret();
        let headers = [("x-tyk-authorization", secret.as_str())];
        let url = world.node.control_url(path);
        world
            .node
            .client()
            .send(method, &url, &headers, body.as_bytes())
    };
    let path = format!("/tyk/policies/{id}");
    let bounds = [
        // Longer than any policy, and a short one is kept of it.
        (
            of_name(10).replacen('{', &format!("{{{}", " ".repeat(300 * 1024)), 1),
            None,
        ),
        (of_name(250 * 1024), None),
        (of_name(257 * 1024), Some("at most 262144 are allowed")),
        (
            " ".repeat(5 * 1024 * 1024) + &of_name(10),
            Some("at most 4194304 are allowed"),
        ),
    ];
    for (method, path) in [("POST", "/tyk/policies"), ("PUT", path.as_str())] {
        for (body, refused) in &bounds {
            let answer = send(method, path, body);
            let status = if refused.is_some() { 400 } else { 200 };
            let said = message(answer.expect_status(status));
            assert!(said.contains(refused.unwrap_or_default()), "{said}");
        }
    }
    let kept = world.node.ask("GET", &path, &Value::Null);
    assert_eq!(kept.text(), of_name(250 * 1024));
}

#[test]
fn an_update_is_of_the_policy_that_its_path_names() {
    let world = World::shared();
    let (id, other) = (unique("policy"), unique("policy"));
    let path = format!("/tyk/policies/{id}");
    let with = |inside: Value| {
        let mut body = policy(&id, &["some-api"]);
        merge(&mut body, json!({"id": inside}));
        body
    };
    let mut without = with(json!(""));
    without.as_object_mut().unwrap().remove("id");
    for body in [with(json!("")), with(Value::Null), without] {
        let changed = world.node.ask("PUT", &path, &body).expect_status(200);
        assert_eq!(text(&changed.json(), "key"), id, "{body}");
        let stored = world.node.ask("GET", &path, &Value::Null).json();
        assert_eq!(stored, with(json!(id)));
    }
    let mut named_twice = with(json!(id));
    merge(&mut named_twice, json!({"ID": other}));
    let wrong = [json!(5), json!(0), json!(false), json!([id]), json!({})];
    let wrong = wrong
        .map(with)
        .map(|body| (body, "id: must be a string, not "));
    let others = [
        (named_twice, "id: is given twice"),
        (with(json!(other)), "these must match"),
    ];
    for (mut body, said) in wrong.into_iter().chain(others) {
        merge(&mut body, json!({"name": "changed"}));
        let refused = world.node.ask("PUT", &path, &body).expect_status(400);
        let refused = message(refused);
        assert!(refused.contains(said), "{body}: {refused}");
        let stored = world.node.ask("GET", &path, &Value::Null).json();
        assert_eq!(stored, with(json!(id)));
        let elsewhere = format!("/tyk/policies/{other}");
        let none = world.node.ask("GET", &elsewhere, &Value::Null);
        none.expect_status(404);
    }
}

#[test]
fn a_change_acts_on_tokens_that_are_out_case_48_case_77() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (token, pair) = (api.access_token(), api.tokens());
        let path = format!("/tyk/policies/{}", api.policy_id());
        let full = world.node.ask("GET", &path, &Value::Null).json();
        let put = |fields: Value| {
            let mut body = full.clone();
            merge(&mut body, fields);
            world.node.ask("PUT", &path, &body).expect_status(200);
        };
        let refused = |rfc, tyk| {
            for access in [&token, &pair.access] {
                api.assert_call_refused(&api.call(access), rfc, tyk);
            }
        };
        put(json!({"is_inactive": true}));
        refused(
            (403, "access_denied"),
            (403, "Key is inactive, please renew"),
        );
        put(json!({"is_inactive": false}));
        api.assert_good(&token);
        put(json!({"access_rights": {"other": {"api_id": "other"}}}));
        let no_right = (
            (403, "insufficient_scope"),
            (403, "Access to this API has been disallowed"),
        );
        refused(no_right.0, no_right.1);
        put(json!({}));
        api.assert_good(&token);

        world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        for access in [&token, &pair.access] {
            assert!(matches!(api.call(access).status, 401 | 403));
        }
        // Nor is there a new token to be had.
        let answer = api.token(&[("grant_type", "client_credentials")]);
        api.assert_error(&answer, (400, "unauthorized_client"), (403, "server_error"));
        let answer = api.refresh(&pair.refresh);
        assert!(matches!(answer.status, 400 | 403), "{}", answer.text());
        world
            .node
            .ask("POST", "/tyk/policies", &full)
            .expect_status(200);
        api.assert_good(&api.access_token());
    }
}

#[test]
fn post_replaces_a_policy() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let token = api.access_token();
    let mut body = policy(&api.policy_id(), &["elsewhere"]);
    world
        .node
        .ask("POST", "/tyk/policies", &body)
        .expect_status(200);
    api.call(&token).expect_status(403);
    body = policy(&api.policy_id(), &[&api.id]);
    world
        .node
        .ask("POST", "/tyk/policies", &body)
        .expect_status(200);
    api.assert_good(&token);
}
