//! `oauth_error_status_code`: the status of every error of OAuth in Tyk's style, and of none in the other.

use serde_json::json;

use crate::harness::{Answer, Credentials, Node};
use crate::oauth_password::PasswordApi;
use crate::oauth_token_endpoint::{GRANT, without_header};
use crate::world::{OAuthApi, STYLES, Style, World, sentence, text};

/// A node on which Tyk's errors have another status.
fn world() -> World {
    let settings = "[oauth]\nerror_style = \"tyk\"\nerror_status_code = 400";
    World::of(Node::builder().configuration(settings).start())
}

/// An answer, and the codes that the styles have for it.
type Refused = (Answer, (u16, &'static str), &'static str);

/// Every error that the token endpoint knows.
fn at_the_token_endpoint(api: &OAuthApi<'_>) -> Vec<Refused> {
    let invalid = (400, "invalid_request");
    let stranger = |id: &str| Credentials {
        id: id.to_owned(),
        secret: "wrong".to_owned(),
    };
    let without_policy = api.another_client(json!({"policy_id": ""}));
    let thief = api.another_client(json!({}));
    let tokens = api.tokens();
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    let url = api.url("/oauth/token");
    let by_get = api.world.node.client().get(&url, &[]);
    let no_client = (401, "invalid_client");
    let no_grant = (400, "invalid_grant");
    vec![
        (by_get, invalid, "invalid_request"),
        (without_header(api, &[GRANT]), no_client, "invalid_request"),
        (
            api.token_for(&stranger("nobody"), &[GRANT]),
            no_client,
            "unauthorized_client",
        ),
        (
            api.token_for(&stranger(&api.client.id), &[GRANT]),
            no_client,
            "unauthorized_client",
        ),
        (api.token(&[]), invalid, "unsupported_grant_type"),
        (
            api.token(&[("grant_type", "nothing")]),
            (400, "unsupported_grant_type"),
            "unsupported_grant_type",
        ),
        (api.exchange("", &[]), invalid, "invalid_grant"),
        (api.exchange("never-was", &[]), no_grant, "invalid_grant"),
        (
            api.exchange(&api.code(), &[("redirect_uri", "http://evil.example/")]),
            no_grant,
            "invalid_request",
        ),
        (api.refresh("never-was"), no_grant, "invalid_grant"),
        (api.token_for(&thief, &refresh), no_grant, "invalid_client"),
        (
            api.token(&[GRANT, ("scope", "a\"b")]),
            (400, "invalid_scope"),
            "invalid_scope",
        ),
        (
            api.token_for(&without_policy, &[GRANT]),
            (400, "unauthorized_client"),
            "server_error",
        ),
    ]
}

/// A request's pairs, and the codes that the styles have for it.
type Asked<'a> = (Vec<(&'a str, &'a str)>, &'static str, &'static str);

/// Requests of authorize and authorize-client.
fn of_the_authorization<'a>(api: &'a OAuthApi<'_>, bare: &'a Credentials) -> [Asked<'a>; 4] {
    let asked = |response_type, client_id, redirect_uri| {
        vec![
            ("response_type", response_type),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
        ]
    };
    let (id, back) = (api.client.id.as_str(), crate::world::REDIRECT);
    let (no_type, no_client) = ("unsupported_response_type", "unauthorized_client");
    [
        (asked("nothing", id, back), no_type, no_type),
        (
            asked("code", "nobody", back),
            "invalid_client",
            "server_error",
        ),
        (asked("code", &bare.id, back), no_client, no_client),
        (
            asked("code", id, "http://evil.example/"),
            "invalid_request",
            "invalid_request",
        ),
    ]
}

#[test]
fn every_error_of_oauth_has_the_status_that_is_set_d31() {
    let world = world();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for (answer, rfc, tyk) in at_the_token_endpoint(&api) {
            api.assert_error(&answer, rfc, (400, tyk));
        }
        let bare = api.another_client(json!({"redirect_uri": ""}));
        for (pairs, rfc, tyk) in of_the_authorization(&api, &bare) {
            api.assert_error(&api.approve(&pairs), (400, rfc), (400, tyk));
            let browsed = api.browse(&pairs).expect_status(400).json();
            match style {
                Style::Rfc => assert_eq!(text(&browsed, "error"), rfc),
                Style::Tyk => {
                    let told = json!({"status": "error", "message": sentence(tyk).unwrap()});
                    assert_eq!(browsed, told);
                }
            }
        }
        let at = PasswordApi::new(&world, style, json!({}));
        let denied = at.login("guess");
        at.api
            .assert_error(&denied, (400, "invalid_grant"), (400, "access_denied"));
    }
}

#[test]
fn what_has_a_status_of_its_own_keeps_it_d31() {
    let world = world();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let client = world.node.client();
        let url = api.url("/oauth/token");
        client.send("PUT", &url, &[], b"").expect_status(405);
        let large = "x".repeat(70_000);
        let form = [GRANT, ("padding", large.as_str())];
        client.post_form(&url, &[], &form).expect_status(413);
        let url = api.url("/tyk/oauth/authorize-client");
        client.post_form(&url, &[], &[]).expect_status(403);
        let revoke_all = api.url("/oauth/revoke_all");
        client.post_form(&revoke_all, &[], &[]).expect_status(401);
        // A call that is proxied has no error of OAuth's.
        api.assert_unknown("never-was");
    }
}
