//! What upstreams are told of the host and the scheme that a client asked for, and from which proxies that is believed.

use serde_json::{Value, json};

use crate::harness::{Node, STYLES, Style};
use crate::rules::{RuledApi, definition};
use crate::world::{World, echoed, unique};

const TOLD: &str = "forwarded_host_and_proto";

/// What the upstream of an API was told: host and scheme.
fn told(api: &RuledApi<'_>, headers: &[(&str, &str)]) -> [String; 2] {
    let seen = api.send("GET", "/x", headers).expect_status(200).json();
    ["x-forwarded-host", "x-forwarded-proto"].map(|name| echoed(&seen, name).join("|"))
}

fn api<'w>(world: &'w World, style: Style, told: Value) -> RuledApi<'w> {
    RuledApi::new(world, style, json!({"raftgate": {TOLD: told}}))
}

#[test]
fn host_and_scheme_are_told_where_the_definition_says_so() {
    let world = World::shared();
    for style in STYLES {
        let claims = [
            ("host", "shop.example:8080"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
        ];
        let silent = RuledApi::new(&world, style, json!({}));
        assert_eq!(told(&silent, &claims), ["", ""]);
        assert_eq!(told(&api(&world, style, json!(false)), &claims), ["", ""]);
        let telling = api(&world, style, json!(true));
        assert_eq!(told(&telling, &claims), ["shop.example:8080", "http"]);
    }
}

#[test]
fn what_a_trusted_proxy_tells_stands() {
    let node = Node::builder()
        .configuration("[gateway]\ntrusted_proxies = [\"127.0.0.0/8\"]")
        .start();
    let world = World::of(node);
    let telling = api(&world, Style::Rfc, json!(true));
    let claims = [
        ("host", "inner.example"),
        ("x-forwarded-host", "shop.example"),
    ];
    assert_eq!(told(&telling, &claims), ["shop.example", "http"]);
    let claims = [("host", "inner.example"), ("x-forwarded-proto", "https")];
    assert_eq!(told(&telling, &claims), ["inner.example", "https"]);
}

#[test]
fn a_setting_that_is_no_flag_is_400_by_name() {
    let world = World::shared();
    let fields = json!({"raftgate": {TOLD: "yes"}});
    let faulty = definition(&world, &unique("faulty"), Style::Rfc, fields);
    let answer = world.node.ask("POST", "/tyk/apis", &faulty);
    let message = crate::apis::message(&answer.expect_status(400));
    assert!(
        message.contains("raftgate.forwarded_host_and_proto: must be true or false"),
        "{message}"
    );
}

/// Some proxies add the port that the client came from.
#[test]
fn an_address_with_a_port_is_that_address() {
    let node = Node::builder()
        .configuration("[gateway]\ntrusted_proxies = [\"127.0.0.0/8\"]")
        .start();
    let world = World::of(node);
    let lists = json!({"allowed_ips": ["192.0.2.1", "2001:db8::5"]});
    let api = RuledApi::new(&world, Style::Rfc, lists);
    for (forwarded, status) in [
        ("192.0.2.1:443", 200),
        ("[2001:db8::5]:443", 200),
        ("192.0.2.2:443", 403),
        ("192.0.2.1:99999", 403),
        ("192.0.2.1:", 403),
    ] {
        let answer = api.send("GET", "/x", &[("x-forwarded-for", forwarded)]);
        assert_eq!(answer.status, status, "{forwarded}");
    }
}
