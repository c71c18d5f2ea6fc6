//! Requests of browsers from other sites: preflights, answers, and what never happens with credentials.

use serde_json::{Value, json};

use crate::harness::{Answer, Node, Style};
use crate::rules::{RuledApi, in_both_styles};
use crate::world::{OAuthApi, World, echo};

const SITE: &str = "https://app.example";

fn cors(more: Value) -> Value {
    let mut settings = json!({
        "enable": true, "allowed_origins": [SITE, "https://*.apps.example"], "allowed_methods": ["GET", "PUT"],
        "allowed_headers": ["Authorization", "X-Own"], "exposed_headers": ["X-Total", "X-Page"],
        "allow_credentials": true, "max_age": 600
    });
    crate::harness::merge(&mut settings, more);
    json!({ "CORS": settings })
}

fn preflight<'a>(origin: &'a str, method: &'a str, fields: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", fields),
    ]
}

/// All values of a field.
fn all<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let values = answer.headers.get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

const ORIGIN: &str = "access-control-allow-origin";

#[test]
fn a_preflight_is_answered_without_a_credential_and_without_the_upstream_case_101() {
    in_both_styles(|world, style| {
        let api = OAuthApi::with(world, style, cors(json!({})));
        let ask = |headers: &[(&str, &str)]| {
            let client = world.node.client();
            client.send("OPTIONS", &api.url("/x"), headers, b"")
        };
        let answer = ask(&preflight(SITE, "PUT", "authorization, x-own")).expect_status(204);
        assert_eq!(all(&answer, ORIGIN), [SITE]);
        assert_eq!(answer.header("access-control-allow-methods"), "PUT");
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "authorization, x-own"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("access-control-max-age"), "600");
        assert!(answer.header("vary").contains("Origin"));
        assert!(answer.body.is_empty() && all(&answer, "content-length").is_empty());
        for refused in [
            preflight("https://evil.example", "PUT", ""),
            preflight("https://app.example.evil", "PUT", ""),
            preflight("null", "PUT", ""),
            preflight(SITE, "DELETE", ""),
            preflight(SITE, "PUT", "x-other"),
        ] {
            let answer = ask(&refused).expect_status(204);
            assert_eq!(all(&answer, ORIGIN), Vec::<&str>::new(), "{refused:?}");
        }
        // What is no preflight needs a credential like everything else.
        assert!(ask(&[("origin", SITE)]).status >= 400);
    });
}

#[test]
fn answers_name_one_origin_whatever_the_upstream_says() {
    let world = World::of(Node::start());
    world.upstream.set_script(|received| {
        echo(received)
            .with_header("Access-Control-Allow-Origin", "https://upstream.example")
            .with_header("Access-Control-Allow-Credentials", "true")
    });
    for style in crate::harness::STYLES {
        let api = RuledApi::new(&world, style, cors(json!({})));
        let answer = api
            .send("GET", "/x", &[("origin", SITE)])
            .expect_status(200);
        assert_eq!(all(&answer, ORIGIN), [SITE]);
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "X-Total, X-Page"
        );
        assert_eq!(all(&answer, "vary"), ["Origin"]);
        let below = "https://a.apps.example";
        let answer = api.send("GET", "/x", &[("origin", below)]);
        assert_eq!(all(&answer, ORIGIN), [below]);
        for other in [vec![("origin", "https://evil.example")], vec![]] {
            let answer = api.send("GET", "/x", &other).expect_status(200);
            assert_eq!(all(&answer, ORIGIN), Vec::<&str>::new());
            assert_eq!(
                all(&answer, "access-control-allow-credentials"),
                Vec::<&str>::new()
            );
            assert_eq!(all(&answer, "vary"), ["Origin"]);
        }
        let plain = RuledApi::new(&world, style, json!({}));
        let answer = plain.send("GET", "/x", &[("origin", SITE)]);
        assert_eq!(all(&answer, ORIGIN), ["https://upstream.example"]);
    }
}

#[test]
fn a_refusal_can_be_read_by_the_site_that_asked() {
    in_both_styles(|world, style| {
        let api = OAuthApi::with(world, style, cors(json!({})));
        let answer = world.node.client().get(&api.url("/x"), &[("origin", SITE)]);
        assert!(answer.status >= 400);
        assert_eq!(all(&answer, ORIGIN), [SITE]);
    });
}

#[test]
fn oauth_endpoints_are_wrapped_too_t43() {
    in_both_styles(|world, style| {
        let api = OAuthApi::with(world, style, cors(json!({"options_passthrough": true})));
        let url = api.url("/oauth/token");
        let client = world.node.client();
        let asked = preflight(SITE, "GET", "");
        let answer = client.send("OPTIONS", &url, &asked, b"").expect_status(204);
        assert_eq!(all(&answer, ORIGIN), [SITE]);
        let answer = client.post_form(&url, &[("origin", SITE)], &[]);
        assert!(answer.status >= 400);
        assert_eq!(
            all(&answer, ORIGIN),
            Vec::<&str>::new(),
            "POST is not allowed"
        );
        let answer = client.get(&api.url("/oauth/authorize"), &[("origin", SITE)]);
        assert_eq!(all(&answer, ORIGIN), [SITE]);
    });
}

/// It takes the control secret, which no browser has any business with.
#[test]
fn no_browser_may_ask_authorize_client() {
    in_both_styles(|world, style| {
        let api = OAuthApi::with(world, style, cors(json!({"allowed_methods": ["POST"]})));
        let secret = world.node.secret();
        let headers = [("origin", SITE), ("x-tyk-authorization", secret.as_str())];
        let form = [
            ("response_type", "code"),
            ("client_id", api.client.id.as_str()),
        ];
        for rest in [
            "/tyk/oauth/authorize-client",
            "/tyk/oauth/authorize-client/",
        ] {
            let url = api.url(rest);
            let client = world.node.client();
            let asked = preflight(SITE, "POST", "authorization");
            let preflight = client.send("OPTIONS", &url, &asked, b"").expect_status(403);
            let approved = client.post_form(&url, &headers, &form).expect_status(200);
            let refused = client
                .post_form(&url, &headers[..1], &form)
                .expect_status(403);
            for answer in [preflight, approved, refused] {
                for name in answer.headers.keys().map(|name| name.as_str()) {
                    assert!(!name.starts_with("access-control-"), "{rest}: {name}");
                }
            }
        }
        // Its neighbours go on being wrapped.
        let asked = preflight(SITE, "POST", "authorization");
        let url = api.url("/oauth/token");
        let answer = world.node.client().send("OPTIONS", &url, &asked, b"");
        assert_eq!(all(&answer.expect_status(204), ORIGIN), [SITE]);
    });
}

#[test]
fn a_token_request_by_get_is_refused_with_cors_off_and_on_t43() {
    in_both_styles(|world, style| {
        for is_on in [false, true] {
            let fields = if is_on { cors(json!({})) } else { json!({}) };
            let api = OAuthApi::with(world, style, fields);
            let asked = [("origin", SITE)];
            let answer = world.node.client().get(&api.url("/oauth/token"), &asked);
            let invalid = "invalid_request";
            api.assert_error(&answer, (400, invalid), (403, invalid));
            let values = |value| if is_on { vec![value] } else { vec![] };
            assert_eq!(all(&answer, ORIGIN), values(SITE));
            let credentials = all(&answer, "access-control-allow-credentials");
            assert_eq!(credentials, values("true"));
            let exposed = all(&answer, "access-control-expose-headers");
            assert_eq!(exposed, values("X-Total, X-Page"));
        }
    });
}

#[test]
fn the_upstream_answers_options_where_it_is_said_so() {
    in_both_styles(|world, style| {
        let fields = cors(json!({"options_passthrough": true}));
        let api = OAuthApi::with(world, style, fields);
        let asked = preflight(SITE, "PUT", "");
        let answer = world
            .node
            .client()
            .send("OPTIONS", &api.url("/x"), &asked, b"");
        let answer = answer.expect_status(200);
        assert_eq!(answer.json()["method"], "OPTIONS");
        assert_eq!(all(&answer, ORIGIN), Vec::<&str>::new());
        assert!(world.node.client().get(&api.url("/x"), &[]).status >= 400);
    });
}

#[test]
fn no_site_acts_as_its_visitors_because_every_origin_is_allowed() {
    let world = World::shared();
    for origins in [
        json!(["*"]),
        json!([]),
        json!(["https://*"]),
        json!([SITE, "null"]),
    ] {
        let fields = cors(json!({"allowed_origins": origins}));
        let api = RuledApi::new(&world, Style::Rfc, fields);
        for origin in ["https://evil.example", "null", SITE] {
            let answer = api
                .send("GET", "/x", &[("origin", origin)])
                .expect_status(200);
            assert_eq!(
                all(&answer, "access-control-allow-credentials"),
                Vec::<&str>::new()
            );
        }
    }
    let star = RuledApi::new(&world, Style::Rfc, cors(json!({"allowed_origins": ["*"]})));
    let answer = star.send("GET", "/x", &[("origin", "https://any.example")]);
    assert_eq!(all(&answer, ORIGIN), ["*"]);
}

#[test]
fn a_preflight_needs_no_version_and_opens_no_path() {
    in_both_styles(|world, style| {
        let mut fields = cors(json!({}));
        fields["definition"] = json!({"location": "header", "key": "version"});
        fields["version_data"] = json!({"versions": {"v1": {"paths": {"black_list": ["/shut"]}}}});
        let api = RuledApi::new(world, style, fields);
        for path in ["/x", "/shut"] {
            let answer = api.send("OPTIONS", path, &preflight(SITE, "GET", ""));
            assert_eq!(all(&answer.expect_status(204), ORIGIN), [SITE]);
        }
        let asked = [("origin", SITE), ("version", "v1")];
        let answer = api.send("GET", "/shut", &asked).expect_status(403);
        assert_eq!(all(&answer, ORIGIN), [SITE]);
    });
}
