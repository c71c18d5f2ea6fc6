//! Wrong and hostile input for every parameter of every OAuth endpoint: each parameter is spoilt in each way, and what
//! comes back is the table's refusal, whole and without an echo.

use serde_json::json;

use crate::harness::Answer;
use crate::oauth_password::PasswordApi;
use crate::spoilt_parameters::{
    INVALID, Parameter, Spoilt, Want, assert_spoilt, body, is_ok, parameter, refused, spoil,
};
use crate::world::{OAuthApi, REDIRECT, STYLES, Style, World, text};

const TYPE_MISSING: Want = refused((400, "invalid_request"), (403, "unsupported_grant_type"));
const TYPE_WRONG: Want = refused(
    (400, "unsupported_grant_type"),
    (403, "unsupported_grant_type"),
);

const NO_GRANT: Want = refused((400, "invalid_grant"), (403, "invalid_grant"));
const MISSING_GRANT: Want = refused((400, "invalid_request"), (403, "invalid_grant"));
const SCOPE: Want = refused((400, "invalid_scope"), (403, "invalid_scope"));

#[test]
fn every_parameter_of_a_code_exchange() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let redirect = refused((400, "invalid_grant"), (403, "invalid_request"));
        let parameters = || {
            vec![
                parameter("grant_type", "authorization_code", TYPE_MISSING, TYPE_WRONG),
                Parameter {
                    huge: INVALID,
                    ..parameter("code", api.code(), MISSING_GRANT, NO_GRANT)
                },
                parameter("redirect_uri", REDIRECT, redirect, redirect),
                parameter("code_verifier", "", Want::Fine, INVALID),
                parameter("client_id", "", Want::Fine, INVALID),
                parameter("client_secret", "", Want::Fine, INVALID),
                parameter("secret", "", Want::Fine, INVALID),
                parameter("unknown", "", Want::Fine, Want::Fine),
            ]
        };
        spoil(
            &api,
            parameters,
            |kind, body| api.ask_raw(kind, body),
            is_ok,
        );
    }
}

#[test]
fn every_parameter_of_a_refresh_and_of_client_credentials() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let refresh = || {
            let token = api.tokens().refresh;
            vec![
                parameter("grant_type", "refresh_token", TYPE_MISSING, TYPE_WRONG),
                Parameter {
                    huge: INVALID,
                    ..parameter("refresh_token", token, MISSING_GRANT, NO_GRANT)
                },
                // Nothing that was not granted can be asked for; what is no scope at all is told first.
                parameter("scope", "", Want::Fine, SCOPE),
            ]
        };
        spoil(&api, refresh, |kind, body| api.ask_raw(kind, body), is_ok);
        let credentials = || {
            vec![
                parameter("grant_type", "client_credentials", TYPE_MISSING, TYPE_WRONG),
                Parameter {
                    wrong: SCOPE,
                    ..parameter("scope", "read", Want::Fine, SCOPE)
                },
                parameter("client_id", "", Want::Fine, INVALID),
            ]
        };
        let spoilt_or_scope = |kind: &str, body: &[u8]| {
            // `%zz%` is printable ASCII, and so it is a scope.
            let text = String::from_utf8_lossy(body).replace("scope=%zz%", "scope=%22%5c");
            api.ask_raw(kind, text.as_bytes())
        };
        spoil(&api, credentials, spoilt_or_scope, is_ok);
    }
}

#[test]
fn every_parameter_of_the_password_grant() {
    let world = World::shared();
    for style in STYLES {
        let at = PasswordApi::new(&world, style, json!({}));
        let denied = refused((400, "invalid_grant"), (403, "access_denied"));
        let parameters = || {
            vec![
                parameter("grant_type", "password", TYPE_MISSING, TYPE_WRONG),
                parameter("username", &at.user, MISSING_GRANT, denied),
                parameter("password", "s3cret", MISSING_GRANT, denied),
                parameter("scope", "", Want::Fine, SCOPE),
                parameter("client_id", "", Want::Fine, INVALID),
            ]
        };
        let send = |kind: &str, body: &[u8]| {
            let body = without_scope_of_printables(body);
            at.api.ask_raw(kind, &body)
        };
        spoil(&at.api, parameters, send, is_ok);
    }
}

/// The parameters of an authorization request.
pub(crate) fn authorization(client: &str, scope: &str) -> Vec<Parameter> {
    let missing_type = refused((400, "invalid_request"), (403, "unsupported_response_type"));
    let wrong_type = refused(
        (400, "unsupported_response_type"),
        (403, "unsupported_response_type"),
    );
    let missing_client = refused((400, "invalid_request"), (403, "server_error"));
    let wrong_client = refused((400, "invalid_client"), (403, "server_error"));
    vec![
        parameter("response_type", "code", missing_type, wrong_type),
        parameter("client_id", client, missing_client, wrong_client),
        parameter("redirect_uri", REDIRECT, Want::Fine, INVALID),
        parameter("state", "s", Want::Fine, Want::Fine),
        parameter("scope", scope, Want::Fine, SCOPE),
        parameter("code_challenge", "", Want::Fine, INVALID),
        parameter("code_challenge_method", "", Want::Fine, INVALID),
    ]
}

/// `%zz%` is printable ASCII, and so it is a scope; what is none takes its place.
pub(crate) fn without_scope_of_printables(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    text.replace("scope=%zz%", "scope=%22%5c").into_bytes()
}

#[test]
fn every_parameter_of_an_authorization_request() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let is_sent_on = |answer: &Answer| {
            answer.status == 307 && !answer.header("location").contains(['\r', '\n'])
        };
        let post = |kind: &str, body: &[u8]| {
            api.send_raw(
                "/oauth/authorize",
                "",
                (kind, &without_scope_of_printables(body)),
            )
        };
        let id = api.client.id.as_str();
        spoil(&api, || authorization(id, "read"), post, is_sent_on);
        // The same by query, as far as a query can say it.
        let parameters = authorization(id, "read");
        for at in 0..parameters.len() {
            for spoilt in Spoilt::ALL
                .into_iter()
                .filter(|way| way.in_json().is_none())
            {
                let (_, query) = body(&parameters, at, spoilt);
                let query = String::from_utf8(without_scope_of_printables(&query)).unwrap();
                let answer = world
                    .node
                    .client()
                    .get(&api.url(&format!("/oauth/authorize?{query}")), &[]);
                let case = format!("{} {spoilt:?} by query in {style:?}", parameters[at].name);
                assert_spoilt(
                    &api,
                    &answer,
                    parameters[at].want(spoilt),
                    is_sent_on,
                    &case,
                );
            }
        }
    }
}

#[test]
fn every_parameter_of_an_approval_at_every_door() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let secret = world.node.secret();
        let id = api.client.id.as_str();
        let rules = refused((400, "invalid_request"), (400, "invalid_request"));
        let parameters = || {
            let mut all = authorization(id, "read");
            all.push(parameter("key_rules", "", Want::Fine, rules));
            all
        };
        let control = |path: String| world.node.control_url(&path);
        for url in [
            api.url("/tyk/oauth/authorize-client"),
            control(format!("/tyk/oauth/authorize-client?api_id={}", api.id)),
            control(format!("/api/apis/oauth/{}/authorize-client", api.id)),
            control(format!("/api/apis/{}/authorize-client", api.id)),
        ] {
            // Where the request itself has to say which API is meant, one that cannot be read is refused before that.
            let names_api = url.contains("api_id");
            let send = |kind: &str, body: &[u8]| {
                let headers = [
                    ("x-tyk-authorization", secret.as_str()),
                    ("content-type", kind),
                ];
                let body = without_scope_of_printables(body);
                let answer = world.node.client().send("POST", &url, &headers, &body);
                let is_unread = names_api
                    && answer.status == 400
                    && answer.text().contains("\"status\":\"error\"");
                if is_unread {
                    return api.send_raw("/oauth/authorize", "", (kind, &body));
                }
                answer
            };
            let has_code = |answer: &Answer| !text(&answer.json(), "code").is_empty();
            spoil(&api, parameters, send, |answer| {
                is_ok(answer) && has_code(answer)
            });
        }
    }
}

#[test]
fn every_parameter_of_the_revocation_endpoints() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let token = api.access_token();
        let missing = refused((400, "invalid_request"), (400, ""));
        let with_token = || {
            vec![
                parameter("token", &token, missing, Want::Fine),
                parameter("token_type_hint", "access_token", Want::Fine, Want::Fine),
                parameter(
                    "client_id",
                    "",
                    Want::Fine,
                    refused((400, "invalid_request"), (401, "")),
                ),
            ]
        };
        let basic = api.client.basic();
        let send = |kind: &str, body: &[u8]| api.send_raw("/oauth/revoke", &basic, (kind, body));
        let send = |kind: &str, body: &[u8]| in_tyks_revocation(style, send(kind, body));
        spoil(&api, with_token, send, is_ok);
        let id = api.client.id.as_str();
        let secret = api.client.secret.as_str();
        let no_client = refused((401, "invalid_client"), (401, ""));
        let unknown = refused((401, "invalid_client"), (404, ""));
        let of_client = || {
            vec![
                parameter("client_id", id, no_client, unknown),
                parameter("client_secret", secret, no_client, no_client),
            ]
        };
        let send = |kind: &str, body: &[u8]| {
            in_tyks_revocation(style, api.send_raw("/oauth/revoke_all", "", (kind, body)))
        };
        spoil(&api, of_client, send, is_ok);
    }
}

/// In Tyk's style a body that cannot be read is 400 there; the table of these tests speaks of 403.
fn in_tyks_revocation(style: Style, mut answer: Answer) -> Answer {
    if style == Style::Tyk && answer.text().contains("error parsing form. Form malformed") {
        assert_eq!(answer.status, 400);
        answer.status = 403;
    }
    answer
}

#[test]
fn bodies_that_are_no_parameters_at_all() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (form, json) = ("application/x-www-form-urlencoded", "application/json");
        let many: Vec<u8> = (0..65)
            .flat_map(|at| format!("p{at}=1&").into_bytes())
            .collect();
        let deep = [b"[".repeat(2000), b"]".repeat(2000)].concat();
        for (kind, body) in [
            (json, &b"{"[..]),
            (json, b"[]"),
            (json, b"\"text\""),
            (
                json,
                b"{\"grant_type\":\"client_credentials\",\"grant_type\":\"client_credentials\"}",
            ),
            (json, b"{\"a\":\"\\ud800\"}"),
            (json, b"\xff\xfe"),
            (json, &deep),
            (form, b"grant_type=\xff"),
            (form, &many),
        ] {
            for rest in [
                "/oauth/token",
                "/oauth/authorize",
                "/oauth/revoke",
                "/oauth/revoke_all",
            ] {
                let answer = api.send_raw(rest, &api.client.basic(), (kind, body));
                let case = format!(
                    "{rest} {}",
                    String::from_utf8_lossy(&body[..body.len().min(30)])
                );
                let expected: &[u16] = match style {
                    Style::Rfc => &[400],
                    Style::Tyk => &[400, 403],
                };
                assert!(
                    expected.contains(&answer.status),
                    "{case}: {}",
                    answer.text()
                );
                answer.json();
            }
        }
        for kind in [
            "text/plain",
            "multipart/form-data; boundary=x",
            "",
            "application/x-www-form-urlencodedx",
        ] {
            let answer = api.ask_raw(kind, b"grant_type=client_credentials");
            let refused = [(400, "invalid_request"), (403, "unsupported_grant_type")];
            api.assert_error(&answer, refused[0], refused[1]);
        }
        let large = vec![b'x'; 70_000];
        let answer = api.ask_raw(form, &large).expect_status(413);
        answer.json();
        api.assert_good(&api.access_token());
    }
}
