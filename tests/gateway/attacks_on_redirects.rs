//! Attacks by way of the browser: where it is sent, with what, and what may stand around it (RFC 9700 section 4).

use serde_json::json;

use crate::attacks::query;
use crate::harness::{Answer, Node};
use crate::world::{OAuthApi, REDIRECT, STYLES, Style, World, text};

/// Neither door takes any of these for the client's.
#[track_caller]
fn assert_refused(api: &OAuthApi<'_>, registered: &str, named: &[&str]) {
    let client = api.another_client(json!({"redirect_uri": registered}));
    for uri in named {
        for response_type in ["code", "token"] {
            let pairs = [
                ("response_type", response_type),
                ("client_id", client.id.as_str()),
                ("redirect_uri", uri),
            ];
            let answer = api.browse(&pairs);
            assert_eq!(answer.status / 100, 4, "{uri}: {}", answer.text());
            assert_eq!(answer.header("location"), "", "{uri}");
            let answer = api.approve_for(&client, &pairs);
            assert_eq!(answer.status / 100, 4, "{uri}: {}", answer.text());
            let told = answer.text();
            assert!(
                !told.contains("access_token=") && !told.contains("code="),
                "{told}"
            );
        }
    }
}

/// RFC 9700 section 4.1: also where prefixes are taken, no spelling of a path leaves the registered one.
#[test]
fn path_traversal_out_of_a_prefix() {
    assert_prefix_is_not_left(
        "https://app.example/cb",
        &[
            "https://app.example/cb/../evil",
            "https://app.example/cb/..",
            "https://app.example/cb/%2e%2e/evil",
            "https://app.example/cb/.%2e/evil",
            "https://app.example/cb/..%2fevil",
            "https://app.example/cb%2f..%2fevil",
            "https://app.example/cb/..%5cevil",
            "https://app.example/cb/\\..\\evil",
            "https://app.example/cb#/../evil",
            "https://app.example@evil.example/cb",
            "https://app.example:443@evil.example/cb",
            "https://evil@app.example/cb",
            "https://@app.example/cb",
            "https://app.example.evil.example/cb",
            "https://app.example:8443/cb",
            "https://app.example%2fcb@evil.example/",
            "https://app.example;.evil.example/cb",
        ],
    );
}

/// Nobody is sent to any of these, at a node that takes what begins with what is registered.
#[track_caller]
pub(crate) fn assert_prefix_is_not_left(registered: &str, named: &[&str]) {
    let node = Node::builder()
        .configuration("[oauth]\nredirect_match = \"prefix\"")
        .start();
    let world = World::of(node);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        assert_refused(&api, registered, named);
        // What is below it is taken.
        let client = api.another_client(json!({"redirect_uri": registered}));
        let below = format!("{registered}/below");
        let approved = api.approve_for(&client, &[("redirect_uri", &below)]);
        approved.expect_status(200);
    }
}

/// RFC 9700 section 4.1.3, RFC 8252 section 7.3: a loopback address frees its port, and nothing else.
#[test]
fn the_free_port_of_loopback_addresses() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let named = [
            "http://127.0.0.1:51004@evil.example/cb",
            "http://127.0.0.1:51004:80/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:0x50/cb",
            "http://127.0.0.1.evil.example:51004/cb",
            "http://127.0.0.1:51004/cb/../evil",
            "http://127.0.0.1:51004/cb?to=evil",
            "http://127.0.0.1:51004/cb#",
            "http://user@127.0.0.1:51004/cb",
            "http://@127.0.0.1:51004/cb",
            "http://127.0.0.2:51004/cb",
            "http://127.1:51004/cb",
            "http://2130706433:51004/cb",
            "http://0x7f000001/cb",
            "http://[::1]:51004/cb",
            "http://[::ffff:127.0.0.1]:51004/cb",
            "http://localhost:51004/cb",
            "https://127.0.0.1:51004/cb",
        ];
        assert_refused(&api, "http://127.0.0.1/cb", &named);
        // A host that is no loopback address has no free port, nor has one behind TLS.
        assert_refused(
            &api,
            "http://client.example/cb",
            &["http://client.example:51004/cb"],
        );
        assert_refused(
            &api,
            "https://127.0.0.1/cb",
            &["https://127.0.0.1:51004/cb"],
        );
    }
}

/// RFC 9700 section 4.1.2: a token is told in the fragment of the registered URI, and no fragment of another kind gets it.
#[test]
fn implicit_tokens_and_fragments() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let named = [
            "http://client.example/back#a=b",
            "http://client.example/back?x#",
            "http://client.example/back%23",
            "http://client.example/back?#access_token=x",
        ];
        assert_refused(&api, REDIRECT, &named);
        let state = "s#access_token=forged&token_type=x";
        let pairs = [("response_type", "token"), ("state", state)];
        let told = api.approve(&pairs).expect_status(200).json();
        let to = text(&told, "redirect_to");
        let (place, fragment) = to.split_once('#').unwrap();
        assert_eq!(place, REDIRECT);
        let tokens: Vec<_> = form_urlencoded::parse(fragment.as_bytes())
            .filter(|(name, _)| name == "access_token")
            .map(|(_, value)| value.into_owned())
            .collect();
        assert_eq!(tokens, [text(&told, "access_token")]);
    }
}

/// One parameter, two places: whichever is read, the browser goes where the client registered or nowhere.
#[test]
fn a_parameter_in_the_query_and_in_the_form() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let evil = "https://evil.example/cb";
        for (outside, inside) in [(REDIRECT, evil), (evil, REDIRECT)] {
            let url = api.url(&format!(
                "/oauth/authorize?{}",
                query(&[("redirect_uri", outside)])
            ));
            let form = [
                ("response_type", "code"),
                ("client_id", api.client.id.as_str()),
                ("redirect_uri", inside),
            ];
            let answer = world.node.client().post_form(&url, &[], &form);
            let location = answer.header("location");
            // What stands in the form counts.
            if inside == evil {
                let refused = (400, "invalid_request");
                assert_eq!(location, "");
                match style {
                    Style::Rfc => api.assert_error(&answer, refused, refused),
                    Style::Tyk => assert_eq!(answer.status, 403, "{}", answer.text()),
                }
                continue;
            }
            assert_eq!(answer.status, 307, "{}", answer.text());
            let location = url::Url::parse(location).unwrap();
            let mut sent = location.query_pairs();
            let named = sent.find(|(name, _)| name == "redirect_uri").unwrap().1;
            assert_eq!(named, REDIRECT);
            assert!(!location.as_str().contains("evil"), "{location}");
        }
    }
}

/// RFC 9700 section 4.12: a browser posts nothing on to the login page that should have stayed here.
#[test]
fn a_redirect_that_repeats_the_form() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let url = api.url("/oauth/authorize");
        let asked = [
            ("response_type", "code"),
            ("client_id", api.client.id.as_str()),
        ];
        let post = |more: &[(&str, &str)]| {
            let form = [&asked[..], more].concat();
            world.node.client().post_form(&url, &[], &form)
        };
        // Tyk's 307 keeps the method and the form: only what the query says too is in it.
        let plain = post(&[("state", "s")]).expect_status(307);
        assert!(plain.header("location").contains("state=s"));
        for name in ["client_secret", "secret", "password"] {
            let answer = post(&[(name, api.client.secret.as_str())]).expect_status(303);
            let location = answer.header("location");
            assert!(!location.contains(&api.client.secret), "{location}");
            assert!(location.contains("client_id="), "{location}");
        }
        api.browse(&asked).expect_status(307);
    }
}

/// RFC 9700 sections 4.2 and 4.16, RFC 6819 section 4.4.1.9: nothing of the flow is shown inside another page, keeps what it
/// was told in a cache, or tells it to the next page.
#[test]
fn clickjacking() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let asked = [
            ("response_type", "code"),
            ("client_id", api.client.id.as_str()),
        ];
        let long = "x".repeat(2_000_000);
        let url = api.url("/oauth/authorize");
        let client = world.node.client();
        let seen_by_browsers: [Answer; 4] = [
            api.browse(&asked).expect_status(307),
            api.browse(&[("response_type", "code")]),
            client.send("DELETE", &url, &[], b"").expect_status(405),
            client.post_form(&url, &[], &[("state", &long)]),
        ];
        for answer in &seen_by_browsers {
            let said = format!("{} {}", answer.status, answer.text());
            assert_eq!(answer.header("x-frame-options"), "DENY", "{said}");
            let policy = answer.header("content-security-policy");
            assert_eq!(policy, "frame-ancestors 'none'", "{said}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{said}");
            let types = answer.header("x-content-type-options");
            assert_eq!(types, "nosniff", "{said}");
            assert!(
                answer.header("cache-control").contains("no-store"),
                "{said}"
            );
        }
        for answer in [
            api.exchange("none", &[]),
            api.token(&[("grant_type", "client_credentials")]),
        ] {
            assert_eq!(answer.header("x-frame-options"), "DENY");
        }
    }
}

/// RFC 9700 section 4.17: no answer is a page that tells another window something.
#[test]
fn answers_between_windows() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for mode in ["web_message", "form_post", "fragment", "query.jwt"] {
            let pairs = [
                ("response_type", "code"),
                ("client_id", api.client.id.as_str()),
                ("response_mode", mode),
                ("state", "<script>"),
            ];
            let browsed = api.browse(&pairs);
            let approved = api.approve(&[("response_mode", mode)]).expect_status(200);
            for answer in [&browsed, &approved] {
                let kind = answer.header("content-type");
                assert!(matches!(kind, "" | "application/json"), "{kind}");
                assert!(!answer.text().contains("<script"), "{}", answer.text());
            }
            let to = text(&approved.json(), "redirect_to");
            assert!(to.starts_with(&format!("{REDIRECT}?code=")), "{to}");
        }
    }
}
