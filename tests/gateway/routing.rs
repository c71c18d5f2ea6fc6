//! Which API a path belongs to, where several could serve it.

use serde_json::json;

use crate::apis::{definition, message};
use crate::harness::{Node, keyless_api, merge, oauth_api};
use crate::world::World;

#[test]
fn the_longest_listen_path_at_a_segments_end_serves_case_11() {
    let world = World::of(Node::start());
    let target = world.upstream.url("/");
    world.node.create_api(&oauth_api("root", "/", &target));
    world
        .node
        .create_api(&keyless_api("apple", "/apple/", &target));
    world
        .node
        .create_api(&oauth_api("bottom", "/apple/bottom", &target));
    for (path, status) in [
        ("/app", 401),
        ("/apple", 200),
        ("/apple/", 200),
        ("/apple/bot", 200),
        ("/apple/bottom", 401),
        ("/apple/bottom/jeans", 401),
        // Tyk answers 404 to these two, though an API with a shorter listen path stands there.
        ("/applebottomjeans", 401),
        ("/apple/bottom-jeans", 200),
    ] {
        let answer = world.node.client().get(&world.node.gateway_url(path), &[]);
        assert_eq!(answer.status, status, "{path}");
    }
}

#[test]
fn a_listen_path_with_a_template_is_refused_by_name_case_12() {
    let world = World::shared();
    for listen_path in ["/bob/{name:.*}", "/u/{id}"] {
        let mut api = definition("template", &world);
        let target = world.upstream.url("/");
        merge(
            &mut api,
            json!({"proxy": {"listen_path": listen_path, "target_url": target}}),
        );
        let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
        let message = message(&answer);
        assert!(
            message.contains("proxy.listen_path: path templates"),
            "{message}"
        );
    }
}

#[test]
fn a_domain_that_is_switched_off_binds_nothing_case_14() {
    let world = World::shared();
    let id = crate::world::unique("anywhere");
    let mut api = definition(&id, &world);
    merge(
        &mut api,
        json!({"domain": "one.example", "domain_disabled": true}),
    );
    world.node.create_api(&api);
    for host in ["one.example", "two.example"] {
        let url = world.node.gateway_url(&format!("/{id}/x"));
        let answer = world.node.client().get(&url, &[("host", host)]);
        assert_eq!(answer.status, 200, "{host}");
    }
}
