//! Attacks on authorization servers, each a test of its name: RFC 9700 section 4 and RFC 6819 section 4; CASES.md has all of
//! their sections.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::harness::{Answer, Node};
use crate::world::{
    INVALID_GRANT, OAuthApi, REDIRECT, STYLES, TYK_INVALID_GRANT, Tokens, World, text,
};

const VERIFIER: &str = "the-verifier-of-the-honest-client-0123456789ab";
const GUESS: &str = "a-verifier-that-the-attacker-made-up-0123456789";

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl OAuthApi<'_> {
    /// The authorization endpoint's answer to a browser.
    pub(crate) fn browse(&self, pairs: &[(&str, &str)]) -> Answer {
        let url = self.url(&format!("/oauth/authorize?{}", query(pairs)));
        self.world.node.client().get(&url, &[])
    }

    /// A code of an approval with a challenge.
    pub(crate) fn bound_code(&self) -> String {
        let hash = challenge(VERIFIER);
        let with = [
            ("code_challenge", hash.as_str()),
            ("code_challenge_method", "S256"),
        ];
        text(&self.approve(&with).expect_status(200).json(), "code")
    }

    /// Nothing in an answer leads a browser away.
    #[track_caller]
    pub(crate) fn assert_leads_nowhere(&self, answer: &Answer) {
        assert!(
            matches!(answer.status, 400 | 403),
            "{} {}",
            answer.status,
            answer.text()
        );
        assert_eq!(answer.header("location"), "");
        assert_eq!(answer.header("refresh"), "");
    }
}

/// RFC 9700 section 4.1, RFC 6819 section 4.1.5: a redirect URI that only looks like the registered one.
#[test]
fn redirect_uri_manipulation() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for uri in [
            "http://client.example.evil/back",
            "http://client.example/back/../evil",
            "http://client.example/back%2f..%2fevil",
            "http://client.example/back?next=http://evil",
            "http://client.example/back#",
            "http://client.example/back\\@evil",
            "http://evil\\@client.example/back",
            "http://evil@client.example/back",
            "http://client.example@evil/back",
            "http://client.example%00.evil/back",
            "http://client.example\u{3002}evil/back",
            "http://client.example:80@evil/back",
            "//client.example/back",
            "http:client.example/back",
            "http:///client.example/back",
            "HTTP://client.example/back",
            "http://CLIENT.example/back",
            "http://client.example/BACK",
            "http://client.example./back",
            " http://client.example/back",
            "http://client.example/back\t",
            "http://client.example/back\r\nLocation: http://evil",
            "javascript:alert(1)//http://client.example/back",
            "data:text/html,http://client.example/back",
        ] {
            let asked = [
                ("response_type", "code"),
                ("client_id", api.client.id.as_str()),
                ("redirect_uri", uri),
            ];
            api.assert_leads_nowhere(&api.browse(&asked));
            let answer = api.approve(&[("redirect_uri", uri)]);
            assert!(
                matches!(answer.status, 400 | 403),
                "{uri}: {}",
                answer.text()
            );
            let told = answer.text();
            assert!(
                !told.contains("code=") && !told.contains("\"code\""),
                "{told}"
            );
            // What Tyk's style tells is the registered URI, never the one that was named.
            let told_to = text(&answer.json(), "redirect_to");
            assert!(
                told_to.is_empty() || told_to.starts_with(&format!("{REDIRECT}?")),
                "{told_to}"
            );
        }
    }
}

/// RFC 9700 section 4.11: the authorization endpoint is no door to anywhere, whatever is wrong.
#[test]
fn open_redirect() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let id = api.client.id.as_str();
        let evil = "https://evil.example/phish";
        for pairs in [
            vec![("redirect_uri", evil)],
            vec![("response_type", "code"), ("redirect_uri", evil)],
            vec![
                ("response_type", "code"),
                ("client_id", "nobody"),
                ("redirect_uri", evil),
            ],
            vec![
                ("response_type", "code"),
                ("client_id", id),
                ("redirect_uri", evil),
            ],
            vec![
                ("response_type", "nonsense"),
                ("client_id", id),
                ("redirect_uri", REDIRECT),
            ],
            vec![
                ("response_type", "code"),
                ("client_id", id),
                ("redirect_uri", REDIRECT),
                ("scope", "\u{7f}"),
            ],
            vec![
                ("response_type", "code"),
                ("client_id", id),
                ("redirect_uri", REDIRECT),
                ("redirect_uri", evil),
            ],
        ] {
            api.assert_leads_nowhere(&api.browse(&pairs));
        }
        // Where a good request leads is the operator's word alone.
        let pairs = [
            ("response_type", "code"),
            ("client_id", id),
            ("redirect_uri", REDIRECT),
            ("auth_login_redirect", evil),
            ("state", "\r\nLocation: https://evil.example/"),
        ];
        let answer = api.browse(&pairs).expect_status(307);
        let location = answer.header("location");
        assert!(
            location.starts_with("http://127.0.0.1/login?"),
            "{location}"
        );
        assert_eq!(answer.headers.get_all("location").iter().count(), 1);
    }
}

/// RFC 9700 section 4.5, RFC 6819 section 4.4.1.13: a stolen code in a session of the attacker's own.
#[test]
fn authorization_code_injection() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        // The attacker's session has a verifier of its own, or none.
        let code = api.bound_code();
        for verifier in [GUESS, ""] {
            let answer = api.exchange(&code, &[("code_verifier", verifier)]);
            api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        }
        // The honest client still gets its tokens.
        Tokens::of(api.exchange(&code, &[("code_verifier", VERIFIER)]));
        // Another client's session.
        let attacker = api.another_client(json!({}));
        let code = api.bound_code();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let answer = api.token_for(&attacker, &form);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // Another redirect URI of the same client.
        let client = api.another_client(
            json!({"redirect_uri": format!("{REDIRECT};https://other.example/cb")}),
        );
        let approved = api.approve_for(&client, &[]).expect_status(200).json();
        let code = text(&approved, "code");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "https://other.example/cb"),
        ];
        let answer = api.token_for(&client, &form);
        assert!(matches!(answer.status, 400 | 403), "{}", answer.text());
    }
}

/// RFC 9700 section 4.4: one authorization server's code brought to another one's token endpoint.
#[test]
fn mix_up() {
    let world = World::shared();
    for style in STYLES {
        let honest = OAuthApi::new(&world, style);
        let attackers = OAuthApi::new(&world, style);
        // The same client id and secret at both, as a client with one registration would have it.
        let twin = json!({
            "api_id": attackers.id, "policy_id": attackers.policy_id(), "redirect_uri": REDIRECT,
            "client_id": honest.client.id, "secret": honest.client.secret,
        });
        world.node.create_client(&twin);
        let code = honest.bound_code();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let answer = attackers.token_for(&honest.client, &form);
        attackers.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // Nor does a token of one open the other, or its refresh token renew there.
        let tokens = honest.tokens();
        let call = attackers.call(&tokens.access);
        assert!(matches!(call.status, 401 | 403), "{}", call.text());
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
        ];
        let answer = attackers.token_for(&honest.client, &form);
        attackers.assert_error(&answer, INVALID_GRANT, (403, "invalid_client"));
    }
}

/// RFC 9700 section 4.8: a challenge that is left out, weakened or answered without having been asked.
#[test]
fn pkce_downgrade() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        // The challenge was cut out of the request: the honest client's verifier shows it.
        let answer = api.exchange(&api.code(), &[("code_verifier", VERIFIER)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // The verifier was cut out of the exchange.
        let answer = api.exchange(&api.bound_code(), &[]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // The method was weakened, by name, by silence, or to one that nobody knows.
        let hash = challenge(VERIFIER);
        for method in ["plain", "", "s256", "S512", "none"] {
            let with = [
                ("code_challenge", hash.as_str()),
                ("code_challenge_method", method),
            ];
            let answer = api.approve(&with);
            assert!(
                matches!(answer.status, 400 | 403),
                "{method}: {}",
                answer.text()
            );
        }
        // The challenge itself is no verifier.
        let answer = api.exchange(&api.bound_code(), &[("code_verifier", &hash)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // A public client cannot go without.
        let public = api.another_client(json!({"public": true}));
        api.assert_leads_nowhere(&api.approve_for(&public, &[]));
    }
}

/// RFC 9700 section 4.3 and 4.5, RFC 6819 section 4.4.1.1: a code that was seen by somebody else and is used again.
#[test]
fn authorization_code_replay() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let code = api.bound_code();
        let tokens = Tokens::of(api.exchange(&code, &[("code_verifier", VERIFIER)]));
        let answer = api.exchange(&code, &[("code_verifier", GUESS)]);
        api.assert_error(&answer, INVALID_GRANT, TYK_INVALID_GRANT);
        // Who had the code had the tokens' family in reach: it ends.
        api.assert_unknown(&tokens.access);
        api.assert_not_refreshed(&tokens.refresh);
    }
}

/// RFC 9700 section 4.14: a stolen refresh token shows itself by its second use, whoever is first.
#[test]
fn refresh_token_replay() {
    let world = World::of(
        Node::builder()
            .configuration("[oauth]\nretry_window_s = 0")
            .start(),
    );
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let stolen = api.tokens();
        let renewed = Tokens::of(api.refresh(&stolen.refresh));
        api.assert_not_refreshed(&stolen.refresh);
        api.assert_unknown(&renewed.access);
        api.assert_not_refreshed(&renewed.refresh);
    }
}
