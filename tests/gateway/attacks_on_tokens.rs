//! Attacks on what was issued: tokens and codes that are stolen, guessed, made up or brought elsewhere (RFC 9700 section 4,
//! RFC 6819 section 4).

use serde_json::{Value, json};

use crate::harness::{Credentials, Node};
use crate::world::{
    INVALID_GRANT, OAuthApi, STYLES, Style, TYK_INVALID_GRANT, Tokens, World, text, unique,
};

/// What a node has stored so far, as a number that grows with each write.
pub(crate) fn applied(node: &Node) -> String {
    let metrics = node.client().get(&node.control_url("/metrics"), &[]).text();
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with("raftgate_store_applied_index "));
    line.unwrap_or_else(|| panic!("{metrics}")).to_owned()
}

/// RFC 9700 section 4.6, RFC 6819 section 4.4.2.6: a token that was issued for something else is injected: at another API, as
/// a code, as a refresh token, or as a client's password.
#[test]
fn access_token_injection() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let other = OAuthApi::new(&world, style);
        let implicit = api
            .approve(&[("response_type", "token")])
            .expect_status(200);
        let issued = [
            text(&implicit.json(), "access_token"),
            api.access_token(),
            api.tokens().access,
        ];
        for token in &issued {
            api.assert_good(token);
            let answer = other.call(token);
            assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
            let answer = api.exchange(token, &[]);
            api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
            let answer = api.refresh(token);
            api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
            let impostor = Credentials {
                secret: token.clone(),
                ..api.client.clone()
            };
            let answer = api.token_for(&impostor, &[("grant_type", "client_credentials")]);
            assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
            // None of it hurt the token, whose holder did nothing.
            api.assert_good(token);
        }
    }
}

/// RFC 9700 section 4.10, RFC 6819 section 4.6.2: a stolen token ends when its owner says so, at once, however it came.
#[test]
fn stolen_access_tokens() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for stolen in [api.access_token(), api.tokens().access] {
            api.assert_good(&stolen);
            let url = api.url("/oauth/revoke");
            let basic = api.client.basic();
            let headers = [("authorization", basic.as_str())];
            let form = [("token", stolen.as_str())];
            let answer = world.node.client().post_form(&url, &headers, &form);
            answer.expect_status(200);
            api.assert_unknown(&stolen);
        }
    }
}

/// RFC 6819 sections 4.4.1.3, 4.5.3 and 4.6.3: guesses of codes and refresh tokens find nothing, take nothing from whoever
/// holds the real ones, and close no door for the client.
#[test]
fn guesses_of_codes_and_tokens() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let code = api.code();
        let held = api.tokens();
        for place in (6..code.len()).step_by(3) {
            let guess = altered(&code, place);
            let answer = api.exchange(&guess, &[]);
            api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        }
        for place in (6..held.refresh.len()).step_by(3) {
            let answer = api.refresh(&altered(&held.refresh, place));
            api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        }
        Tokens::of(api.exchange(&code, &[]));
        api.assert_good(&held.access);
        Tokens::of(api.refresh(&held.refresh));
    }
}

/// A text with another letter at one place.
fn altered(text: &str, place: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

/// RFC 6819 section 4.4.1.12: codes and tokens that somebody made up cost no write and no place.
#[test]
fn manufactured_codes() {
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let (code, held) = (api.code(), api.tokens());
    let before = applied(&world.node);
    for place in 6..30 {
        api.exchange(&altered(&code, place), &[]).expect_status(400);
        api.refresh(&altered(&held.refresh, place))
            .expect_status(400);
        api.call(&altered(&held.access, place)).expect_status(401);
    }
    api.exchange(&"c".repeat(60_000), &[]);
    assert_eq!(applied(&world.node), before);
}

/// RFC 9700 section 4.15: a client that calls itself like a person is not taken for that person.
#[test]
fn a_client_that_impersonates_a_person() {
    let world = World::shared();
    for style in STYLES {
        let types = json!({
            "allowed_access_types": ["client_credentials", "password"],
            "allowed_authorize_types": [],
        });
        let api = OAuthApi::with(&world, style, json!({"oauth_meta": types}));
        let person = unique("person");
        let session = json!({
            "org_id": "default",
            "access_rights": {api.id.as_str(): {"api_id": api.id, "versions": ["Default"]}},
            "basic_auth_data": {"password": "of-the-person"},
            "meta_data": {"is": "the person"},
            "alias": "the person",
        });
        let path = format!("/tyk/keys/{person}");
        world.node.ask("POST", &path, &session).expect_status(200);
        let client = api.another_client(json!({"client_id": person, "secret": "of-the-client"}));
        assert_eq!(client.id, person);
        let answer = api.token_for(&client, &[("grant_type", "client_credentials")]);
        let token = text(&answer.expect_status(200).json(), "access_token");
        let shown = world
            .node
            .ask("GET", &format!("/tyk/keys/{token}"), &Value::Null);
        let shown = shown.expect_status(200).json();
        assert!(!shown.to_string().contains("the person"), "{shown}");
        // Nor is its secret the person's password, or the other way round.
        for (secret, password) in [
            ("of-the-client", "of-the-client"),
            ("of-the-person", "of-the-person"),
        ] {
            let client = Credentials {
                secret: secret.into(),
                ..client.clone()
            };
            let form = [
                ("grant_type", "password"),
                ("username", person.as_str()),
                ("password", password),
            ];
            let answer = api.token_for(&client, &form);
            assert!(
                matches!(answer.status, 400 | 401 | 403),
                "{}",
                answer.text()
            );
        }
    }
}

/// RFC 6819 sections 4.4.3.2 and 4.4.3.3: a person's password buys the person's rights, and what renews them only where the
/// API lets it.
#[test]
fn a_password_buys_no_more_than_its_person_has() {
    let world = World::shared();
    for style in STYLES {
        let types = json!({"allowed_access_types": ["password"], "allowed_authorize_types": []});
        let api = OAuthApi::with(&world, style, json!({"oauth_meta": types}));
        let person = unique("person");
        let session = json!({
            "org_id": "default",
            "access_rights": {api.id.as_str(): {
                "api_id": api.id, "versions": ["Default"],
                "allowed_urls": [{"url": "/called", "methods": ["GET"]}],
            }},
            "basic_auth_data": {"password": "p"},
        });
        let path = format!("/tyk/keys/{person}");
        world.node.ask("POST", &path, &session).expect_status(200);
        let form = [
            ("grant_type", "password"),
            ("username", person.as_str()),
            ("password", "p"),
            ("scope", "everything"),
        ];
        let told = api.token(&form).expect_status(200).json();
        assert_eq!(told.get("refresh_token"), None, "{told}");
        let token = text(&told, "access_token");
        // The client's policy opens every path; the person's session does not.
        api.assert_good(&token);
        let elsewhere = format!("/{}/elsewhere", api.id);
        let answer = world.node.get_with_token(&elsewhere, &token);
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
}

/// RFC 6819 section 4.6.6: whatever shows a secret says that no cache keeps it.
#[test]
fn secrets_in_caches() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let token = api.access_token();
    let name = unique("admin");
    let admin = json!({"name": name, "role": "read-only"});
    for (method, path, body) in [
        (
            "GET",
            format!("/tyk/oauth/clients/{}/{}", api.id, api.client.id),
            Value::Null,
        ),
        ("GET", format!("/tyk/apis/{}", api.id), Value::Null),
        ("GET", format!("/tyk/keys/{token}"), Value::Null),
        ("GET", format!("/api/apis/oauth/{}", api.id), Value::Null),
        ("POST", "/raftgate/v1/admin-tokens".to_owned(), admin),
    ] {
        let answer = world.node.ask(method, &path, &body).expect_status(200);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let url = api.url("/oauth/token");
    let wrong = world.node.client().get(&url, &[]);
    assert!(wrong.header("cache-control").contains("no-store"));
}
