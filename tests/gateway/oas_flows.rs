//! OAuth schemes of OAS documents: of any name, chosen by `security`, with the grants of their flows and no other.

use serde_json::{Map, Value, json};

use crate::harness::{Credentials, policy};
use crate::oas::{ask, oas_document};
use crate::oas_rules::extension;
use crate::rules::in_both_styles;
use crate::world::{Error, OAuthApi, REDIRECT, Style, World, text, unique};

const NO_GRANT: (Error, Error) = (
    (400, "unsupported_grant_type"),
    (403, "unsupported_grant_type"),
);
const NO_RESPONSE: (Error, Error) = (
    (400, "unsupported_response_type"),
    (403, "unsupported_response_type"),
);
const PASSWORD: &str = "s3cret";

/// A flow as OpenAPI declares it.
fn flow() -> Value {
    json!({"authorizationUrl": "/oauth/authorize", "tokenUrl": "/oauth/token", "scopes": {}})
}

/// Flows by their names.
fn flows(names: &[&str]) -> Value {
    let flows = names.iter().map(|name| ((*name).to_owned(), flow()));
    Value::Object(flows.collect::<Map<_, _>>())
}

/// What the extension says of a scheme that allows these response types.
fn setup(response_types: &[&str], refresh: bool) -> Value {
    json!({
        "enabled": true, "allowedAuthorizeTypes": response_types, "refreshToken": refresh,
        "authLoginRedirect": "http://127.0.0.1/login", "header": {"enabled": true, "name": "Authorization"}
    })
}

/// A document with these schemes, declared and set up, of which `security` chooses one.
fn document(world: &World, id: &str, chosen: &str, schemes: &[(&str, Value, Value)]) -> Value {
    let mut document = oas_document(id, &world.upstream.url("/"));
    let named = |which: fn(&(&str, Value, Value)) -> Value| -> Value {
        let members = schemes
            .iter()
            .map(|scheme| (scheme.0.to_owned(), which(scheme)));
        Value::Object(members.collect())
    };
    document["security"] = json!([Map::from_iter([(chosen.to_owned(), json!([]))])]);
    document["components"] = json!({"securitySchemes": named(|scheme| scheme.1.clone())});
    extension(&mut document)["server"]["authentication"] = json!({
        "enabled": true, "stripAuthorizationData": true,
        "securitySchemes": named(|scheme| scheme.2.clone())
    });
    document
}

fn oauth2(flows: Value) -> Value {
    json!({"type": "oauth2", "flows": flows})
}

/// The OAuth API of a document, with a client and a user; and what it was warned of.
#[track_caller]
fn api_of<'w>(world: &'w World, style: Style, mut document: Value) -> (OAuthApi<'w>, String) {
    document["x-raftgate"] = json!({"error_style": style.name()});
    let made = ask(world, "POST", "/tyk/apis/oas", &document)
        .expect_status(200)
        .json();
    let id = text(&made, "key");
    let policy_id = format!("{id}-policy");
    world.node.create_policy(&policy(&policy_id, &[&id]));
    let client = json!({"api_id": id, "policy_id": policy_id, "redirect_uri": REDIRECT});
    let client: Credentials = world.node.create_client(&client);
    let session = json!({
        "org_id": "default", "basic_auth_data": {"password": PASSWORD},
        "access_rights": {id.as_str(): {"api_id": id, "versions": ["Default"]}}
    });
    let user = format!("/tyk/keys/{id}-user");
    world.node.ask("POST", &user, &session).expect_status(200);
    let warnings = made["warnings"].to_string();
    let api = OAuthApi {
        world,
        id,
        style,
        client,
    };
    (api, warnings)
}

/// An API whose one scheme has these flows.
#[track_caller]
fn api_with<'w>(
    world: &'w World,
    style: Style,
    flows: Value,
    setup: Value,
) -> (OAuthApi<'w>, String) {
    let id = unique("oas-flows");
    let document = document(world, &id, "oauth", &[("oauth", oauth2(flows), setup)]);
    api_of(world, style, document)
}

/// Asks for a token by each grant: those of `allowed` work, the others are refused by what they are.
#[track_caller]
fn assert_grants(api: &OAuthApi<'_>, allowed: &[&str]) {
    let is_allowed = |grant: &str| allowed.contains(&grant);
    let user = format!("{}-user", api.id);
    let form = |grant: &'static str| {
        [
            ("grant_type", grant),
            ("username", user.as_str()),
            ("password", PASSWORD),
        ]
    };
    for grant in ["client_credentials", "password"] {
        let asked = if grant == "password" {
            &form(grant)[..]
        } else {
            &[("grant_type", grant)][..]
        };
        let answer = api.token(asked);
        if is_allowed(grant) {
            api.assert_good(&text(&answer.expect_status(200).json(), "access_token"));
        } else {
            api.assert_error(&answer, NO_GRANT.0, NO_GRANT.1);
        }
    }
    let approved = api.implicit(&[]);
    if is_allowed("implicit") {
        api.assert_good(&text(&approved.expect_status(200).json(), "access_token"));
    } else {
        api.assert_error(&approved, NO_RESPONSE.0, NO_RESPONSE.1);
    }
    let approved = api.approve(&[]);
    if is_allowed("authorization_code") {
        let code = text(&approved.expect_status(200).json(), "code");
        let answer = api.exchange(&code, &[]).expect_status(200).json();
        api.assert_good(&text(&answer, "access_token"));
        let refresh = text(&answer, "refresh_token");
        assert_eq!(refresh.is_empty(), !is_allowed("refresh_token"), "{answer}");
        if is_allowed("refresh_token") {
            api.refresh(&refresh).expect_status(200);
        }
    } else {
        api.assert_error(&approved, NO_RESPONSE.0, NO_RESPONSE.1);
        api.assert_error(&api.exchange("any", &[]), NO_GRANT.0, NO_GRANT.1);
    }
    if !is_allowed("refresh_token") {
        api.assert_error(&api.refresh("any"), NO_GRANT.0, NO_GRANT.1);
    }
}

#[test]
fn only_the_grants_of_the_flows_are_allowed() {
    in_both_styles(|world, style| {
        for (flow, response_types, grant) in [
            ("authorizationCode", &["code"][..], "authorization_code"),
            ("clientCredentials", &[], "client_credentials"),
            ("password", &[], "password"),
            ("implicit", &["token"], "implicit"),
        ] {
            let (api, warnings) =
                api_with(world, style, flows(&[flow]), setup(response_types, false));
            assert_grants(&api, &[grant]);
            let is_warned = ["password", "implicit"].contains(&grant);
            assert_eq!(warnings.contains(grant), is_warned, "{warnings}");
        }
        let all = [
            "authorizationCode",
            "clientCredentials",
            "password",
            "implicit",
        ];
        let (api, _) = api_with(world, style, flows(&all), setup(&["code", "token"], true));
        let grants = [
            "authorization_code",
            "client_credentials",
            "password",
            "implicit",
            "refresh_token",
        ];
        assert_grants(&api, &grants);
    });
}

#[test]
fn a_grant_whose_flow_is_taken_away_is_refused_from_then_on() {
    in_both_styles(|world, style| {
        let both = flows(&["authorizationCode", "clientCredentials"]);
        let (api, _) = api_with(world, style, both, setup(&["code"], true));
        assert_grants(
            &api,
            &["authorization_code", "client_credentials", "refresh_token"],
        );
        let path = format!("/tyk/apis/oas/{}", api.id);
        let mut document = ask(world, "GET", &path, &Value::Null).json();
        document["components"]["securitySchemes"]["oauth"]["flows"] = flows(&["clientCredentials"]);
        let scheme =
            &mut extension(&mut document)["server"]["authentication"]["securitySchemes"]["oauth"];
        scheme["allowedAuthorizeTypes"] = json!([]);
        scheme["refreshToken"] = json!(false);
        ask(world, "PUT", &path, &document).expect_status(200);
        assert_grants(&api, &["client_credentials"]);
    });
}

#[test]
fn a_scheme_of_any_name_is_the_one_that_security_chooses() {
    in_both_styles(|world, style| {
        for name in [
            "oauth",
            "My Login (v2)",
            "o.auth-2",
            "K\u{e4}se/x~y",
            "apiKey",
        ] {
            let id = unique("oas-named");
            let others = [
                (
                    "not chosen",
                    oauth2(flows(&["password"])),
                    setup(&["token"], true),
                ),
                (
                    name,
                    oauth2(flows(&["clientCredentials"])),
                    setup(&[], false),
                ),
                (
                    "zz",
                    json!({"type": "apiKey", "in": "header", "name": "X-Key"}),
                    json!({"enabled": true}),
                ),
            ];
            let (api, warnings) = api_of(world, style, document(world, &id, name, &others));
            for other in ["not chosen", "zz"] {
                let place = "x-tyk-api-gateway.server.authentication.securitySchemes";
                let said = format!("{place}.{other}: security does not choose this scheme");
                assert!(warnings.contains(&said), "{warnings}");
            }
            assert_grants(&api, &["client_credentials"]);
            let url = api.url("/x");
            let missing = world.node.client().get(&url, &[("x-key", "any")]);
            api.assert_call_refused(
                &missing,
                (401, "unauthorized"),
                (400, "Authorization field missing"),
            );
        }
    });
}

#[test]
fn urls_of_flows_that_lead_elsewhere_are_told() {
    let world = World::shared();
    let elsewhere =
        json!({"clientCredentials": {"tokenUrl": "http://127.0.0.1:9/token", "scopes": {}}});
    let (api, warnings) = api_with(&world, Style::Rfc, elsewhere, setup(&[], false));
    let said =
        "components.securitySchemes.oauth.flows.clientCredentials.tokenUrl: is for people only";
    assert!(warnings.contains(said), "{warnings}");
    assert_grants(&api, &["client_credentials"]);
}
