//! Revocation on the control listener: one token, all of a client's, a refresh token alone.

use serde_json::{Value, json};

use crate::harness::{Answer, Node, merge, oauth_api, policy};
use crate::world::{OAuthApi, REDIRECT, STYLES, Style, Tokens, World, text, unique};

/// Posts a form to the control listener, as its operator.
pub(crate) fn post(world: &World, path: &str, form: &[(&str, &str)]) -> Answer {
    let secret = world.node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    let url = world.node.control_url(path);
    world.node.client().post_form(&url, &headers, form)
}

impl OAuthApi<'_> {
    pub(crate) fn revoke_at_control(&self, form: &[(&str, &str)]) -> Answer {
        post(self.world, "/tyk/oauth/revoke", form)
    }

    pub(crate) fn revoke_all_at_control(&self, form: &[(&str, &str)]) -> Answer {
        post(self.world, "/tyk/oauth/revoke_all/", form)
    }
}

#[track_caller]
fn assert_refused(answer: Answer, status: u16, message: &str) {
    let answer = answer.expect_status(status);
    assert_eq!(
        answer.text().trim_end(),
        json!({"status": "error", "message": message}).to_string()
    );
}

#[track_caller]
fn assert_done(answer: Answer, message: &str) {
    let answer = answer.expect_status(200);
    assert_eq!(
        answer.text().trim_end(),
        json!({"status": "ok", "message": message}).to_string()
    );
}

const ONE: &str = "token revoked successfully";
const ALL: &str = "tokens revoked successfully";

#[test]
fn one_token_is_revoked_whatever_the_hint_and_the_encoding_d21_d22() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let id = api.client.id.as_str();
        for hint in ["access_token", "refresh_token", "nonsense", ""] {
            let tokens = api.tokens();
            let form = [
                ("token", tokens.access.as_str()),
                ("client_id", id),
                ("token_type_hint", hint),
            ];
            assert_done(api.revoke_at_control(&form), ONE);
            api.assert_unknown(&tokens.access);
            let next = Tokens::of(api.refresh(&tokens.refresh));
            let form = [
                ("token", next.refresh.as_str()),
                ("client_id", id),
                ("token_type_hint", hint),
            ];
            assert_done(api.revoke_at_control(&form), ONE);
            api.assert_unknown(&next.access);
            api.assert_not_refreshed(&next.refresh);
        }
        let token = api.access_token();
        let body = json!({"token": token, "client_id": id, "org_id": "default"});
        assert_done(world.node.ask("POST", "/tyk/oauth/revoke", &body), ONE);
        api.assert_unknown(&token);
        for token in [
            "never-was",
            &token,
            "some-basic-user",
            "00000000000000000000000000000000",
        ] {
            assert_done(
                api.revoke_at_control(&[("token", token), ("client_id", id)]),
                ONE,
            );
        }
    }
}

#[test]
fn what_a_revocation_lacks_is_said_in_tyks_words() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let id = api.client.id.as_str();
    let token = api.access_token();
    let token = token.as_str();
    for (form, message) in [
        (&[][..], "token is required"),
        (&[("client_id", id)], "token is required"),
        (&[("token", ""), ("client_id", id)], "token is required"),
        (&[("token", token)], "client_id is required"),
        (
            &[("token", token), ("client_id", "nobody")],
            "oauth client doesn't exist",
        ),
        (
            &[("token", token), ("client_id", id), ("org_id", "others")],
            "oauth client doesn't exist",
        ),
        (
            &[("token", token), ("client_id", "\u{1}")],
            "oauth client doesn't exist",
        ),
    ] {
        assert_refused(api.revoke_at_control(form), 400, message);
    }
    let (secret, malformed) = (world.node.secret(), "cannot parse form. Form malformed");
    for path in ["/tyk/oauth/revoke", "/tyk/oauth/revoke_all"] {
        let url = world.node.control_url(path);
        for (kind, body) in [
            ("text/plain", &b"token=x"[..]),
            ("application/json", b"[]"),
            ("application/json", b"{\"token\":1}"),
            ("application/x-www-form-urlencoded", b"token=1&token=2"),
            ("application/x-www-form-urlencoded", b"token=\xff"),
        ] {
            let headers = [("authorization", secret.as_str()), ("content-type", kind)];
            let answer = world.node.client().send("POST", &url, &headers, body);
            assert_refused(answer, 400, malformed);
        }
        for method in ["GET", "PUT", "DELETE"] {
            let answer = world.node.ask(method, path, &Value::Null);
            assert_refused(answer, 405, "Method not supported");
        }
    }
    api.assert_good(token);
}

#[test]
fn another_clients_token_is_left_alone_without_a_word() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let other = api.another_client(json!({}));
    let tokens = api.tokens();
    for token in [&tokens.access, &tokens.refresh] {
        assert_done(
            api.revoke_at_control(&[("token", token), ("client_id", &other.id)]),
            ONE,
        );
    }
    api.assert_good(&tokens.access);
    api.refresh(&tokens.refresh).expect_status(200);
}

#[test]
fn all_tokens_need_the_clients_secret_and_a_wrong_one_is_refused_d25() {
    // A node of its own: wrong secrets count against the client.
    let world = World::of(Node::start());
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (id, secret) = (api.client.id.as_str(), api.client.secret.as_str());
        let tokens = api.tokens();
        for (form, status, message) in [
            (&[][..], 401, "client_id is required"),
            (&[("client_secret", secret)], 401, "client_id is required"),
            (&[("client_id", id)], 401, "client_secret is required"),
            (
                &[("client_id", "nobody"), ("client_secret", "x")],
                404,
                "oauth client doesn't exist",
            ),
            (
                &[("client_id", id), ("client_secret", "x")],
                401,
                "client secret is wrong",
            ),
            (
                &[
                    ("client_id", id),
                    ("client_secret", secret),
                    ("org_id", "others"),
                ],
                404,
                "oauth client doesn't exist",
            ),
        ] {
            assert_refused(api.revoke_all_at_control(form), status, message);
        }
        // A secret in the query is none.
        let path = format!("/tyk/oauth/revoke_all?client_secret={secret}");
        let answer = post(&world, &path, &[("client_id", id)]);
        assert_refused(answer, 401, "client_secret is required");
        let wrong = [
            ("token", tokens.access.as_str()),
            ("client_id", id),
            ("client_secret", "x"),
        ];
        assert_refused(api.revoke_at_control(&wrong), 401, "client secret is wrong");
        api.assert_good(&tokens.access);
        let form = [
            ("client_id", id),
            ("client_secret", secret),
            ("org_id", "default"),
        ];
        assert_done(api.revoke_all_at_control(&form), ALL);
        api.assert_unknown(&tokens.access);
        api.assert_not_refreshed(&tokens.refresh);
        let token = api.access_token();
        let body = json!({"client_id": id, "client_secret": secret});
        assert_done(world.node.ask("POST", "/tyk/oauth/revoke_all", &body), ALL);
        api.assert_unknown(&token);
        api.assert_good(&api.access_token());
    }
}

#[test]
fn guessing_a_clients_secret_here_closes_the_same_door() {
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let form = [
        ("client_id", api.client.id.as_str()),
        ("client_secret", "guess"),
    ];
    for _ in 0..10 {
        api.revoke_all_at_control(&form).expect_status(401);
    }
    let answer = api.revoke_all_at_control(&form).expect_status(429);
    assert_ne!(answer.header("retry-after"), "");
    api.token(&[("grant_type", "client_credentials")])
        .expect_status(429);
}

#[test]
fn a_public_client_has_no_secret_to_send() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let public = api.another_client(json!({"public": true}));
        let answer = api.approve_for(&public, &[("response_type", "token")]);
        let token = text(&answer.expect_status(200).json(), "access_token");
        let form = [("client_id", public.id.as_str()), ("client_secret", "x")];
        assert_refused(
            api.revoke_all_at_control(&form),
            401,
            "client secret is wrong",
        );
        assert_done(api.revoke_all_at_control(&form[..1]), ALL);
        api.assert_unknown(&token);
    }
}

#[test]
fn a_client_of_several_apis_loses_its_tokens_at_all_of_them() {
    let world = World::shared();
    let (one, two) = (
        OAuthApi::new(&world, Style::Rfc),
        OAuthApi::new(&world, Style::Rfc),
    );
    let other = unique("other-org");
    let mut foreign = oauth_api(&other, &format!("/{other}/"), &world.upstream.url("/"));
    merge(&mut foreign, json!({"org_id": "other-org"}));
    world.node.create_api(&foreign);
    let mut theirs = policy(&other, &[&other]);
    merge(&mut theirs, json!({"org_id": "other-org"}));
    world.node.create_policy(&theirs);
    let both = unique("both");
    world
        .node
        .create_policy(&policy(&both, &[&one.id, &two.id]));
    let client = world
        .node
        .create_client(&json!({"policy_id": both, "redirect_uri": REDIRECT}));
    world.node.create_client(&json!({"client_id": client.id, "secret": client.secret, "api_id": other, "policy_id": other}));
    let tokens = [&one.id, &two.id, &other].map(|id| world.node.access_token(id, &client));
    let call = |at: usize| {
        let id = [&one.id, &two.id, &other][at];
        world
            .node
            .get_with_token(&format!("/{id}/called"), &tokens[at])
            .status
    };
    let form = [
        ("client_id", client.id.as_str()),
        ("client_secret", &client.secret),
        ("org_id", "default"),
    ];
    assert_done(post(&world, "/tyk/oauth/revoke_all", &form), ALL);
    assert_eq!([call(0), call(1), call(2)], [401, 401, 200]);
    assert_done(post(&world, "/tyk/oauth/revoke_all", &form[..2]), ALL);
    assert_eq!(call(2), 401);
    let token = world.node.access_token(&two.id, &client);
    let form = [("client_id", client.id.as_str()), ("token", &token)];
    assert_done(post(&world, "/tyk/oauth/revoke", &form), ONE);
    two.assert_unknown(&token);
}

#[test]
fn a_refresh_token_is_invalidated_and_its_access_token_goes_on_t16() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let tokens = api.tokens();
        let delete = |token: &str, query: &str| {
            let path = format!("/tyk/oauth/refresh/{token}{query}");
            world.node.ask("DELETE", &path, &Value::Null)
        };
        let keyless = unique("keyless");
        let target = world.upstream.url("/");
        world.node.create_api(&crate::harness::keyless_api(
            &keyless,
            &format!("/{keyless}/"),
            &target,
        ));
        for (query, status, message) in [
            (String::new(), 400, "Missing parameter api_id"),
            ("?api_id=".to_owned(), 400, "Missing parameter api_id"),
            (
                "?api_id=no-api".to_owned(),
                404,
                "API for this refresh token not found",
            ),
            (
                format!("?api_id={keyless}"),
                400,
                "OAuth is not enabled on this API",
            ),
        ] {
            assert_refused(delete(&tokens.refresh, &query), status, message);
        }
        let here = format!("?api_id={}", api.id);
        let expected = |key: &str| format!(r#"{{"key":"{key}","status":"ok","action":"deleted"}}"#);
        // Tokens that are none, and another API's, are left alone without a word.
        let other = OAuthApi::new(&world, style);
        for (token, query) in [
            ("never-was", here.as_str()),
            (&tokens.access, &here),
            (&tokens.refresh, &format!("?api_id={}", other.id)),
        ] {
            assert_eq!(
                delete(token, query).expect_status(200).text(),
                expected(token)
            );
        }
        let tokens = Tokens::of(api.refresh(&tokens.refresh));
        for _ in 0..2 {
            let answer = delete(&tokens.refresh, &here).expect_status(200);
            assert_eq!(answer.text(), expected(&tokens.refresh));
        }
        api.assert_not_refreshed(&tokens.refresh);
        api.assert_good(&tokens.access);
        assert!(
            !world.node.log().contains(&tokens.refresh),
            "no token is in a log"
        );
    }
}
