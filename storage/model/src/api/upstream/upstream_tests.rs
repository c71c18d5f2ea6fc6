#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use serde_json::json;

use super::*;
use crate::api::ApiSpec;
use crate::api::fixture::{faults_of, keyless_definition, spec_of};
use crate::api::target::Target;

/// A keyless definition with these members below `proxy`, and these of our own.
fn definition(proxy: Value, own: Value) -> Value {
    let mut definition = keyless_definition();
    let members = definition["proxy"].as_object_mut().unwrap();
    members.extend(proxy.as_object().unwrap().clone());
    definition["raftgate"] = own;
    definition
}

fn balanced(list: Value) -> Value {
    json!({"enable_load_balancing": true, "target_list": list})
}

fn upstream(proxy: Value, own: Value) -> UpstreamSpec {
    spec_of(&definition(proxy, own)).upstream
}

fn warnings(definition: &Value) -> Vec<String> {
    let (_, warnings) = ApiSpec::from_classic(&definition.to_string()).unwrap();
    warnings.into_iter().map(|warning| warning.path).collect()
}

#[test]
fn the_path_of_a_check_is_not_shown_for_debugging() {
    let own = json!({"health_check": {"path": "/ping?key=hunter2", "interval_ms": 1234}});
    let shown = format!("{:?}", upstream(json!({}), own));
    assert!(shown.contains("1234"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn what_is_not_said_is_not_done() {
    assert_eq!(upstream(json!({}), json!({})), UpstreamSpec::default());
    // A list that is switched off is no list, whatever stands in it.
    let off = json!({"enable_load_balancing": false, "target_list": ["no target"]});
    assert_eq!(upstream(off, json!({})).rotation, None);
}

#[test]
fn repetitions_are_weights_and_schemes_may_be_left_out() {
    let spec = spec_of(&definition(
        balanced(json!(["http://a/", "b:81", "http://a", "https://a/x?y"])),
        json!({}),
    ));
    let rotation = spec.upstream.rotation.unwrap();
    let origins: Vec<_> = rotation.targets().iter().map(Target::origin).collect();
    assert_eq!(origins, ["http://a:80", "http://b:81", "https://a:443"]);
    let turns: Vec<usize> = rotation.turns().iter().map(|turn| turn.index()).collect();
    assert_eq!(turns, [0, 1, 2, 0]);
    assert_eq!(spec.target.origin(), "http://a:80");
    // The one target counts for nothing then, as in Tyk.
    let mut without = definition(balanced(json!(["c"])), json!({}));
    without["proxy"]
        .as_object_mut()
        .unwrap()
        .remove("target_url");
    assert_eq!(spec_of(&without).target.origin(), "http://c:80");
}

#[test]
fn a_list_that_cannot_be_served_is_named_by_its_place() {
    let must_be = "must be an absolute URL such as http://upstream:8080/base";
    for (list, expected) in [
        (json!([]), "proxy.target_list: must name a target, for proxy.enable_load_balancing is set; a target of weight 0 is none".to_owned()),
        (json!(null), "proxy.target_list: must name a target, for proxy.enable_load_balancing is set; a target of weight 0 is none".to_owned()),
        (json!("http://a"), "proxy.target_list: must be an array, not a string".to_owned()),
        (json!(["http://a", ""]), format!("proxy.target_list[1]: {must_be}")),
        (json!([null]), "proxy.target_list[0]: must not be null".to_owned()),
        (json!(["http://a", "http://"]), format!("proxy.target_list[1]: {must_be}")),
        (json!(["ftp://a"]), "proxy.target_list[0]: must begin with http://, https://, ws:// or wss://".to_owned()),
        (json!([7]), "proxy.target_list[0]: must be a string, not a number".to_owned()),
    ] {
        let faults = faults_of(&definition(balanced(list.clone()), json!({})));
        assert_eq!(faults.first(), Some(&expected), "{list}");
    }
    let many: Vec<_> = (0..257)
        .map(|number| format!("http://a:{}", 1 + number))
        .collect();
    let faults = faults_of(&definition(balanced(json!(many)), json!({})));
    assert_eq!(
        faults,
        ["proxy.target_list: names more than 256 different targets"]
    );
    let faults = faults_of(&definition(
        json!({"enable_load_balancing": "yes"}),
        json!({}),
    ));
    assert_eq!(
        faults,
        ["proxy.enable_load_balancing: must be true or false, not a string"]
    );
}

#[test]
fn health_checks_are_read_with_their_bounds() {
    let read = |check: Value| upstream(json!({}), json!({"health_check": check})).health_check;
    assert_eq!(
        read(json!({"path": "/up?x=1"})),
        Some(HealthCheck::of("/up?x=1"))
    );
    let own = json!({"path": "/", "interval_ms": 50, "timeout_ms": 10, "unhealthy_after": 1, "healthy_after": 100});
    let expected = HealthCheck {
        interval_ms: 50,
        timeout_ms: 10,
        unhealthy_after: 1,
        healthy_after: 100,
        ..HealthCheck::of("/")
    };
    assert_eq!(read(own), Some(expected));
    for (check, path) in [
        (json!({}), "raftgate.health_check.path"),
        (json!({"path": "up"}), "raftgate.health_check.path"),
        (json!({"path": "/a b"}), "raftgate.health_check.path"),
        (json!({"path": "/a\r\nb"}), "raftgate.health_check.path"),
        (json!({"path": "/up#x"}), "raftgate.health_check.path"),
        (json!({"path": "/<up>"}), "raftgate.health_check.path"),
        (json!({"path": "/up?x=<1>"}), "raftgate.health_check.path"),
        (
            json!({"path": "/", "interval_ms": 49}),
            "raftgate.health_check.interval_ms",
        ),
        (
            json!({"path": "/", "timeout_ms": "1s"}),
            "raftgate.health_check.timeout_ms",
        ),
        (
            json!({"path": "/", "healthy_after": 0}),
            "raftgate.health_check.healthy_after",
        ),
        (
            json!({"path": "/", "paht": "/"}),
            "raftgate.health_check.paht",
        ),
        (json!([]), "raftgate.health_check"),
    ] {
        let faults = faults_of(&definition(json!({}), json!({"health_check": check})));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(&format!("{path}: ")), "{faults:?}");
    }
}

#[test]
fn tyks_uptime_tests_are_run_where_they_say_no_more_than_ours() {
    let tests = |list: Value| {
        let skip = json!({"check_host_against_uptime_tests": true});
        let mut proxy = balanced(json!(["http://a", "http://b:81/base"]));
        proxy
            .as_object_mut()
            .unwrap()
            .extend(skip.as_object().unwrap().clone());
        let mut definition = definition(proxy, json!({}));
        definition["uptime_tests"] = json!({"check_list": list});
        definition
    };
    let plain = tests(json!([
        {"url": "http://a/up"},
        {"url": "b:81/up", "method": "GET", "timeout": 3_000_000_000_i64}
    ]));
    let expected = HealthCheck {
        timeout_ms: 3000,
        ..HealthCheck::of("/up")
    };
    assert_eq!(spec_of(&plain).upstream.health_check, Some(expected));
    assert_eq!(warnings(&plain), [""; 0]);
    for list in [
        json!([{"url": "http://a/up"}]),
        json!([{"url": "http://a/up"}, {"url": "http://b:81/other"}]),
        json!([{"url": "http://a/up"}, {"url": "http://b:81/up", "method": "POST"}]),
        json!([{"url": "http://a/up"}, {"url": "http://b:81/up", "headers": {"a": "b"}}]),
        json!([{"url": "http://a/up"}, {"url": "tcp://b:81"}]),
    ] {
        let other = tests(list);
        assert_eq!(spec_of(&other).upstream.health_check, None);
        assert_eq!(warnings(&other), ["uptime_tests.check_list"]);
    }
    let mut off = plain.clone();
    off["uptime_tests"]["disabled"] = json!(true);
    assert_eq!(spec_of(&off).upstream.health_check, None);
    let mut own = plain;
    own["raftgate"] = json!({"health_check": {"path": "/own"}});
    assert_eq!(
        spec_of(&own).upstream.health_check,
        Some(HealthCheck::of("/own"))
    );
}

#[test]
fn retries_are_asked_for_and_bounded() {
    let read = |retries: Value| upstream(json!({}), json!({"retries": retries})).retries;
    let spec = |attempts, on| Some(RetrySpec { attempts, on });
    let instant = RetryOn::NOTHING
        .with(Setback::Connect)
        .with(Setback::Closed);
    assert_eq!(read(json!(null)), None);
    assert_eq!(read(json!({})), spec(2, instant));
    assert_eq!(
        read(json!({"attempts": 5, "on": ["timeout", "timeout"]})),
        spec(5, RetryOn::NOTHING.with(Setback::Timeout))
    );
    for (retries, path) in [
        (json!({"attempts": 1}), "raftgate.retries.attempts"),
        (json!({"attempts": 6}), "raftgate.retries.attempts"),
        (json!({"on": []}), "raftgate.retries.on"),
        (json!({"on": "connect"}), "raftgate.retries.on"),
        (json!({"on": ["connect", "503"]}), "raftgate.retries.on[1]"),
        (json!({"on": [503]}), "raftgate.retries.on[0]"),
        (json!({"times": 3}), "raftgate.retries.times"),
        (json!(3), "raftgate.retries"),
    ] {
        let faults = faults_of(&definition(json!({}), json!({"retries": retries})));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(&format!("{path}: ")), "{faults:?}");
    }
}

fn transport(transport: Value) -> Value {
    definition(json!({"transport": transport}), json!({}))
}

#[test]
fn tls_versions_are_tyks_numbers() {
    let versions = |fields: Value| spec_of(&transport(fields)).upstream.tls.versions;
    for (fields, expected) in [
        (json!({}), TlsVersions::Any),
        (
            json!({"ssl_min_version": 0, "ssl_max_version": 0}),
            TlsVersions::Any,
        ),
        (json!({"ssl_min_version": 769}), TlsVersions::Any),
        (json!({"ssl_min_version": 771}), TlsVersions::Any),
        (json!({"ssl_min_version": 772}), TlsVersions::Only13),
        (json!({"ssl_max_version": 771}), TlsVersions::Only12),
        (
            json!({"ssl_min_version": 771, "ssl_max_version": 772}),
            TlsVersions::Any,
        ),
    ] {
        assert_eq!(versions(fields.clone()), expected, "{fields}");
    }
    for (fields, path) in [
        (json!({"ssl_min_version": 773}), "ssl_min_version"),
        (json!({"ssl_min_version": "1.2"}), "ssl_min_version"),
        (json!({"ssl_max_version": 770}), "ssl_max_version"),
        (
            json!({"ssl_min_version": 772, "ssl_max_version": 771}),
            "ssl_max_version",
        ),
    ] {
        let faults = faults_of(&transport(fields.clone()));
        assert!(
            faults[0].starts_with(&format!("proxy.transport.{path}: ")),
            "{faults:?}"
        );
    }
}

#[test]
fn what_weakens_tls_is_warned_of_and_contradictions_are_refused() {
    let skip = transport(json!({"ssl_insecure_skip_verify": true}));
    assert_eq!(
        spec_of(&skip).upstream.tls.verification,
        Verification::Skipped
    );
    assert_eq!(
        warnings(&skip),
        ["proxy.transport.ssl_insecure_skip_verify"]
    );
    let by_name = transport(json!({"ssl_force_common_name_check": true}));
    assert_eq!(spec_of(&by_name).upstream.tls, UpstreamTls::default());
    assert_eq!(
        warnings(&by_name),
        ["proxy.transport.ssl_force_common_name_check"]
    );
    let both = json!({"ssl_insecure_skip_verify": true, "ssl_force_common_name_check": true});
    assert_eq!(
        faults_of(&transport(both)),
        [
            "proxy.transport.ssl_force_common_name_check: cannot be had together with ssl_insecure_skip_verify"
        ]
    );
}

#[test]
fn ciphers_of_tls_1_2_are_those_that_are_named() {
    let named = transport(json!({"ssl_ciphers": [
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        "TLS_RSA_WITH_AES_128_CBC_SHA"
    ]}));
    let ciphers = spec_of(&named).upstream.tls.ciphers;
    assert!(ciphers.allows("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"));
    assert!(ciphers.allows("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"));
    assert!(!ciphers.allows("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
    assert_eq!(warnings(&named), ["proxy.transport.ssl_ciphers[2]"]);
    assert!(Tls12Ciphers::default().allows("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
    let none = faults_of(&transport(
        json!({"ssl_ciphers": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}),
    ));
    assert!(
        none[0].starts_with("proxy.transport.ssl_ciphers: names none that is spoken"),
        "{none:?}"
    );
}
