//! PKCE (RFC 7636): the verifier answers the challenge, and a public client cannot do without.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::harness::{Answer, Credentials, Node};
use crate::world::{
    INVALID_GRANT, OAuthApi, REDIRECT, STYLES, TYK_INVALID_GRANT, Tokens, World, text,
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const OTHER: &str = "another-verifier-of-forty-three-characters-x";

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn code_with(api: &OAuthApi<'_>, client: &Credentials, pairs: &[(&str, &str)]) -> String {
    text(
        &api.approve_for(client, pairs).expect_status(200).json(),
        "code",
    )
}

/// Tokens of a client that has a name and no secret.
pub(crate) fn tokens_of_a_public_client(api: &OAuthApi<'_>, client: &Credentials) -> Tokens {
    let hash = challenge(VERIFIER);
    let with = [
        ("code_challenge", hash.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let code = code_with(api, client, &with);
    Tokens::of(exchange_in_public(api, &client.id, &code, VERIFIER))
}

/// A public client's exchange: its id alone.
fn exchange_in_public(api: &OAuthApi<'_>, client_id: &str, code: &str, verifier: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    let form: Vec<_> = form
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    api.world
        .node
        .client()
        .post_form(&api.url("/oauth/token"), &[], &form)
}

#[test]
fn the_verifier_must_answer_the_challenge() {
    let world = World::shared();
    assert_eq!(
        challenge(VERIFIER),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    let hash = challenge(VERIFIER);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let with = [
            ("code_challenge", hash.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let code = code_with(&api, &api.client, &with);
        for wrong in [OTHER, "", &hash] {
            let answer = api.exchange(&code, &[("code_verifier", wrong)]);
            api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        }
        let padded = format!("{VERIFIER}=");
        for malformed in ["short", &padded, &"v".repeat(129)] {
            let answer = api.exchange(&code, &[("code_verifier", malformed)]);
            assert!(
                matches!(answer.status, 400 | 403),
                "{malformed}: {}",
                answer.status
            );
        }
        // A wrong verifier burns nothing: whoever knows only the code cannot take it from its owner.
        let answer = api.exchange(&code, &[("code_verifier", VERIFIER)]);
        let tokens = Tokens::of(answer);
        api.assert_good(&tokens.access);
        // The retry with another verifier is no retry.
        let answer = api.exchange(&code, &[("code_verifier", OTHER)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_unknown(&tokens.access);
    }
}

#[test]
fn a_verifier_without_a_challenge_is_refused() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let answer = api.exchange(&api.code(), &[("code_verifier", VERIFIER)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
    }
}

#[test]
fn a_public_client_needs_a_challenge_and_no_secret() {
    let world = World::shared();
    let hash = challenge(VERIFIER);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let public = api.another_client(json!({"public": true}));
        assert_eq!(public.secret, "");
        let answer = api.approve_for(&public, &[]);
        api.assert_error(&answer, (400, "invalid_request"), (403, "invalid_request"));
        let with = [
            ("code_challenge", hash.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let code = code_with(&api, &public, &with);
        let answer = exchange_in_public(&api, &public.id, &code, OTHER);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        let answer = exchange_in_public(&api, &public.id, &code, "");
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        let tokens = Tokens::of(exchange_in_public(&api, &public.id, &code, VERIFIER));
        api.assert_good(&tokens.access);
        // It has no credentials of its own to ask with.
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", public.id.as_str()),
        ];
        let url = api.url("/oauth/token");
        let answer = world.node.client().post_form(&url, &[], &form);
        api.assert_error(
            &answer,
            (400, "unauthorized_client"),
            (403, "unauthorized_client"),
        );
    }
}

#[test]
fn a_public_client_has_no_second_try_with_a_refresh_token() {
    let world = World::shared();
    let hash = challenge(VERIFIER);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let public = api.another_client(json!({"public": true}));
        let with = [
            ("code_challenge", hash.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let code = code_with(&api, &public, &with);
        let first = Tokens::of(exchange_in_public(&api, &public.id, &code, VERIFIER));
        let refresh = |token: &str| {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", public.id.as_str()),
                ("refresh_token", token),
            ];
            world
                .node
                .client()
                .post_form(&api.url("/oauth/token"), &[], &form)
        };
        let second = Tokens::of(refresh(&first.refresh));
        api.assert_good(&second.access);
        api.assert_error(&refresh(&first.refresh), INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_unknown(&second.access);
        api.assert_error(&refresh(&second.refresh), INVALID_GRANT, TYK_INVALID_GRANT);
    }
}

#[test]
fn a_confidential_client_is_not_public_for_having_a_verifier() {
    let world = World::shared();
    let hash = challenge(VERIFIER);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let with = [
            ("code_challenge", hash.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let code = code_with(&api, &api.client, &with);
        let answer = exchange_in_public(&api, &api.client.id, &code, VERIFIER);
        api.assert_error(&answer, (401, "invalid_client"), (403, "invalid_request"));
        api.exchange(&code, &[("code_verifier", VERIFIER)])
            .expect_status(200);
    }
}

#[test]
fn the_plain_method_is_a_setting() {
    let node = Node::builder()
        .configuration("[oauth]\nallow_plain_pkce = true")
        .start();
    let world = World::of(node);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        // Without a method the challenge is plain (RFC 7636 section 4.3).
        for method in ["plain", ""] {
            let with = [
                ("code_challenge", VERIFIER),
                ("code_challenge_method", method),
            ];
            let code = code_with(&api, &api.client, &with);
            let answer = api.exchange(&code, &[("code_verifier", OTHER)]);
            api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
            api.exchange(&code, &[("code_verifier", VERIFIER)])
                .expect_status(200);
        }
    }
}
