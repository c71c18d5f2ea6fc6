//! `{lp}/oauth/token` before any grant: methods, bodies, parameters, client authentication, headers.

use serde_json::{Value, json};

use crate::harness::{Answer, Credentials, Node};
use crate::wire::{Head, Wire};
use crate::world::{OAuthApi, STYLES, Style, World, text};

const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const GRANT: (&str, &str) = ("grant_type", "client_credentials");
pub(crate) const BAD_REQUEST: (u16, &str) = (400, "invalid_request");
pub(crate) const TYK_BAD_REQUEST: (u16, &str) = (403, "invalid_request");
const NO_GRANT: (u16, &str) = (400, "unsupported_grant_type");
const TYK_NO_GRANT: (u16, &str) = (403, "unsupported_grant_type");
/// What every answer of the token endpoint carries (T19).
const HEADERS: [(&str, &str); 8] = [
    ("cache-control", "no-cache, no-store, must-revalidate"),
    ("pragma", "no-cache"),
    ("expires", "0"),
    (
        "strict-transport-security",
        "max-age=63072000; includeSubDomains",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-xss-protection", "1; mode=block"),
    ("content-type", "application/json"),
];

/// A body as it stands, with the client's credentials in the header.
fn post(api: &OAuthApi<'_>, content_type: &str, body: &str) -> Answer {
    let basic = api.client.basic();
    let mut headers = vec![("authorization", basic.as_str())];
    if !content_type.is_empty() {
        headers.push(("content-type", content_type));
    }
    let url = api.url("/oauth/token");
    api.world
        .node
        .client()
        .send("POST", &url, &headers, body.as_bytes())
}

pub(crate) fn with_header(
    api: &OAuthApi<'_>,
    authorization: &str,
    form: &[(&str, &str)],
) -> Answer {
    let url = api.url("/oauth/token");
    let client = api.world.node.client();
    client.post_form(&url, &[("authorization", authorization)], form)
}

pub(crate) fn without_header(api: &OAuthApi<'_>, form: &[(&str, &str)]) -> Answer {
    api.world
        .node
        .client()
        .post_form(&api.url("/oauth/token/"), &[], form)
}

#[test]
fn every_answer_carries_the_same_headers_t19() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let refused = match style {
            Style::Rfc => 401,
            Style::Tyk => 403,
        };
        for (answer, status) in [
            (api.token(&[GRANT]), 200),
            (without_header(&api, &[GRANT]), refused),
            (
                post(&api, "text/plain", "x=y"),
                refused - u16::from(style == Style::Rfc),
            ),
        ] {
            let answer = answer.expect_status(status);
            for (name, value) in HEADERS {
                assert_eq!(answer.header(name), value, "{name}");
            }
            assert!(!answer.header("x-request-id").is_empty());
        }
    }
}

#[test]
fn only_post_asks_for_tokens_d4_d5() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let basic = api.client.basic();
        let headers = [("authorization", basic.as_str())];
        let url = api.url("/oauth/token?grant_type=client_credentials");
        let by_get = world.node.client().get(&url, &headers);
        api.assert_error(&by_get, BAD_REQUEST, TYK_BAD_REQUEST);
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = world.node.client().send(method, &url, &headers, b"");
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, "POST"),
                "{method}"
            );
            match style {
                Style::Tyk => {
                    let expected = json!({"status": "error", "message": "Method not supported"});
                    assert_eq!(answer.json(), expected);
                }
                Style::Rfc => {
                    let words = "Method not supported";
                    let expected = json!({"error": "invalid_request", "error_description": words});
                    assert_eq!(answer.json(), expected);
                }
            }
        }
    }
}

#[test]
fn json_is_read_under_its_name_alone_t20() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let body = json!({
            "username": "u", "password": "p", "scope": "s", "client_id": api.client.id,
            "client_secret": api.client.secret, "grant_type": "client_credentials",
        });
        let body = body.to_string();
        let answer = post(&api, "application/json", &body).expect_status(200);
        assert_eq!(text(&answer.json(), "scope"), "s");
        post(&api, "application/json; charset=utf-8", &body).expect_status(200);
        let unnamed = post(&api, FORM, &body);
        api.assert_error(&unnamed, BAD_REQUEST, TYK_NO_GRANT);
        for (content_type, body) in [
            ("", "grant_type=client_credentials"),
            ("text/plain", "grant_type=client_credentials"),
            ("multipart/form-data; boundary=x", "--x--"),
            ("application/xml", "<grant_type/>"),
        ] {
            let answer = post(&api, content_type, body);
            api.assert_error(&answer, BAD_REQUEST, TYK_NO_GRANT);
        }
        for malformed in [
            "{",
            "[]",
            "null",
            "\"x\"",
            "{\"grant_type\":1}",
            "{\"grant_type\":{}}",
        ] {
            let answer = post(&api, "application/json", malformed);
            api.assert_error(&answer, BAD_REQUEST, TYK_BAD_REQUEST);
        }
    }
}

#[test]
fn a_parameter_stands_once() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for body in [
            "grant_type=client_credentials&grant_type=client_credentials",
            "grant_type=client_credentials&scope=a&scope=b",
            "grant_type=client_credentials&unknown=1&unknown=1",
            "grant_type=client_credentials&x=1&%78=2",
        ] {
            let answer = post(&api, FORM, body);
            api.assert_error(&answer, BAD_REQUEST, TYK_BAD_REQUEST);
        }
        let repeated = r#"{"grant_type":"client_credentials","scope":"a","scope":"b"}"#;
        let answer = post(&api, "application/json", repeated);
        api.assert_error(&answer, BAD_REQUEST, TYK_BAD_REQUEST);
        let many: String = (0..200).map(|at| format!("p{at}=1&")).collect();
        let answer = post(&api, FORM, &format!("grant_type=client_credentials&{many}"));
        api.assert_error(&answer, BAD_REQUEST, TYK_BAD_REQUEST);
        // An empty parameter is one that was not sent, and an unknown one is nobody's business.
        post(&api, FORM, "grant_type=client_credentials&scope=&unknown=1").expect_status(200);
    }
}

#[test]
fn a_body_that_cannot_be_read_is_refused() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let basic = api.client.basic();
        let headers = [("authorization", basic.as_str()), ("content-type", FORM)];
        let url = api.url("/oauth/token");
        let answer = world
            .node
            .client()
            .send("POST", &url, &headers, b"grant_type=\xff\xfe");
        api.assert_error(&answer, BAD_REQUEST, TYK_BAD_REQUEST);
        let large = format!(
            "grant_type=client_credentials&padding={}",
            "x".repeat(70_000)
        );
        let answer = post(&api, FORM, &large);
        api.assert_error(&answer, (413, "invalid_request"), (413, "invalid_request"));
        for (name, value) in HEADERS {
            assert_eq!(answer.header(name), value, "{name}");
        }
        // Without a length ahead it is cut at the same place.
        let mut wire = Wire::connect(world.node.gateway());
        wire.send(format!(
            "POST /{}/oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n",
            api.id
        ));
        for _ in 0..20 {
            wire.send(format!("1000\r\n{}\r\n", "x".repeat(4096)));
        }
        assert_eq!(wire.send("0\r\n\r\n").head().status, 413);
    }
}

/// Sends a request of which this much comes and no more, and reads the answer that ends the connection.
fn refused_body(node: &Node, target: &str, rest: &str) -> (Head, Value) {
    let mut wire = Wire::connect(node.gateway());
    wire.send(format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n{rest}"
    ));
    let head = wire.head();
    let length = head.header("content-length").parse().unwrap();
    let body = serde_json::from_slice(&wire.take(length)).unwrap();
    assert!(wire.is_closed(), "{target} went on");
    (head, body)
}

#[test]
fn a_body_that_breaks_off_is_refused_in_the_words_of_the_endpoint() {
    let node = Node::builder()
        .configuration("[limits]\nrequest_idle_timeout_ms = 100")
        .start();
    let world = World::of(node);
    let broken = "Transfer-Encoding: chunked\r\n\r\nzz\r\n";
    let late = "Content-Length: 10\r\n\r\nhalf";
    let long = "Content-Length: 70000\r\n\r\n";
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let malformed = match style {
            Style::Rfc => 400,
            Style::Tyk => 403,
        };
        for (rest, status) in [(broken, malformed), (late, 408), (long, 413)] {
            let target = format!("/{}/oauth/token", api.id);
            let (head, body) = refused_body(&world.node, &target, rest);
            assert_eq!(head.status, status, "{rest:?}");
            assert_eq!(text(&body, "error"), "invalid_request");
            for (name, value) in HEADERS {
                assert_eq!(head.header(name), value, "{name}");
            }
        }
        for (path, shape) in [
            ("/oauth/authorize", "message"),
            ("/oauth/revoke", "message"),
            ("/oauth/revoke_all", "message"),
            ("/tyk/oauth/authorize-client", "error_description"),
        ] {
            let target = format!("/{}{path}", api.id);
            let (head, body) = refused_body(&world.node, &target, long);
            assert_eq!(head.status, 413, "{path}");
            assert_eq!(head.header("cache-control"), "no-store");
            assert_eq!(head.header("content-type"), "application/json");
            let shape = match style {
                Style::Rfc => "error_description",
                Style::Tyk => shape,
            };
            assert!(!text(&body, shape).is_empty(), "{path}: {body}");
        }
    }
}

#[test]
fn grant_types_are_the_apis() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for grant_type in [
            "nothing",
            "password",
            "implicit",
            "CLIENT_CREDENTIALS",
            "assertion",
        ] {
            let form = [
                ("grant_type", grant_type),
                ("username", "u"),
                ("password", "p"),
            ];
            api.assert_error(&api.token(&form), NO_GRANT, TYK_NO_GRANT);
        }
        api.assert_error(&api.token(&[("scope", "a")]), BAD_REQUEST, TYK_NO_GRANT);
    }
}

#[test]
fn parameters_are_checked_in_one_order() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let stranger = Credentials {
            id: "nobody".into(),
            secret: "wrong".into(),
        };
        // The grant type before the client, the missing code before the client.
        let answer = api.token_for(&stranger, &[("grant_type", "nothing")]);
        api.assert_error(&answer, NO_GRANT, TYK_NO_GRANT);
        for grant_type in ["authorization_code", "refresh_token"] {
            let answer = api.token_for(&stranger, &[("grant_type", grant_type)]);
            api.assert_error(&answer, BAD_REQUEST, (403, "invalid_grant"));
        }
    }
}

#[test]
fn the_status_of_tyks_errors_is_a_setting_d31() {
    let node = Node::builder()
        .configuration("[oauth]\nerror_style = \"tyk\"\nerror_status_code = 400")
        .start();
    let world = World::of(node);
    let api = OAuthApi::new(&world, Style::Tyk);
    let answer = without_header(&api, &[GRANT]);
    api.assert_error(&answer, (0, ""), (400, "invalid_request"));
    let raftgate = json!({"error_style": "tyk", "oauth_error_status_code": 418});
    let api = OAuthApi::with(&world, Style::Tyk, json!({"raftgate": raftgate}));
    let answer = without_header(&api, &[GRANT]);
    api.assert_error(&answer, (0, ""), (418, "invalid_request"));
    // Without a word of its own an API follows the node.
    let plain = OAuthApi::with(&world, Style::Tyk, json!({"raftgate": {}}));
    let answer = without_header(&plain, &[GRANT]);
    plain.assert_error(&answer, (0, ""), (400, "invalid_request"));
}
