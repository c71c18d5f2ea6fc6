//! Guessing secrets is slowed; mistakes that are no guesses are not.

use serde_json::{Value, json};

use crate::harness::{Credentials, Node, wait_for};
use crate::world::{OAuthApi, STYLES, Style, World, text};

const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];

fn retry_after(answer: &crate::harness::Answer) -> u64 {
    answer.header("retry-after").parse().unwrap()
}

#[test]
fn ten_wrong_client_secrets_close_the_door_for_that_client_alone() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let other = api.another_client(json!({}));
        let wrong = Credentials {
            secret: "wrong".into(),
            ..api.client.clone()
        };
        for _ in 0..10 {
            let answer = api.token_for(&wrong, &GRANT);
            api.assert_error(
                &answer,
                (401, "invalid_client"),
                (403, "unauthorized_client"),
            );
        }
        for client in [&wrong, &api.client] {
            let answer = api.token_for(client, &GRANT).expect_status(429);
            assert!(
                (1..=60).contains(&retry_after(&answer)),
                "{:?}",
                answer.headers
            );
            assert!(!text(&answer.json(), "error").is_empty());
        }
        api.token_for(&other, &GRANT).expect_status(200);
        // The other places where a secret is tried count the same guesses.
        let form = [("client_id", wrong.id.as_str()), ("client_secret", "wrong")];
        let url = api.url("/oauth/revoke_all");
        world
            .node
            .client()
            .post_form(&url, &[], &form)
            .expect_status(429);
    }
}

#[test]
fn ten_wrong_secrets_close_the_door_however_the_name_is_spelt() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let (first, rest) = api.client.id.split_at(1);
    let (second, last) = rest.split_at(1);
    let hex = |text: &str| {
        let byte = text.as_bytes()[0];
        [format!("%{byte:02x}"), format!("%{byte:02X}"), text.into()]
    };
    let spellings = hex(first).into_iter().flat_map(|first| {
        let name = move |second| format!("{first}{second}{last}");
        hex(second).map(name)
    });
    let guess = |id: String| {
        let credentials = Credentials {
            id,
            secret: "wrong".into(),
        };
        api.token_for(&credentials, &GRANT)
    };
    for spelling in spellings.cycle().take(10) {
        guess(spelling).expect_status(401);
    }
    guess(format!("{first}{second}{last}")).expect_status(429);
    guess(format!("%{:02x}{second}{last}", first.as_bytes()[0])).expect_status(429);
    api.token(&GRANT).expect_status(429);
}

#[test]
fn guesses_at_the_revocation_endpoints_count() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let form = [
        ("token", "x"),
        ("client_id", &api.client.id),
        ("client_secret", "wrong"),
    ];
    for rest in ["/oauth/revoke", "/oauth/revoke_all"] {
        for _ in 0..5 {
            world
                .node
                .client()
                .post_form(&api.url(rest), &[], &form)
                .expect_status(401);
        }
    }
    api.token(&GRANT).expect_status(429);
}

#[test]
fn unknown_clients_are_slowed_like_known_ones() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let nobody = Credentials {
        id: crate::world::unique("nobody"),
        secret: "x".into(),
    };
    for _ in 0..10 {
        api.token_for(&nobody, &GRANT).expect_status(401);
    }
    api.token_for(&nobody, &GRANT).expect_status(429);
}

#[test]
fn a_name_without_a_secret_is_no_guess_whether_or_not_anybody_has_it() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let nobody = crate::world::unique("nobody");
    let url = api.url("/oauth/token");
    for _ in 0..15 {
        let answers = [&api.client.id, &nobody].map(|id| {
            let form = [GRANT[0], ("client_id", id.as_str())];
            world.node.client().post_form(&url, &[], &form).status
        });
        assert_eq!(answers, [401, 401]);
    }
}

#[test]
fn mistakes_that_are_no_guesses_do_not_count() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for _ in 0..15 {
            assert!(matches!(api.exchange("bad-code", &[]).status, 400 | 403));
            assert!(matches!(api.refresh("bad-token").status, 400 | 403));
            assert!(matches!(
                api.token(&[("grant_type", "nothing")]).status,
                400 | 403
            ));
            assert!(matches!(api.token(&[GRANT[0], GRANT[0]]).status, 400 | 403));
            let basic = api.client.basic();
            let headers = [
                ("authorization", basic.as_str()),
                ("content-type", "text/plain"),
            ];
            let url = api.url("/oauth/token");
            let answer = world.node.client().send("POST", &url, &headers, b"x");
            assert!(matches!(answer.status, 400 | 403));
            // A client that says its name and no secret has not guessed.
            let form = [GRANT[0], ("client_id", api.client.id.as_str())];
            let answer = world.node.client().post_form(&url, &[], &form);
            assert!(matches!(answer.status, 401 | 403));
        }
        api.token(&GRANT).expect_status(200);
    }
}

#[test]
fn right_secrets_between_wrong_ones_go_through() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let wrong = Credentials {
        secret: "wrong".into(),
        ..api.client.clone()
    };
    for _ in 0..9 {
        api.token_for(&wrong, &GRANT).expect_status(401);
        api.token(&GRANT).expect_status(200);
    }
}

#[test]
fn the_control_secret_is_needed_everywhere_and_guessing_it_is_slowed() {
    let node = Node::start();
    let secret = node.secret();
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        node.client()
            .send(method, &node.control_url(path), headers, b"")
    };
    for (method, path) in [
        ("GET", "/tyk/apis"),
        ("GET", "/tyk/apis/x"),
        ("DELETE", "/tyk/apis/x"),
        ("GET", "/tyk/policies"),
        ("GET", "/tyk/oauth/clients/x"),
        ("GET", "/tyk/reload/group"),
        ("GET", "/tyk/no-such-thing"),
        ("PUT", "/tyk/apis"),
        ("POST", "/tyk/oauth/authorize-client"),
    ] {
        let answer = ask(method, path, &[]).expect_status(403);
        let message = "Attempted administrative access with invalid or missing key!";
        assert_eq!(
            answer.json(),
            json!({"status": "error", "message": message}),
            "{path}"
        );
    }
    for path in ["/raftgate/v1/notifications", "/api/apis/oauth/x"] {
        let status = ask("GET", path, &[]).status;
        assert!(matches!(status, 401 | 403), "{path}: {status}");
    }
    for name in ["x-tyk-authorization", "authorization"] {
        ask("GET", "/tyk/apis", &[(name, &secret)]).expect_status(200);
    }
    let half = &secret[..secret.len() - 1];
    for wrong in ["wrong", half, "", " ", "Basic x"]
        .into_iter()
        .cycle()
        .take(10)
    {
        ask("GET", "/tyk/apis", &[("x-tyk-authorization", wrong)]).expect_status(403);
    }
    // Empty ones are no guesses perhaps; these are.
    for _ in 0..10 {
        ask("GET", "/tyk/apis", &[("authorization", "guess")]);
    }
    let answer = ask("GET", "/tyk/apis", &[("x-tyk-authorization", &secret)]).expect_status(429);
    assert!((1..=60).contains(&retry_after(&answer)));
    assert_ne!(answer.json(), Value::Null);
    // What needs no secret goes on.
    for path in ["/hello", "/ready", "/metrics"] {
        ask("GET", path, &[]).expect_status(200);
    }
}

/// Approvals at the gateway listener with this secret.
fn approve(api: &OAuthApi<'_>, secret: &str, more: &[(&str, &str)]) -> crate::harness::Answer {
    let headers = [&[("x-tyk-authorization", secret)], more].concat();
    let form = [
        ("response_type", "code"),
        ("client_id", api.client.id.as_str()),
    ];
    let url = api.url("/tyk/oauth/authorize-client");
    api.world.node.client().post_form(&url, &headers, &form)
}

#[test]
fn guesses_at_the_gateway_listener_lock_nobody_out_of_the_control_listener() {
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let (node, secret) = (&world.node, world.node.secret());
    for _ in 0..10 {
        approve(&api, "guess", &[]).expect_status(403);
    }
    for secret in ["guess", &secret] {
        let answer = approve(&api, secret, &[]).expect_status(429);
        assert!((1..=60).contains(&retry_after(&answer)));
    }
    let with = [("x-tyk-authorization", secret.as_str())];
    let control = |path: &str| node.client().get(&node.control_url(path), &with);
    control("/tyk/apis").expect_status(200);
    control("/raftgate/v1/admin-tokens").expect_status(200);
    let form = [
        ("response_type", "code"),
        ("client_id", api.client.id.as_str()),
        ("api_id", api.id.as_str()),
    ];
    let url = node.control_url("/tyk/oauth/authorize-client");
    let approved = node.client().post_form(&url, &with, &form);
    assert!(!text(&approved.expect_status(200).json(), "code").is_empty());
    // Nor the other way round: what is guessed there is counted there.
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let (node, secret) = (&world.node, world.node.secret());
    let guess = [("x-tyk-authorization", "guess")];
    let url = node.control_url("/tyk/apis");
    for _ in 0..11 {
        node.client().get(&url, &guess);
    }
    let with = [("x-tyk-authorization", secret.as_str())];
    node.client().get(&url, &with).expect_status(429);
    approve(&api, &secret, &[]).expect_status(200);
}

#[test]
fn a_proxy_that_locks_all_behind_it_out_is_told_of_once() {
    const WARNING: &str = "not in gateway.trusted_proxies";
    let told = |node: &Node| {
        let log = node.log();
        log.lines().filter(|line| line.contains(WARNING)).count()
    };
    let forwarded = [("x-forwarded-for", "192.0.2.1")];
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    for _ in 0..15 {
        approve(&api, "guess", &forwarded);
    }
    approve(&api, "guess", &forwarded).expect_status(429);
    wait_for("the warning", || told(&world.node) > 0);
    assert_eq!(told(&world.node), 1);
    // One that is trusted shares nothing with whom it speaks for.
    let configuration = "[gateway]\ntrusted_proxies = [\"127.0.0.0/8\"]";
    let world = World::of(Node::builder().configuration(configuration).start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let secret = world.node.secret();
    for _ in 0..11 {
        approve(&api, "guess", &forwarded);
    }
    let refused = approve(&api, &secret, &forwarded).expect_status(429);
    approve(&api, &secret, &[("x-forwarded-for", "192.0.2.2")]).expect_status(200);
    let id = refused.header("x-request-id");
    wait_for("the refusal", || world.node.log().contains(id));
    assert_eq!(told(&world.node), 0);
}
