//! Health checks of targets: who is asked, what follows from the answers, and when the asking ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::balancing::{Balanced, assert_named, definition, named};
use crate::harness::{
    Node, PATIENCE, Received, RecordingServer, Reply, STYLES, Style, eventually, wait_for,
};
use crate::world::{World, unique};

const DOWN: ((u16, &str), (u16, &str)) = (
    (503, "temporarily_unavailable"),
    (503, "all hosts are down"),
);

/// An upstream that answers its name, and at `/up` whether it is well.
struct Target {
    server: RecordingServer,
    is_well: Arc<AtomicBool>,
}

impl Target {
    fn new(name: &'static str) -> Self {
        let is_well = Arc::new(AtomicBool::new(true));
        let state = Arc::clone(&is_well);
        let server = RecordingServer::start(move |received: &Received| {
            match (received.target.as_str(), state.load(Ordering::SeqCst)) {
                ("/up", false) => Reply::status(503, "unwell"),
                _ => Reply::ok(name),
            }
        });
        Self { server, is_well }
    }

    fn url(&self) -> String {
        self.server.url("/")
    }

    fn set_well(&self, is_well: bool) {
        self.is_well.store(is_well, Ordering::SeqCst);
    }

    /// How often it was asked how it is.
    fn checks(&self) -> usize {
        let received = self.server.received();
        received
            .iter()
            .filter(|asked| asked.target == "/up")
            .count()
    }
}

fn check() -> Value {
    json!({"path": "/up", "interval_ms": 50, "timeout_ms": 2000, "unhealthy_after": 2, "healthy_after": 2})
}

fn checked() -> Value {
    json!({"health_check": check()})
}

#[test]
fn who_is_unwell_gets_no_requests_and_all_unwell_is_503_case_97() {
    let world = World::shared();
    for style in STYLES {
        let (a, b) = (Target::new("a"), Target::new("b"));
        let api = Balanced::new(&world, style, &[a.url(), b.url()], checked());
        assert_eq!(api.round(4), "abab");
        a.set_well(false);
        wait_for("the unwell target is left out", || api.round(4) == "bbbb");
        b.set_well(false);
        let refused = eventually("nobody is left", PATIENCE, || {
            Some(api.ask("GET", "/x", b"")).filter(|answer| answer.status == 503)
        });
        match style {
            Style::Rfc => api.assert_refused(&refused, DOWN),
            Style::Tyk => assert_eq!(refused.text(), DOWN.1.1),
        }
        assert_eq!(refused.header("retry-after"), "1");
        a.set_well(true);
        wait_for("the target that is well again is asked", || {
            api.ask("GET", "/x", b"").status == 200
        });
        assert_eq!(api.round(2), "aa");
    }
}

#[test]
fn a_check_is_a_plain_get_of_the_targets_host() {
    let world = World::shared();
    let a = Target::new("a");
    let targets = [a.server.url("/base/?secret=1")];
    let _api = Balanced::new(&world, Style::Rfc, &targets, checked());
    wait_for("the target is checked", || a.checks() > 0);
    let received = a.server.received();
    let asked = received.iter().find(|asked| asked.target == "/up").unwrap();
    assert_eq!(asked.method, "GET");
    assert_eq!(asked.values("host"), [a.server.address().to_string()]);
    assert!(asked.header("user-agent").starts_with("raftgate/"));
    assert_eq!(asked.text(), "");
}

#[test]
fn a_single_target_can_be_checked_too() {
    let world = World::shared();
    let a = Target::new("a");
    let id = unique("checked");
    let mut definition = definition(&id, Style::Rfc, &[], checked());
    definition["proxy"]["enable_load_balancing"] = json!(false);
    definition["proxy"]["target_url"] = json!(a.url());
    world.node.create_api(&definition);
    let url = world.node.gateway_url(&format!("/{id}/x"));
    let ask = || world.node.client().get(&url, &[]).status;
    assert_eq!(ask(), 200);
    a.set_well(false);
    wait_for("the target is down", || ask() == 503);
    a.set_well(true);
    wait_for("the target is up", || ask() == 200);
}

#[test]
fn nothing_listening_is_unwell() {
    let world = World::shared();
    let (a, b) = (Target::new("a"), Target::new("b"));
    let address = a.server.address();
    let own = json!({"health_check": {"path": "/up", "interval_ms": 50, "unhealthy_after": 1, "healthy_after": 1}});
    let api = Balanced::new(&world, Style::Rfc, &[a.url(), b.url()], own);
    assert_eq!(api.round(2), "ab");
    drop(a);
    wait_for("the target is left out", || api.round(4) == "bbbb");
    b.set_well(false);
    wait_for("nobody is left", || api.ask("GET", "/x", b"").status == 503);
    // A check that goes well is enough.
    let _a = RecordingServer::start_at(address, |_| Reply::ok("a"));
    wait_for("it is asked again", || {
        let answer = api.ask("GET", "/x", b"");
        answer.status == 200 && answer.text() == "a"
    });
}

/// Waits for more checks of a target that is checked all the time, and fails if others were checked meanwhile.
fn assert_unchecked(other: &Target, clock: &Target) {
    // What was under way may still arrive.
    let settled = clock.checks() + 3;
    wait_for("some rounds", || clock.checks() >= settled);
    let before = other.checks();
    let later = clock.checks() + 10;
    wait_for("ten rounds", || clock.checks() >= later);
    assert_eq!(other.checks(), before, "nobody asks any more");
}

#[test]
fn checks_end_with_their_api() {
    let world = World::shared();
    let (clock, other) = (Target::new("clock"), Target::new("other"));
    let _clock = Balanced::new(&world, Style::Rfc, &[clock.url()], checked());
    let api = Balanced::new(&world, Style::Rfc, &[other.url()], checked());
    wait_for("both are checked", || {
        other.checks() > 2 && clock.checks() > 2
    });
    let path = format!("/tyk/apis/{}", api.id);
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    assert_unchecked(&other, &clock);

    // The same for one that is set inactive.
    let mut definition = definition(&unique("resting"), Style::Rfc, &[other.url()], checked());
    world.node.create_api(&definition);
    let before = other.checks();
    wait_for("it is checked", || other.checks() > before + 2);
    definition["active"] = json!(false);
    world.node.create_api(&definition);
    assert_unchecked(&other, &clock);
}

#[test]
fn a_changed_definition_keeps_what_is_known_and_checks_the_targets_that_it_names() {
    let world = World::shared();
    let (a, b, c) = (Target::new("a"), Target::new("b"), Target::new("c"));
    let api = Balanced::new(&world, Style::Rfc, &[a.url(), b.url()], checked());
    a.set_well(false);
    wait_for("the unwell target is left out", || api.round(4) == "bbbb");
    // From the first request of the new version on.
    let changed = definition(&api.id, Style::Rfc, &[a.url(), c.url()], checked());
    world.node.create_api(&changed);
    assert_eq!(api.round(4), "cccc");
    wait_for("the new target is checked", || c.checks() > 0);
    assert_unchecked(&b, &c);
    // Without checks nobody would find out that it is well again.
    let unchecked = definition(&api.id, Style::Rfc, &[a.url(), c.url()], json!({}));
    world.node.create_api(&unchecked);
    let round = api.round(4);
    assert!(round == "acac" || round == "caca", "{round}");
}

#[test]
fn tyks_uptime_tests_do_as_well() {
    let world = World::shared();
    let (a, b) = (Target::new("a"), Target::new("b"));
    let targets = [a.url(), b.url()];
    let id = unique("uptime");
    let mut definition = definition(&id, Style::Rfc, &targets, json!({}));
    definition["proxy"]["check_host_against_uptime_tests"] = json!(true);
    let test = |target: &Target| json!({"url": target.server.url("/up"), "method": "GET"});
    definition["uptime_tests"] = json!({"check_list": [test(&a), test(&b)]});
    world.node.create_api(&definition);
    wait_for("both are checked", || a.checks() > 0 && b.checks() > 0);
}

/// What the metrics say of an API's targets: origin and number, in the order of the origins.
fn told_of(world: &World, id: &str) -> Vec<(String, String)> {
    let metrics = world
        .node
        .client()
        .get(&world.node.control_url("/metrics"), &[])
        .text();
    let begin = format!("raftgate_upstream_target_down{{api=\"{id}\",target=\"");
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(&begin));
    lines
        .map(|line| line.split_once("\"} ").unwrap())
        .map(|(origin, number)| (origin.to_owned(), number.to_owned()))
        .collect()
}

#[test]
fn metrics_tell_which_targets_are_down() {
    let world = World::shared();
    let (a, b) = (Target::new("a"), Target::new("b"));
    // A path makes no second one of it, and is not told.
    let twice = a.server.url("/base/?secret=1");
    let targets = [a.url(), b.url(), twice];
    let api = Balanced::new(&world, Style::Rfc, &targets, checked());
    let told = |of_a: &str, of_b: &str| {
        let origin = |target: &Target| format!("http://{}", target.server.address());
        let mut told = vec![(origin(&a), of_a.to_owned()), (origin(&b), of_b.to_owned())];
        told.sort();
        told
    };
    assert_eq!(told_of(&world, &api.id), told("0", "0"));
    b.set_well(false);
    wait_for("the unwell target is told", || {
        told_of(&world, &api.id) == told("0", "1")
    });
    a.set_well(false);
    wait_for("both are told", || {
        told_of(&world, &api.id) == told("1", "1")
    });
    b.set_well(true);
    wait_for("the well target is told", || {
        told_of(&world, &api.id) == told("1", "0")
    });
    // Of what nobody checks, nothing is told; nor of what is gone.
    let unchecked = definition(&api.id, Style::Rfc, &targets, json!({}));
    world.node.create_api(&unchecked);
    assert!(told_of(&world, &api.id).is_empty());
    let again = definition(&api.id, Style::Rfc, &targets, checked());
    world.node.create_api(&again);
    assert_eq!(told_of(&world, &api.id).len(), 2);
    let path = format!("/tyk/apis/{}", api.id);
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    assert!(told_of(&world, &api.id).is_empty());
}

#[test]
fn checks_that_are_none_are_400_by_name() {
    let world = World::shared();
    let a = named("a");
    for (check, named) in [
        (json!({}), "raftgate.health_check.path: "),
        (json!({"path": "up"}), "raftgate.health_check.path: "),
        (json!({"path": "/up?x=<1>"}), "raftgate.health_check.path: "),
        (
            json!({"path": "/up", "interval_ms": 1}),
            "raftgate.health_check.interval_ms: must be a whole number from 50 to 3600000",
        ),
        (
            json!({"path": "/up", "every": 1}),
            "raftgate.health_check.every: is not a known key",
        ),
    ] {
        let own = json!({"health_check": check});
        let faulty = definition(&unique("faulty"), Style::Rfc, &[a.url("/")], own);
        assert_named(&world, "/tyk/apis", &faulty, named);
    }
}

#[test]
fn a_target_whose_name_does_not_resolve_is_told_of_once() {
    let world = World::of(Node::start());
    let other = Target::new("a");
    let mut check = check();
    check["timeout_ms"] = json!(200);
    let urls = ["http://nobody.invalid/".to_owned(), other.url()];
    let _api = Balanced::new(&world, Style::Rfc, &urls, json!({"health_check": check}));
    let told = || {
        world
            .node
            .log()
            .matches("the target is not checked")
            .count()
    };
    wait_for("it is told of", || told() > 0);
    let before = other.checks();
    wait_for("there were more rounds", || other.checks() > before + 2);
    assert_eq!(told(), 1);
}

#[test]
fn a_version_with_a_target_of_its_own_does_not_ask_how_the_others_are() {
    let world = World::shared();
    let (unwell, own) = (Target::new("a"), Target::new("own"));
    unwell.set_well(false);
    let id = unique("checked");
    let mut definition = definition(&id, Style::Rfc, &[unwell.url()], checked());
    definition["definition"] = json!({"location": "header", "key": "version"});
    definition["version_data"] = json!({"not_versioned": false, "versions": {
        "v1": {"name": "v1", "override_target": own.url()}, "v2": {"name": "v2"}
    }});
    world.node.create_api(&definition);
    let url = world.node.gateway_url(&format!("/{id}/x"));
    let of = |version: &str| world.node.client().get(&url, &[("version", version)]);
    wait_for("nobody is left", || of("v2").status == 503);
    assert_eq!(of("v1").expect_status(200).text(), "own");
}
