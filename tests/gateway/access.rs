//! A proxied call on an OAuth API: where the credential stands, what it may look like, and what is refused how.

use serde_json::{Value, json};

use crate::harness::{Answer, merge};
use crate::world::{OAuthApi, STYLES, Style, World, echoed};

fn call(api: &OAuthApi<'_>, authorization: &str) -> Answer {
    let url = api.url("/called");
    let headers = [("authorization", authorization)];
    api.world.node.client().get(&url, &headers)
}

const MISSING: ((u16, &str), (u16, &str)) =
    ((401, "unauthorized"), (400, "Authorization field missing"));
const MALFORMED: ((u16, &str), (u16, &str)) =
    ((401, "unauthorized"), (400, "Bearer token malformed"));
const UNKNOWN: ((u16, &str), (u16, &str)) = ((401, "invalid_token"), (403, "Key not authorised"));

#[test]
fn credentials_are_refused_by_what_is_wrong_with_them_d26_t44() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let token = api.access_token();
        let bare = api.world.node.client().get(&api.url("/called"), &[]);
        let (rfc, tyk) = MISSING;
        assert_refused(&api, &bare, rfc.0, tyk);
        assert_refused(&api, &call(&api, &token), rfc.0, tyk);
        assert_refused(&api, &call(&api, ""), rfc.0, tyk);
        let (rfc, tyk) = MALFORMED;
        assert_refused(&api, &call(&api, "Basic abc"), rfc.0, tyk);
        let (rfc, tyk) = UNKNOWN;
        let tampered = {
            let mut tampered = token.clone().into_bytes();
            let middle = tampered.len() / 2;
            tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
            String::from_utf8(tampered).unwrap()
        };
        let long = "x".repeat(4000);
        for unknown in [
            "invalid-oauth-token",
            "x",
            &tampered,
            &token[..token.len() - 1],
            &long,
        ] {
            let answer = call(&api, &format!("Bearer {unknown}"));
            api.assert_call_refused(&answer, rfc, tyk);
        }
        for good in [
            format!("Bearer {token}"),
            format!("bearer {token}"),
            format!("BEARER {token}"),
        ] {
            assert_eq!(call(&api, &good).status, 200, "{good}");
        }
    }
}

/// Without a good token the challenge asks for one, and names no error when none came (RFC 6750 section 3).
#[track_caller]
fn assert_refused(api: &OAuthApi<'_>, answer: &Answer, rfc_status: u16, tyk: (u16, &str)) {
    match api.style {
        Style::Tyk => api.assert_call_refused(
            answer,
            (0, ""),
            (
                tyk.0,
                match tyk.1 {
                    "Authorization field missing" => "Authorization field missing",
                    _ => "Bearer token malformed",
                },
            ),
        ),
        Style::Rfc => {
            assert_eq!(answer.status, rfc_status, "{}", answer.text());
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, format!("Bearer realm=\"{}\"", api.id));
            assert!(answer.json().get("error_description").is_some());
        }
    }
}

#[test]
fn an_error_of_a_token_is_named_in_the_challenge() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let answer = call(&api, "Bearer nothing").expect_status(401);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[test]
fn xml_asks_for_xml_in_tyks_style_case_29() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Tyk);
    let headers = [("content-type", "application/xml")];
    let answer = world
        .node
        .client()
        .send("POST", &api.url("/called"), &headers, b"<x/>");
    let answer = answer.expect_status(400);
    assert_eq!(
        answer.text(),
        "<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>Authorization field missing</error>"
    );
    assert_eq!(answer.header("content-type"), "application/xml");
}

#[test]
fn the_upstream_sees_the_credential_unless_it_is_stripped_case_88() {
    let world = World::shared();
    for (strip, style) in [false, true]
        .into_iter()
        .flat_map(|strip| STYLES.map(|style| (strip, style)))
    {
        let api = OAuthApi::with(&world, style, json!({"strip_auth_data": strip}));
        let token = api.access_token();
        let echo = api.call(&token).expect_status(200).json();
        let seen = echoed(&echo, "authorization").join("");
        if strip {
            assert_eq!(seen, "");
        } else {
            assert_eq!(seen, format!("Bearer {token}"));
        }
    }
}

#[test]
fn another_header_query_and_cookie_may_carry_the_token() {
    let world = World::shared();
    let places = json!({
        "auth_header_name": "X-Token", "use_param": true, "param_name": "token",
        "use_cookie": true, "cookie_name": "session",
    });
    for (strip, style) in [false, true]
        .into_iter()
        .flat_map(|strip| STYLES.map(|style| (strip, style)))
    {
        let fields = json!({"auth_configs": {"oauth": places}, "strip_auth_data": strip});
        let api = OAuthApi::with(&world, style, fields);
        let token = api.access_token();
        let bearer = format!("Bearer {token}");
        let get = |query: &str, headers: &[(&str, &str)]| {
            let url = api.url(&format!("/called{query}"));
            world.node.client().get(&url, headers)
        };
        let cookie = format!("other=1; session=Bearer {token}; last=2");
        let query = format!("?a=1&token=Bearer%20{token}&b=2");
        for (answer, name) in [
            (get("", &[("x-token", &bearer)]), "header"),
            (get(&query, &[]), "query"),
            (get("", &[("cookie", &cookie)]), "cookie"),
        ] {
            let echo = answer.expect_status(200).json();
            let seen = echo.to_string();
            assert_eq!(seen.contains(&token), !strip, "{name}: {seen}");
            if name == "query" {
                assert!(seen.contains("a=1") && seen.contains("b=2"), "{seen}");
            }
            if name == "cookie" {
                assert!(
                    seen.contains("other=1") && seen.contains("last=2"),
                    "{seen}"
                );
            }
        }
        let (rfc, tyk) = MISSING;
        let elsewhere = get("", &[("authorization", bearer.as_str())]);
        api.assert_call_refused(&elsewhere, rfc, tyk);
        // Without the word it is no token, wherever it stands; names are read to the letter.
        for (query, cookie) in [
            (format!("?token={token}"), String::new()),
            (String::new(), format!("session={token}")),
            (format!("?Token=Bearer%20{token}"), String::new()),
            (String::new(), format!("Session=Bearer {token}")),
        ] {
            let cookie = [("cookie", cookie.as_str())];
            let headers = if cookie[0].1.is_empty() {
                &[][..]
            } else {
                &cookie
            };
            api.assert_call_refused(&get(&query, headers), rfc, tyk);
        }
    }
}

/// The endpoints of an OAuth API, below its listen path.
const ENDPOINTS: [&str; 5] = [
    "/oauth/authorize",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/revoke_all",
    "/tyk/oauth/authorize-client",
];

#[test]
fn the_listen_path_of_the_endpoints_is_never_proxied() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let before = world.upstream.received().len();
    for rest in ENDPOINTS {
        for rest in [rest.to_owned(), format!("{rest}/")] {
            let answer = world.node.client().get(&api.url(&rest), &[]);
            assert!(
                matches!(answer.status, 400 | 403 | 405),
                "{rest}: {}",
                answer.status
            );
        }
    }
    let token = api.access_token();
    // What only looks like one is proxied, with a credential.
    for rest in [
        "/oauth/tokens",
        "/oauth",
        "/oauth/token/x",
        "/x/oauth/token",
    ] {
        let url = api.url(rest);
        world.node.client().get(&url, &[]).expect_status(401);
        let path = format!("/{}{rest}", api.id);
        world.node.get_with_token(&path, &token).expect_status(200);
    }
    let received = world.upstream.received();
    let mut targets = received[before..]
        .iter()
        .map(|received| received.target.as_str());
    let proxied = targets.find(|target| ENDPOINTS.contains(&target.trim_end_matches('/')));
    assert_eq!(proxied, None);
}

#[test]
fn a_deleted_client_takes_its_tokens_along_for_good_t9_d30() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (token, pair, code) = (api.access_token(), api.tokens(), api.code());
        let path = format!("/tyk/oauth/clients/{}/{}", api.id, api.client.id);
        let gone = world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        let expected = json!({"key": api.client.id, "status": "ok", "action": "deleted"});
        assert_eq!(gone.json(), expected);
        for access in [&token, &pair.access] {
            for _ in 0..3 {
                api.assert_call_refused(
                    &api.call(access),
                    (401, "invalid_token"),
                    (403, "Key not authorised. OAuth client access was revoked"),
                );
            }
        }
        let again =
            api.another_client(json!({"client_id": api.client.id, "secret": api.client.secret}));
        assert_eq!(again.id, api.client.id);
        for access in [&token, &pair.access] {
            assert!(matches!(api.call(access).status, 401 | 403));
        }
        let refused = [api.refresh(&pair.refresh), api.exchange(&code, &[])];
        for answer in refused {
            api.assert_error(&answer, (400, "invalid_grant"), (403, "invalid_grant"));
        }
        api.assert_good(&api.access_token());
    }
}

#[test]
fn an_api_that_turns_keyless_or_back_follows_at_once() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let token = api.access_token();
    let path = format!("/tyk/apis/{}", api.id);
    let oauth = world.node.ask("GET", &path, &Value::Null).json();
    let mut keyless = oauth.clone();
    merge(
        &mut keyless,
        json!({"use_keyless": true, "use_oauth2": false}),
    );
    world.node.ask("PUT", &path, &keyless).expect_status(200);
    let open = |expected: u16| {
        world
            .node
            .client()
            .get(&api.url("/called"), &[])
            .expect_status(expected);
    };
    open(200);
    world.node.ask("PUT", &path, &oauth).expect_status(200);
    open(401);
    api.assert_good(&token);
}
