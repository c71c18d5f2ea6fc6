//! What a definition says that means nothing here: it is kept, and comes back as it was written, whichever way it came.

use serde_json::{Map, Value, json};

use crate::apis::{definition, message};
use crate::definitions::Folder;
use crate::harness::{Answer, Node, keyless_api, merge, policy};
use crate::oas::{ask, oas_document, shown};
use crate::oas_rules::extension;
use crate::world::{World, text, unique};

/// Members that nobody knows, in an order of their author's own.
fn unknown() -> Value {
    json!({
        "zeta": [1, {"b": 2.5, "a": null, "": "200"}, []], "hook": {"z": "no", "y": {"x": {}}},
        "K\u{e4}se": "\u{e4}: #1 'x'", "alpha": false
    })
}

/// A Classic definition with such members wherever they may stand.
fn classic(id: &str, target: &str) -> Value {
    let mut definition = keyless_api(id, &format!("/{id}/"), target);
    merge(&mut definition, unknown());
    merge(&mut definition["proxy"], unknown());
    merge(&mut definition["version_data"], unknown());
    merge(
        &mut definition["version_data"]["versions"]["Default"],
        unknown(),
    );
    merge(&mut definition, json!({"zz_last": unknown()}));
    definition
}

/// The same for an OAS document: in what describes the API, and everywhere in the extension.
fn oas(id: &str, target: &str) -> Value {
    let mut document = oas_document(id, target);
    document["paths"] =
        json!({"/a": {"get": {"operationId": "a", "responses": {"200": {"description": ""}}}}});
    document["x-raftgate"] = json!({"error_style": "tyk"});
    document["components"] = json!({"schemas": unknown()});
    let middleware = json!({
        "global": {"cors": {"enabled": false}, "transformRequestHeaders": {"enabled": true}},
        "operations": {"a": {"allow": {"enabled": true}}}
    });
    extension(&mut document)["middleware"] = middleware;
    for place in [
        "",
        "/info",
        "/paths/~1a",
        "/paths/~1a/get",
        "/x-tyk-api-gateway",
        "/x-tyk-api-gateway/info",
        "/x-tyk-api-gateway/info/state",
        "/x-tyk-api-gateway/server",
        "/x-tyk-api-gateway/server/listenPath",
        "/x-tyk-api-gateway/upstream",
        "/x-tyk-api-gateway/middleware",
        "/x-tyk-api-gateway/middleware/global",
        "/x-tyk-api-gateway/middleware/global/cors",
        "/x-tyk-api-gateway/middleware/operations/a",
        "/x-tyk-api-gateway/middleware/operations/a/allow",
    ] {
        merge(document.pointer_mut(place).unwrap(), unknown());
    }
    document
}

/// A policy with such members.
fn rights(id: &str) -> Value {
    let mut policy = policy(id, &["some-api"]);
    merge(&mut policy, unknown());
    merge(&mut policy["access_rights"]["some-api"], unknown());
    policy
}

/// How a document is written into a file.
type Written = fn(&Value) -> String;

/// The endings of definition files, and how their content is written.
pub(crate) const FORMS: [(&str, Written); 2] =
    [("json", |document| document.to_string()), ("yml", yaml_of)];

/// A document as people write it: YAML of blocks.
pub(crate) fn yaml_of(document: &Value) -> String {
    let mut text = "# by hand\n".to_owned();
    write_block(document, 0, &mut text);
    text
}

fn write_block(value: &Value, depth: usize, text: &mut String) {
    let margin = "  ".repeat(depth);
    let members = value.as_object().into_iter().flatten();
    let members = members.map(|(key, member)| (format!("{}:", json!(key)), member));
    let items = value.as_array().into_iter().flatten();
    for (start, below) in members.chain(items.map(|item| ("-".to_owned(), item))) {
        text.push_str(&format!("{margin}{start}"));
        let is_empty = below.as_object().is_none_or(Map::is_empty)
            && below.as_array().is_none_or(Vec::is_empty);
        if is_empty {
            text.push_str(&format!(" {below}\n"));
        } else {
            text.push('\n');
            write_block(below, depth + 1, text);
        }
    }
}

/// What is kept at a path, its members in their order.
#[track_caller]
fn kept(node: &Node, path: &str) -> String {
    let answer = node.ask("GET", path, &Value::Null).expect_status(200);
    answer.json().to_string()
}

#[test]
fn files_of_every_kind() {
    let mut folder = Folder::new(false);
    let target = folder.upstream.url("/");
    for (ending, written) in FORMS {
        let id = |kind: &str| format!("{kind}-{ending}");
        let name = |kind: &str| format!("{kind}.{ending}");
        folder.write(&name("classic"), written(&classic(&id("classic"), &target)));
        folder.write(&name("oas"), written(&oas(&id("oas"), &target)));
        folder.write(&name("policy"), written(&rights(&id("policy"))));
        let several = json!({id("map"): rights(&id("map"))});
        folder.write(&name("map"), written(&several));
        folder.write(&name("list"), written(&json!([rights(&id("list"))])));
    }
    folder.node.start_again();
    let world = World {
        node: folder.node,
        upstream: folder.upstream,
    };
    for (ending, _) in FORMS {
        let id = |kind: &str| format!("{kind}-{ending}");
        let api = id("classic");
        let path = format!("/tyk/apis/{api}");
        assert_eq!(kept(&world.node, &path), classic(&api, &target).to_string());
        let api = id("oas");
        let path = format!("/tyk/apis/oas/{api}");
        let document = shown(&world, &oas(&api, &target));
        assert_eq!(kept(&world.node, &path), document.to_string());
        for policy in ["policy", "map", "list"].map(id) {
            let path = format!("/tyk/policies/{policy}");
            assert_eq!(kept(&world.node, &path), rights(&policy).to_string());
        }
    }
}

#[test]
fn a_classic_definition_that_is_put() {
    let world = World::shared();
    let id = unique("kept");
    let path = format!("/tyk/apis/{id}");
    let target = world.upstream.url("/");
    world.node.create_api(&definition(&id, &world));
    let mut full = classic(&id, &target);
    ask(&world, "PUT", &path, &full).expect_status(200);
    assert_eq!(kept(&world.node, &path), full.to_string());
    // A PUT replaces the whole: what it leaves out is gone.
    let object = full.as_object_mut().unwrap();
    assert!(object.shift_remove("hook").is_some());
    merge(&mut full, json!({"zeta": "changed"}));
    ask(&world, "PUT", &path, &full).expect_status(200);
    assert_eq!(kept(&world.node, &path), full.to_string());
}

#[test]
fn members_inside_the_extension_of_an_oas_document() {
    let world = World::shared();
    let id = unique("kept");
    let path = format!("/tyk/apis/oas/{id}");
    let mut document = oas(&id, &world.upstream.url("/"));
    ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    assert_eq!(
        kept(&world.node, &path),
        shown(&world, &document).to_string()
    );
    let state = &mut extension(&mut document)["info"]["state"];
    merge(state, json!({"zeta": "changed", "later": [unknown()]}));
    ask(&world, "PUT", &path, &document).expect_status(200);
    assert_eq!(
        kept(&world.node, &path),
        shown(&world, &document).to_string()
    );
}

#[test]
fn a_patch_changes_what_the_api_is_and_not_how_it_is_served() {
    let world = World::shared();
    let id = unique("kept");
    let path = format!("/tyk/apis/oas/{id}");
    let document = oas(&id, &world.upstream.url("/"));
    ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    let mut patch = json!({
        "openapi": "3.0.3", "info": {"title": "patched", "version": "2", "x-info": unknown()},
        "paths": {"/a": {"post": {"operationId": "a", "x-op": unknown()}}}, "x-new": unknown()
    });
    ask(&world, "PATCH", &path, &patch).expect_status(200);
    for member in ["x-tyk-api-gateway", "x-raftgate"] {
        patch[member] = document[member].clone();
    }
    assert_eq!(kept(&world.node, &path), shown(&world, &patch).to_string());
    let style = |world: &World| {
        let projected = ask(world, "GET", &format!("/tyk/apis/{id}"), &Value::Null);
        projected.expect_status(200).json()["raftgate"].take()
    };
    assert_eq!(style(&world), json!({"error_style": "tyk"}));
    // Whoever brings settings means them.
    for settings in [json!({"error_style": "rfc"}), json!({})] {
        patch["x-raftgate"] = settings.clone();
        ask(&world, "PATCH", &path, &patch).expect_status(200);
        assert_eq!(style(&world), settings);
    }
}

/// Sends a text to the control listener as a media type.
#[track_caller]
fn send(world: &World, method: &str, path: &str, media_type: &str, body: &str) -> Answer {
    let secret = world.node.secret();
    let headers = [
        ("x-tyk-authorization", secret.as_str()),
        ("content-type", media_type),
    ];
    let url = world.node.control_url(path);
    let client = world.node.client();
    client.send(method, &url, &headers, body.as_bytes())
}

#[test]
fn a_classic_definition_that_comes_as_yaml() {
    let world = World::shared();
    let id = unique("yaml");
    let path = format!("/tyk/apis/{id}");
    let mut full = classic(&id, &world.upstream.url("/"));
    for (method, door, media_type) in [
        ("POST", "/tyk/apis", "application/yaml"),
        ("PUT", path.as_str(), "text/yaml; charset=utf-8"),
        ("POST", path.as_str(), "application/x-yaml"),
    ] {
        merge(&mut full, json!({"zeta": [method, media_type]}));
        let answer = send(&world, method, door, media_type, &yaml_of(&full));
        assert_eq!(text(&answer.expect_status(200).json(), "key"), id);
        assert_eq!(kept(&world.node, &path), full.to_string());
    }
    let url = world.node.gateway_url(&format!("/{id}/x"));
    world.node.client().get(&url, &[]).expect_status(200);
    for (media_type, body) in [
        ("application/json", yaml_of(&full).as_str()),
        ("application/yaml", "proxy: ["),
        ("application/yaml", "proxy: {}\nproxy: {}\n"),
        ("application/yaml", "- proxy\n"),
        ("application/yaml", ""),
    ] {
        let answer = send(&world, "PUT", &path, media_type, body).expect_status(400);
        let words = message(&answer);
        assert!(words.starts_with("Request malformed: "), "{body}: {words}");
    }
    // What is wrong is told as it is in JSON.
    full["proxy"]["listen_path"] = json!(7);
    let answer = send(&world, "PUT", &path, "application/yaml", &yaml_of(&full));
    let words = message(&answer.expect_status(400));
    assert_eq!(words, "proxy.listen_path: must be a string, not a number");
}

#[test]
fn the_server_that_showing_a_document_adds_is_not_kept() {
    let mut world = World::of(Node::start());
    let id = unique("servers");
    let path = format!("/tyk/apis/oas/{id}");
    let mut document = oas_document(&id, &world.upstream.url("/"));
    merge(
        &mut document,
        json!({"servers": [{"url": "http://upstream.test/v1"}]}),
    );
    ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    // Taken as it is shown, and made anew of that: the gateway's address belongs to the showing.
    let seen = ask(&world, "GET", &path, &Value::Null).json();
    assert_eq!(seen, shown(&world, &document));
    ask(&world, "DELETE", &path, &Value::Null).expect_status(200);
    ask(&world, "POST", "/tyk/apis/oas", &seen).expect_status(200);
    // It has another port from here on.
    world.node.crash_and_restart();
    let after = ask(&world, "GET", &path, &Value::Null).json();
    assert_eq!(after, shown(&world, &document));
}
