//! Changes while requests are under way, and definitions that outlive the process.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::{
    Node, RecordingServer, Reply, keyless_api, merge, oauth_api, policy, wait_for,
};
use crate::wire::Wire;
use crate::world::{OAuthApi, STYLES, Style, Tokens, World, unique};

/// An upstream whose answer's second part waits for the test.
fn halting(go_on: &Arc<AtomicBool>) -> RecordingServer {
    let go_on = Arc::clone(go_on);
    RecordingServer::start(move |_| {
        let go_on = Arc::clone(&go_on);
        Reply::raw(move |stream| {
            use std::io::Write;
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nfirst";
            stream.write_all(head).unwrap();
            wait_for("the test lets the upstream go on", || {
                go_on.load(Ordering::SeqCst)
            });
            stream.write_all(b"second").is_ok()
        })
    })
}

#[test]
fn a_streamed_answer_survives_changes_and_the_end_of_its_api() {
    let world = World::shared();
    let go_on = Arc::new(AtomicBool::new(false));
    let upstream = halting(&go_on);
    let id = unique("survives");
    let path = format!("/{id}/");
    world
        .node
        .create_api(&keyless_api(&id, &path, &upstream.url("/")));
    let mut wire = Wire::connect(world.node.gateway());
    assert_eq!(wire.get(&path).head().status, 200);
    assert_eq!(wire.take(5), b"first");

    world
        .node
        .create_api(&keyless_api(&id, &path, &world.upstream.url("/")));
    let url = world.node.gateway_url(&path);
    assert_ne!(world.node.client().get(&url, &[]).text(), "firstsecond");
    world
        .node
        .ask("DELETE", &format!("/tyk/apis/{id}"), &Value::Null)
        .expect_status(200);
    world.node.client().get(&url, &[]).expect_status(404);

    go_on.store(true, Ordering::SeqCst);
    assert_eq!(wire.take(6), b"second");
    // The connection goes on, and its next request meets what is in force now.
    assert_eq!(wire.get(&path).head().status, 404);
}

#[test]
fn no_request_of_any_api_is_dropped_or_refused_by_changes() {
    let world = World::shared();
    let (changed, other) = (unique("changed"), unique("untouched"));
    let path = format!("/{changed}/");
    for id in [&changed, &other] {
        world.node.create_api(&keyless_api(
            id,
            &format!("/{id}/"),
            &world.upstream.url("/"),
        ));
    }
    let done = AtomicBool::new(false);
    let served = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for id in [&changed, &other] {
            let (world, done, served, failed) = (&world, &done, &served, &failed);
            scope.spawn(move || {
                let client = crate::harness::Client::new();
                let url = world.node.gateway_url(&format!("/{id}/x"));
                while !done.load(Ordering::SeqCst) {
                    match client.try_send("GET", &url, &[], b"") {
                        Ok(answer) if answer.status == 200 => {
                            served.fetch_add(1, Ordering::SeqCst);
                        }
                        other => failed.lock().unwrap().push(format!("{id}: {other:?}")),
                    }
                }
            });
        }
        for turn in 0..30 {
            let before = served.load(Ordering::SeqCst);
            let mut api = keyless_api(&changed, &path, &world.upstream.url("/"));
            merge(&mut api, json!({"turn": turn}));
            world.node.create_api(&api);
            wait_for("requests between the changes", || {
                served.load(Ordering::SeqCst) > before + 2 || !failed.lock().unwrap().is_empty()
            });
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(failed.into_inner().unwrap(), Vec::<String>::new());
}

#[test]
fn connections_of_other_apis_stand_on_both_sides_while_one_changes() {
    let world = World::shared();
    let upstream = RecordingServer::replying(Reply::ok("served"));
    let (changed, other) = (unique("changing"), unique("standing"));
    let definition = |id: &str| keyless_api(id, &format!("/{id}/"), &upstream.url("/"));
    world.node.create_api(&definition(&changed));
    world.node.create_api(&definition(&other));
    let mut wire = Wire::connect(world.node.gateway());
    let path = format!("/{other}/x");
    assert_eq!(wire.get(&path).answer().0.status, 200);
    let of_upstream = upstream.connections();
    for turn in 0..20 {
        let mut api = definition(&changed);
        merge(&mut api, json!({"turn": turn}));
        world.node.create_api(&api);
        // The same connection: this client makes no other.
        let (head, body) = wire.get(&path).answer();
        assert_eq!((head.status, body.as_str()), (200, "served"));
    }
    assert_eq!(upstream.connections(), of_upstream);
}

#[test]
fn a_change_of_one_api_leaves_the_tokens_of_others_alone() {
    let world = World::shared();
    let changed = OAuthApi::new(&world, Style::Rfc);
    let other = OAuthApi::new(&world, Style::Rfc);
    let (of_changed, of_other) = (changed.access_token(), other.access_token());
    let path = format!("/{}/", changed.id);
    let mut api = oauth_api(&changed.id, &path, &world.upstream.url("/"));
    merge(&mut api, json!({"name": "renamed"}));
    world.node.create_api(&api);
    changed.assert_good(&of_changed);
    other.assert_good(&of_other);
    let path = format!("/tyk/apis/{}", changed.id);
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    changed.call(&of_changed).expect_status(404);
    other.assert_good(&of_other);
}

#[test]
fn an_api_that_comes_back_finds_its_clients_and_tokens_again_as_in_tyk() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (access, pair, code) = (api.access_token(), api.tokens(), api.code());
        let path = format!("/tyk/apis/{}", api.id);
        let definition = world.node.ask("GET", &path, &Value::Null).json();
        world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        for token in [&access, &pair.access] {
            api.call(token).expect_status(404);
        }
        api.refresh(&pair.refresh).expect_status(404);
        world.node.create_api(&definition);
        for token in [&access, &pair.access] {
            api.assert_good(token);
        }
        api.exchange(&code, &[]).expect_status(200);
        let next = Tokens::of(api.refresh(&pair.refresh));
        api.assert_unknown(&pair.access);
        // Whoever wants the tokens dead deletes their client: that holds for ever.
        let client = format!("/tyk/oauth/clients/{}/{}", api.id, api.client.id);
        world
            .node
            .ask("DELETE", &client, &Value::Null)
            .expect_status(200);
        world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        world.node.create_api(&definition);
        api.another_client(json!({"client_id": api.client.id, "secret": api.client.secret}));
        for token in [&access, &next.access] {
            api.assert_unknown(token);
        }
    }
}

/// Everything that is shown of APIs, policies and clients.
fn shown(node: &Node) -> Vec<String> {
    let paths = ["/tyk/apis", "/tyk/policies", "/tyk/oauth/clients/two"];
    let text = |path: &&str| {
        node.ask("GET", path, &Value::Null)
            .expect_status(200)
            .text()
    };
    paths.iter().map(text).collect()
}

#[test]
fn definitions_outlive_a_restart_and_a_crash() {
    let mut world = World::of(Node::start());
    let target = world.upstream.url("/");
    world.node.create_api(&keyless_api("one", "/one/", &target));
    let client = world.node.create_oauth_api("two", &target);
    world.node.create_policy(&policy("three", &["two"]));
    world
        .node
        .create_api(&keyless_api("gone", "/gone/", &target));
    world
        .node
        .ask("DELETE", "/tyk/apis/gone", &Value::Null)
        .expect_status(200);
    let before = shown(&world.node);
    for turn in 0..4 {
        if turn % 2 == 0 {
            assert_eq!(world.node.terminate().code(), Some(0));
            world.node.start_again();
        } else {
            world.node.crash_and_restart();
        }
        // No waiting: what the ready line promises is served at once.
        let status = |path: &str| {
            let url = world.node.gateway_url(path);
            world.node.client().get(&url, &[]).status
        };
        assert_eq!(
            (status("/one/"), status("/two/"), status("/gone/")),
            (200, 401, 404)
        );
        assert_eq!(shown(&world.node), before);
        let token = world.node.access_token("two", &client);
        world
            .node
            .get_with_token("/two/", &token)
            .expect_status(200);
    }
}
