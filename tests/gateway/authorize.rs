//! `{lp}/oauth/authorize`: the browser is sent to the login page, and never to a client with an error.

use serde_json::json;
use url::Url;

use crate::harness::Answer;
use crate::world::{OAuthApi, REDIRECT, STYLES, Style, World, sentence, text};

/// The login page of the APIs here; it has a query of its own.
const LOGIN: &str = "http://login.example/page?tenant=a%20b";

fn api(world: &World, style: Style) -> OAuthApi<'_> {
    let oauth_meta = json!({
        "allowed_access_types": ["authorization_code", "refresh_token"],
        "allowed_authorize_types": ["code"],
        "auth_login_redirect": LOGIN,
    });
    OAuthApi::with(world, style, json!({"oauth_meta": oauth_meta}))
}

impl OAuthApi<'_> {
    fn authorize_by_get(&self, pairs: &[(&str, &str)]) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let url = self.url(&format!("/oauth/authorize?{query}"));
        self.world.node.client().get(&url, &[])
    }

    fn authorize_by_post(&self, pairs: &[(&str, &str)]) -> Answer {
        let url = self.url("/oauth/authorize/");
        self.world.node.client().post_form(&url, &[], pairs)
    }

    /// An error of authorize: RFC style is 400 JSON, Tyk's 403 with the sentence of the code.
    #[track_caller]
    fn assert_not_sent_on(&self, answer: &Answer, rfc: &str, tyk: &str) {
        assert_eq!(answer.header("location"), "");
        let body = answer.json();
        match self.style {
            Style::Rfc => {
                assert_eq!(
                    (answer.status, text(&body, "error").as_str()),
                    (400, rfc),
                    "{body}"
                );
                assert!(!text(&body, "error_description").is_empty());
            }
            Style::Tyk => {
                let expected = json!({"status": "error", "message": sentence(tyk).unwrap()});
                assert_eq!((answer.status, body), (403, expected));
            }
        }
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

/// The pairs of a redirect's query.
fn pairs(answer: &Answer) -> Vec<(String, String)> {
    let location = Url::parse(answer.header("location")).unwrap();
    assert!(
        answer
            .header("location")
            .starts_with("http://login.example/page?")
    );
    location.query_pairs().into_owned().collect()
}

#[test]
fn a_good_request_is_sent_to_the_login_page_with_its_parameters_t3() {
    let world = World::shared();
    for style in STYLES {
        let api = api(&world, style);
        let request = [
            ("response_type", "code"),
            ("client_id", api.client.id.as_str()),
            ("redirect_uri", REDIRECT),
            ("state", "a&b=c ä+%"),
            ("scope", "read write"),
            (
                "code_challenge",
                "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            ),
            ("code_challenge_method", "S256"),
            ("nonce", "of the application"),
        ];
        for answer in [
            api.authorize_by_get(&request),
            api.authorize_by_post(&request),
        ] {
            let answer = answer.expect_status(307);
            let sent = pairs(&answer);
            for (name, value) in request.iter().chain(&[("tenant", "a b")]) {
                let pair = ((*name).to_owned(), (*value).to_owned());
                assert!(sent.contains(&pair), "{pair:?} is missing in {sent:?}");
            }
            assert_eq!(sent.len(), request.len() + 1, "{sent:?}");
            assert_eq!(answer.text(), "");
        }
    }
}

#[test]
fn parameters_come_by_query_and_body_and_the_body_wins() {
    let world = World::shared();
    let api = api(&world, Style::Rfc);
    let url = api.url("/oauth/authorize?response_type=token&state=query");
    let form = [
        ("response_type", "code"),
        ("client_id", api.client.id.as_str()),
    ];
    let answer = world
        .node
        .client()
        .post_form(&url, &[], &form)
        .expect_status(307);
    let sent = pairs(&answer);
    assert!(
        sent.contains(&("response_type".to_owned(), "code".to_owned())),
        "{sent:?}"
    );
    assert!(
        sent.contains(&("state".to_owned(), "query".to_owned())),
        "{sent:?}"
    );
}

#[test]
fn errors_are_told_to_who_asked_and_never_redirected() {
    let world = World::shared();
    for style in STYLES {
        let api = api(&world, style);
        let bare = api.another_client(json!({"redirect_uri": ""}));
        let id = api.client.id.as_str();
        let cases = [
            (
                ("", id, REDIRECT),
                "invalid_request",
                "unsupported_response_type",
            ),
            (
                ("token", id, REDIRECT),
                "unsupported_response_type",
                "unsupported_response_type",
            ),
            (
                ("code token", id, REDIRECT),
                "unsupported_response_type",
                "unsupported_response_type",
            ),
            (("code", "", REDIRECT), "invalid_request", "server_error"),
            (
                ("code", "nobody", REDIRECT),
                "invalid_client",
                "server_error",
            ),
            (
                ("code", &bare.id, REDIRECT),
                "unauthorized_client",
                "unauthorized_client",
            ),
            (
                ("code", id, "http://evil.example/back"),
                "invalid_request",
                "invalid_request",
            ),
            (
                ("code", id, "http://client.example/back#part"),
                "invalid_request",
                "invalid_request",
            ),
            (
                ("code", id, "not a uri"),
                "invalid_request",
                "invalid_request",
            ),
            (
                ("code", id, "javascript:alert(1)"),
                "invalid_request",
                "invalid_request",
            ),
        ];
        for ((response_type, client_id, redirect_uri), rfc, tyk) in cases {
            let request = [
                ("response_type", response_type),
                ("client_id", client_id),
                ("redirect_uri", redirect_uri),
                ("state", "s"),
            ];
            for answer in [
                api.authorize_by_get(&request),
                api.authorize_by_post(&request),
            ] {
                api.assert_not_sent_on(&answer, rfc, tyk);
            }
        }
    }
}

#[test]
fn a_repeated_parameter_and_other_bodies_are_refused() {
    let world = World::shared();
    for style in STYLES {
        let api = api(&world, style);
        let id = &api.client.id;
        let url = api.url(&format!(
            "/oauth/authorize?response_type=code&client_id={id}&client_id={id}"
        ));
        let answer = world.node.client().get(&url, &[]);
        api.assert_not_sent_on(&answer, "invalid_request", "invalid_request");
        let url = api.url("/oauth/authorize");
        for method in ["PUT", "DELETE", "PATCH"] {
            let answer = world.node.client().send(method, &url, &[], b"");
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("allow"), "GET, POST");
        }
    }
}

#[test]
fn a_bad_challenge_is_refused_before_anybody_logs_in() {
    let world = World::shared();
    for style in STYLES {
        let api = api(&world, style);
        let good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        for (challenge, method) in [
            (good, "plain"),
            (good, ""),
            (good, "s256"),
            (good, "S512"),
            ("short", "S256"),
            ("", "S256"),
            ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", "S256"),
        ] {
            let request = [
                ("response_type", "code"),
                ("client_id", api.client.id.as_str()),
                ("code_challenge", challenge),
                ("code_challenge_method", method),
            ];
            let answer = api.authorize_by_get(&request);
            api.assert_not_sent_on(&answer, "invalid_request", "invalid_request");
            let refused = api.approve(&request).expect_status(match style {
                Style::Rfc => 400,
                Style::Tyk => 403,
            });
            assert_eq!(text(&refused.json(), "error"), "invalid_request");
        }
    }
}
