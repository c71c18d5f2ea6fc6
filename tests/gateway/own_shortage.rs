//! What the node itself lacks says nothing about its upstreams: they are neither judged by it nor spared for it.

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

use crate::balancing::{definition, named};
use crate::harness::{Node, Style, wait_for};
use crate::wire::Wire;

/// As many descriptors as every process has from its start: it gets no further one.
const NONE_LEFT: u64 = 3;

/// Bounds the descriptors of a running node; those that are open stay so.
fn bound_descriptors(node: &mut Node, bound: Option<u64>) {
    let id = i32::try_from(node.process().id()).unwrap();
    let own = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: bound.or(own.current),
        maximum: own.maximum,
    };
    prlimit(Pid::from_raw(id), Resource::Nofile, limit).unwrap();
}

/// What is answered under this path, on a connection that stands.
fn ask(wire: &mut Wire, id: &str) -> (u16, String) {
    let (head, body) = wire.get(&format!("/{id}/x")).answer();
    (head.status, body)
}

#[test]
fn a_node_without_descriptors_calls_no_upstream_down_and_spares_none() {
    let mut node = Node::start();
    let (a, b, c, d) = (named("a"), named("b"), named("c"), named("d"));
    let (e, f) = (named("e"), named("f"));
    // A name that nobody has asked for yet: the system's resolver needs descriptors too.
    let by_name = f.url("/").replace("127.0.0.1", "localhost");
    let check =
        json!({"path": "/up", "interval_ms": 50, "unhealthy_after": 1, "healthy_after": 100});
    let checked = json!({"health_check": check});
    let apis = [
        ("checked", [a.url("/"), b.url("/")], checked),
        ("unchecked", [c.url("/"), d.url("/")], json!({})),
        ("by-name", [e.url("/"), by_name], json!({})),
    ];
    for (id, targets, own) in apis {
        node.create_api(&definition(id, Style::Rfc, &targets, own));
    }
    // Connections that are kept: of the client, to both checked targets, and to one of the others.
    let mut wire = Wire::connect(node.gateway());
    for (id, expected) in [
        ("checked", "a"),
        ("checked", "b"),
        ("unchecked", "c"),
        ("by-name", "e"),
    ] {
        assert_eq!(ask(&mut wire, id), (200, expected.to_owned()));
    }

    bound_descriptors(&mut node, Some(NONE_LEFT));
    wait_for("both checks are given up", || {
        node.log().matches("the target is not checked: ").count() == 2
    });
    for expected in ["a", "b"] {
        assert_eq!(ask(&mut wire, "checked"), (200, expected.to_owned()));
    }
    // It is its turn, and the other one steps in.
    assert_eq!(ask(&mut wire, "unchecked"), (200, "c".to_owned()));
    wait_for("the log says what is lacking", || {
        node.log()
            .contains("this node lacks what connections to upstreams take")
    });
    assert_eq!(ask(&mut wire, "unchecked"), (200, "c".to_owned()));
    for _ in 0..2 {
        assert_eq!(ask(&mut wire, "by-name"), (200, "e".to_owned()));
    }

    bound_descriptors(&mut node, None);
    for expected in ["d", "c", "d"] {
        assert_eq!(ask(&mut wire, "unchecked"), (200, expected.to_owned()));
    }
    wait_for("the name is looked up again", || {
        ask(&mut wire, "by-name") == (200, "f".to_owned())
    });
    let log = node.log();
    for said in ["the target is down", "no connection to the upstream"] {
        assert!(!log.contains(said), "{log}");
    }
}
