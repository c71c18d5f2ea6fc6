//! Definitions that are not taken: the answer names what is wrong, and nothing changed.

use serde_json::{Value, json};

use crate::apis::{definition, message};
use crate::harness::{Node, keyless_api, merge, oauth_api};
use crate::world::{World, unique};

#[test]
fn malformed_json_is_400_with_its_place() {
    let world = World::shared();
    let secret = world.node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    let before = world.node.ask("GET", "/tyk/policies", &Value::Null).text();
    for path in ["/tyk/apis", "/tyk/policies", "/tyk/oauth/clients/create"] {
        for (body, place) in [
            ("{\n  \"name\": oops\n}", Some("line 2 column")),
            ("{\"name\": \"x\"", Some("line 1 column")),
            ("[]", None),
            ("\"text\"", None),
            ("null", None),
            ("", None),
        ] {
            let url = world.node.control_url(path);
            let answer = world
                .node
                .client()
                .send("POST", &url, &headers, body.as_bytes());
            let answer = answer.expect_status(400);
            let message = message(&answer);
            assert!(
                !message.is_empty() && message.len() < 1000,
                "{path} {body}: {message}"
            );
            if let Some(place) = place {
                assert!(message.contains(place), "{path} {body}: {message}");
            }
        }
        let url = world.node.control_url(path);
        let answer = world
            .node
            .client()
            .send("POST", &url, &headers, b"{\"name\": \"\xff\"}");
        message(&answer.expect_status(400));
    }
    assert_eq!(
        world.node.ask("GET", "/tyk/policies", &Value::Null).text(),
        before
    );
}

#[test]
fn wrong_fields_are_400_by_name_and_change_nothing() {
    let world = World::shared();
    let id = unique("faulty");
    let api = definition(&id, &world);
    world.node.create_api(&api);
    let listen_path = format!("/{id}/");
    let target = world.upstream.url("/");
    for (fields, named) in [
        (json!({"active": "yes"}), "active"),
        (
            json!({"proxy": {"listen_path": "", "target_url": target}}),
            "proxy.listen_path",
        ),
        (
            json!({"proxy": {"listen_path": "no-slash", "target_url": target}}),
            "proxy.listen_path",
        ),
        (
            json!({"proxy": {"listen_path": "/a/../b", "target_url": target}}),
            "proxy.listen_path",
        ),
        (
            json!({"proxy": {"listen_path": "/hello", "target_url": target}}),
            "proxy.listen_path",
        ),
        (
            json!({"proxy": {"listen_path": listen_path, "target_url": "nowhere"}}),
            "proxy.target_url",
        ),
        (
            json!({"proxy": {"listen_path": listen_path, "target_url": "ftp://x/"}}),
            "proxy.target_url",
        ),
        (
            json!({"proxy": {"listen_path": listen_path}}),
            "proxy.target_url",
        ),
        (
            json!({"proxy": 5}),
            "proxy: must be an object, not a number",
        ),
        (
            json!({"version_data": "{}"}),
            "version_data: must be an object, not a string",
        ),
        (
            json!({"version_data": {"versions": {"Default": {"paths": [{"black_list": ["/admin"]}]}}}}),
            "version_data.versions.Default.paths: must be an object, not an array",
        ),
        (
            json!({"version_data": {"versions": {"Default": {
                "use_extended_paths": true, "extended_paths": [{"black_list": [{"path": "/admin"}]}]
            }}}}),
            "version_data.versions.Default.extended_paths: must be an object, not an array",
        ),
        (
            json!({"upstream_auth": [{"enabled": true}]}),
            "upstream_auth: must be an object, not an array",
        ),
        (
            json!({"CORS": true}),
            "CORS: must be an object, not true or false",
        ),
    ] {
        let mut faulty = api.clone();
        merge(&mut faulty, fields);
        for (method, path) in [
            ("POST", "/tyk/apis".to_owned()),
            ("PUT", format!("/tyk/apis/{id}")),
        ] {
            let answer = world.node.ask(method, &path, &faulty).expect_status(400);
            let message = message(&answer);
            assert!(message.contains(named), "{method} {faulty}: {message}");
        }
    }
    let shown = world
        .node
        .ask("GET", &format!("/tyk/apis/{id}"), &Value::Null)
        .json();
    assert_eq!(shown, api);
    let url = world.node.gateway_url(&listen_path);
    world.node.client().get(&url, &[]).expect_status(200);
}

#[test]
fn an_api_is_not_added_to_another_one_as_its_version() {
    let world = World::shared();
    let (base, id) = (unique("base"), unique("version"));
    world.node.create_api(&definition(&base, &world));
    let api = definition(&id, &world);
    for (query, named) in [
        (
            format!("base_api_id={base}&new_version_name=v2"),
            "base_api_id",
        ),
        (format!("base_api_id={base}"), "base_api_id"),
        ("new_version_name=v2".to_owned(), "new_version_name"),
        ("set_default=true".to_owned(), "set_default"),
    ] {
        let named_door = format!("/tyk/apis/{id}");
        for door in [
            "/tyk/apis",
            named_door.as_str(),
            "/tyk/apis/oas",
            "/tyk/apis/oas/import",
        ] {
            let path = format!("{door}?{query}");
            let answer = world.node.ask("POST", &path, &api).expect_status(400);
            let said = message(&answer);
            assert!(said.starts_with(&format!("{named}: ")), "{path}: {said}");
        }
    }
    let path = format!("/tyk/apis/{id}");
    let absent = world.node.ask("GET", &path, &Value::Null);
    absent.expect_status(404);
}

#[test]
fn a_listen_path_belongs_to_one_api() {
    let world = World::shared();
    let (owner, rival) = (unique("owner"), unique("rival"));
    world.node.create_api(&definition(&owner, &world));
    for path in [format!("/{owner}"), format!("/{owner}/")] {
        let api = keyless_api(&rival, &path, "http://127.0.0.1:9/");
        let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
        assert!(message(&answer).contains(&owner), "{}", message(&answer));
    }
    // What was refused is not there, and the owner still serves.
    let path = format!("/tyk/apis/{rival}");
    world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(404);
    let url = world.node.gateway_url(&format!("/{owner}/"));
    world.node.client().get(&url, &[]).expect_status(200);
    // A deeper path is another place, and it is free again when its owner leaves.
    let deeper = keyless_api(
        &rival,
        &format!("/{owner}/deeper"),
        &world.upstream.url("/"),
    );
    world.node.create_api(&deeper);
    world
        .node
        .ask("DELETE", &format!("/tyk/apis/{owner}"), &Value::Null)
        .expect_status(200);
    world.node.create_api(&keyless_api(
        &rival,
        &format!("/{owner}"),
        &world.upstream.url("/"),
    ));
}

#[test]
fn ways_of_authentication_that_are_not_there_yet_are_refused_by_name() {
    let world = World::shared();
    let id = unique("auth");
    for field in [
        "enable_jwt",
        "use_openid",
        "enable_signature_checking",
        "use_mutual_tls_auth",
        "enable_coprocess_auth",
        "use_go_plugin_auth",
    ] {
        for mut api in [
            definition(&id, &world),
            oauth_api(&id, &format!("/{id}/"), "http://127.0.0.1:9/"),
        ] {
            merge(&mut api, json!({"use_keyless": false}));
            merge(&mut api, json!({ field: true }));
            let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
            assert!(message(&answer).contains(field), "{}", message(&answer));
        }
    }
    let path = format!("/tyk/apis/{id}");
    world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(404);
}

#[test]
fn what_would_weaken_an_api_if_it_were_ignored_is_refused_by_name() {
    let world = World::shared();
    let id = unique("weaker");
    for (fields, named) in [
        (json!({"allowed_ips": ["10.0.0.1/33"]}), "allowed_ips[0]"),
        (
            json!({"pinned_public_keys": {"*": "f"}}),
            "pinned_public_keys",
        ),
        (json!({"internal": true}), "internal"),
        (json!({"expiration": "2020-01-01"}), "expiration"),
        (json!({"use_standard_auth": true}), "use_keyless"),
    ] {
        let mut api = definition(&id, &world);
        merge(&mut api, fields);
        let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
        assert!(message(&answer).contains(named), "{}", message(&answer));
    }
}

#[test]
fn a_body_over_the_limit_of_the_control_listener_is_413() {
    let node = Node::builder()
        .configuration("[limits]\ncontrol_body_bytes = 2048")
        .start();
    for path in ["/tyk/apis", "/tyk/policies", "/tyk/oauth/clients/create"] {
        let body = json!({"name": "x".repeat(4096)});
        let answer = node.ask("POST", path, &body).expect_status(413);
        assert!(!message(&answer).is_empty());
    }
    assert_eq!(node.ask("GET", "/tyk/apis", &Value::Null).json(), json!([]));
}

#[test]
fn a_definition_that_is_too_long_as_it_is_kept_is_400() {
    let world = World::shared();
    let id = unique("long");
    let mut api = definition(&id, &world);
    merge(&mut api, json!({"config_data": {"numbers": []}}));
    let numbers = vec!["1e15"; 60_000].join(",");
    let text = api
        .to_string()
        .replace("\"numbers\":[]", &format!("\"numbers\":[{numbers}]"));
    assert!(text.len() < 512 * 1024);
    let secret = world.node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    let url = world.node.control_url("/tyk/apis");
    let client = world.node.client();
    let answer = client.send("POST", &url, &headers, text.as_bytes());
    let words = message(&answer.expect_status(400));
    assert!(words.contains("1048576 are allowed"), "{words}");
    let path = format!("/tyk/apis/{id}");
    world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(404);
}
