//! Wrong and hostile input for every parameter of every OAuth endpoint, in the body and in the query: each is spoilt in each
//! way, and what comes back is the table's refusal, whole and without an echo.

use serde_json::json;

use crate::harness::{Answer, Node};
use crate::hostile_reads::Endpoint;
use crate::oauth_password::PasswordApi;
use crate::spoilt_parameters::{
    INVALID, Parameter, Place, Sent, Spoilt, Want, assert_spoilt, is_ok, parameter, refused, sent,
    spoil,
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
const NO_CLIENT: Want = refused((401, "invalid_client"), (403, "invalid_request"));
const WRONG_CLIENT: Want = refused((401, "invalid_client"), (403, "unauthorized_client"));

/// A grant, what else it takes, and what a client may say of itself beside its header: nothing else than that does.
fn with_basic(grant_type: &str, own: Vec<Parameter>) -> Vec<Parameter> {
    let mut all = vec![parameter(
        "grant_type",
        grant_type,
        TYPE_MISSING,
        TYPE_WRONG,
    )];
    all.extend(own);
    let proof = ["client_id", "client_secret", "secret"];
    all.extend(proof.map(|name| parameter(name, "", Want::Fine, INVALID)));
    all.push(parameter("unknown", "", Want::Fine, Want::Fine));
    all
}

/// Asks for tokens with the client's credentials in the header.
fn ask(api: &OAuthApi<'_>) -> impl Fn(&Sent) -> Answer {
    move |sent| api.send_spoilt("/oauth/token", &api.client.basic(), sent)
}

/// A refresh token that was not used.
fn refresh_token(api: &OAuthApi<'_>) -> Parameter {
    let token = api.tokens().refresh;
    Parameter {
        huge: INVALID,
        ..parameter("refresh_token", token, MISSING_GRANT, NO_GRANT)
    }
}

#[test]
fn every_parameter_of_a_code_exchange() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let redirect = || refused((400, "invalid_grant"), (403, "invalid_request"));
        let parameters = || {
            let code = Parameter {
                huge: INVALID,
                ..parameter("code", api.code(), MISSING_GRANT, NO_GRANT)
            };
            let redirect = parameter("redirect_uri", REDIRECT, redirect(), redirect());
            let verifier = parameter("code_verifier", "", Want::Fine, INVALID);
            with_basic("authorization_code", vec![code, redirect, verifier])
        };
        spoil(&api, Endpoint::CodeExchange, parameters, ask(&api), is_ok);
    }
}

#[test]
fn every_parameter_of_a_refresh_and_of_client_credentials() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let refresh = || {
            // Nothing that was not granted can be asked for; what is no scope at all is told first.
            let scope = parameter("scope", "", Want::Fine, SCOPE);
            // Tyk's clients send it along, and it says nothing.
            let redirect = parameter("redirect_uri", REDIRECT, Want::Fine, Want::Fine);
            with_basic("refresh_token", vec![refresh_token(&api), scope, redirect])
        };
        spoil(&api, Endpoint::Refresh, refresh, ask(&api), is_ok);
        let credentials = || {
            let scope = parameter("scope", "read", Want::Fine, SCOPE);
            with_basic("client_credentials", vec![scope])
        };
        spoil(
            &api,
            Endpoint::ClientCredentials,
            credentials,
            ask(&api),
            is_ok,
        );
    }
}

#[test]
fn every_parameter_of_the_password_grant() {
    let world = World::shared();
    for style in STYLES {
        let at = PasswordApi::new(&world, style, json!({}));
        let denied = || refused((400, "invalid_grant"), (403, "access_denied"));
        let parameters = || {
            let user = parameter("username", &at.user, MISSING_GRANT, denied());
            let password = parameter("password", "s3cret", MISSING_GRANT, denied());
            let scope = parameter("scope", "", Want::Fine, SCOPE);
            with_basic("password", vec![user, password, scope])
        };
        spoil(&at.api, Endpoint::Password, parameters, ask(&at.api), is_ok);
    }
}

#[test]
fn every_parameter_by_which_a_client_proves_itself_in_the_body() {
    // A node of its own: wrong secrets are counted, by the names that they come with.
    let world = World::of(Node::start());
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (id, secret) = (api.client.id.as_str(), api.client.secret.as_str());
        let of_grant = |grant_type: &str| {
            vec![
                parameter("grant_type", grant_type, TYPE_MISSING, TYPE_WRONG),
                parameter("client_id", id, NO_CLIENT, WRONG_CLIENT),
                parameter("client_secret", secret, NO_CLIENT, WRONG_CLIENT),
                // Beside the right one it contradicts it.
                parameter("secret", "", Want::Fine, INVALID),
                parameter("scope", "", Want::Fine, SCOPE),
            ]
        };
        let send = |sent: &Sent| api.send_spoilt("/oauth/token", "", sent);
        let credentials = || of_grant("client_credentials");
        spoil(&api, Endpoint::ClientCredentials, credentials, send, is_ok);
        let refresh = || {
            let mut all = of_grant("refresh_token");
            all.push(refresh_token(&api));
            all
        };
        spoil(&api, Endpoint::Refresh, refresh, send, is_ok);
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

/// The same of an approval, which may give the rules of the session.
pub(crate) fn approval(client: &str) -> Vec<Parameter> {
    let rules = refused((400, "invalid_request"), (400, "invalid_request"));
    let mut all = authorization(client, "read");
    all.push(parameter("key_rules", "", Want::Fine, rules));
    all
}

/// The same at a door of the control listener, which reads no query that is not percent-encoded UTF-8.
pub(crate) fn at_control(mut all: Vec<Parameter>) -> Vec<Parameter> {
    let words = "Request malformed: the query is not percent-encoded UTF-8";
    for one in &mut all {
        one.undecoded_query = Some(Want::Told(400, words.to_owned()));
    }
    all
}

#[test]
fn every_parameter_of_an_authorization_request() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let is_sent_on = |answer: &Answer| {
            answer.status == 307 && !answer.header("location").contains(['\r', '\n'])
        };
        let post = |sent: &Sent| api.send_spoilt("/oauth/authorize", "", sent);
        let id = api.client.id.as_str();
        let parameters = || authorization(id, "read");
        spoil(&api, Endpoint::Authorize, parameters, post, is_sent_on);
        // By GET everything stands in the query, as far as a query can say it.
        let parameters = parameters();
        for at in 0..parameters.len() {
            for spoilt in Spoilt::ALL {
                if spoilt.in_json().is_some() {
                    continue;
                }
                let query = sent(&parameters, at, spoilt, Place::Body).body;
                let query = String::from_utf8(query).unwrap();
                let url = api.url(&format!("/oauth/authorize?{query}"));
                let answer = world.node.client().get(&url, &[]);
                let case = format!("{} {spoilt:?} by GET in {style:?}", parameters[at].name);
                let want = parameters[at].want(spoilt, Place::Body);
                assert_spoilt(&api, &answer, &want, is_sent_on, &case);
            }
        }
    }
}

fn has_code(answer: &Answer) -> bool {
    is_ok(answer) && !text(&answer.json(), "code").is_empty()
}

#[test]
fn every_parameter_of_an_approval_at_every_door() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let id = api.client.id.as_str();
        let control = |path: String| world.node.control_url(&path);
        let of_endpoint = api.url("/tyk/oauth/authorize-client");
        let send = |sent: &Sent| api.send_approval(&of_endpoint, sent);
        spoil(&api, Endpoint::Approval, || approval(id), send, has_code);
        // Where the path names the API, the same is said of it.
        for url in [
            control(format!("/api/apis/oauth/{}/authorize-client", api.id)),
            control(format!("/api/apis/{}/authorize-client", api.id)),
        ] {
            let parameters = || at_control(approval(id));
            let send = |sent: &Sent| api.send_approval(&url, sent);
            spoil(&api, Endpoint::Approval, parameters, send, has_code);
        }
        // Where the request has to say which API is meant, one that cannot be read is refused before there is an API.
        let url = control("/tyk/oauth/authorize-client".to_owned());
        let parameters = || {
            let told = |words: String| Want::Told(400, words);
            let absent = told("API doesn't exist".to_owned());
            let mut all = approval(id);
            all.push(parameter("api_id", &api.id, Want::Fine, absent));
            for one in &mut all {
                let untyped = "the JSON body must be an object whose values are strings";
                one.untyped = told(untyped.to_owned());
                one.repeated = told(format!("the parameter {} is repeated", one.name));
            }
            at_control(all)
        };
        let send = |sent: &Sent| api.send_approval(&url, sent);
        spoil(&api, Endpoint::ControlApproval, parameters, send, has_code);
    }
}

/// A parameter of a revocation; in Tyk's style a body that cannot be read is 400 in words of its own there.
fn of_revocation(name: &'static str, value: &str, missing: Want, wrong: Want) -> Parameter {
    Parameter {
        untyped: refused((400, "invalid_request"), (400, "")),
        ..parameter(name, value, missing, wrong)
    }
}

#[test]
fn every_parameter_of_the_revocation_endpoints() {
    let other_client = || refused((400, "invalid_request"), (401, ""));
    let no_client = || refused((401, "invalid_client"), (401, ""));
    let unknown = || refused((401, "invalid_client"), (404, ""));
    for style in STYLES {
        // A node of its own: wrong secrets are counted, by the names that they come with.
        let world = World::of(Node::start());
        let api = OAuthApi::new(&world, style);
        let token = api.access_token();
        let missing = || refused((400, "invalid_request"), (400, ""));
        let of_token = || {
            let of = of_revocation;
            vec![
                of("token", &token, missing(), Want::Fine),
                of("token_type_hint", "access_token", Want::Fine, Want::Fine),
                of("client_id", "", Want::Fine, other_client()),
                of("client_secret", "", Want::Fine, other_client()),
                of("secret", "", Want::Fine, other_client()),
            ]
        };
        let basic = api.client.basic();
        let send = |sent: &Sent| api.send_spoilt("/oauth/revoke", &basic, sent);
        spoil(&api, Endpoint::Revoke, of_token, send, is_ok);
        let (id, secret) = (api.client.id.as_str(), api.client.secret.as_str());
        for (own, other) in [("client_secret", "secret"), ("secret", "client_secret")] {
            let of_client = || {
                let of = of_revocation;
                vec![
                    of("client_id", id, no_client(), unknown()),
                    of(own, secret, no_client(), no_client()),
                    of(other, "", Want::Fine, other_client()),
                ]
            };
            let send = |sent: &Sent| api.send_spoilt("/oauth/revoke_all", "", sent);
            spoil(&api, Endpoint::RevokeAll, of_client, send, is_ok);
        }
    }
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
