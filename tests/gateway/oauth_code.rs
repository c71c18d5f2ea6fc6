//! The authorization code grant: one code, one pair of tokens, for the client it was made for.

use serde_json::json;

use crate::harness::{Answer, Node, PATIENCE, eventually};
use crate::world::{
    INVALID_GRANT, OAuthApi, REDIRECT, STYLES, Style, TYK_INVALID_GRANT, Tokens, World, text,
};

#[test]
fn a_code_becomes_tokens_that_open_the_api_t15() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let client_id = api.client.id.clone();
        let answer = api
            .exchange(&api.code(), &[("client_id", &client_id)])
            .expect_status(200);
        let body = answer.json();
        let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            keys,
            ["access_token", "expires_in", "refresh_token", "token_type"]
        );
        assert_eq!(
            (&body["expires_in"], &body["token_type"]),
            (&json!(3600), &json!("bearer"))
        );
        api.assert_good(&text(&body, "access_token"));
        // A refresh token is no access token.
        api.assert_unknown(&text(&body, "refresh_token"));
    }
}

#[test]
fn no_refresh_token_where_the_api_does_not_allow_it_d15() {
    let world = World::shared();
    for style in STYLES {
        let oauth_meta = json!({
            "allowed_access_types": ["authorization_code"],
            "allowed_authorize_types": ["code"],
            "auth_login_redirect": "http://login.example/",
        });
        let api = OAuthApi::with(&world, style, json!({"oauth_meta": oauth_meta}));
        let body = api.exchange(&api.code(), &[]).expect_status(200).json();
        assert_eq!(body.get("refresh_token"), None);
        api.assert_good(&text(&body, "access_token"));
        let other = OAuthApi::new(&world, style).tokens();
        let answer = api.refresh(&other.refresh);
        api.assert_error(
            &answer,
            (400, "unsupported_grant_type"),
            (403, "unsupported_grant_type"),
        );
    }
}

#[test]
fn a_code_is_for_the_client_it_was_made_for_and_another_one_burns_it_d9() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let thief = api.another_client(json!({}));
        let code = api.code();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
        ];
        let answer = api.token_for(&thief, &form);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        let answer = api.exchange(&code, &[]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // Used before, it has leaked all the same: what it yielded ends.
        let code = api.code();
        let tokens = Tokens::of(api.exchange(&code, &[]));
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
        ];
        let answer = api.token_for(&thief, &form);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_unknown(&tokens.access);
        let answer = api.refresh(&tokens.refresh);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
    }
}

#[test]
fn a_code_of_one_api_is_nothing_to_another() {
    let world = World::shared();
    for style in STYLES {
        let (one, two) = (OAuthApi::new(&world, style), OAuthApi::new(&world, style));
        let answer = two.exchange(&one.code(), &[]);
        two.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
    }
}

#[test]
fn the_redirect_uri_is_the_one_of_the_authorization_d10() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let mismatch = (400, "invalid_grant");
        let tyk = (403, "invalid_request");
        let code = api.code();
        for wrong in [
            "http://client.example/other",
            "http://evil.example/",
            "http://client.example/back/",
        ] {
            api.assert_error(
                &api.exchange(&code, &[("redirect_uri", wrong)]),
                mismatch,
                tyk,
            );
        }
        // It was sent at the authorization, so it is required.
        api.assert_error(&api.exchange(&code, &[("redirect_uri", "")]), mismatch, tyk);
        // A failed attempt burns nothing.
        api.exchange(&code, &[]).expect_status(200);
        // Where none was sent, none is needed, and no other than the registered one is taken.
        let unsaid = text(
            &api.approve(&[("redirect_uri", "")])
                .expect_status(200)
                .json(),
            "code",
        );
        let evil = [("redirect_uri", "http://evil/")];
        api.assert_error(&api.exchange(&unsaid, &evil), mismatch, tyk);
        api.exchange(&unsaid, &[("redirect_uri", "")])
            .expect_status(200);
        let unsaid = text(
            &api.approve(&[("redirect_uri", "")])
                .expect_status(200)
                .json(),
            "code",
        );
        api.exchange(&unsaid, &[]).expect_status(200);
    }
}

#[test]
fn codes_that_never_were_are_invalid_grants() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let real = api.code();
        let tokens = api.tokens();
        let mut forged = real.clone();
        let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
        forged.push(last);
        let long = "x".repeat(5000);
        for code in [
            "nothing",
            "EaG1fMSKV4nNRIfUPUJfpQ",
            &forged,
            &real[1..],
            &tokens.access,
            &tokens.refresh,
            "\u{1f511}",
            "%00",
        ] {
            api.assert_error(&api.exchange(code, &[]), INVALID_GRANT, TYK_INVALID_GRANT);
        }
        let answer = api.exchange(&long, &[]);
        assert!(matches!(answer.status, 400 | 403), "{}", answer.text());
        api.assert_error(
            &api.exchange("", &[]),
            (400, "invalid_request"),
            (403, "invalid_grant"),
        );
        api.exchange(&real, &[]).expect_status(200);
    }
}

#[test]
fn a_lost_answer_may_be_asked_for_again() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let code = api.code();
        let first = Tokens::of(api.exchange(&code, &[]));
        for _ in 0..3 {
            let again = api.exchange(&code, &[]).expect_status(200).json();
            assert_eq!(text(&again, "access_token"), first.access);
            assert_eq!(text(&again, "refresh_token"), first.refresh);
            assert!(again["expires_in"].as_u64().unwrap() <= 3600);
        }
        api.assert_good(&first.access);
        // Not when the successor was used: then somebody else holds the tokens.
        let second = Tokens::of(api.refresh(&first.refresh));
        api.assert_error(&api.exchange(&code, &[]), INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_unknown(&second.access);
        api.assert_not_refreshed(&second.refresh);
    }
}

#[test]
fn another_request_with_a_used_code_revokes_what_the_first_one_yielded_d7() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let unsaid = text(
            &api.approve(&[("redirect_uri", "")])
                .expect_status(200)
                .json(),
            "code",
        );
        let tokens = Tokens::of(api.exchange(&unsaid, &[("redirect_uri", "")]));
        let answer = api.exchange(&unsaid, &[("redirect_uri", REDIRECT)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_unknown(&tokens.access);
        api.assert_not_refreshed(&tokens.refresh);
    }
}

#[test]
fn without_a_retry_window_a_second_exchange_is_misuse_d7() {
    let node = Node::builder()
        .configuration("[oauth]\nretry_window_s = 0")
        .start();
    let world = World::of(node);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let code = api.code();
        let tokens = Tokens::of(api.exchange(&code, &[]));
        api.assert_error(&api.exchange(&code, &[]), INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_unknown(&tokens.access);
        api.assert_not_refreshed(&tokens.refresh);
    }
}

#[test]
fn the_retry_window_ends() {
    let node = Node::builder()
        .configuration("[oauth]\nretry_window_s = 1")
        .start();
    let world = World::of(node);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let code = api.code();
        let tokens = Tokens::of(api.exchange(&code, &[]));
        let answer = eventually("the window ends", PATIENCE, || {
            let answer = api.exchange(&code, &[]);
            if answer.status == 200 {
                assert_eq!(Tokens::of(answer), tokens);
                return None;
            }
            Some(answer)
        });
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_unknown(&tokens.access);
        api.assert_not_refreshed(&tokens.refresh);
    }
}

/// Whether an exchange was refused for its redirect URI, and not for its code.
fn names_the_redirect_uri(style: Style, answer: &Answer) -> bool {
    let body = answer.json();
    match style {
        Style::Rfc => text(&body, "error_description").contains("redirect_uri"),
        Style::Tyk => text(&body, "error") == "invalid_request",
    }
}

#[test]
fn a_code_expires_d11() {
    let world = World::shared();
    for style in STYLES {
        let name = format!("{style:?}").to_lowercase();
        let raftgate = json!({"error_style": name, "auth_code_ttl_s": 1});
        let api = OAuthApi::with(&world, style, json!({"raftgate": raftgate}));
        let code = api.code();
        // A wrong redirect URI burns nothing, so it tells when the code is gone.
        eventually("the code's life ends", PATIENCE, || {
            let probe = api.exchange(&code, &[("redirect_uri", "http://other.example/")]);
            (!names_the_redirect_uri(style, &probe)).then_some(())
        });
        api.assert_error(&api.exchange(&code, &[]), INVALID_GRANT, TYK_INVALID_GRANT);
    }
}

#[test]
fn lifetimes_are_the_apis_own_and_tokens_expire_t2() {
    let world = World::shared();
    for style in STYLES {
        let name = format!("{style:?}").to_lowercase();
        let raftgate =
            json!({"error_style": name, "access_token_ttl_s": 1, "refresh_token_ttl_s": 2});
        let api = OAuthApi::with(&world, style, json!({"raftgate": raftgate}));
        let body = api.exchange(&api.code(), &[]).expect_status(200).json();
        assert_eq!(body["expires_in"], json!(1));
        let (access, refresh) = (text(&body, "access_token"), text(&body, "refresh_token"));
        let refused = eventually("the access token expires", PATIENCE, || {
            Some(api.call(&access)).filter(|answer| answer.status != 200)
        });
        api.assert_call_refused(
            &refused,
            (401, "invalid_token"),
            (401, "Key has expired, please renew"),
        );
        // A scope that was not granted changes nothing either.
        let wider = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.as_str()),
            ("scope", "not-granted"),
        ];
        eventually("the refresh token's life ends", PATIENCE, || {
            let probe = api.token(&wider).json();
            (text(&probe, "error") != "invalid_scope").then_some(())
        });
        api.assert_not_refreshed(&refresh);
    }
}

#[test]
fn scope_is_stored_and_echoed() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let code = text(
        &api.approve(&[("scope", "read write")])
            .expect_status(200)
            .json(),
        "code",
    );
    let body = api.exchange(&code, &[]).expect_status(200).json();
    assert_eq!(text(&body, "scope"), "read write");
    // What the exchange says about scope changes nothing.
    let code = text(&api.approve(&[]).expect_status(200).json(), "code");
    let body = api.exchange(&code, &[("scope", "admin")]).json();
    assert_ne!(text(&body, "scope"), "admin");
}
