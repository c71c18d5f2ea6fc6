//! The consistency of an API: checked, kept and returned; one node is its own quorum and answers under each of them.

use serde_json::{Value, json};

use crate::harness::{keyless_api, merge};
use crate::world::{OAuthApi, STYLES, World, text, unique};

#[test]
fn each_is_kept_and_one_node_answers_under_it_at_once() {
    let world = World::shared();
    for style in STYLES {
        let shown_of = |api: &OAuthApi<'_>| {
            let path = format!("/tyk/apis/{}", api.id);
            world.node.ask("GET", &path, &Value::Null).json()
        };
        for settings in [
            json!({"consistency": "available"}),
            json!({"consistency": "available", "available_max_age_s": 1}),
            json!({"available_max_age_s": 31_536_000}),
            json!({"consistency": "bounded", "max_staleness_ms": 1}),
            json!({"consistency": "bounded", "max_staleness_ms": 86_400_000}),
            json!({"consistency": "strict"}),
        ] {
            let api = OAuthApi::new(&world, style);
            let mut definition = shown_of(&api);
            merge(&mut definition["raftgate"], settings.clone());
            let path = format!("/tyk/apis/{}", api.id);
            world.node.ask("PUT", &path, &definition).expect_status(200);
            let shown = shown_of(&api);
            for (key, value) in settings.as_object().unwrap() {
                assert_eq!(&shown["raftgate"][key], value, "{shown}");
            }
            // What was just written is judged by at once, also by settings that allow no age at all.
            for _ in 0..3 {
                let token = api.access_token();
                api.assert_good(&token);
                let form = [("token", token.as_str())];
                let url = api.url("/oauth/revoke");
                let basic = api.client.basic();
                let headers = [("authorization", basic.as_str())];
                let client = world.node.client();
                client.post_form(&url, &headers, &form).expect_status(200);
                api.assert_unknown(&token);
            }
        }
    }
}

#[test]
fn what_makes_no_sense_is_400_by_its_name() {
    let world = World::shared();
    for (settings, named) in [
        (json!({"consistency": "eventual"}), "raftgate.consistency"),
        (json!({"consistency": 1}), "raftgate.consistency"),
        (
            json!({"consistency": "bounded"}),
            "raftgate.max_staleness_ms",
        ),
        (
            json!({"consistency": "bounded", "max_staleness_ms": 0}),
            "raftgate.max_staleness_ms",
        ),
        (
            json!({"consistency": "bounded", "max_staleness_ms": 86_400_001}),
            "raftgate.max_staleness_ms",
        ),
        (
            json!({"consistency": "strict", "max_staleness_ms": 5}),
            "raftgate.max_staleness_ms",
        ),
        (json!({"max_staleness_ms": 5}), "raftgate.max_staleness_ms"),
        (
            json!({"consistency": "strict", "available_max_age_s": 5}),
            "raftgate.available_max_age_s",
        ),
        (
            json!({"available_max_age_s": -1}),
            "raftgate.available_max_age_s",
        ),
        (
            json!({"available_max_age_s": 31_536_001}),
            "raftgate.available_max_age_s",
        ),
        (json!({"max_stalenes_ms": 5}), "raftgate.max_stalenes_ms"),
    ] {
        let id = unique("inconsistent");
        let mut definition = keyless_api(&id, &format!("/{id}/"), &world.upstream.url("/"));
        merge(&mut definition, json!({"raftgate": settings}));
        let answer = world.node.ask("POST", "/tyk/apis", &definition);
        let message = text(&answer.expect_status(400).json(), "message");
        assert!(message.contains(named), "{definition}: {message}");
        let path = format!("/tyk/apis/{id}");
        world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(404);
    }
}
