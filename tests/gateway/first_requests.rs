//! The shortest way through a node: start, one API, one request; and the same after a restart.

use crate::harness::{Node, RecordingServer, Reply, keyless_api};

#[test]
fn a_keyless_api_is_proxied_and_survives_a_crash() {
    let upstream = RecordingServer::replying(Reply::ok("from upstream"));
    let mut node = Node::start();
    node.create_api(&keyless_api("open", "/open/", &upstream.url("/base")));
    let answer = node.client().get(&node.gateway_url("/open/a?b=c"), &[]);
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "from upstream")
    );
    assert_eq!(upstream.only().target, "/base/a?b=c");

    node.crash_and_restart();
    let answer = node.client().get(&node.gateway_url("/open/again"), &[]);
    assert_eq!(answer.status, 200);
}

#[test]
fn a_token_opens_its_api_and_nothing_else_does() {
    let upstream = RecordingServer::replying(Reply::ok("inside"));
    let node = Node::start();
    let client = node.create_oauth_api("guarded", &upstream.url("/"));
    assert_eq!(
        node.client()
            .get(&node.gateway_url("/guarded/x"), &[])
            .status,
        401
    );
    assert_eq!(node.get_with_token("/guarded/x", "forged").status, 401);
    assert!(
        upstream.received().is_empty(),
        "a refused request reached the upstream"
    );

    let token = node.access_token("guarded", &client);
    let answer = node.get_with_token("/guarded/x", &token);
    assert_eq!((answer.status, answer.text().as_str()), (200, "inside"));
}

#[test]
fn a_node_drains_and_ends_well() {
    let mut node = Node::start();
    let status = node.terminate();
    assert!(status.success(), "{status}\n{}", node.log());
}
