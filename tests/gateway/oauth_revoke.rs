//! `{lp}/oauth/revoke` and `revoke_all`: a client ends its own tokens and nobody else's.

use serde_json::{Value, json};

use crate::control_revocation::post;
use crate::harness::{Answer, Credentials};
use crate::oauth_password::PasswordApi;
use crate::oauth_pkce::tokens_of_a_public_client;
use crate::world::{
    INVALID_GRANT, OAuthApi, Refused, STYLES, Style, TYK_INVALID_GRANT, Tokens, World, sentence,
    text,
};

impl OAuthApi<'_> {
    fn revoke_for(&self, client: &Credentials, form: &[(&str, &str)]) -> Answer {
        let basic = client.basic();
        let headers = [("authorization", basic.as_str())];
        let url = self.url("/oauth/revoke");
        self.world.node.client().post_form(&url, &headers, form)
    }

    #[track_caller]
    fn revoke(&self, form: &[(&str, &str)]) {
        let answer = self.revoke_for(&self.client, form).expect_status(200);
        let expected = json!({"status": "ok", "message": "token revoked successfully"});
        assert_eq!(answer.json(), expected);
    }

    fn revoke_all(&self, form: &[(&str, &str)]) -> Answer {
        let url = self.url("/oauth/revoke_all");
        self.world.node.client().post_form(&url, &[], form)
    }

    /// A refusal of the revocation endpoints: RFC style as everywhere, Tyk's with words of its own.
    #[track_caller]
    fn assert_not_revoked(&self, answer: &Answer, rfc: (u16, &str), tyk: (u16, &str)) {
        match self.style {
            Style::Rfc => {
                let body = answer.json();
                assert_eq!(
                    (answer.status, text(&body, "error").as_str()),
                    rfc,
                    "{body}"
                );
            }
            Style::Tyk => {
                let expected = json!({"status": "error", "message": tyk.1});
                assert_eq!((answer.status, answer.json()), (tyk.0, expected));
            }
        }
    }
}

#[test]
fn a_revoked_access_token_is_refused_at_once_and_its_refresh_token_lives() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let tokens = api.tokens();
        api.revoke(&[("token", &tokens.access)]);
        api.assert_unknown(&tokens.access);
        let next = Tokens::of(api.refresh(&tokens.refresh));
        api.assert_good(&next.access);
    }
}

#[test]
fn a_revoked_refresh_token_takes_its_access_token_along() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let first = api.tokens();
        let second = Tokens::of(api.refresh(&first.refresh));
        api.revoke(&[("token", &second.refresh)]);
        api.assert_unknown(&second.access);
        api.assert_not_refreshed(&second.refresh);
        // An older generation's token names the same family.
        let first = api.tokens();
        let second = Tokens::of(api.refresh(&first.refresh));
        api.revoke(&[("token", &first.refresh)]);
        api.assert_unknown(&second.access);
    }
}

#[test]
fn a_wrong_hint_is_no_hindrance_d22() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let tokens = api.tokens();
        api.revoke(&[
            ("token", &tokens.access),
            ("token_type_hint", "refresh_token"),
        ]);
        api.assert_unknown(&tokens.access);
        let tokens = api.tokens();
        api.revoke(&[
            ("token", &tokens.refresh),
            ("token_type_hint", "access_token"),
        ]);
        api.assert_unknown(&tokens.access);
        let tokens = api.tokens();
        api.revoke(&[("token", &tokens.access), ("token_type_hint", "nonsense")]);
        api.assert_unknown(&tokens.access);
    }
}

#[test]
fn unknown_tokens_are_fine_and_no_token_is_not_d21() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let revoked = api.tokens();
        api.revoke(&[("token", &revoked.access)]);
        for token in [
            revoked.access.as_str(),
            "never-was",
            "some-basic-user",
            "\u{1f511}",
        ] {
            api.revoke(&[("token", token)]);
        }
        for form in [vec![], vec![("token", "")]] {
            let answer = api.revoke_for(&api.client, &form);
            api.assert_not_revoked(
                &answer,
                (400, "invalid_request"),
                (400, "token is required"),
            );
        }
    }
}

#[test]
fn a_client_must_prove_itself_and_cannot_touch_others_tokens() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let tokens = api.tokens();
        let form = [("token", tokens.access.as_str())];
        let url = api.url("/oauth/revoke/");
        let answer = world.node.client().post_form(&url, &[], &form);
        api.assert_not_revoked(
            &answer,
            (401, "invalid_client"),
            (401, "client_id is required"),
        );
        let wrong = Credentials {
            secret: "wrong".into(),
            ..api.client.clone()
        };
        let answer = api.revoke_for(&wrong, &form);
        api.assert_not_revoked(
            &answer,
            (401, "invalid_client"),
            (401, "client secret is wrong"),
        );
        api.assert_good(&tokens.access);
        // Another client learns nothing and ends nothing (RFC 7009 section 2.1).
        let stranger = api.another_client(json!({}));
        for token in [&tokens.access, &tokens.refresh] {
            let answer = api.revoke_for(&stranger, &[("token", token)]);
            match style {
                Style::Rfc => {
                    let words = "The token is another client's.";
                    let expected = json!({"error": "invalid_grant", "error_description": words});
                    assert_eq!((answer.status, answer.json()), (400, expected));
                }
                Style::Tyk => {
                    let words = sentence("invalid_client").unwrap();
                    let expected = json!({"status": "error", "message": words});
                    assert_eq!((answer.status, answer.json()), (403, expected));
                }
            }
        }
        api.assert_good(&tokens.access);
        Tokens::of(api.refresh(&tokens.refresh));
    }
}

#[test]
fn the_name_of_a_user_is_no_token_at_any_door_d23() {
    let world = World::shared();
    for style in STYLES {
        let at = PasswordApi::new(&world, style, json!({}));
        let (api, client) = (&at.api, at.api.client.id.as_str());
        let tokens = Tokens::of(at.login("s3cret"));
        let spellings = [at.user.clone(), format!("default{}", at.user)];
        for token in &spellings {
            for hint in ["", "access_token", "refresh_token"] {
                let form = [("token", token.as_str()), ("token_type_hint", hint)];
                api.revoke(&form);
                let form = [&form[..], &[("client_id", client)]].concat();
                api.revoke_at_control(&form).expect_status(200);
                let path = format!("/api/apis/oauth/{client}/revoke");
                post(&world, &path, &form).expect_status(200);
            }
        }
        let path = format!("/tyk/keys/{}", at.user);
        world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(200);
        api.assert_good(&tokens.access);
        // A login ends the client's access token of before.
        let next = Tokens::of(at.login("s3cret"));
        api.assert_good(&next.access);
    }
}

#[test]
fn credentials_in_the_body_and_a_trailing_slash_do_as_well() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let tokens = api.tokens();
        let form = [
            ("token", tokens.access.as_str()),
            ("client_id", &api.client.id),
            ("client_secret", &api.client.secret),
        ];
        let url = api.url("/oauth/revoke/");
        world
            .node
            .client()
            .post_form(&url, &[], &form)
            .expect_status(200);
        api.assert_unknown(&tokens.access);
    }
}

#[test]
fn same_second_siblings_stay_d29() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let tokens: Vec<_> = (0..5).map(|_| api.access_token()).collect();
        api.revoke(&[("token", &tokens[2])]);
        for (at, token) in tokens.iter().enumerate() {
            if at == 2 {
                api.assert_unknown(token);
            } else {
                api.assert_good(token);
            }
        }
    }
}

#[test]
fn revoke_all_ends_every_token_of_the_client_d24() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let other = api.another_client(json!({}));
        let others = world.node.access_token(&api.id, &other);
        let tokens: Vec<_> = (0..3).map(|_| api.tokens()).collect();
        let code = api.code();
        let form = [
            ("client_id", api.client.id.as_str()),
            ("client_secret", api.client.secret.as_str()),
        ];
        let answer = api.revoke_all(&form).expect_status(200);
        let expected = json!({"status": "ok", "message": "tokens revoked successfully"});
        assert_eq!(answer.json(), expected);
        for pair in &tokens {
            api.assert_unknown(&pair.access);
            api.assert_not_refreshed(&pair.refresh);
        }
        api.assert_error(&api.exchange(&code, &[]), INVALID_GRANT, TYK_INVALID_GRANT);
        api.assert_good(&others);
        // The client itself goes on.
        api.assert_good(&api.access_token());
        api.assert_good(&api.tokens().access);
    }
}

#[test]
fn revoke_all_refuses_by_the_table_d24() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let token = api.access_token();
        let id = api.client.id.as_str();
        let rfc = (401, "invalid_client");
        let cases: [Refused<'_>; 5] = [
            (&[], rfc, (401, "client_id is required")),
            (
                &[("client_secret", "x")],
                rfc,
                (401, "client_id is required"),
            ),
            (
                &[("client_id", id)],
                rfc,
                (401, "client_secret is required"),
            ),
            (
                &[("client_id", "nobody"), ("client_secret", "x")],
                rfc,
                (404, "error getting oauth client"),
            ),
            (
                &[("client_id", id), ("client_secret", "x")],
                rfc,
                (401, "client secret is wrong"),
            ),
        ];
        for (form, rfc, tyk) in cases {
            api.assert_not_revoked(&api.revoke_all(form), rfc, tyk);
        }
        api.assert_good(&token);
    }
}

/// Its name stands in every browser's address, and whoever reads it there must not log out all of its users.
#[test]
fn a_public_client_ends_its_own_tokens_one_by_one_only() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let public = api.another_client(json!({"public": true}));
        let tokens = tokens_of_a_public_client(&api, &public);
        let name = ("client_id", public.id.as_str());
        let (rfc, tyk) = ((401, "invalid_client"), (401, "client_secret is required"));
        api.assert_not_revoked(&api.revoke_all(&[name]), rfc, tyk);
        api.assert_good(&tokens.access);
        let url = api.url("/oauth/revoke");
        let form = [("token", tokens.access.as_str()), name];
        let answer = world.node.client().post_form(&url, &[], &form);
        answer.expect_status(200);
        api.assert_unknown(&tokens.access);
    }
}

#[test]
fn only_post_with_a_form_revokes() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let token = api.access_token();
        let basic = api.client.basic();
        for rest in ["/oauth/revoke", "/oauth/revoke_all"] {
            let url = api.url(&format!("{rest}?token={token}"));
            for method in ["GET", "PUT", "DELETE"] {
                let headers = [("authorization", basic.as_str())];
                let answer = world.node.client().send(method, &url, &headers, b"");
                assert_eq!(
                    (answer.status, answer.header("allow")),
                    (405, "POST"),
                    "{method} {rest}"
                );
            }
            let headers = [
                ("authorization", basic.as_str()),
                ("content-type", "text/plain"),
            ];
            let answer = world
                .node
                .client()
                .send("POST", &api.url(rest), &headers, b"token=x");
            let tyk = (400, "error parsing form. Form malformed");
            api.assert_not_revoked(&answer, (400, "invalid_request"), tyk);
        }
        api.assert_good(&token);
    }
}
