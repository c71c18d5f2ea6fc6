//! The refresh token grant: rotation, reuse that ends the family, and answers that got lost.

use crate::harness::{Answer, Node, PATIENCE, eventually};
use crate::world::{
    INVALID_GRANT, OAuthApi, REDIRECT, STYLES, TYK_INVALID_GRANT, Tokens, World, text,
};

use serde_json::json;

#[test]
fn a_refresh_yields_a_new_pair_and_ends_the_old_access_token_t17_d12() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let first = api.tokens();
        let client_id = api.client.id.clone();
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", first.refresh.as_str()),
            ("redirect_uri", REDIRECT),
            ("client_id", client_id.as_str()),
        ];
        let body = api.token(&form).expect_status(200).json();
        let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            keys,
            ["access_token", "expires_in", "refresh_token", "token_type"]
        );
        assert_eq!(body["expires_in"], json!(3600));
        let second = Tokens {
            access: text(&body, "access_token"),
            refresh: text(&body, "refresh_token"),
        };
        assert_ne!(first.access, second.access);
        assert_ne!(first.refresh, second.refresh);
        api.assert_good(&second.access);
        api.assert_unknown(&first.access);
    }
}

#[test]
fn a_new_refresh_token_refreshes_again_t18() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let mut tokens = api.tokens();
        for _ in 0..10 {
            let next = Tokens::of(api.refresh(&tokens.refresh));
            api.assert_good(&next.access);
            api.assert_unknown(&tokens.access);
            tokens = next;
        }
    }
}

#[test]
fn a_lost_answer_may_be_asked_for_again() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let first = api.tokens();
        let second = Tokens::of(api.refresh(&first.refresh));
        for _ in 0..3 {
            assert_eq!(Tokens::of(api.refresh(&first.refresh)), second);
        }
        api.assert_good(&second.access);
        // Two generations back is misuse, however soon.
        let third = Tokens::of(api.refresh(&second.refresh));
        api.assert_not_refreshed(&first.refresh);
        api.assert_unknown(&third.access);
        api.assert_not_refreshed(&third.refresh);
    }
}

#[test]
fn reuse_revokes_the_family_and_no_other_d13() {
    let node = Node::builder()
        .configuration("[oauth]\nretry_window_s = 0")
        .start();
    let world = World::of(node);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (first, bystander) = (api.tokens(), api.tokens());
        let second = Tokens::of(api.refresh(&first.refresh));
        api.assert_not_refreshed(&first.refresh);
        for access in [&first.access, &second.access] {
            api.assert_unknown(access);
        }
        api.assert_not_refreshed(&second.refresh);
        api.assert_good(&bystander.access);
        Tokens::of(api.refresh(&bystander.refresh));
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
        let first = api.tokens();
        let second = Tokens::of(api.refresh(&first.refresh));
        let answer = eventually("the window ends", PATIENCE, || {
            let answer = api.refresh(&first.refresh);
            if answer.status == 200 {
                assert_eq!(Tokens::of(answer), second);
                return None;
            }
            Some(answer)
        });
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_unknown(&second.access);
        api.assert_not_refreshed(&second.refresh);
    }
}

#[test]
fn a_refresh_token_is_for_its_client_alone() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let thief = api.another_client(json!({}));
        let tokens = api.tokens();
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
        ];
        let answer = api.token_for(&thief, &form);
        api.assert_error(&answer, INVALID_GRANT, (403, "invalid_client"));
        // It has leaked, of whatever generation: the owner's family ends.
        api.assert_unknown(&tokens.access);
        api.assert_not_refreshed(&tokens.refresh);
        let first = api.tokens();
        let second = Tokens::of(api.refresh(&first.refresh));
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", first.refresh.as_str()),
        ];
        let answer = api.token_for(&thief, &form);
        api.assert_error(&answer, INVALID_GRANT, (403, "invalid_client"));
        api.assert_unknown(&second.access);
        // Nor does another API know it.
        let other = OAuthApi::new(&world, style);
        let answer = other.refresh(&api.tokens().refresh);
        assert!(matches!(answer.status, 400 | 403), "{}", answer.text());
    }
}

#[test]
fn refresh_tokens_that_never_were_are_invalid_grants() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let tokens = api.tokens();
        let mut forged = tokens.refresh.clone();
        let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
        forged.push(last);
        let code = api.code();
        for token in [
            "nothing",
            &forged,
            &tokens.access,
            &code,
            &tokens.refresh[1..],
            "%00",
        ] {
            api.assert_error(&api.refresh(token), INVALID_GRANT, TYK_INVALID_GRANT);
        }
        let missing = api.token(&[("grant_type", "refresh_token")]);
        api.assert_error(&missing, (400, "invalid_request"), (403, "invalid_grant"));
        Tokens::of(api.refresh(&tokens.refresh));
    }
}

/// A refresh that asks for a scope.
fn refresh_for(api: &OAuthApi<'_>, refresh: &str, scope: &str) -> Answer {
    api.token(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh),
        ("scope", scope),
    ])
}

#[test]
fn a_refresh_narrows_the_scope_and_never_widens_it() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let code = text(
            &api.approve(&[("scope", "read write")])
                .expect_status(200)
                .json(),
            "code",
        );
        let tokens = Tokens::of(api.exchange(&code, &[]));
        for wider in ["read write admin", "admin", "READ"] {
            let refused = refresh_for(&api, &tokens.refresh, wider);
            api.assert_error(&refused, (400, "invalid_scope"), (403, "invalid_scope"));
        }
        let next = refresh_for(&api, &tokens.refresh, "write")
            .expect_status(200)
            .json();
        assert_eq!(next["scope"], json!("write"));
        // The narrowing was of that access token; the authorization still covers both (RFC 6749 section 6).
        let last = refresh_for(&api, &text(&next, "refresh_token"), "read write");
        assert_eq!(last.expect_status(200).json()["scope"], json!("read write"));
        let plain = api.tokens();
        let refused = refresh_for(&api, &plain.refresh, "read");
        api.assert_error(&refused, (400, "invalid_scope"), (403, "invalid_scope"));
    }
}
