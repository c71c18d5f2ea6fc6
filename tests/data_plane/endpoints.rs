//! Routes, endpoints of our own, request ids and records.

use std::time::Duration;

use raftgate::proxy::{Refusal, TrustedProxies};
use raftgate_actors::snapshot::OAuthEndpoints;
use raftgate_model::oauth::error::ErrorStyle;

use crate::rig::{Rig, api, eventually};
use crate::wire::{Upstream, get};

#[test]
fn an_unknown_path_is_a_404_and_the_connection_goes_on() {
    let upstream = Upstream::echo();
    let rig = Rig::with(api("/sample/", upstream.address), |_| {});
    let mut client = rig.connect();
    for path in ["/", "/samplefoo", "/other"] {
        let refused = client.ask(get(path));
        assert_eq!(refused.status(), 404, "{path}");
        assert_eq!(refused.field("content-type"), Some("application/json"));
        assert!(refused.text().starts_with(r#"{"error":"not_found","#));
        assert!(refused.field("date").is_some());
    }
    let post = "POST /other HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(client.ask(post).status(), 404, "a body at hand is skipped");
    client.send("HEAD /other HTTP/1.1\r\nHost: g\r\n\r\n");
    assert_eq!(client.bodyless().status(), 404);
    assert!(client.ask(get("/sample/x")).text().starts_with("GET /x "));
}

#[test]
fn a_refused_body_that_has_not_come_ends_the_connection() {
    let rig = Rig::with(api("/sample/", Upstream::echo().address), |_| {});
    let mut client = rig.connect();
    let refused = client.ask("POST /other HTTP/1.1\r\nHost: g\r\nContent-Length: 30\r\n\r\nabc");
    assert_eq!(
        (refused.status(), refused.field("connection")),
        (404, Some("close"))
    );
    let rest = format!("{}{}", "x".repeat(27), get("/sample/x"));
    let _ = client.try_send(rest);
    client.expect_end();
}

#[test]
fn the_gateway_speaks_tyks_style_where_it_is_told_to() {
    let rig = Rig::with(api("/sample/", Upstream::echo().address), |settings| {
        settings.error_style = ErrorStyle::Tyk { status: 403 };
    });
    let refused = rig.connect().ask(get("/other"));
    assert_eq!((refused.status(), refused.text()), (404, "Not Found"));
    assert!(
        refused
            .field("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
}

#[test]
fn endpoints_of_our_own_get_the_whole_request() {
    let mut oauth = api("/lp", Upstream::echo().address);
    oauth.oauth_endpoints = OAuthEndpoints::Served;
    let rig = Rig::with(oauth, |_| {});
    let mut client = rig.connect();
    let answer = client.ask(
        "POST /lp/oauth/token/?a=b HTTP/1.1\r\nHost: g\r\nX-Probe: p\r\nContent-Length: 5\r\n\r\nk=v&x",
    );
    assert_eq!(answer.status(), 201);
    assert_eq!(
        answer.text(),
        "api Token|POST|/lp/oauth/token/|a=b|127.0.0.1|k=v&x"
    );
    assert_eq!(answer.field("x-seen"), Some("p"));
    assert_eq!(
        answer.field("content-length"),
        Some(answer.body.len().to_string().as_str())
    );
    assert_eq!(answer.field("connection"), None);
    assert!(answer.field("x-request-id").is_some() && answer.field("date").is_some());
    let answer = client.ask(
        "POST /lp/oauth/revoke HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert_eq!(
        answer.text(),
        "api Revoke|POST|/lp/oauth/revoke|-|127.0.0.1|abc"
    );
    client.send(
        "PUT /ready HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert_eq!(client.message().status(), 100);
    assert_eq!(client.ask("ok").text(), "ready|PUT|/ready|-|127.0.0.1|ok");
    assert!(
        client
            .ask(get("/lp/other"))
            .text()
            .starts_with("GET /other ")
    );
}

#[test]
fn oauth_paths_of_an_api_without_oauth_go_to_its_upstream() {
    let rig = Rig::with(api("/lp", Upstream::echo().address), |_| {});
    assert!(
        rig.connect()
            .ask(get("/lp/oauth/token"))
            .text()
            .starts_with("GET /oauth/token ")
    );
}

#[test]
fn an_api_at_the_root_leaves_our_own_endpoints_alone() {
    let rig = Rig::before(&Upstream::echo());
    let mut client = rig.connect();
    assert!(client.ask(get("/hello")).text().starts_with("hello|"));
    assert!(client.ask(get("/ready/")).text().starts_with("ready|"));
    assert!(
        client
            .ask(get("/hello/x"))
            .text()
            .starts_with("GET /hello/x ")
    );
    let below = Rig::with(api("/hello/x", Upstream::echo().address), |_| {});
    let mut client = below.connect();
    assert!(client.ask(get("/hello/x")).text().starts_with("GET / "));
    assert!(client.ask(get("/hello")).text().starts_with("hello|"));
}

#[test]
fn while_the_node_starts_only_its_health_is_told() {
    let mut rig = Rig::starting(api("/sample/", Upstream::echo().address));
    let mut early = rig.connect();
    for path in ["/sample/x", "/sample/oauth/token", "/other", "/"] {
        let refused = early.ask(get(path));
        assert_eq!(refused.status(), 503, "{path}");
        assert_eq!(refused.field("retry-after"), Some("1"));
        assert!(refused.field("x-request-id").is_some());
        assert!(
            refused
                .text()
                .starts_with(r#"{"error":"temporarily_unavailable","#)
        );
    }
    for path in ["/ready", "/hello/"] {
        let told = early.ask(get(path));
        assert_eq!((told.status(), told.text()), (418, "starting"), "{path}");
    }
    rig.expect_refused(Refusal::Starting, 4);
    // The same connection is served as soon as there is something to serve.
    rig.open();
    assert!(early.ask(get("/sample/x")).text().starts_with("GET /x "));
    assert_eq!(early.ask(get("/other")).status(), 404);
    assert!(early.ask(get("/ready")).text().starts_with("ready|"));
}

#[test]
fn one_id_names_a_request_everywhere() {
    let mut rig = Rig::before(&Upstream::echo());
    let mut client = rig.connect();
    let made = client.ask(get("/x")).text().to_owned();
    let record = rig.record();
    assert_eq!(record.request_id.len(), 32);
    assert!(made.contains(&format!("X-Request-Id: {}\r\n", record.request_id)));
    let given = client.ask("GET /x HTTP/1.1\r\nHost: g\r\nX-Request-Id: mine-1\r\n\r\n");
    assert_eq!(given.text().matches("X-Request-Id: mine-1\r\n").count(), 1);
    assert_eq!(rig.record().request_id, "mine-1");
    let own = client.ask("GET /hello HTTP/1.1\r\nHost: g\r\nX-Request-Id: mine-2\r\n\r\n");
    assert_eq!(own.field("x-request-id"), Some("mine-2"));
    assert_eq!(rig.record().request_id, "mine-2");
}

#[test]
fn a_record_tells_what_happened_and_no_secret() {
    let upstream = Upstream::answering("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
    let mut rig = Rig::with(api("/", upstream.address), |settings| {
        settings.trusted_proxies = TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]);
    });
    rig.connect().ask(
        "POST /p?access_token=s HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: 203.0.113.9, 127.0.0.2\r\n\
         Content-Length: 3\r\n\r\nabc",
    );
    let record = rig.record();
    assert_eq!(
        (record.method.as_str(), record.path.as_str(), record.status),
        ("POST", "/p", 201)
    );
    assert_eq!((record.request_bytes, record.response_bytes), (3, 2));
    assert_eq!(record.client_ip.to_string(), "203.0.113.9");
    assert_eq!(
        record.api_id.as_ref().map(ToString::to_string).as_deref(),
        Some("api")
    );
    assert!(record.refusal.is_none() && record.latency > Duration::ZERO);
    let api = rig.publisher.current();
    let totals = api.apis().next().unwrap().counters.totals();
    assert_eq!((totals.requests(), totals.by_class[1]), (1, 1));
    assert_eq!((totals.request_bytes, totals.response_bytes), (3, 2));
}

#[test]
fn a_record_is_small_whatever_the_request() {
    let mut rig = Rig::start(api("/", Upstream::echo().address), 2, |_| {});
    let path = format!("/{}", "x".repeat(10_000));
    let long = format!("{} {path} HTTP/1.1\r\nHost: g\r\n\r\n", "M".repeat(10_000));
    assert_eq!(rig.connect().ask(long).status(), 200);
    let record = rig.record();
    assert_eq!(
        (record.method, record.path),
        ("M".repeat(32), path[..2048].to_owned())
    );
}

#[test]
fn records_that_nobody_takes_are_dropped_and_counted() {
    let rig = Rig::start(api("/", Upstream::echo().address), 2, |_| {});
    let mut client = rig.connect();
    for _ in 0..5 {
        assert_eq!(client.ask(get("/")).status(), 200);
    }
    eventually("three records dropped", || {
        (rig.counters.records_dropped() == 3).then_some(())
    });
    let refused = rig.connect().ask("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(refused.status(), 400);
    eventually("the refusal counted", || {
        (rig.counters.refusals(Refusal::BadHost) == 1
            && rig.counters.unrouted.totals().requests() == 1)
            .then_some(())
    });
}
