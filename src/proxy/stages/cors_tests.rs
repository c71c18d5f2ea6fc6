#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use std::net::SocketAddr;

use raftgate_model::api::ApiSpec;
use serde_json::{Value, json};

use super::*;
use crate::proxy::request::Peer;
use crate::proxy::trust::TrustedProxies;
use crate::proxy::wire::request_head::{HeadLimits, RequestHead};

fn settings(cors: &Value) -> Cors {
    let definition = json!({
        "api_id": "a", "active": true, "use_keyless": true, "CORS": cors,
        "proxy": {"listen_path": "/a/", "target_url": "http://up"}
    });
    let (spec, _) = ApiSpec::from_classic(&definition.to_string()).unwrap();
    spec.rules.cors.unwrap()
}

fn verdict(cors: &Cors, method: &str, fields: &[&str]) -> CorsVerdict {
    let text = format!(
        "{method} / HTTP/1.1\r\nHost: g\r\n{}\r\n\r\n",
        fields.join("\r\n")
    );
    let limits = HeadLimits {
        bytes_max: 4096,
        fields_max: 100,
    };
    let mut head = RequestHead::default();
    head.parse(text.as_bytes(), limits).unwrap();
    let peer = Peer::new(
        SocketAddr::from(([192, 0, 2, 7], 5)),
        &TrustedProxies::default(),
    );
    judge(
        cors,
        &RequestView::new(&head, &peer, b"id"),
        Behind::Upstream,
    )
}

fn lines(verdict: CorsVerdict) -> String {
    match verdict {
        CorsVerdict::Preflight(lines) | CorsVerdict::GoesOn(lines) => {
            String::from_utf8(lines).unwrap()
        }
        CorsVerdict::Upstream => panic!("the gateway speaks"),
    }
}

#[test]
fn an_origin_that_comes_twice_is_nobodys() {
    let cors = settings(&json!({"enable": true, "allowed_origins": ["https://a"]}));
    let once = lines(verdict(&cors, "GET", &["Origin: https://a"]));
    assert!(once.contains("Access-Control-Allow-Origin: https://a\r\n"));
    for fields in [
        ["Origin: https://a", "Origin: https://b"],
        ["Origin: https://a", "Origin: https://a"],
    ] {
        assert_eq!(lines(verdict(&cors, "GET", &fields)), "Vary: Origin\r\n");
    }
}

#[test]
fn only_options_with_the_question_is_a_preflight() {
    let cors = settings(&json!({"enable": true}));
    let question = "Access-Control-Request-Method: GET";
    let is_preflight = |method: &str, fields: &[&str]| {
        matches!(verdict(&cors, method, fields), CorsVerdict::Preflight(_))
    };
    assert!(is_preflight("OPTIONS", &["Origin: https://a", question]));
    assert!(is_preflight("OPTIONS", &[question]));
    assert!(!is_preflight("OPTIONS", &["Origin: https://a"]));
    assert!(!is_preflight("GET", &["Origin: https://a", question]));
    assert!(!is_preflight("options", &["Origin: https://a", question]));
}

#[test]
fn what_a_browser_asks_for_is_never_echoed_unless_it_is_a_token() {
    let cors = settings(&json!({"enable": true, "allowed_headers": ["*"], "max_age": -1}));
    let fields = [
        "Origin: https://a",
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: x-a, b c, , \"x\", x-d",
    ];
    let told = lines(verdict(&cors, "OPTIONS", &fields));
    assert!(
        told.contains("Access-Control-Allow-Headers: x-a, x-d\r\n"),
        "{told}"
    );
    assert!(told.contains("Access-Control-Allow-Origin: *\r\n") && !told.contains("Max-Age"));
}
