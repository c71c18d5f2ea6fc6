//! The client credentials grant: a session of the client's policy, and no refresh token.

use serde_json::json;

use crate::harness::policy;
use crate::world::{OAuthApi, STYLES, Style, World, text};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[test]
fn a_client_gets_a_token_and_nothing_to_refresh_it_with_t14() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let body = api.token(&[GRANT]).expect_status(200).json();
        let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["access_token", "expires_in", "token_type"]);
        assert_eq!(
            (&body["expires_in"], &body["token_type"]),
            (&json!(3600), &json!("bearer"))
        );
        api.assert_good(&text(&body, "access_token"));
    }
}

#[test]
fn each_request_has_its_own_token_and_all_are_good() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let mut tokens: Vec<_> = (0..20).map(|_| api.access_token()).collect();
    for token in &tokens {
        api.assert_good(token);
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 20);
}

#[test]
fn tokens_are_plain_text_that_a_scanner_can_find() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let tokens = api.tokens();
    let client = api.access_token();
    let prefix = |token: &str| {
        token
            .split_once(['_', '-'])
            .map(|(first, _)| first.to_owned())
    };
    for token in [&tokens.access, &tokens.refresh, &client] {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(token.bytes().all(plain), "{token}");
        assert!(token.len() < 200);
    }
    assert_eq!(prefix(&tokens.access), prefix(&client));
    assert_ne!(
        tokens.access[..6],
        tokens.refresh[..6],
        "the prefix names the kind"
    );
}

#[test]
fn without_a_policy_there_is_no_session_d16() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let none = api.another_client(json!({"policy_id": ""}));
        let unknown = api.another_client(json!({"policy_id": "no-such-policy"}));
        for client in [none, unknown] {
            let answer = api.token_for(&client, &[GRANT]);
            api.assert_error(&answer, (400, "unauthorized_client"), (403, "server_error"));
        }
    }
}

#[test]
fn a_client_without_a_redirect_uri_may_use_it_d17() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let client = api.another_client(json!({"redirect_uri": ""}));
        api.token_for(&client, &[GRANT]).expect_status(200);
    }
}

#[test]
fn scope_is_echoed_and_a_malformed_one_refused() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let body = api
            .token(&[GRANT, ("scope", "read write:all")])
            .expect_status(200)
            .json();
        assert_eq!(text(&body, "scope"), "read write:all");
        for malformed in ["a\"b", "a\\b", "\u{e4}", "a\nb"] {
            let answer = api.token(&[GRANT, ("scope", malformed)]);
            api.assert_error(&answer, (400, "invalid_scope"), (403, "invalid_scope"));
        }
    }
}

#[test]
fn a_token_opens_the_apis_of_its_policy_and_no_other() {
    let world = World::shared();
    for style in STYLES {
        let (one, two) = (OAuthApi::new(&world, style), OAuthApi::new(&world, style));
        let token = one.access_token();
        one.assert_good(&token);
        // Neither has the session a right there, nor is the client registered, which is what Tyk looks at first.
        two.assert_call_refused(
            &two.call(&token),
            (403, "insufficient_scope"),
            (403, "Key not authorised. OAuth client access was revoked"),
        );
    }
}

#[test]
fn a_client_of_several_apis_uses_one_token_at_all_of_them_t1() {
    let world = World::shared();
    for style in STYLES {
        let ([one, two], both, client) = OAuthApi::two_of_one_client(&world, style);
        let token = world.node.access_token(&one.id, &client);
        one.assert_good(&token);
        two.assert_good(&token);
        // The right to the second API ends, the first is not touched.
        world.node.create_policy(&policy(&both, &[&one.id]));
        one.assert_good(&token);
        two.assert_call_refused(
            &two.call(&token),
            (403, "insufficient_scope"),
            (403, "Access to this API has been disallowed"),
        );
    }
}
