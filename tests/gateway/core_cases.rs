//! Cases of the gateway's core by their numbers, those that no other file holds: keys, policies and definitions.

use serde_json::{Value, json};

use crate::api_keys::KeyApi;
use crate::apis::{definition, message};
use crate::harness::{Answer, Node, keyless_api, policy, wait_for};
use crate::rules;
use crate::versions::versions;
use crate::world::{STYLES, Style, World, text, unique};

const NO_RIGHT: ((u16, &str), (u16, &str)) = (
    (403, "insufficient_scope"),
    (403, "Access to this API has been disallowed"),
);
const NO_VERSION: &str = "This API version does not seem to exist";

#[test]
fn an_api_is_there_when_its_creation_is_answered_case_3_case_4() {
    let world = World::shared();
    let id = unique("sample");
    world
        .node
        .ask("POST", "/tyk/apis", &definition(&id, &world))
        .expect_status(200);
    world
        .node
        .ask("GET", &format!("/tyk/apis/{id}"), &Value::Null)
        .expect_status(200);
    let status = |rest: &str| {
        let url = world.node.gateway_url(&format!("/{id}{rest}"));
        world.node.client().get(&url, &[]).status
    };
    // Listen paths end at a segment.
    assert_eq!(["", "/", "/foo", "foo"].map(status), [200, 200, 200, 404]);
}

#[test]
fn a_definition_sent_to_a_place_must_be_of_that_id_case_6() {
    let world = World::shared();
    let id = unique("placed");
    let path = format!("/tyk/apis/{id}");
    let secret = world.node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    for method in ["POST", "PUT"] {
        world.node.create_api(&definition(&id, &world));
        let url = world.node.control_url(&path);
        let empty = world.node.client().send(method, &url, &headers, b"");
        assert!(message(&empty.expect_status(400)).starts_with("Request malformed"));
        let other = definition(&unique("other"), &world);
        let mismatch = world.node.ask(method, &path, &other).expect_status(400);
        assert!(message(&mismatch).contains("Request APIID does not match"));
    }
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    let made = world
        .node
        .ask("POST", &path, &definition(&id, &world))
        .expect_status(200);
    assert_eq!(
        made.json(),
        json!({"key": id, "status": "ok", "action": "added"})
    );
    // Neither form takes the place of the other unnoticed.
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    let document = crate::oas::oas_document(&id, &world.upstream.url("/"));
    world
        .node
        .ask("POST", "/tyk/apis/oas", &document)
        .expect_status(200);
    let refused = world
        .node
        .ask("POST", &path, &definition(&id, &world))
        .expect_status(400);
    assert!(message(&refused).contains("only supports Tyk Classic APIs"));
}

#[test]
fn the_control_api_is_not_on_the_gateway_listener_and_its_name_is_free_there_case_8_case_10() {
    let world = World::of(Node::start());
    let node = &world.node;
    let secret = node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    for path in ["/tyk/apis", "/tyk/keys", "/tyk/reload"] {
        node.client()
            .get(&node.gateway_url(path), &headers)
            .expect_status(404);
    }
    node.client()
        .get(&node.control_url("/tyk/apis"), &[])
        .expect_status(403);
    node.client()
        .get(&node.control_url("/hello"), &[])
        .expect_status(200);
    let id = unique("tyk-foo");
    node.create_api(&keyless_api(
        &id,
        &format!("/{id}/"),
        &world.upstream.url("/"),
    ));
    node.client()
        .get(&node.gateway_url(&format!("/{id}/")), &[])
        .expect_status(200);
}

#[test]
fn limits_of_a_policy_are_shown_and_warned_of_where_a_key_has_them_case_35_case_66() {
    let world = World::shared();
    let node = &world.node;
    let api = KeyApi::new(&world, Style::Rfc, json!({}));
    let id = unique("quota");
    let mut limited = policy(&id, &[&api.id]);
    limited["quota_max"] = json!(5);
    node.create_policy(&limited);
    let warning = format!("what=\"policy {id}\" warning=quota_max: ");
    wait_for("the log warns", || node.log().contains(&warning));
    let path = format!("/tyk/keys/{}", unique("myid"));
    let session = json!({"apply_policies": [id]});
    node.ask("POST", &path, &session).expect_status(200);
    let shown = node
        .ask("GET", &path, &Value::Null)
        .expect_status(200)
        .json();
    assert_eq!(shown["quota_max"], json!(5));
    for rate in [json!(0), json!(-1)] {
        let made = node.ask(
            "POST",
            "/tyk/keys",
            &api.session(json!({"rate": rate, "per": 60, "quota_max": rate})),
        );
        let made = made.expect_status(200).json();
        for _ in 0..3 {
            api.call(&text(&made, "key")).expect_status(200);
        }
    }
    api.key(json!({"rate": 2, "per": 60}));
    let warning = "rate and quota are kept and not enforced yet";
    wait_for("the log warns", || node.log().contains(warning));
}

#[test]
fn without_keys_a_list_of_their_hashes_is_empty_case_40() {
    let node = Node::builder()
        .configuration("[compat]\nhash_keys = true")
        .start();
    let listed = node
        .ask("GET", "/tyk/keys", &Value::Null)
        .expect_status(200);
    assert_eq!(listed.json(), json!({"keys": []}));
}

#[test]
fn the_longest_lifetime_of_a_keys_apis_is_its_own_case_50() {
    let world = World::shared();
    for style in STYLES {
        let of = |fields: Value| KeyApi::new(&world, style, fields);
        let (short, long, none) = (
            of(json!({"session_lifetime": 1})),
            of(json!({"session_lifetime": 1000})),
            of(json!({})),
        );
        let key_of = |apis: &[&KeyApi<'_>]| {
            let rights = apis.iter().map(|api| (api.id.clone(), json!({})));
            let rights: serde_json::Map<String, Value> = rights.collect();
            short.key(json!({"access_rights": rights}))
        };
        let (brief, lasting) = (key_of(&[&short]), key_of(&[&short, &long, &none]));
        wait_for("the short life ends", || short.call(&brief).status != 200);
        short.unknown(&short.call(&brief));
        for api in [&short, &long, &none] {
            api.call(&lasting).expect_status(200);
        }
    }
}

#[test]
fn the_lifetime_of_an_api_counts_though_it_is_switched_off_case_50() {
    let world = World::shared();
    for style in STYLES {
        let api = KeyApi::new(&world, style, json!({"session_lifetime": 1}));
        let path = format!("/tyk/apis/{}", api.id);
        let stored = world.node.ask("GET", &path, &Value::Null).json();
        let switch = |active: bool| {
            let mut definition = stored.clone();
            definition["active"] = json!(active);
            world.node.ask("PUT", &path, &definition).expect_status(200);
        };
        switch(false);
        let key = api.key(json!({"access_rights": {api.id.as_str(): {}}}));
        switch(true);
        wait_for("the life of the key ends", || api.call(&key).status != 200);
        api.unknown(&api.call(&key));
    }
}

#[test]
fn a_key_opens_the_versions_that_its_rights_name_case_53() {
    let world = World::shared();
    for style in STYLES {
        let in_header = versions(json!({"location": "header", "key": "version"}));
        let api = KeyApi::new(&world, style, in_header);
        let rights =
            |versions: Value| json!({"access_rights": {api.id.as_str(): {"versions": versions}}});
        let id = unique("second");
        let mut second = policy(&id, &[&api.id]);
        second["access_rights"] = rights(json!(["v2"]))["access_rights"].clone();
        world.node.create_policy(&second);
        let made = world
            .node
            .ask("POST", "/tyk/keys", &json!({"apply_policies": [id]}));
        let by_policy = text(&made.expect_status(200).json(), "key");
        let first = api.key(rights(json!(["v1", "old"])));
        let call = |key: &str, version: &str| {
            api.get("/x", &[("authorization", key), ("version", version)])
        };
        let plain = call(&first, "v1").expect_status(200);
        assert_eq!(plain.header("x-tyk-api-expires"), "");
        let ending = call(&by_policy, "v2").expect_status(200);
        assert_eq!(
            ending.header("x-tyk-api-expires"),
            "Wed, 02 Jan 2999 03:04:00 UTC"
        );
        for (key, version) in [(&first, "v2"), (&by_policy, "v1")] {
            api.refused(&call(key, version), NO_RIGHT.0, NO_RIGHT.1);
        }
        let refused = |answer: &Answer, words: &str| {
            api.refused(answer, (403, "access_denied"), (403, words));
        };
        refused(&call(&first, "v3"), NO_VERSION);
        refused(
            &call(&first, "old"),
            "Api Version has expired, please check documentation or contact administrator",
        );
        refused(
            &api.get("/x", &[("authorization", &first)]),
            "Version information not found",
        );
    }
}

#[test]
fn a_key_needs_a_right_to_each_api_that_is_a_version_case_54() {
    let world = World::shared();
    for style in STYLES {
        let second = KeyApi::new(&world, style, json!({}));
        let versioning = |fallback: bool| {
            json!({"definition": {
                "enabled": true, "name": "v1", "default": "v1", "location": "url-param", "key": "version",
                "versions": {"v2": second.id, "gone": "no-such-api"}, "fallback_to_default": fallback
            }})
        };
        let base = KeyApi::new(&world, style, versioning(false));
        let with =
            |key: &str, query: &str| base.get(&format!("/x{query}"), &[("authorization", key)]);
        let first = base.key(json!({}));
        let rights = json!({"access_rights": {base.id.as_str(): {}, second.id.as_str(): {}}});
        let both = base.key(rights);
        for query in ["", "?version=v1"] {
            with(&first, query).expect_status(200);
        }
        base.refused(&with(&first, "?version=v2"), NO_RIGHT.0, NO_RIGHT.1);
        with(&both, "?version=v2").expect_status(200);
        for query in ["?version=notFound", "?version=gone"] {
            let answer = with(&both, query);
            rules::assert_refused(style, &answer, (404, "not_found"), (404, NO_VERSION));
        }
        // A key is asked for whichever version it is.
        for query in ["", "?version=v2"] {
            assert_eq!(base.get(&format!("/x{query}"), &[]).status, 401);
        }
        let lax = KeyApi::new(&world, style, versioning(true));
        let key = lax.key(json!({}));
        lax.get("/x?version=notFound", &[("authorization", &key)])
            .expect_status(200);
        assert_eq!(lax.get("/x?version=notFound", &[]).status, 401);
    }
}

#[test]
fn a_policy_that_governs_parts_of_a_session_is_refused_by_name_case_74_case_76() {
    let world = World::shared();
    let node = &world.node;
    for parts in [
        json!({"per_api": true, "acl": true}),
        json!({"acl": true}),
        json!({"quota": true, "rate_limit": true}),
    ] {
        let id = unique("parts");
        let mut partial = policy(&id, &["some-api"]);
        partial["partitions"] = parts.clone();
        let refused = message(
            &node
                .ask("POST", "/tyk/policies", &partial)
                .expect_status(400),
        );
        for part in parts.as_object().unwrap().keys() {
            assert!(
                refused.contains(&format!("partitions.{part}: ")),
                "{refused}"
            );
        }
        let session = json!({"apply_policies": [id]});
        node.ask("POST", "/tyk/keys", &session).expect_status(500);
    }
}
