//! Attacks on the gateway itself and by way of the browser: forged requests, claims of proxies, split answers, floods.

use serde_json::json;

use crate::api_keys::KeyApi;
use crate::attacks::query;
use crate::attacks_on_tokens::applied;
use crate::harness::{Client, Credentials, Node, RecordingServer, merge};
use crate::rules::RuledApi;
use crate::wire::Wire;
use crate::world::{OAuthApi, REDIRECT, STYLES, Style, World, echoed, text};

/// RFC 9700 section 4.7, RFC 6819 section 4.4.1.8: the state comes back to the letter, so that a client can tell its own.
#[test]
fn cross_site_request_forgery_of_the_clients_return() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for state in [
            "s",
            "a b+c&d=e#f%20",
            "\u{fc}\u{1f511}",
            "\"<script>'",
            "x\r\nSet-Cookie: a=b",
        ] {
            let approved = api.approve(&[("state", state)]).expect_status(200).json();
            let to = text(&approved, "redirect_to");
            assert!(to.bytes().all(|byte| byte.is_ascii_graphic()), "{to}");
            let (_, query) = to.split_once('?').unwrap();
            let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect();
            let states: Vec<&String> = pairs
                .iter()
                .filter(|(name, _)| name == "state")
                .map(|(_, value)| value)
                .collect();
            assert_eq!(states, [state]);
        }
        // Approving is not for browsers: without the gateway's secret no page can make one do it.
        let form = query(&[
            ("response_type", "code"),
            ("client_id", &api.client.id),
            ("redirect_uri", REDIRECT),
        ]);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", "https://evil.example"),
        ];
        let url = api.url("/tyk/oauth/authorize-client");
        let answer = Client::new().send("POST", &url, &headers, form.as_bytes());
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
}

/// RFC 9700 section 4.13: who stands between browser and gateway cannot be played by a header.
#[test]
fn claims_of_a_reverse_proxy_by_anybody() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let bearer = format!("Bearer {}", api.access_token());
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
    ];
    let answer = world.node.client().get(&api.url("/x"), &headers);
    let echo = answer.expect_status(200).json();
    assert!(
        !echo["headers"].to_string().contains("203.0.113.9"),
        "{echo}"
    );
    assert!(
        !echo["headers"].to_string().contains("evil.example"),
        "{echo}"
    );
    // Ten guesses from ten claimed addresses are ten guesses from one.
    let wrong = Credentials {
        secret: "guessed".into(),
        ..api.client.clone()
    };
    let url = api.url("/oauth/token");
    let statuses: Vec<u16> = (0..11)
        .map(|number| {
            let claimed = format!("203.0.113.{number}");
            let headers = [
                ("authorization", wrong.basic()),
                ("x-forwarded-for", claimed),
            ];
            let headers = headers
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            let form = [("grant_type", "client_credentials")];
            world.node.client().post_form(&url, &headers, &form).status
        })
        .collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

/// RFC 9110 section 5.5: headers cannot be written by what a request says.
#[test]
fn response_splitting() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let planted = "%0d%0aX-Planted:%20yes%0d%0a%0d%0a<script>";
    for (target, status) in [
        (
            format!(
                "/{}/oauth/authorize?response_type=code&client_id={}&state={planted}",
                api.id, api.client.id
            ),
            307,
        ),
        (
            format!("/{}/oauth/authorize?response_type={planted}", api.id),
            400,
        ),
        (format!("/{planted}"), 404),
        (format!("/{}/oauth/token?{planted}", api.id), 400),
    ] {
        let mut wire = Wire::connect(world.node.gateway());
        wire.get(&target);
        let head = wire.head();
        assert_eq!(
            (head.status, head.header("x-planted")),
            (status, ""),
            "{target}"
        );
    }
}

/// RFC 6819 section 4.4.1.11: floods of authorization requests take nothing from anybody: nothing is kept for them.
#[test]
fn floods_of_authorization_requests_keep_nothing() {
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let before = applied(&world.node);
    for number in 0..50 {
        let state = number.to_string();
        let pairs = [
            ("response_type", "code"),
            ("client_id", api.client.id.as_str()),
            ("state", state.as_str()),
        ];
        api.browse(&pairs).expect_status(307);
    }
    assert_eq!(applied(&world.node), before);
}

/// A token endpoint that is told by a page in a browser: no other origin may read what it answers.
#[test]
fn tokens_read_by_another_origin() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let headers = [
        ("authorization", api.client.basic()),
        ("origin", "https://evil.example".to_owned()),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let form = [("grant_type", "client_credentials")];
    let answer = world
        .node
        .client()
        .post_form(&api.url("/oauth/token"), &headers, &form);
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

/// RFC 9700 section 4.9: a compromised or counterfeit upstream learns no more than the request, and cannot send it elsewhere.
#[test]
fn a_hostile_upstream_is_not_followed() {
    let world = World::shared();
    let elsewhere = RecordingServer::replying(crate::harness::Reply::ok("caught"));
    let target = elsewhere.url("/caught");
    let upstream = RecordingServer::start(move |_| crate::harness::Reply::redirect(&target));
    let api = OAuthApi::with(&world, Style::Rfc, json!({}));
    let mut definition =
        crate::harness::oauth_api(&api.id, &format!("/{}/", api.id), &upstream.url("/"));
    merge(&mut definition, json!({"raftgate": {"error_style": "rfc"}}));
    world.node.create_api(&definition);
    let answer = api.call(&api.access_token());
    assert_eq!(answer.status, 302);
    assert_eq!(elsewhere.received().len(), 0, "credentials went elsewhere");
    assert_ne!(upstream.received().len(), 0);
}

/// An identity server with a slip in its path sends the gateway's secret to an API; its upstream is not to have it.
#[test]
fn a_control_secret_that_was_meant_for_the_gateway() {
    let world = World::shared();
    for style in STYLES {
        let secret = world.node.secret();
        let open = RuledApi::new(&world, style, json!({}));
        for name in ["X-Tyk-Authorization", "x_tyk_authorization"] {
            let answer = open.send("POST", "/tyk/oauth/authorise", &[(name, &secret)]);
            let seen = answer.expect_status(200).text();
            assert!(!seen.contains(&secret), "{seen}");
        }
        // Where an API takes its own credential there, that one travels as any other.
        let named = json!({"auth": {"auth_header_name": "X-Tyk-Authorization"}});
        let api = KeyApi::new(&world, style, named);
        let key = api.key(json!({}));
        let answer = api.get("/x", &[("x-tyk-authorization", &key)]);
        let seen = answer.expect_status(200).json();
        assert_eq!(echoed(&seen, "x-tyk-authorization"), [key.as_str()]);
    }
}
