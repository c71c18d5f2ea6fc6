//! `/tyk/apis`: definitions in, out, changed and gone, with nobody else noticing.

use serde_json::{Value, json};

use crate::harness::{Node, RecordingServer, Reply, keyless_api, merge};
use crate::world::{World, text, unique};

/// A keyless API at `/{id}/`.
pub(crate) fn definition(id: &str, world: &World) -> Value {
    keyless_api(id, &format!("/{id}/"), &world.upstream.url("/"))
}

pub(crate) fn message(answer: &crate::harness::Answer) -> String {
    let body = answer.json();
    assert_eq!(text(&body, "status"), "error", "{body}");
    assert_eq!(answer.header("content-type"), "application/json");
    text(&body, "message")
}

#[test]
fn an_api_is_created_shown_listed_changed_and_deleted() {
    let world = World::shared();
    let id = unique("crud");
    let path = format!("/tyk/apis/{id}");
    let mut api = definition(&id, &world);
    let made = world.node.ask("POST", "/tyk/apis", &api).expect_status(200);
    assert_eq!(
        made.json(),
        json!({"key": id, "status": "ok", "action": "added"})
    );
    assert_eq!(world.node.ask("GET", &path, &Value::Null).json(), api);
    let listed = world.node.ask("GET", "/tyk/apis", &Value::Null).json();
    assert!(listed.as_array().unwrap().contains(&api), "{listed}");

    merge(&mut api, json!({"name": "changed"}));
    let changed = world.node.ask("PUT", &path, &api).expect_status(200);
    assert_eq!(
        changed.json(),
        json!({"key": id, "status": "ok", "action": "modified"})
    );
    assert_eq!(world.node.ask("GET", &path, &Value::Null).json(), api);

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
        assert_eq!(message(&answer), "API not found");
    }
    let answer = world.node.ask("PUT", &path, &api).expect_status(404);
    assert_eq!(message(&answer), "API not found");
    world
        .node
        .client()
        .get(&world.node.gateway_url(&format!("/{id}/")), &[])
        .expect_status(404);
}

#[test]
fn a_node_without_apis_lists_none() {
    let node = Node::start();
    for path in ["/tyk/apis", "/tyk/apis/", "/tyk/policies"] {
        let answer = node.ask("GET", path, &Value::Null).expect_status(200);
        assert_eq!(answer.json(), json!([]), "{path}");
    }
}

#[test]
fn an_id_is_made_where_none_is_given() {
    let world = World::shared();
    let mut api = definition(&unique("nameless"), &world);
    api.as_object_mut().unwrap().shift_remove("api_id");
    let made = world
        .node
        .ask("POST", "/tyk/apis", &api)
        .expect_status(200)
        .json();
    let id = text(&made, "key");
    assert!(
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{id}"
    );
    let shown = world
        .node
        .ask("GET", &format!("/tyk/apis/{id}"), &Value::Null)
        .json();
    assert_eq!(text(&shown, "api_id"), id);
    merge(&mut api, json!({"api_id": id}));
    assert_eq!(shown, api);
}

#[test]
fn fields_that_mean_nothing_here_come_back_in_their_order() {
    let world = World::shared();
    let id = unique("kept");
    let listen_path = format!("/{id}/");
    let target = world.upstream.url("/");
    let sent = format!(
        r#"{{"zeta":[1,{{"b":2.5,"a":null}}],"api_id":"{id}","name":"K\u00e4se","active":true,"use_keyless":true,"hook":{{"z":1,"y":{{"x":"w"}}}},"proxy":{{"transport":{{"proxy_url":""}},"listen_path":"{listen_path}","target_url":"{target}","strip_listen_path":true}},"alpha":"last","big":12345678901234567890}}"#
    );
    let sent: Value = serde_json::from_str(&sent).unwrap();
    world.node.create_api(&sent);
    let shown = world
        .node
        .ask("GET", &format!("/tyk/apis/{id}"), &Value::Null);
    // The text of both, because equality of values does not look at the order.
    assert_eq!(shown.json().to_string(), sent.to_string());
}

#[test]
fn put_takes_the_id_of_the_path_and_no_other() {
    let world = World::shared();
    let id = unique("mismatch");
    let mut api = definition(&id, &world);
    world.node.create_api(&api);
    let path = format!("/tyk/apis/{id}");
    merge(&mut api, json!({"api_id": "another"}));
    let answer = world.node.ask("PUT", &path, &api).expect_status(400);
    assert_eq!(
        message(&answer),
        "Request APIID does not match that in Definition! For Update operations these must match."
    );
    for id in [json!(7), json!(0), json!(false), json!([id]), json!({})] {
        merge(&mut api, json!({"api_id": id}));
        for (method, path) in [("PUT", path.as_str()), ("POST", "/tyk/apis")] {
            let answer = world.node.ask(method, path, &api).expect_status(400);
            let said = message(&answer);
            assert!(said.contains("api_id: must be a string, not "), "{said}");
        }
    }
    api.as_object_mut().unwrap().shift_remove("api_id");
    world.node.ask("PUT", &path, &api).expect_status(200);
    assert_eq!(
        text(&world.node.ask("GET", &path, &Value::Null).json(), "api_id"),
        id
    );
}

#[test]
fn post_of_an_id_that_exists_replaces_it() {
    let world = World::shared();
    let id = unique("again");
    world.node.create_api(&definition(&id, &world));
    let other = keyless_api(&id, &format!("/{id}-elsewhere/"), &world.upstream.url("/"));
    world.node.create_api(&other);
    let status = |path: &str| {
        let url = world.node.gateway_url(path);
        world.node.client().get(&url, &[]).status
    };
    assert_eq!(status(&format!("/{id}/")), 404);
    assert_eq!(status(&format!("/{id}-elsewhere/")), 200);
}

#[test]
fn paths_take_a_trailing_slash_and_other_methods_are_405() {
    let world = World::shared();
    let id = unique("slash");
    world
        .node
        .ask("POST", "/tyk/apis/", &definition(&id, &world))
        .expect_status(200);
    let path = format!("/tyk/apis/{id}/");
    world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(200);
    for (method, path) in [
        ("PUT", "/tyk/apis"),
        ("DELETE", "/tyk/apis/"),
        ("PATCH", path.as_str()),
        ("DELETE", "/tyk/policies"),
        ("GET", "/tyk/oauth/clients/create/x/y"),
        ("PUT", "/tyk/oauth/authorize-client/"),
    ] {
        let answer = world.node.ask(method, path, &json!({}));
        match answer.status {
            405 => assert_eq!(message(&answer), "Method not supported", "{method} {path}"),
            status => assert_eq!((status, path), (404, "/tyk/oauth/clients/create/x/y")),
        }
    }
    for path in ["/tyk", "/tyk/nothing", "/nothing", "/tyk/apis/a/b/c"] {
        let answer = world.node.ask("GET", path, &Value::Null).expect_status(404);
        message(&answer);
    }
}

#[test]
fn reload_is_there_and_nothing_waits_for_it() {
    let world = World::shared();
    let id = unique("reload");
    world.node.create_api(&definition(&id, &world));
    let url = world.node.gateway_url(&format!("/{id}/"));
    world.node.client().get(&url, &[]).expect_status(200);
    for path in [
        "/tyk/reload",
        "/tyk/reload/",
        "/tyk/reload/?block=true",
        "/tyk/reload/group",
    ] {
        let answer = world.node.ask("GET", path, &Value::Null).expect_status(200);
        assert_eq!(
            answer.json(),
            json!({"status": "ok", "message": ""}),
            "{path}"
        );
    }
}

#[test]
fn an_inactive_api_is_kept_and_not_served() {
    let world = World::shared();
    let id = unique("inactive");
    let mut api = definition(&id, &world);
    merge(&mut api, json!({"active": false}));
    world.node.create_api(&api);
    let url = world.node.gateway_url(&format!("/{id}/"));
    world.node.client().get(&url, &[]).expect_status(404);
    merge(&mut api, json!({"active": true}));
    world
        .node
        .ask("PUT", &format!("/tyk/apis/{id}"), &api)
        .expect_status(200);
    world.node.client().get(&url, &[]).expect_status(200);
}

#[test]
fn a_change_is_in_force_when_it_is_answered() {
    let world = World::shared();
    let id = unique("at-once");
    let sides = [
        RecordingServer::replying(Reply::ok("0")),
        RecordingServer::replying(Reply::ok("1")),
    ];
    let url = world.node.gateway_url(&format!("/{id}/"));
    for turn in 0..20 {
        let side = turn % 2;
        let target = sides[side].url("/");
        world
            .node
            .create_api(&keyless_api(&id, &format!("/{id}/"), &target));
        for _ in 0..3 {
            assert_eq!(world.node.client().get(&url, &[]).text(), side.to_string());
        }
    }
}
