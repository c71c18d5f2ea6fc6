#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::SocketAddr;

use raftgate_model::api::{ApiSpec, HeaderRules, Versions};
use serde_json::{Value, json};

use super::*;
use crate::proxy::request::Peer;
use crate::proxy::wire::request_head::{HeadLimits, RequestHead};

fn rules(set: &Value) -> HeaderRules {
    let definition = json!({
        "api_id": "a", "active": true, "use_keyless": true,
        "proxy": {"listen_path": "/a/", "target_url": "http://up"},
        "version_data": {"not_versioned": true, "versions": {"Default": {"global_headers": set}}}
    });
    let (spec, _) = ApiSpec::from_classic(&definition.to_string()).unwrap();
    match spec.rules.versions {
        Versions::Single(version) => version.request_headers.everywhere,
        Versions::Named(_) => HeaderRules::default(),
    }
}

fn lines(set: &Value, fields: &str) -> String {
    let text = format!("GET /p?q HTTP/1.1\r\nHost: g\r\n{fields}\r\n");
    let limits = HeadLimits {
        bytes_max: 60_000,
        fields_max: 100,
    };
    let mut head = RequestHead::default();
    head.parse(text.as_bytes(), limits).unwrap();
    let trusted = TrustedProxies::default();
    let peer = Peer::new(SocketAddr::from(([192, 0, 2, 7], 5)), &trusted);
    let values = HeaderValues {
        view: &RequestView::new(&head, &peer, b"id-1"),
        permit: &Permit::waived(),
        client_meta: &ClientMeta::known_to(None),
        trusted: &trusted,
    };
    String::from_utf8(values.lines(&rules(set).set)).unwrap()
}

#[test]
fn variables_are_filled_in_and_absent_ones_are_empty() {
    let set = json!({
        "A": "$tyk_context.request_id $tyk_context.remote_addr $tyk_context.path",
        "B": "[$tyk_context.headers_X_Own][$tyk_context.headers_None][$tyk_meta.uid]",
        "C": "[$tyk_context.cookies_s][$tyk_context.cookies_t][$tyk_context.cookies_none]"
    });
    let fields = "X-OWN: v\r\nCookie: s=1; t = a=b\r\nCookie: s=2\r\n";
    assert_eq!(
        lines(&set, fields),
        "A: id-1 192.0.2.7 /p\r\nB: [v][][]\r\nC: [1][a=b][]\r\n"
    );
}

#[test]
fn a_value_that_grows_too_long_is_left_empty() {
    let long = "v".repeat(5000);
    let set = json!({"Once": "$tyk_context.headers_L", "Twice": "$tyk_context.headers_L$tyk_context.headers_L"});
    let told = lines(&set, &format!("L: {long}\r\n"));
    assert_eq!(told, format!("Once: {long}\r\nTwice: \r\n"));
}

#[test]
fn control_characters_become_spaces() {
    let set = json!({"A": "[$tyk_context.headers_T]"});
    assert_eq!(lines(&set, "T: a\tb\r\n"), "A: [a b]\r\n");
}
