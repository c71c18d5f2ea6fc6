//! Attacks on authorization servers, each a test of its name: RFC 9700 section 4 and RFC 6819 section 4; CASES.md has all of
//! their sections.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::attacks_on_tokens::applied;
use crate::harness::{Answer, Client, Credentials, Node, RecordingServer, merge};
use crate::wire::Wire;
use crate::world::{
    INVALID_GRANT, OAuthApi, REDIRECT, STYLES, Style, TYK_INVALID_GRANT, Tokens, World, echoed,
    text,
};

const VERIFIER: &str = "the-verifier-of-the-honest-client-0123456789ab";
const GUESS: &str = "a-verifier-that-the-attacker-made-up-0123456789";

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl OAuthApi<'_> {
    /// The authorization endpoint's answer to a browser.
    pub(crate) fn browse(&self, pairs: &[(&str, &str)]) -> Answer {
        let url = self.url(&format!("/oauth/authorize?{}", query(pairs)));
        self.world.node.client().get(&url, &[])
    }

    /// A code of an approval with a challenge.
    fn bound_code(&self) -> String {
        let hash = challenge(VERIFIER);
        let with = [
            ("code_challenge", hash.as_str()),
            ("code_challenge_method", "S256"),
        ];
        text(&self.approve(&with).expect_status(200).json(), "code")
    }

    /// Nothing in an answer leads a browser away.
    #[track_caller]
    pub(crate) fn assert_leads_nowhere(&self, answer: &Answer) {
        assert!(
            matches!(answer.status, 400 | 403),
            "{} {}",
            answer.status,
            answer.text()
        );
        assert_eq!(answer.header("location"), "");
        assert_eq!(answer.header("refresh"), "");
    }
}

/// RFC 9700 section 4.1, RFC 6819 section 4.1.5: a redirect URI that only looks like the registered one.
#[test]
fn redirect_uri_manipulation() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for uri in [
            "http://client.example.evil/back",
            "http://client.example/back/../evil",
            "http://client.example/back%2f..%2fevil",
            "http://client.example/back?next=http://evil",
            "http://client.example/back#",
            "http://client.example/back\\@evil",
            "http://evil\\@client.example/back",
            "http://evil@client.example/back",
            "http://client.example@evil/back",
            "http://client.example%00.evil/back",
            "http://client.example\u{3002}evil/back",
            "http://client.example:80@evil/back",
            "//client.example/back",
            "http:client.example/back",
            "http:///client.example/back",
            "HTTP://client.example/back",
            "http://CLIENT.example/back",
            "http://client.example/BACK",
            "http://client.example./back",
            " http://client.example/back",
            "http://client.example/back\t",
            "http://client.example/back\r\nLocation: http://evil",
            "javascript:alert(1)//http://client.example/back",
            "data:text/html,http://client.example/back",
        ] {
            let asked = [
                ("response_type", "code"),
                ("client_id", api.client.id.as_str()),
                ("redirect_uri", uri),
            ];
            api.assert_leads_nowhere(&api.browse(&asked));
            let answer = api.approve(&[("redirect_uri", uri)]);
            assert!(
                matches!(answer.status, 400 | 403),
                "{uri}: {}",
                answer.text()
            );
            let told = answer.text();
            assert!(
                !told.contains("code=") && !told.contains("\"code\""),
                "{told}"
            );
            // What Tyk's style tells is the registered URI, never the one that was named.
            let told_to = text(&answer.json(), "redirect_to");
            assert!(
                told_to.is_empty() || told_to.starts_with(&format!("{REDIRECT}?")),
                "{told_to}"
            );
        }
    }
}

/// RFC 9700 section 4.11: the authorization endpoint is no door to anywhere, whatever is wrong.
#[test]
fn open_redirect() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let id = api.client.id.as_str();
        let evil = "https://evil.example/phish";
        for pairs in [
            vec![("redirect_uri", evil)],
            vec![("response_type", "code"), ("redirect_uri", evil)],
            vec![
                ("response_type", "code"),
                ("client_id", "nobody"),
                ("redirect_uri", evil),
            ],
            vec![
                ("response_type", "code"),
                ("client_id", id),
                ("redirect_uri", evil),
            ],
            vec![
                ("response_type", "nonsense"),
                ("client_id", id),
                ("redirect_uri", REDIRECT),
            ],
            vec![
                ("response_type", "code"),
                ("client_id", id),
                ("redirect_uri", REDIRECT),
                ("scope", "\u{7f}"),
            ],
            vec![
                ("response_type", "code"),
                ("client_id", id),
                ("redirect_uri", REDIRECT),
                ("redirect_uri", evil),
            ],
        ] {
            api.assert_leads_nowhere(&api.browse(&pairs));
        }
        // Where a good request leads is the operator's word alone.
        let pairs = [
            ("response_type", "code"),
            ("client_id", id),
            ("redirect_uri", REDIRECT),
            ("auth_login_redirect", evil),
            ("state", "\r\nLocation: https://evil.example/"),
        ];
        let answer = api.browse(&pairs).expect_status(307);
        let location = answer.header("location");
        assert!(
            location.starts_with("http://127.0.0.1/login?"),
            "{location}"
        );
        assert_eq!(answer.headers.get_all("location").iter().count(), 1);
    }
}

/// RFC 9700 section 4.5, RFC 6819 section 4.4.1.13: a stolen code in a session of the attacker's own.
#[test]
fn authorization_code_injection() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        // The attacker's session has a verifier of its own, or none.
        let code = api.bound_code();
        for verifier in [GUESS, ""] {
            let answer = api.exchange(&code, &[("code_verifier", verifier)]);
            api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        }
        // The honest client still gets its tokens.
        Tokens::of(api.exchange(&code, &[("code_verifier", VERIFIER)]));
        // Another client's session.
        let attacker = api.another_client(json!({}));
        let code = api.bound_code();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let answer = api.token_for(&attacker, &form);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // Another redirect URI of the same client.
        let client = api.another_client(
            json!({"redirect_uri": format!("{REDIRECT};https://other.example/cb")}),
        );
        let approved = api.approve_for(&client, &[]).expect_status(200).json();
        let code = text(&approved, "code");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "https://other.example/cb"),
        ];
        let answer = api.token_for(&client, &form);
        assert!(matches!(answer.status, 400 | 403), "{}", answer.text());
    }
}

/// RFC 9700 section 4.4: one authorization server's code brought to another one's token endpoint.
#[test]
fn mix_up() {
    let world = World::shared();
    for style in STYLES {
        let honest = OAuthApi::new(&world, style);
        let attackers = OAuthApi::new(&world, style);
        // The same client id and secret at both, as a client with one registration would have it.
        let twin = json!({
            "api_id": attackers.id, "policy_id": attackers.policy_id(), "redirect_uri": REDIRECT,
            "client_id": honest.client.id, "secret": honest.client.secret,
        });
        world.node.create_client(&twin);
        let code = honest.bound_code();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let answer = attackers.token_for(&honest.client, &form);
        attackers.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // Nor does a token of one open the other, or its refresh token renew there.
        let tokens = honest.tokens();
        let call = attackers.call(&tokens.access);
        assert!(matches!(call.status, 401 | 403), "{}", call.text());
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
        ];
        let answer = attackers.token_for(&honest.client, &form);
        attackers.assert_error(&answer, INVALID_GRANT, (403, "invalid_client"));
    }
}

/// RFC 9700 section 4.8: a challenge that is left out, weakened or answered without having been asked.
#[test]
fn pkce_downgrade() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        // The challenge was cut out of the request: the honest client's verifier shows it.
        let answer = api.exchange(&api.code(), &[("code_verifier", VERIFIER)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // The verifier was cut out of the exchange.
        let answer = api.exchange(&api.bound_code(), &[]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // The method was weakened, by name, by silence, or to one that nobody knows.
        let hash = challenge(VERIFIER);
        for method in ["plain", "", "s256", "S512", "none"] {
            let with = [
                ("code_challenge", hash.as_str()),
                ("code_challenge_method", method),
            ];
            let answer = api.approve(&with);
            assert!(
                matches!(answer.status, 400 | 403),
                "{method}: {}",
                answer.text()
            );
        }
        // The challenge itself is no verifier.
        let answer = api.exchange(&api.bound_code(), &[("code_verifier", &hash)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // A public client cannot go without.
        let public = api.another_client(json!({"public": true}));
        api.assert_leads_nowhere(&api.approve_for(&public, &[]));
    }
}

/// RFC 9700 section 4.3 and 4.5, RFC 6819 section 4.4.1.1: a code that was seen by somebody else and is used again.
#[test]
fn authorization_code_replay() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let code = api.bound_code();
        let tokens = Tokens::of(api.exchange(&code, &[("code_verifier", VERIFIER)]));
        let answer = api.exchange(&code, &[("code_verifier", GUESS)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // Who had the code had the tokens' family in reach: it ends.
        api.assert_unknown(&tokens.access);
        api.assert_not_refreshed(&tokens.refresh);
    }
}

/// RFC 9700 section 4.14: a stolen refresh token shows itself by its second use, whoever is first.
#[test]
fn refresh_token_replay() {
    let world = World::of(
        Node::builder()
            .configuration("[oauth]\nretry_window_s = 0")
            .start(),
    );
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let stolen = api.tokens();
        let renewed = Tokens::of(api.refresh(&stolen.refresh));
        api.assert_not_refreshed(&stolen.refresh);
        api.assert_unknown(&renewed.access);
        api.assert_not_refreshed(&renewed.refresh);
    }
}

/// RFC 6819 section 4.1.2 and 4.4.1.4: a token of another client, or one whose client is gone.
#[test]
fn client_impersonation() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let attacker = api.another_client(json!({}));
        let tokens = api.tokens();
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
        ];
        let answer = api.token_for(&attacker, &form);
        api.assert_error(&answer, INVALID_GRANT, (403, "invalid_client"));
        // The victim's id in the body beside the attacker's credentials.
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
            ("client_id", api.client.id.as_str()),
        ];
        let answer = api.token_for(&attacker, &form);
        assert!(
            matches!(answer.status, 400 | 401 | 403),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains("access_token"));
        // The victim's id without its secret: a confidential client is never taken for a public one.
        let nobody = Credentials {
            secret: String::new(),
            ..api.client.clone()
        };
        let answer = api.token_for(&nobody, &[("grant_type", "client_credentials")]);
        assert!(
            matches!(answer.status, 400 | 401 | 403),
            "{}",
            answer.text()
        );
        // The token was in other hands than its client's: its family has ended.
        api.assert_unknown(&tokens.access);
    }
}

/// RFC 6819 section 4.3.5 and 5.1.4.2.3: guessing secrets is slowed, and codes and tokens cannot be guessed.
#[test]
fn guessing() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let minted = api.tokens();
        // Neighbours of a real token, as somebody would try them who knows many.
        for token in [&minted.access, &minted.refresh] {
            let (head, last) = token.split_at(token.len() - 1);
            for other in ["A", "B", "_", "-"]
                .into_iter()
                .filter(|other| *other != last)
            {
                api.assert_unknown(&format!("{head}{other}"));
            }
        }
        // 120 bits and more that the attacker does not know: RFC 9700 asks for 128 bits of entropy in a code.
        assert!(minted.access.len() > 48 && minted.refresh.len() > 48);
        let wrong = Credentials {
            secret: "guessed".into(),
            ..api.client.clone()
        };
        let statuses: Vec<u16> = (0..11)
            .map(|_| {
                api.token_for(&wrong, &[("grant_type", "client_credentials")])
                    .status
            })
            .collect();
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
        // The right secret tells nothing now either.
        let answer = api
            .token(&[("grant_type", "client_credentials")])
            .expect_status(429);
        assert!(!answer.header("retry-after").is_empty());
    }
}

/// RFC 9700 section 4.2, RFC 6819 section 4.4.1.1: nothing that a browser sees tells the next page what it held.
#[test]
fn credential_leakage_by_referer_and_caches() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let pairs = [
            ("response_type", "code"),
            ("client_id", api.client.id.as_str()),
        ];
        let answers = [
            api.browse(&pairs).expect_status(307),
            api.approve(&[]).expect_status(200),
            api.exchange(&api.code(), &[]).expect_status(200),
            api.exchange("none", &[]),
        ];
        for answer in &answers {
            let control = answer.header("cache-control");
            assert!(
                control.contains("no-store"),
                "{control:?}: {}",
                answer.text()
            );
        }
        // The step of the browser's: no page after it learns the request's parameters.
        assert_eq!(answers[0].header("referrer-policy"), "no-referrer");
    }
}

/// RFC 9700 section 4.3.2, RFC 6750 section 2.3: a token in a URI ends in logs and histories, so it is none there.
#[test]
fn access_token_in_the_query() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let token = api.access_token();
        let bearer = query(&[("authorization", &format!("Bearer {token}"))]);
        for asked in [
            format!("access_token={token}"),
            format!("token={token}"),
            bearer,
        ] {
            let answer = world
                .node
                .client()
                .get(&api.url(&format!("/x?{asked}")), &[]);
            assert!(
                matches!(answer.status, 400 | 401 | 403),
                "{}",
                answer.text()
            );
            assert!(!answer.text().contains(&token), "{}", answer.text());
        }
        // Nor in a form of the request's body (RFC 6750 section 2.2).
        let form = [("access_token", token.as_str())];
        let answer = world.node.client().post_form(&api.url("/x"), &[], &form);
        assert!(
            matches!(answer.status, 400 | 401 | 403),
            "{}",
            answer.text()
        );
    }
}

/// RFC 6819 section 4.6.4 and 5.1.5: a token where the API strips it never reaches the upstream, by any spelling.
#[test]
fn token_leakage_to_the_upstream() {
    let world = World::shared();
    let api = OAuthApi::with(&world, Style::Rfc, json!({"strip_auth_data": true}));
    let token = api.access_token();
    for name in ["authorization", "Authorization", "AUTHORIZATION"] {
        let bearer = format!("Bearer {token}");
        let answer = world.node.client().get(&api.url("/x"), &[(name, &bearer)]);
        let echo = answer.expect_status(200).json();
        assert_eq!(echoed(&echo, "authorization"), Vec::<&str>::new());
        assert!(!echo.to_string().contains(&token), "{echo}");
    }
}

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

/// RFC 9700 section 2.1.2 and 4.3.2: the implicit grant is off unless an API says otherwise, and never yields a refresh token.
#[test]
fn implicit_tokens_where_only_codes_are_allowed() {
    let world = World::shared();
    for style in STYLES {
        let mut meta = json!({"allowed_access_types": ["authorization_code", "refresh_token"]});
        merge(
            &mut meta,
            json!({"allowed_authorize_types": ["code"], "auth_login_redirect": "http://127.0.0.1/login"}),
        );
        let api = OAuthApi::with(&world, style, json!({"oauth_meta": meta}));
        for response_type in ["token", "code token", "id_token", "none"] {
            let answer = api.approve(&[("response_type", response_type)]);
            api.assert_leads_nowhere(&answer);
            assert!(
                !answer.text().contains("access_token\""),
                "{}",
                answer.text()
            );
        }
        let answer = api.token(&[("grant_type", "client_credentials")]);
        assert!(matches!(answer.status, 400 | 403), "{}", answer.text());
    }
}

/// RFC 6819 section 4.2.2: more is never got by asking for more at a refresh.
#[test]
fn scope_escalation() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let approved = api.approve(&[("scope", "read")]).expect_status(200).json();
        let tokens = Tokens::of(api.exchange(&text(&approved, "code"), &[]));
        for scope in ["read write", "admin", "write"] {
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", tokens.refresh.as_str()),
                ("scope", scope),
            ];
            let answer = api.token(&form);
            api.assert_error(&answer, (400, "invalid_scope"), (403, "invalid_scope"));
        }
        api.refresh(&tokens.refresh).expect_status(200);
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
    for target in [
        format!(
            "/{}/oauth/authorize?response_type=code&client_id={}&state={planted}",
            api.id, api.client.id
        ),
        format!("/{}/oauth/authorize?response_type={planted}", api.id),
        format!("/{planted}"),
        format!("/{}/oauth/token?{planted}", api.id),
    ] {
        let mut wire = Wire::connect(world.node.gateway());
        wire.get(&target);
        let head = wire.head();
        assert_eq!(head.header("x-planted"), "", "{target}");
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
