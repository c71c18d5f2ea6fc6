//! Attacks on clients and their tokens: impersonation, guessing, leakage, and what a token must not be good for.

use serde_json::json;

use crate::attacks::query;
use crate::harness::{Credentials, merge};
use crate::world::{INVALID_GRANT, OAuthApi, STYLES, Style, Tokens, World, echoed, text};

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
