//! Several targets of one API: whose turn it is, and what becomes of requests when one of them is gone.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};

use crate::apis::message;
use crate::harness::{Answer, RecordingServer, Reply, Style, keyless_api, merge, wait_for};
use crate::oas::oas_document;
use crate::rules::{assert_refused, in_both_styles};
use crate::timeouts_and_sizes::TIMEOUT;
use crate::websocket::{AGREED, handshake};
use crate::wire::Wire;
use crate::world::{World, unique};

/// What is answered where no target can be connected to.
pub(crate) const UNREACHABLE: ((u16, &str), (u16, &str)) = (
    (502, "bad_gateway"),
    (500, "There was a problem proxying the request"),
);

/// An upstream that answers its name.
pub(crate) fn named(name: &'static str) -> RecordingServer {
    RecordingServer::start(move |_| Reply::ok(name))
}

/// A target that nobody listens at, another one each time.
pub(crate) fn nowhere() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    // No test listens on these addresses of the loopback, so none can come to life meanwhile.
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("http://127.99.9.{last}:9/")
}

/// Targets that take connections and never shake hands: whoever asks waits for a connection until it gives up.
pub(crate) struct Speechless(Vec<RecordingServer>);

impl Speechless {
    pub(crate) fn new(count: usize) -> Self {
        let server = |_| RecordingServer::replying(Reply::Hang);
        Self((0..count).map(server).collect())
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        let target = |server: &RecordingServer| format!("https://{}/", server.address());
        self.0.iter().map(target).collect()
    }

    /// So many connections were begun so far, each given up before the next one.
    #[track_caller]
    pub(crate) fn assert_connections(&self, expected: usize) {
        let count = || -> usize { self.0.iter().map(RecordingServer::connections).sum() };
        wait_for("the connections come", || count() >= expected);
        assert_eq!(count(), expected);
    }
}

/// The definition of an API with these targets, and these settings of our own.
pub(crate) fn definition(id: &str, style: Style, targets: &[String], own: Value) -> Value {
    let mut definition = keyless_api(id, &format!("/{id}/"), "http://unused.invalid/");
    definition["proxy"]["enable_load_balancing"] = json!(true);
    definition["proxy"]["target_list"] = json!(targets);
    definition["raftgate"] = own;
    definition["raftgate"]["error_style"] = json!(style.name());
    definition
}

/// A definition is refused with a message that says this.
#[track_caller]
pub(crate) fn assert_named(world: &World, path: &str, faulty: &Value, named: &str) {
    let answer = world.node.ask("POST", path, faulty).expect_status(400);
    assert!(
        message(&answer).contains(named),
        "{named}: {}",
        message(&answer)
    );
}

/// An API in front of several targets.
pub(crate) struct Balanced<'w> {
    world: &'w World,
    pub(crate) id: String,
    style: Style,
}

impl<'w> Balanced<'w> {
    #[track_caller]
    pub(crate) fn new(world: &'w World, style: Style, targets: &[String], own: Value) -> Self {
        Self::ruled(world, style, targets, own, json!({}))
    }

    /// The same with more fields of the definition.
    #[track_caller]
    pub(crate) fn ruled(
        world: &'w World,
        style: Style,
        targets: &[String],
        own: Value,
        fields: Value,
    ) -> Self {
        let id = unique("balanced");
        let mut definition = definition(&id, style, targets, own);
        merge(&mut definition, fields);
        world.node.create_api(&definition);
        Self { world, id, style }
    }

    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let url = self.world.node.gateway_url(&format!("/{}{path}", self.id));
        self.world.node.client().send(method, &url, &[], body)
    }

    /// The bodies of so many answers, one after the other, on one connection.
    #[track_caller]
    pub(crate) fn round(&self, count: usize) -> String {
        let mut wire = Wire::connect(self.world.node.gateway());
        let path = format!("/{}/x", self.id);
        let answer = |_| {
            let (head, body) = wire.get(&path).answer();
            assert_eq!(head.status, 200, "{body}");
            body
        };
        (0..count).map(answer).collect()
    }

    #[track_caller]
    pub(crate) fn assert_refused(&self, answer: &Answer, expected: ((u16, &str), (u16, &str))) {
        assert_refused(self.style, answer, expected.0, expected.1);
    }
}

#[test]
fn targets_take_turns_and_repetitions_are_weights_case_97() {
    let world = World::shared();
    let (a, b) = (named("a"), named("b"));
    let two = Balanced::new(&world, Style::Rfc, &[a.url("/"), b.url("/")], json!({}));
    assert_eq!(two.round(6), "ababab");
    // Schemes may be left out.
    let list = [a.url("/"), b.address().to_string(), a.url("/")];
    let weighted = Balanced::new(&world, Style::Rfc, &list, json!({}));
    assert_eq!(weighted.round(6), "abaaba");
}

#[test]
fn each_target_is_asked_under_its_own_path_query_and_name() {
    let world = World::shared();
    let (a, b) = (named("a"), named("b"));
    let targets = [a.url("/base?k=1"), b.url("/")];
    Balanced::new(&world, Style::Rfc, &targets, json!({})).round(2);
    let (to_a, to_b) = (a.only(), b.only());
    assert_eq!((&*to_a.target, &*to_b.target), ("/base/x?k=1", "/x"));
    assert_eq!(to_a.values("host"), [a.address().to_string()]);
    assert_eq!(to_b.values("host"), [b.address().to_string()]);
}

#[test]
fn an_oas_document_gives_weights() {
    let world = World::shared();
    let (a, b, never) = (named("a"), named("b"), named("c"));
    let id = unique("weighted");
    let mut document = oas_document(&id, "http://unused.invalid/");
    let target =
        |server: &RecordingServer, weight: u32| json!({"url": server.url("/"), "weight": weight});
    document["x-tyk-api-gateway"]["upstream"]["loadBalancing"] = json!({
        "enabled": true, "targets": [target(&a, 60_000), target(&b, 30_000), target(&never, 0)]
    });
    let made = world.node.ask("POST", "/tyk/apis/oas", &document);
    made.expect_status(200);
    let api = Balanced {
        world: &world,
        id,
        style: Style::Rfc,
    };
    assert_eq!(api.round(6), "abaaba");
    assert_eq!(never.connections(), 0);
}

#[test]
fn no_request_fails_because_a_target_is_gone() {
    let world = World::shared();
    let b = named("b");
    let targets = [nowhere(), b.url("/other/")];
    let api = Balanced::new(&world, Style::Rfc, &targets, json!({}));
    // What was not sent can be sent elsewhere, whatever it is.
    for (method, body) in [("GET", ""), ("POST", "body"), ("POST", "body"), ("GET", "")] {
        let answer = api.ask(method, "/x", body.as_bytes()).expect_status(200);
        assert_eq!(answer.text(), "b");
    }
    for received in b.received() {
        assert_eq!(received.target, "/other/x");
        assert_eq!(received.values("host"), [b.address().to_string()]);
        let expected = if received.method == "POST" {
            "body"
        } else {
            ""
        };
        assert_eq!(received.text(), expected);
    }
    assert_eq!(b.received().len(), 4);
}

#[test]
fn a_target_that_comes_back_gets_its_turns_again() {
    let world = World::shared();
    let (a, b) = (named("a"), named("b"));
    let address = a.address();
    let targets = [a.url("/"), b.url("/")];
    let api = Balanced::new(&world, Style::Rfc, &targets, json!({}));
    assert_eq!(api.round(4), "abab");
    drop(a);
    assert_eq!(api.round(4), "bbbb");
    let _a = RecordingServer::start_at(address, |_| Reply::ok("a"));
    wait_for("the target gets requests again", || {
        let round = api.round(4);
        round == "abab" || round == "baba"
    });
}

#[test]
fn where_all_targets_are_gone_one_error_says_so() {
    in_both_styles(|world, style| {
        let targets: Vec<String> = (0..6).map(|_| nowhere()).collect();
        let api = Balanced::new(world, style, &targets, json!({}));
        for _ in 0..3 {
            api.assert_refused(&api.ask("GET", "/x", b""), UNREACHABLE);
            api.assert_refused(&api.ask("POST", "/x", b"body"), UNREACHABLE);
        }
    });
}

#[test]
fn a_request_is_turned_to_three_other_targets_and_no_more() {
    in_both_styles(|world, style| {
        let speechless = Speechless::new(6);
        let own = json!({"connect_timeout_ms": 100});
        let api = Balanced::new(world, style, &speechless.targets(), own);
        api.assert_refused(&api.ask("POST", "/x", b"body"), TIMEOUT);
        speechless.assert_connections(4);
    });
}

#[test]
fn a_websocket_finds_the_target_that_stands() {
    let world = World::shared();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let targets = [
        nowhere(),
        format!("ws://{}/", listener.local_addr().unwrap()),
    ];
    let api = Balanced::new(&world, Style::Rfc, &targets, json!({}));
    let mut client = Wire::connect(world.node.gateway());
    client.send(handshake(&format!("/{}/room", api.id), ""));
    let mut upstream = Wire::accept(&listener);
    let asked = upstream.take_through(b"\r\n\r\n");
    assert!(asked.starts_with(b"GET /room HTTP/1.1\r\n"));
    upstream.send(AGREED);
    assert_eq!(client.head().status, 101);
    upstream.send(b"\x81\x05hello");
    assert_eq!(client.take(7), b"\x81\x05hello");
}

#[test]
fn targets_and_weights_that_are_none_are_400_by_name() {
    let world = World::shared();
    for (list, named) in [
        (json!([]), "proxy.target_list: must name a target"),
        (
            json!(["nowhere:nothing"]),
            "proxy.target_list[0]: must be an absolute URL",
        ),
        (
            json!(["http://a", "ftp://b"]),
            "proxy.target_list[1]: must begin with http://",
        ),
        (json!("http://a"), "proxy.target_list: must be an array"),
    ] {
        let mut faulty = definition(&unique("faulty"), Style::Rfc, &[], json!({}));
        faulty["proxy"]["target_list"] = list;
        assert_named(&world, "/tyk/apis", &faulty, named);
    }
    let upstream = "x-tyk-api-gateway.upstream.loadBalancing";
    for (targets, named) in [
        (
            json!([{"url": "http://a", "weight": 0}]),
            "targets: all load balancing targets have weight 0",
        ),
        (
            json!([]),
            "targets: all load balancing targets have weight 0",
        ),
        (
            json!([{"url": "http://a", "weight": -1}]),
            "targets[0].weight: ",
        ),
        (
            json!([{"url": "http://a", "weight": 20000}, {"url": "http://b", "weight": 1}]),
            "targets: the weights add up to more than 10000",
        ),
        (
            json!([{"url": "http://a", "weight": 1}, {"url": "http://", "weight": 1}]),
            "targets[1].url: must be an absolute URL",
        ),
    ] {
        let id = unique("faulty");
        let mut document = oas_document(&id, "http://unused.invalid/");
        let balancing = json!({"enabled": true, "targets": targets});
        document["x-tyk-api-gateway"]["upstream"]["loadBalancing"] = balancing;
        let expected = format!("{upstream}.{named}");
        assert_named(&world, "/tyk/apis/oas", &document, &expected);
    }
}
