//! Redirect URIs: exact unless told otherwise, several where they are registered.

use serde_json::json;

use crate::harness::{Node, oauth_api, policy};
use crate::world::{OAuthApi, STYLES, Style, World, text};

/// Whether authorize, by GET and by POST, and authorize-client take these redirect URIs of a client.
#[track_caller]
fn assert_taken(api: &OAuthApi<'_>, registered: &str, cases: &[(&str, bool)]) {
    let client = api.another_client(json!({"redirect_uri": registered}));
    let refused = match api.style {
        Style::Rfc => 400,
        Style::Tyk => 403,
    };
    for (named, taken) in cases {
        let pairs = [
            ("response_type", "code"),
            ("client_id", client.id.as_str()),
            ("redirect_uri", named),
        ];
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let http = api.world.node.client();
        let url = api.url("/oauth/authorize");
        let by_get = http.get(&format!("{url}?{query}"), &[]);
        let by_post = http.post_form(&url, &[], &pairs);
        let approval = api.approve_for(&client, &[("redirect_uri", named)]);
        let seen = [by_get.status, by_post.status, approval.status];
        let expected = if *taken {
            [307, 307, 200]
        } else {
            [refused; 3]
        };
        assert_eq!(
            seen,
            expected,
            "{registered} and {named}: {}",
            approval.text()
        );
    }
}

#[test]
fn only_what_is_registered_to_the_letter_is_taken_d18() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        assert_taken(
            &api,
            "https://app.example/cb",
            &[
                ("https://app.example/cb", true),
                ("https://app.example/cbx", false),
                ("https://app.example/cb/", false),
                ("https://app.example/cb/sub", false),
                ("https://app.example/cb?a=b", false),
                ("https://app.example/CB", false),
                ("https://app.example/%63b", false),
                ("https://app.example/x/../cb", false),
                ("https://app.example:443/cb", false),
                ("https://app.example:8443/cb", false),
                ("http://app.example/cb", false),
                ("https://app.example.evil/cb", false),
                ("https://evil@app.example/cb", false),
                ("https://app.example/cb#", false),
                ("//app.example/cb", false),
                ("/cb", false),
            ],
        );
    }
}

/// A node with this separator.
fn separated_by(separator: &str) -> World {
    let configuration = format!("[oauth]\nredirect_uri_separator = \"{separator}\"");
    World::of(Node::builder().configuration(&configuration).start())
}

/// Three redirect URIs as Tyk's tests have them.
const THREE: [&str; 3] = [
    "http://client1.oauth.com",
    "http://client2.oauth.com",
    "http://client3.oauth.com",
];

#[test]
fn each_of_several_is_taken_and_the_first_is_the_default_t4() {
    for (separator, other, world) in [
        (";", ",", World::of(Node::start())),
        (",", ";", separated_by(",")),
    ] {
        let [first, second, third] = THREE;
        let (three, two) = (THREE.join(separator), [first, second].join(separator));
        for style in STYLES {
            let api = OAuthApi::new(&world, style);
            let cases = [
                (first, true),
                (second, true),
                (third, true),
                ("http://client4.oauth.com", false),
                ("http://client2.oauth", false),
                (three.as_str(), false),
                (two.as_str(), false),
            ];
            assert_taken(&api, &three, &cases);
            // Joined by another character they would be one that matches nothing.
            let joined = json!({"api_id": api.id, "redirect_uri": THREE.join(other)});
            let refused = world.node.ask("POST", "/tyk/oauth/clients/create", &joined);
            let refused = refused.expect_status(400).text();
            assert!(
                refused.contains("oauth.redirect_uri_separator"),
                "{refused}"
            );
            let client = api.another_client(json!({"redirect_uri": three}));
            let approval = api.approve_for(&client, &[("redirect_uri", "")]);
            let approval = approval.expect_status(200).json();
            let to = text(&approval, "redirect_to");
            assert!(to.starts_with(&format!("{first}?code=")), "{to}");
        }
    }
}

#[test]
fn without_a_separator_there_is_one_t5() {
    let world = separated_by("");
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for separator in [",", ";"] {
            let one = THREE.join(separator);
            let mut cases = THREE.map(|uri| (uri, false)).to_vec();
            cases.push((one.as_str(), true));
            assert_taken(&api, &one, &cases);
        }
        assert_taken(&api, THREE[1], &[(THREE[1], true), (THREE[0], false)]);
    }
}

#[test]
fn prefixes_are_taken_only_when_the_operator_says_so_d18() {
    let node = Node::builder()
        .configuration("[oauth]\nredirect_match = \"prefix\"")
        .start();
    let world = World::of(node);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        assert_taken(
            &api,
            "https://app.example/cb",
            &[
                ("https://app.example/cb/sub", true),
                ("https://app.example/cbx", true),
                ("https://app.example/cb?a=b", true),
                ("https://app.example/other", false),
                ("https://app.example.evil/cb", false),
                ("http://app.example/cb", false),
            ],
        );
    }
}

#[test]
fn a_loopback_client_may_choose_its_port() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    assert_taken(
        &api,
        "http://127.0.0.1/cb",
        &[
            ("http://127.0.0.1:51004/cb", true),
            ("http://127.0.0.1/cb", true),
            ("http://127.0.0.1:51004/other", false),
            ("https://127.0.0.1:51004/cb", false),
            ("http://localhost:51004/cb", false),
        ],
    );
}

#[test]
fn uris_that_must_never_get_a_code_cannot_be_registered() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    for redirect_uri in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://app.example/cb#part",
        "relative/path",
        "https://user:pw@app.example/cb",
        "https://one.example/cb;javascript:alert(1)",
    ] {
        let body =
            json!({"api_id": api.id, "policy_id": api.policy_id(), "redirect_uri": redirect_uri});
        let answer = world
            .node
            .ask("POST", "/tyk/oauth/clients/create", &body)
            .expect_status(400);
        assert!(
            text(&answer.json(), "message").contains("redirect_uri"),
            "{}",
            answer.text()
        );
    }
}

#[test]
fn the_login_page_and_a_clients_redirect_are_never_compared() {
    let world = World::shared();
    let mut definition = oauth_api("login-apart", "/login-apart/", &world.upstream.url("/"));
    definition["oauth_meta"]["auth_login_redirect"] = json!("https://login.example/");
    world.node.create_api(&definition);
    world
        .node
        .create_policy(&policy("login-apart", &["login-apart"]));
    let client = world.node.create_client(&json!({
        "api_id": "login-apart", "policy_id": "login-apart", "redirect_uri": "https://app.example/cb",
    }));
    let url = world.node.gateway_url(&format!(
        "/login-apart/oauth/authorize?response_type=code&client_id={}",
        client.id
    ));
    let answer = world.node.client().get(&url, &[]).expect_status(307);
    assert!(
        answer
            .header("location")
            .starts_with("https://login.example/?")
    );
}
