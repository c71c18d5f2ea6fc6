//! How a client proves itself at `{lp}/oauth/token`: by header or body, and what is said of it when it does not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::Credentials;
use crate::oauth_token_endpoint::{
    BAD_REQUEST, GRANT, TYK_BAD_REQUEST, with_header, without_header,
};
use crate::world::{OAuthApi, STYLES, Style, World, text};

#[test]
fn a_client_proves_itself_by_header_or_body_d1() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (id, secret) = (api.client.id.as_str(), api.client.secret.as_str());
        for name in ["client_secret", "secret"] {
            without_header(&api, &[GRANT, ("client_id", id), (name, secret)]).expect_status(200);
        }
        let basic = api.client.basic();
        for same in [
            vec![GRANT],
            vec![GRANT, ("client_id", id)],
            vec![GRANT, ("client_id", id), ("client_secret", secret)],
        ] {
            with_header(&api, &basic, &same).expect_status(200);
        }
        with_header(&api, &basic.replace("Basic", "basic"), &[GRANT]).expect_status(200);
        for different in [
            vec![GRANT, ("client_id", "another")],
            vec![GRANT, ("client_id", id), ("client_secret", "another")],
            vec![GRANT, ("client_id", id), ("secret", "another")],
        ] {
            let answer = with_header(&api, &basic, &different);
            api.assert_error(&answer, BAD_REQUEST, TYK_BAD_REQUEST);
        }
        let twice = [
            GRANT,
            ("client_id", id),
            ("client_secret", secret),
            ("secret", "another"),
        ];
        api.assert_error(&without_header(&api, &twice), BAD_REQUEST, TYK_BAD_REQUEST);
    }
}

#[test]
fn parameters_may_come_by_query_and_secrets_may_not() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (id, secret) = (api.client.id.as_str(), api.client.secret.as_str());
        let url = api.url("/oauth/token?grant_type=client_credentials&scope=a");
        let basic = api.client.basic();
        let headers = [("authorization", basic.as_str())];
        let client = world.node.client();
        let answer = client.post_form(&url, &headers, &[]).expect_status(200);
        assert_eq!(text(&answer.json(), "scope"), "a");
        for name in ["client_secret", "secret"] {
            let url = format!("{url}&client_id={id}&{name}={secret}");
            let answer = client.post_form(&url, &[], &[]);
            api.assert_error(&answer, (401, "invalid_client"), TYK_BAD_REQUEST);
            let answer = client.post_form(&url, &[], &[("client_id", id)]);
            api.assert_error(&answer, (401, "invalid_client"), TYK_BAD_REQUEST);
            // In the body it counts, wherever the rest stands.
            client
                .post_form(&url, &[], &[(name, secret)])
                .expect_status(200);
        }
    }
}

#[test]
fn missing_wrong_and_unknown_credentials_d2_d3() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let unauthenticated = (401, "invalid_client");
        let id = api.client.id.as_str();
        for missing in [
            vec![GRANT],
            vec![GRANT, ("client_id", id)],
            vec![GRANT, ("client_secret", "x")],
        ] {
            let answer = without_header(&api, &missing);
            api.assert_error(&answer, unauthenticated, TYK_BAD_REQUEST);
        }
        for malformed in [
            "Basic",
            "Basic !!!",
            "Basic eA==",
            "Bearer token",
            "Basic /////w==",
            "nonsense",
        ] {
            let answer = with_header(&api, malformed, &[GRANT]);
            api.assert_error(&answer, unauthenticated, TYK_BAD_REQUEST);
        }
        // Several are no proof that failed, whether or not one is right.
        let basic = api.client.basic();
        let twice = [("authorization", basic.as_str()); 2];
        let url = api.url("/oauth/token");
        let answer = world.node.client().post_form(&url, &twice, &[GRANT]);
        api.assert_error(&answer, BAD_REQUEST, TYK_BAD_REQUEST);
        let pretend = |id: &str, secret: &str| {
            let client = Credentials {
                id: id.to_owned(),
                secret: secret.to_owned(),
            };
            api.token_for(&client, &[GRANT])
        };
        let wrong = pretend(id, "wrong");
        let unknown = pretend("nobody", "wrong");
        for answer in [&wrong, &unknown] {
            api.assert_error(answer, unauthenticated, (403, "unauthorized_client"));
        }
        assert_eq!(
            wrong.text(),
            unknown.text(),
            "the answer does not tell which it was"
        );
        // A client of another API is as unknown here.
        let other = OAuthApi::new(&world, style);
        let answer = api.token_for(&other.client, &[GRANT]);
        api.assert_error(&answer, unauthenticated, (403, "unauthorized_client"));
    }
}

#[test]
fn basic_credentials_may_be_form_encoded() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let secret = "a+b %41:c&d=\u{7e}";
    let id = crate::world::unique("odd+client");
    let client = api.another_client(json!({"client_id": id, "secret": secret}));
    assert_eq!(
        (client.id.as_str(), client.secret.as_str()),
        (id.as_str(), secret)
    );
    // As they are, which is what Tyk's clients send.
    api.token_for(&client, &[GRANT]).expect_status(200);
    // And by the letter of RFC 6749 section 2.3.1.
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(&id), encoded(secret));
    let basic = format!("Basic {}", STANDARD.encode(pair));
    with_header(&api, &basic, &[GRANT]).expect_status(200);
    let answer = with_header(
        &api,
        &basic,
        &[GRANT, ("client_id", &id), ("client_secret", secret)],
    );
    answer.expect_status(200);
}
