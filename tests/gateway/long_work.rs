//! Documents that take long to check: who brings one waits, and the worker that took it answers others meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Answer, Node, keyless_api, merge, policy};
use crate::world::{OAuthApi, Style, World};

/// As many patterns as a right to an API may have.
const PATTERNS: usize = 256;

/// Patterns of paths whose compiling takes its time.
fn patterns() -> impl Iterator<Item = String> {
    (0..PATTERNS).map(|number| format!("/p{number}/[a-z0-9_-]{{90}}"))
}

/// Rights to an API that are checked pattern by pattern.
fn long_rights(api: &str) -> Value {
    let urls: Vec<Value> = patterns()
        .map(|url| json!({"url": url, "methods": ["GET"]}))
        .collect();
    json!({api: {"api_id": api, "versions": ["Default"], "allowed_urls": urls}})
}

/// What `slow` is answered, while nobody else waited for most of its time: a worker that does the work itself answers
/// nobody until it is done.
#[track_caller]
fn answered_beside_others(
    slow: impl FnOnce() -> Answer + Send,
    quick: impl Fn() -> Answer,
) -> Answer {
    let began = Instant::now();
    std::thread::scope(|scope| {
        let asked = scope.spawn(slow);
        let (mut longest, mut answers) = (Duration::ZERO, 0);
        while !asked.is_finished() {
            let asked_at = Instant::now();
            quick().expect_status(200);
            longest = longest.max(asked_at.elapsed());
            answers += 1;
        }
        let whole = began.elapsed();
        assert!(
            longest < whole / 3,
            "one of {answers} others waited {longest:?} of {whole:?}"
        );
        asked.join().unwrap()
    })
}

#[test]
fn ready_is_answered_while_a_large_definition_or_policy_is_brought_in() {
    let node = Node::start();
    let ready = || node.client().get(&node.control_url("/ready"), &[]);
    let mut api = keyless_api("long", "/long/", "http://127.0.0.1:9/");
    let listed: Vec<String> = patterns().collect();
    let version = json!({"name": "Default", "paths": {"ignored": listed}});
    let versions = json!({"not_versioned": true, "versions": {"Default": version}});
    merge(&mut api, json!({"version_data": versions}));
    let made = answered_beside_others(|| node.ask("POST", "/tyk/apis", &api), ready);
    made.expect_status(200);

    let mut long = policy("long", &["long"]);
    merge(&mut long, json!({"access_rights": long_rights("long")}));
    let made = answered_beside_others(|| node.ask("POST", "/tyk/policies", &long), ready);
    made.expect_status(200);
}

#[test]
fn a_worker_answers_others_while_it_is_given_long_key_rules() {
    let one_worker = Node::builder().configuration("[gateway]\nworkers = 1");
    let world = World::of(one_worker.start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let rules = json!({"org_id": "default", "access_rights": long_rights(&api.id)}).to_string();
    let hello = || {
        let url = world.node.gateway_url("/hello");
        world.node.client().get(&url, &[])
    };
    let approved = answered_beside_others(|| api.approve(&[("key_rules", &rules)]), hello);
    approved.expect_status(200);
}
