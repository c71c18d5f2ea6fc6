//! authorize-client: the identity server says that the owner approved, on two doors.

use serde_json::{Value, json};

use crate::harness::{Answer, Node, oauth_api, policy};
use crate::world::{OAuthApi, REDIRECT, Refused, STYLES, Style, World, text, unique};

/// The door on the control listener.
fn approve_at_control(world: &World, pairs: &[(&str, &str)]) -> Answer {
    let secret = world.node.secret();
    let url = world.node.control_url("/tyk/oauth/authorize-client/");
    let headers = [("x-tyk-authorization", secret.as_str())];
    world.node.client().post_form(&url, &headers, pairs)
}

#[test]
fn a_code_comes_back_with_where_to_send_the_browser_t6() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let answer = api.approve(&[]).expect_status(200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.header("cache-control").contains("no-store"));
        let body = answer.json();
        let code = text(&body, "code");
        assert!(!code.is_empty());
        let expected = json!({"code": code, "redirect_to": format!("{REDIRECT}?code={code}")});
        assert_eq!(body, expected);
        api.exchange(&code, &[]).expect_status(200);
    }
}

#[test]
fn state_is_echoed_and_encoded_d33() {
    let world = World::shared();
    for style in STYLES {
        echoes_state(&OAuthApi::new(&world, style));
    }
}

fn echoes_state(api: &OAuthApi<'_>) {
    let client = api.another_client(json!({"redirect_uri": "https://app.example/cb?keep=1"}));
    let redirect = ("redirect_uri", "https://app.example/cb?keep=1");
    let state = "a&b=c d+e%20#ä\"<";
    let body = api
        .approve_for(&client, &[redirect, ("state", state)])
        .expect_status(200)
        .json();
    assert_eq!(text(&body, "state"), state);
    let location = url::Url::parse(&text(&body, "redirect_to")).unwrap();
    let pairs: Vec<(String, String)> = location.query_pairs().into_owned().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert!(pairs.contains(&pair("keep", "1")), "{location}");
    assert!(
        pairs.contains(&pair("code", &text(&body, "code"))),
        "{location}"
    );
    assert!(pairs.contains(&pair("state", state)), "{location}");
    let body = api
        .approve_for(&client, &[redirect, ("state", "")])
        .expect_status(200)
        .json();
    assert_eq!(body.get("state"), None);
    assert!(!text(&body, "redirect_to").contains("state"));
}

#[test]
fn refusals_follow_the_table_in_both_styles() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let bare = api.another_client(json!({"redirect_uri": ""}));
        let unregistered = api.another_client(json!({"policy_id": ""}));
        let cases: [Refused<'_>; 8] = [
            (
                &[("response_type", "")],
                (400, "invalid_request"),
                (403, "unsupported_response_type"),
            ),
            (
                &[("response_type", "nothing")],
                (400, "unsupported_response_type"),
                (403, "unsupported_response_type"),
            ),
            (
                &[("client_id", "")],
                (400, "invalid_request"),
                (403, "server_error"),
            ),
            (
                &[("client_id", "nobody")],
                (400, "invalid_client"),
                (403, "server_error"),
            ),
            (
                &[("client_id", &bare.id)],
                (400, "unauthorized_client"),
                (403, "unauthorized_client"),
            ),
            (
                &[("redirect_uri", "https://evil.example/")],
                (400, "invalid_request"),
                (403, "invalid_request"),
            ),
            (
                &[("client_id", &unregistered.id)],
                (400, "unauthorized_client"),
                (403, "server_error"),
            ),
            (
                &[("scope", "a\"b")],
                (400, "invalid_scope"),
                (403, "invalid_scope"),
            ),
        ];
        for (pairs, rfc, tyk) in cases {
            api.assert_error(&api.approve(pairs), rfc, tyk);
            // The control listener answers the same.
            let usual = [
                ("response_type", "code"),
                ("client_id", api.client.id.as_str()),
                ("redirect_uri", REDIRECT),
                ("api_id", api.id.as_str()),
            ];
            let mut all: Vec<_> = usual
                .iter()
                .filter(|(name, _)| !pairs.iter().any(|(other, _)| other == name))
                .copied()
                .collect();
            all.extend(pairs);
            api.assert_error(&approve_at_control(&world, &all), rfc, tyk);
        }
    }
}

#[test]
fn a_refused_redirect_uri_is_told_with_the_registered_one_in_tyks_style() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let pairs = [
            ("redirect_uri", "https://evil.example/?steal=1"),
            ("state", "a&b c"),
        ];
        let body = api.approve(&pairs).json();
        assert_eq!(text(&body, "state"), "a&b c");
        let told = text(&body, "redirect_to");
        match style {
            Style::Rfc => assert_eq!(told, "", "{body}"),
            Style::Tyk => {
                let url = url::Url::parse(&told).unwrap();
                assert!(told.starts_with(&format!("{REDIRECT}?error=")), "{told}");
                let sent: Vec<(String, String)> = url.query_pairs().into_owned().collect();
                let description = text(&body, "error_description");
                let expected = [
                    ("error", "invalid_request"),
                    ("error_description", description.as_str()),
                    ("state", "a&b c"),
                ];
                let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
                assert_eq!(sent, expected);
            }
        }
        // Only this refusal speaks of a redirect: other clients' URIs are nobody's business.
        let body = api.approve(&[("client_id", "nobody")]).json();
        assert_eq!(text(&body, "redirect_to"), "");
    }
}

#[test]
fn only_post_with_the_control_secret_d5_d6() {
    let mut nodes = Vec::new();
    for style in ["rfc", "tyk"] {
        let node = Node::builder()
            .environment("RAFTGATE_OAUTH_ERROR_STYLE", style)
            .start();
        let client = node.create_oauth_api("one", "http://127.0.0.1:9/");
        let secret = node.secret();
        let form = [("response_type", "code"), ("client_id", client.id.as_str())];
        for rest in [
            "/tyk/oauth/authorize-client",
            "/tyk/oauth/authorize-client/",
        ] {
            let url = node.gateway_url(&format!("/one{rest}"));
            for headers in [
                vec![],
                vec![("x-tyk-authorization", "wrong")],
                vec![("authorization", "")],
            ] {
                let answer = node
                    .client()
                    .post_form(&url, &headers, &form)
                    .expect_status(403);
                let message = "Attempted administrative access with invalid or missing key!";
                if style == "tyk" {
                    assert_eq!(
                        answer.json(),
                        json!({"status": "error", "message": message})
                    );
                } else {
                    let expected = json!({"error": "access_denied", "error_description": message});
                    assert_eq!(answer.json(), expected);
                }
            }
            for name in ["x-tyk-authorization", "authorization"] {
                let headers = [(name, secret.as_str())];
                node.client()
                    .post_form(&url, &headers, &form)
                    .expect_status(200);
                let answer = node.client().get(&url, &headers).expect_status(405);
                assert_eq!(answer.header("allow"), "POST");
                let words = if style == "tyk" {
                    "message"
                } else {
                    "error_description"
                };
                assert_eq!(text(&answer.json(), words), "Method not supported");
            }
        }
        nodes.push(node);
    }
}

#[test]
fn the_control_listener_finds_the_api_by_name_or_by_client() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let usual = [
        ("response_type", "code"),
        ("client_id", api.client.id.as_str()),
        ("redirect_uri", REDIRECT),
        ("state", "s"),
    ];
    let by_client = approve_at_control(&world, &usual).expect_status(200);
    assert_eq!(by_client.header("content-type"), "application/json");
    let mut named = usual.to_vec();
    named.push(("api_id", &api.id));
    let by_name = approve_at_control(&world, &named).expect_status(200);
    for answer in [by_client, by_name] {
        let body = answer.json();
        assert_eq!(text(&body, "state"), "s");
        api.exchange(&text(&body, "code"), &[]).expect_status(200);
    }
    named.pop();
    named.push(("api_id", "no-such-api"));
    approve_at_control(&world, &named).expect_status(400);
    let nobody = [("response_type", "code"), ("client_id", "nobody-at-all")];
    let status = approve_at_control(&world, &nobody).status;
    assert!(matches!(status, 400 | 404), "{status}");
}

#[test]
fn several_candidates_are_named_and_none_is_guessed() {
    let world = World::shared();
    let (one, two) = (unique("several"), unique("several"));
    for id in [&one, &two] {
        world
            .node
            .create_api(&oauth_api(id, &format!("/{id}/"), &world.upstream.url("/")));
    }
    world.node.create_policy(&policy(&one, &[&one, &two]));
    let client = world
        .node
        .create_client(&json!({"policy_id": one, "redirect_uri": REDIRECT}));
    let form = [("response_type", "code"), ("client_id", client.id.as_str())];
    let answer = approve_at_control(&world, &form).expect_status(400);
    let message = answer.text();
    assert!(
        message.contains(&one) && message.contains(&two),
        "{message}"
    );
    let mut named = form.to_vec();
    named.push(("api_id", &two));
    let code = text(
        &approve_at_control(&world, &named).expect_status(200).json(),
        "code",
    );
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
    ];
    let refused = world
        .node
        .ask_token(&one, &client, &exchange)
        .expect_status(400);
    assert_eq!(text(&refused.json(), "error"), "invalid_grant");
}

#[test]
fn json_and_query_say_the_same_as_a_form() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let secret = world.node.secret();
    let body =
        json!({"response_type": "code", "client_id": api.client.id, "redirect_uri": REDIRECT});
    let headers = [
        ("x-tyk-authorization", secret.as_str()),
        ("content-type", "application/json"),
    ];
    let query = format!("response_type=code&client_id={}", api.client.id);
    for url in [
        api.url("/tyk/oauth/authorize-client"),
        world.node.control_url("/tyk/oauth/authorize-client"),
    ] {
        let answer = world
            .node
            .client()
            .send("POST", &url, &headers, body.to_string().as_bytes());
        assert!(!text(&answer.expect_status(200).json(), "code").is_empty());
        let url = format!("{url}?{query}");
        let answer = world
            .node
            .client()
            .post_form(&url, &headers[..1], &[("state", "s")]);
        assert_eq!(text(&answer.expect_status(200).json(), "state"), "s");
    }
}

#[test]
fn an_api_without_oauth_has_no_such_endpoints() {
    let world = World::shared();
    let id = unique("keyless");
    world.node.create_api(&crate::harness::keyless_api(
        &id,
        &format!("/{id}/"),
        &world.upstream.url("/"),
    ));
    for rest in [
        "oauth/authorize",
        "oauth/token",
        "oauth/revoke",
        "tyk/oauth/authorize-client",
    ] {
        let url = world.node.gateway_url(&format!("/{id}/{rest}"));
        let echo = world.node.client().get(&url, &[]).expect_status(200).json();
        assert_eq!(
            echo.get("target").and_then(Value::as_str),
            Some(format!("/{rest}").as_str())
        );
    }
    let pairs = [
        ("response_type", "code"),
        ("client_id", "x"),
        ("api_id", id.as_str()),
    ];
    approve_at_control(&world, &pairs).expect_status(400);
}
