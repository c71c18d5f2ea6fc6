//! The implicit grant at every door of authorize-client: an access token at once, in the fragment, and nothing more.

use serde_json::{Value, json};

use crate::harness::{Answer, Node, NodeBuilder, RecordingServer, Reply};
use crate::world::{OAuthApi, REDIRECT, Refused, STYLES, Style, World, text};

/// The rules of Tyk's own tests: no access rights, and an organisation of their own.
pub(crate) const RULES: &str = r#"{"last_check":1402492859,"org_id":"53ac07777cbb8c2d53000002","rate":3,"per":1,"quota_max":-1,"quota_renews":1399567002,"quota_remaining":10,"quota_renewal_rate":300}"#;

/// A node on which those rules may be used.
pub(crate) fn node_with_master_keys() -> NodeBuilder {
    Node::builder().configuration("[oauth]\nallow_master_keys = true")
}

impl OAuthApi<'_> {
    /// The implicit grant; `pairs` replace or add to those of a usual request.
    #[track_caller]
    pub(crate) fn implicit(&self, pairs: &[(&str, &str)]) -> Answer {
        let mut all = vec![("response_type", "token")];
        all.extend(pairs);
        self.approve(&all)
    }

    /// A token by the implicit grant.
    #[track_caller]
    pub(crate) fn implicit_token(&self, pairs: &[(&str, &str)]) -> String {
        let body = self.implicit(pairs).expect_status(200).json();
        text(&body, "access_token")
    }
}

/// The pairs of a fragment, decoded.
fn fragment(location: &str) -> Vec<(String, String)> {
    let (_, fragment) = location.split_once('#').unwrap();
    form_urlencoded::parse(fragment.as_bytes())
        .into_owned()
        .collect()
}

#[test]
fn a_token_comes_back_at_once_in_tyks_shape_t7() {
    let world = World::of(node_with_master_keys().start());
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for rules in [&[][..], &[("key_rules", RULES)]] {
            let answer = api.implicit(rules).expect_status(200);
            assert_eq!(answer.header("content-type"), "application/json");
            assert!(answer.header("cache-control").contains("no-store"));
            let body = answer.json();
            let token = text(&body, "access_token");
            let to = format!("{REDIRECT}#access_token={token}&expires_in=3600&token_type=bearer");
            let expected = format!(
                r#"{{"access_token":"{token}","expires_in":3600,"redirect_to":"{to}","token_type":"bearer"}}"#
            );
            assert_eq!(answer.text(), expected, "the letters of T7");
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            assert!(token.bytes().all(plain), "nothing in it needs encoding");
            api.assert_good(&token);
        }
    }
}

#[test]
fn every_door_of_authorize_client_gives_tokens() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let secret = world.node.secret();
    let headers = [("authorization", secret.as_str())];
    let form = [
        ("response_type", "token"),
        ("client_id", api.client.id.as_str()),
    ];
    let control = |path: &str| world.node.control_url(path);
    for url in [
        api.url("/tyk/oauth/authorize-client/"),
        control("/tyk/oauth/authorize-client"),
        control(&format!("/api/apis/oauth/{}/authorize-client", api.id)),
        control(&format!("/api/apis/{}/authorize-client/", api.id)),
    ] {
        let client = world.node.client();
        let body = client.post_form(&url, &headers, &form).expect_status(200);
        api.assert_good(&text(&body.json(), "access_token"));
        let json = json!({"response_type": "token", "client_id": api.client.id}).to_string();
        let typed = [headers[0], ("content-type", "application/json")];
        let body = client.send("POST", &url, &typed, json.as_bytes());
        api.assert_good(&text(&body.expect_status(200).json(), "access_token"));
    }
    // The pre-check sends the browser to log in, as for a code.
    let url = api.url(&format!(
        "/oauth/authorize?response_type=token&client_id={}",
        api.client.id
    ));
    let answer = world.node.client().get(&url, &[]).expect_status(307);
    assert!(answer.header("location").contains("response_type=token"));
}

#[test]
fn state_and_scope_are_in_answer_and_fragment_d33() {
    let world = World::shared();
    for style in STYLES {
        tells_state_and_scope(&OAuthApi::new(&world, style));
    }
}

fn tells_state_and_scope(api: &OAuthApi<'_>) {
    let uri = "https://app.example/cb?keep=1";
    let client = api.another_client(json!({"redirect_uri": uri}));
    let state = "a&b=c d+e%20#ä\"<";
    let pairs = [
        ("response_type", "token"),
        ("redirect_uri", uri),
        ("state", state),
        ("scope", "read write"),
    ];
    let body = api.approve_for(&client, &pairs).expect_status(200).json();
    assert_eq!(text(&body, "state"), state);
    assert_eq!(text(&body, "scope"), "read write");
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    let in_order = [
        "access_token",
        "expires_in",
        "redirect_to",
        "scope",
        "state",
        "token_type",
    ];
    assert_eq!(keys, in_order);
    let location = text(&body, "redirect_to");
    assert!(location.starts_with(&format!("{uri}#")), "{location}");
    let token = text(&body, "access_token");
    let expected = [
        ("access_token", token.as_str()),
        ("expires_in", "3600"),
        ("scope", "read write"),
        ("state", state),
        ("token_type", "bearer"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fragment(&location), expected);
}

#[test]
fn nothing_can_be_refreshed_and_nobody_is_told() {
    let world = World::shared();
    let sink = RecordingServer::start(|_| Reply::ok(""));
    let told =
        json!({"notifications": {"shared_secret": "s", "oauth_on_keychange_url": sink.url("/")}});
    let api = OAuthApi::with(&world, Style::Rfc, told);
    let body = api.implicit(&[]).expect_status(200).json();
    assert_eq!(body.get("refresh_token"), None);
    // The message of a later grant is the first that comes.
    let tokens = api.tokens();
    let message = sink.wait_for(1).remove(0).json();
    assert_eq!(text(&message, "new_oauth_token"), tokens.access);
    assert_eq!(sink.received().len(), 1);
}

#[test]
fn refusals_follow_the_table_in_both_styles_and_name_the_fragment_in_tyks() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let bare = api.another_client(json!({"redirect_uri": ""}));
        let without_policy = api.another_client(json!({"policy_id": ""}));
        let cases: [Refused<'_>; 6] = [
            (
                &[("client_id", "nobody")],
                (400, "invalid_client"),
                (403, "server_error"),
            ),
            (
                &[("client_id", &bare.id)],
                (400, "unauthorized_client"),
                (403, "unauthorized_client"),
            ),
            (
                &[("redirect_uri", "https://evil.example/")],
                (400, "invalid_request"),
                (403, "invalid_request"),
            ),
            (
                &[("client_id", &without_policy.id), ("state", "s&t")],
                (400, "unauthorized_client"),
                (403, "server_error"),
            ),
            (
                &[("scope", "a\"b")],
                (400, "invalid_scope"),
                (403, "invalid_scope"),
            ),
            (
                &[("response_type", "Token")],
                (400, "unsupported_response_type"),
                (403, "unsupported_response_type"),
            ),
        ];
        for (pairs, rfc, tyk) in cases {
            let mut all = vec![("response_type", "token")];
            all.retain(|(name, _)| !pairs.iter().any(|(other, _)| other == name));
            all.extend(pairs);
            let answer = api.approve(&all);
            api.assert_error(&answer, rfc, tyk);
            let told = text(&answer.json(), "redirect_to");
            match (style, tyk.1, pairs.len()) {
                (Style::Tyk, "server_error", 2) => {
                    assert!(told.starts_with(&format!("{REDIRECT}#error=")), "{told}");
                    let pairs = fragment(&told);
                    assert_eq!(pairs[0].1, "server_error");
                    assert_eq!(pairs[2], ("state".to_owned(), "s&t".to_owned()));
                }
                (Style::Tyk, "invalid_request", _) => {
                    assert!(told.starts_with(&format!("{REDIRECT}?error=")), "{told}");
                }
                _ => assert_eq!(told, ""),
            }
        }
        let answer = api.implicit(&[("key_rules", "{}")]);
        assert_eq!(
            (answer.status, text(&answer.json(), "error")),
            (400, "invalid_request".into())
        );
    }
}

#[test]
fn the_apis_allowed_types_decide_and_a_warning_says_what_they_mean() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let path = format!("/tyk/apis/{}", api.id);
        let mut definition = world.node.ask("GET", &path, &Value::Null).json();
        // The grant types are not asked.
        definition["oauth_meta"]["allowed_access_types"] = json!([]);
        let changed = world.node.ask("PUT", &path, &definition).expect_status(200);
        let warnings = changed.json()["warnings"].to_string();
        assert!(warnings.contains("implicit"), "{warnings}");
        api.assert_good(&api.implicit_token(&[]));
        definition["oauth_meta"]["allowed_authorize_types"] = json!(["code"]);
        world.node.ask("PUT", &path, &definition).expect_status(200);
        let refused = "unsupported_response_type";
        api.assert_error(&api.implicit(&[]), (400, refused), (403, refused));
    }
}

#[test]
fn a_public_client_needs_no_challenge_where_there_is_no_exchange() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let public = api.another_client(json!({"public": true}));
    let answer = api.approve_for(&public, &[("response_type", "token")]);
    let token = text(&answer.expect_status(200).json(), "access_token");
    api.assert_good(&token);
}
