//! `/tyk/apis/oas`: OAS documents in and out, beside Classic definitions, and at work.

use serde_json::{Value, json};

use crate::apis::{definition, message};
use crate::harness::{keyless_api, merge};
use crate::world::{World, text, unique};

/// The smallest OAS document, at `/{id}/`.
pub(crate) fn oas_document(id: &str, target: &str) -> Value {
    json!({
        "openapi": "3.0.3", "info": {"title": id, "version": "1"}, "paths": {},
        "x-tyk-api-gateway": {
            "info": {"id": id, "name": id, "state": {"active": true}},
            "upstream": {"url": target},
            "server": {"listenPath": {"value": format!("/{id}/"), "strip": true}}
        },
        "x-unknown": {"kept": [1, 2.5, null]}
    })
}

/// A document as it is shown: the gateway is the first of its servers.
pub(crate) fn shown(world: &World, document: &Value) -> Value {
    let listen_path = &document["x-tyk-api-gateway"]["server"]["listenPath"]["value"];
    let url = world.node.gateway_url(listen_path.as_str().unwrap());
    let named = document["servers"].as_array().cloned().unwrap_or_default();
    let servers: Vec<Value> = std::iter::once(json!({"url": url})).chain(named).collect();
    let mut shown = document.clone();
    merge(&mut shown, json!({"servers": servers}));
    shown
}

pub(crate) fn ask(world: &World, method: &str, path: &str, body: &Value) -> crate::harness::Answer {
    world.node.ask(method, path, body)
}

#[test]
fn a_document_is_created_shown_listed_changed_and_deleted_case_80() {
    let world = World::shared();
    let id = unique("oas");
    let (path, target) = (format!("/tyk/apis/oas/{id}"), world.upstream.url("/"));
    let mut document = oas_document(&id, &target);
    let made = ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    assert_eq!(
        made.json(),
        json!({"key": id, "status": "ok", "action": "added"})
    );
    let answer = ask(&world, "GET", &path, &Value::Null).expect_status(200);
    assert_eq!(answer.json(), shown(&world, &document));
    let url = world.node.gateway_url(&format!("/{id}/x"));
    world.node.client().get(&url, &[]).expect_status(200);
    let listed = ask(&world, "GET", "/tyk/apis/oas", &Value::Null).json();
    let listed_here = listed
        .as_array()
        .unwrap()
        .contains(&shown(&world, &document));
    assert!(listed_here, "{listed}");

    document["info"]["title"] = json!("changed");
    let changed = ask(&world, "PUT", &path, &document).expect_status(200);
    assert_eq!(
        changed.json(),
        json!({"key": id, "status": "ok", "action": "modified"})
    );
    let answer = ask(&world, "GET", &path, &Value::Null);
    assert_eq!(answer.json(), shown(&world, &document));
    document["x-tyk-api-gateway"]["info"]["id"] = json!("another");
    let answer = ask(&world, "PUT", &path, &document).expect_status(400);
    assert!(
        message(&answer).contains("must match"),
        "{}",
        message(&answer)
    );

    let gone = ask(&world, "DELETE", &path, &Value::Null).expect_status(200);
    assert_eq!(
        gone.json(),
        json!({"key": id, "status": "ok", "action": "deleted"})
    );
    for method in ["GET", "PUT", "DELETE"] {
        let answer = ask(&world, method, &path, &document).expect_status(404);
        assert_eq!(message(&answer), "API not found");
    }
}

#[test]
fn an_id_is_made_and_written_into_the_document() {
    let world = World::shared();
    let mut document = oas_document(&unique("nameless"), &world.upstream.url("/"));
    let info = document["x-tyk-api-gateway"]["info"]
        .as_object_mut()
        .unwrap();
    info.shift_remove("id");
    let made = ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    let id = text(&made.json(), "key");
    assert_eq!(id.len(), 32, "{id}");
    let path = format!("/tyk/apis/oas/{id}");
    let shown = ask(&world, "GET", &path, &Value::Null).json();
    assert_eq!(shown["x-tyk-api-gateway"]["info"]["id"], json!(id));
    let mut faulty = document.clone();
    faulty["x-tyk-api-gateway"]["info"]["id"] = json!(7);
    let words = message(&ask(&world, "PUT", &path, &faulty).expect_status(400));
    assert!(words.starts_with("x-tyk-api-gateway.info.id: Invalid"));
    // One that leaves its id out keeps it.
    document["info"]["title"] = json!("changed");
    ask(&world, "PUT", &path, &document).expect_status(200);
    let shown = ask(&world, "GET", &path, &Value::Null).json();
    assert_eq!(shown["x-tyk-api-gateway"]["info"]["id"], json!(id));
    assert_eq!(shown["info"]["title"], json!("changed"));
}

#[test]
fn each_form_has_its_endpoints_cases_81_82() {
    let world = World::shared();
    let (oas, classic) = (unique("oas"), unique("classic"));
    let document = oas_document(&oas, &world.upstream.url("/"));
    ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    let api = definition(&classic, &world);
    world.node.create_api(&api);

    let answer = ask(
        &world,
        "GET",
        &format!("/tyk/apis/oas/{classic}"),
        &Value::Null,
    );
    assert_eq!(
        message(&answer.expect_status(400)),
        "the requested API definition is in Tyk classic format, please use old api endpoint"
    );
    let answer = ask(
        &world,
        "PUT",
        &format!("/tyk/apis/oas/{classic}"),
        &document,
    );
    assert_eq!(
        message(&answer.expect_status(400)),
        "the supplied API definition is in OAS format, please use the Tyk classic format for this API"
    );
    let answer = ask(
        &world,
        "PUT",
        &format!("/tyk/apis/{oas}"),
        &keyless_api(&oas, "/x/", "http://u/"),
    );
    assert_eq!(
        message(&answer.expect_status(400)),
        "this API endpoint only supports Tyk Classic APIs; please use the appropriate Tyk OAS API endpoint"
    );
    let projected =
        ask(&world, "GET", &format!("/tyk/apis/{oas}"), &Value::Null).expect_status(200);
    let projected = projected.json();
    assert_eq!(
        (
            &projected["api_id"],
            &projected["use_keyless"],
            &projected["proxy"]["listen_path"]
        ),
        (&json!(oas), &json!(true), &json!(format!("/{oas}/")))
    );
    let listed = ask(&world, "GET", "/tyk/apis", &Value::Null).json();
    let listed = listed.as_array().unwrap();
    assert!(listed.contains(&projected) && listed.contains(&api));
    let listed = ask(&world, "GET", "/tyk/apis/oas", &Value::Null).text();
    assert!(listed.contains(&oas) && !listed.contains(&classic));
    let answer = ask(&world, "POST", "/tyk/apis", &document).expect_status(400);
    assert!(
        message(&answer).contains("this is an OAS document"),
        "{}",
        message(&answer)
    );
}

#[test]
fn what_is_no_document_is_400_in_these_words_case_80() {
    let world = World::shared();
    let bare = json!({"openapi": "3.0.3", "info": {"title": "a", "version": "1"}, "paths": {}});
    for body in [bare.clone(), json!({}), json!({"x-tyk-api-gateway": null})] {
        let answer = ask(&world, "POST", "/tyk/apis/oas", &body).expect_status(400);
        assert_eq!(
            message(&answer),
            "the payload should contain x-tyk-api-gateway"
        );
    }
    let mut document = oas_document(&unique("null"), "http://127.0.0.1:9/");
    merge(&mut document, json!({"paths": null}));
    let answer = ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(400);
    assert_eq!(
        message(&answer),
        "paths: Invalid type. Expected: object, given: null"
    );
    let secret = world.node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    let url = world.node.control_url("/tyk/apis/oas");
    for body in [
        "{\"openapi\": oops}",
        "",
        "[]",
        "null",
        "{\"openapi\":\"3.0.3\",\"openapi\":\"3.0.3\"}",
    ] {
        let answer = world
            .node
            .client()
            .send("POST", &url, &headers, body.as_bytes());
        let words = message(&answer.expect_status(400));
        assert!(words.starts_with("request malformed: "), "{body}: {words}");
    }
}

#[test]
fn every_fault_of_a_document_is_told_by_its_path() {
    let world = World::shared();
    let id = unique("faulty");
    let document = oas_document(&id, &world.upstream.url("/"));
    ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    let mut faulty = document.clone();
    let extension = &mut faulty["x-tyk-api-gateway"];
    extension["server"]["listenPath"]["value"] = json!("");
    extension["upstream"]["url"] = json!("nowhere");
    extension["info"]["state"] = json!({"active": "yes"});
    merge(&mut faulty, json!({"security": [{"nobody": []}]}));
    for (method, path) in [
        ("POST", "/tyk/apis/oas".to_owned()),
        ("PUT", format!("/tyk/apis/oas/{id}")),
    ] {
        let words = message(&ask(&world, method, &path, &faulty).expect_status(400));
        let faults: Vec<&str> = words.split("; ").collect();
        assert_eq!(
            faults[..3],
            [
                "x-tyk-api-gateway.info.state.active: Invalid type. Expected: boolean, given: string",
                "x-tyk-api-gateway.server.listenPath.value: must not be blank",
                "security[0].nobody: unknown security scheme: components.securitySchemes has none of this name",
            ],
            "{words}"
        );
        assert!(
            words.contains("; x-tyk-api-gateway.upstream.url: "),
            "{words}"
        );
    }
    let answer = ask(&world, "GET", &format!("/tyk/apis/oas/{id}"), &Value::Null);
    assert_eq!(answer.json(), shown(&world, &document));
    // A listen path that is taken is named by its place in this document.
    let mut rival = oas_document(&unique("rival"), "http://127.0.0.1:9/");
    rival["x-tyk-api-gateway"]["server"]["listenPath"]["value"] = json!(format!("/{id}"));
    let words = message(&ask(&world, "POST", "/tyk/apis/oas", &rival).expect_status(400));
    let taken =
        format!("x-tyk-api-gateway.server.listenPath.value: belongs to the API {id} already");
    assert_eq!(words, taken);
}

#[test]
fn yaml_is_taken_where_the_media_type_says_so() {
    let world = World::shared();
    let id = unique("yaml");
    let target = world.upstream.url("/");
    let yaml = format!(
        "openapi: 3.0.3\ninfo: {{title: y, version: '1'}}\npaths:\n  /a:\n    get:\n      responses:\n        200: {{description: ok}}\n\
         x-tyk-api-gateway:\n  info: {{id: {id}, name: y, state: {{active: true}}}}\n  upstream: {{url: '{target}'}}\n  \
         server: {{listenPath: {{value: /{id}/}}}}\n"
    );
    let secret = world.node.secret();
    let url = world.node.control_url("/tyk/apis/oas");
    let send = |media_type: &str, body: &str| {
        let headers = [
            ("x-tyk-authorization", secret.as_str()),
            ("content-type", media_type),
        ];
        world
            .node
            .client()
            .send("POST", &url, &headers, body.as_bytes())
    };
    let answer = send("application/json", &yaml).expect_status(400);
    assert!(message(&answer).starts_with("request malformed: "));
    send("application/yaml; charset=utf-8", &yaml).expect_status(200);
    let shown = ask(&world, "GET", &format!("/tyk/apis/oas/{id}"), &Value::Null).json();
    assert_eq!(
        shown["paths"]["/a"]["get"]["responses"]["200"],
        json!({"description": "ok"})
    );
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let row = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{row}]\n"));
    }
    for body in [bomb.as_str(), "a: [", "a: 1\na: 2\n", "a: *nobody\n"] {
        let answer = send("text/yaml", body).expect_status(400);
        assert!(
            message(&answer).starts_with("request malformed: "),
            "{body}"
        );
    }
}

#[test]
fn hostile_documents_are_refused_and_hold_nothing_up() {
    let world = World::shared();
    let secret = world.node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    let url = world.node.control_url("/tyk/apis/oas");
    let nested = |open: &str, close: &str| {
        format!(
            "{{\"openapi\":\"3.0.3\",\"x-tyk-api-gateway\":{}{}}}",
            open.repeat(50_000),
            close.repeat(50_000)
        )
    };
    let wide: String = (0..20_000).map(|n| format!("\"/p{n}\":{{}},")).collect();
    let wide = format!(
        "{{\"openapi\":\"3.0.3\",\"x-tyk-api-gateway\":{{}},\"paths\":{{{wide}\"/\":{{}}}}}}"
    );
    let huge = format!(
        "{{\"openapi\":\"3.0.3\",\"x\":\"{}\"}}",
        "x".repeat(2 * 1024 * 1024)
    );
    for body in [nested("[", "]"), nested("{\"a\":", "}"), wide, huge] {
        let answer = world
            .node
            .client()
            .send("POST", &url, &headers, body.as_bytes());
        let words = message(&answer.expect_status(400));
        assert!(words.len() < 10_000, "{}", words.len());
    }
    world
        .node
        .client()
        .get(&world.node.control_url("/ready"), &[])
        .expect_status(200);
}

#[test]
fn the_public_view_leaves_out_what_only_the_gateway_needs_to_know() {
    let world = World::shared();
    let id = unique("public");
    let mut document = oas_document(&id, &world.upstream.url("/"));
    merge(&mut document, json!({"x-raftgate": {"error_style": "tyk"}}));
    ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    let public = ask(
        &world,
        "GET",
        &format!("/tyk/apis/oas/{id}?mode=public"),
        &Value::Null,
    )
    .json();
    document = shown(&world, &document);
    let object = document.as_object_mut().unwrap();
    object.shift_remove("x-tyk-api-gateway");
    object.shift_remove("x-raftgate");
    assert_eq!(public, document);
    let listed = ask(&world, "GET", "/tyk/apis/oas?mode=public", &Value::Null).text();
    assert!(listed.contains(&id) && !listed.contains("x-tyk-api-gateway"));
}

#[test]
fn the_gateway_is_the_first_server_of_a_document_that_is_shown() {
    let world = World::shared();
    let id = unique("servers");
    let path = format!("/tyk/apis/oas/{id}");
    let mut document = oas_document(&id, &world.upstream.url("/"));
    merge(
        &mut document,
        json!({"servers": [{"url": "http://upstream.test/v1"}]}),
    );
    ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    let get = |path: &str| {
        ask(&world, "GET", path, &Value::Null)
            .expect_status(200)
            .json()
    };
    let seen = get(&path);
    assert_eq!(seen, shown(&world, &document));
    let url = text(&seen["servers"][0], "url");
    world.node.client().get(&url, &[]).expect_status(200);
    // What was shown may be sent back, and moves with the listen path.
    ask(&world, "PUT", &path, &seen).expect_status(200);
    assert_eq!(get(&path), seen);
    let mut moved = seen.clone();
    let elsewhere = format!("/{id}-elsewhere/");
    moved["x-tyk-api-gateway"]["server"]["listenPath"]["value"] = json!(elsewhere);
    document["x-tyk-api-gateway"]["server"]["listenPath"]["value"] = json!(elsewhere);
    ask(&world, "PUT", &path, &moved).expect_status(200);
    assert_eq!(get(&path), shown(&world, &document));
    for view in ["/export", "?mode=public", "/export?mode=public"] {
        let urls = get(&format!("{path}{view}"))["servers"].clone();
        assert_eq!(urls, shown(&world, &document)["servers"], "{view}");
    }
    // An API with a host of its own is reached there.
    moved["x-tyk-api-gateway"]["server"]["customDomain"] =
        json!({"enabled": true, "name": "pets.test"});
    ask(&world, "PUT", &path, &moved).expect_status(200);
    let url = text(&get(&path)["servers"][0], "url");
    assert!(
        url.starts_with("http://pets.test:") && url.ends_with(&elsewhere),
        "{url}"
    );
}
