//! The end of a node: what is under way finishes, nothing new begins, and the status is 0.

use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;

use crate::harness::{Node, PATIENCE, keyless_api, wait_for};
use crate::wire::Wire;
use crate::world::World;

/// A node whose request to an upstream is under way: its first part has arrived at the client.
fn under_way(world: &World) -> (Wire, Wire) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap());
    world
        .node
        .create_api(&keyless_api("slow", "/slow/", &target));
    let mut client = Wire::connect(world.node.gateway());
    client.get("/slow/");
    let mut upstream = Wire::accept(&listener);
    upstream.take_through(b"\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
    assert_eq!(client.head().status, 200);
    assert_eq!(client.take(5), b"first");
    (client, upstream)
}

#[test]
fn a_drain_lets_requests_finish_and_ends_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut world = World::of(Node::start());
        world
            .node
            .create_api(&keyless_api("quick", "/quick/", &world.upstream.url("/")));
        let (mut client, mut upstream) = under_way(&world);
        let mut kept = Wire::connect(world.node.gateway());
        assert_eq!(kept.get("/quick/").answer().0.status, 200);
        world.node.process().signal(signal);
        // Connections without a request are closed, and nobody new is taken.
        assert!(kept.is_closed());
        let address = world.node.gateway();
        wait_for("the gateway takes nobody new", || {
            TcpStream::connect(address).is_err()
        });
        assert!(
            world.node.process().ended().is_none(),
            "a request is under way"
        );
        upstream.send("again");
        assert_eq!(client.take(5), b"again");
        assert!(client.is_closed());
        assert_eq!(world.node.process().wait(PATIENCE).code(), Some(0));
    }
}

#[test]
fn ready_says_that_the_node_drains() {
    let mut world = World::of(Node::start());
    let (mut client, mut upstream) = under_way(&world);
    let ready = world.node.control_url("/ready");
    let ask = |world: &World| world.node.client().get(&ready, &[]);
    ask(&world).expect_status(200);
    world.node.process().signal(Signal::TERM);
    wait_for("it is not ready", || ask(&world).status == 503);
    assert!(ask(&world).text().contains("draining"));
    // It says so for as long as the request is under way, while the gateway takes nobody new.
    wait_for("the gateway takes nobody new", || {
        TcpStream::connect(world.node.gateway()).is_err()
    });
    assert_eq!(ask(&world).status, 503);
    upstream.send("again");
    assert_eq!(client.take(5), b"again");
    assert!(client.is_closed());
    assert_eq!(world.node.process().wait(PATIENCE).code(), Some(0));
}

#[test]
fn a_request_that_never_ends_does_not_hold_the_drain_for_ever() {
    let node = Node::builder()
        .configuration("[limits]\ndrain_timeout_ms = 200")
        .start();
    let mut world = World::of(node);
    let (mut client, _upstream) = under_way(&world);
    assert_eq!(world.node.terminate().code(), Some(0));
    assert!(client.is_closed());
}

#[test]
fn an_idle_node_ends_at_once_and_its_data_is_free() {
    let mut world = World::of(Node::start());
    world
        .node
        .create_api(&keyless_api("kept", "/kept/", &world.upstream.url("/")));
    assert_eq!(world.node.terminate().code(), Some(0));
    world.node.start_again();
    let url = world.node.gateway_url("/kept/");
    world.node.client().get(&url, &[]).expect_status(200);
}
