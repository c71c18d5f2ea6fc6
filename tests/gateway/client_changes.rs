//! A client that is changed: its text, its policy, its secret; and where it is registered.

use serde_json::{Value, json};

use crate::harness::{Answer, Credentials, Node, policy};
use crate::world::{
    INVALID_GRANT, OAuthApi, REDIRECT, STYLES, Style, TYK_INVALID_GRANT, World, text, unique,
};

impl OAuthApi<'_> {
    pub(crate) fn client_path(&self, client: &Credentials) -> String {
        format!("/tyk/oauth/clients/{}/{}", self.id, client.id)
    }

    fn put(&self, client: &Credentials, body: &Value) -> Answer {
        self.world.node.ask("PUT", &self.client_path(client), body)
    }

    /// What the control API tells of a client.
    #[track_caller]
    pub(crate) fn shown(&self, client: &Credentials) -> Value {
        let path = self.client_path(client);
        let answer = self.world.node.ask("GET", &path, &Value::Null);
        answer.expect_status(200).json()
    }

    /// Another policy that opens the API.
    fn another_policy(&self) -> String {
        let id = unique("policy");
        self.world.node.create_policy(&policy(&id, &[&self.id]));
        id
    }
}

#[track_caller]
fn assert_refused(answer: Answer, status: u16, message: &str) {
    let answer = answer.expect_status(status);
    let expected = json!({"status": "error", "message": message});
    assert_eq!(answer.json(), expected);
}

#[test]
fn an_update_replaces_everything_but_id_and_secret_t36_t38() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let client = api.another_client(json!({"meta_data": {"a": 1}, "description": "old"}));
        let body = json!({
            "client_id": "another", "api_id": "another", "secret": "another", "policy_id": api.policy_id(),
            "redirect_uri": REDIRECT, "description": "new", "meta_data": {"b": {"c": 2}}, "expires": 4_000_000_000_u64,
        });
        let changed = api.put(&client, &body).expect_status(200);
        let expected = format!(
            r#"{{"client_id":"{}","redirect_uri":"{REDIRECT}","policy_id":"{}","secret":"{}","meta_data":{{"b":{{"c":2}}}},"description":"new","expires":4000000000}}"#,
            client.id,
            api.policy_id(),
            client.secret
        );
        assert_eq!(changed.text(), expected);
        assert_eq!(api.shown(&client), changed.json());
        api.assert_good(&world.node.access_token(&api.id, &client));
        // What is not said is gone, even the redirect URI.
        let changed = api.put(&client, &json!({"policy_id": api.policy_id()}));
        let expected = json!({
            "client_id": client.id, "redirect_uri": "", "policy_id": api.policy_id(), "secret": client.secret,
            "meta_data": null, "description": "",
        });
        assert_eq!(changed.expect_status(200).json(), expected);
        let answer = api.approve_for(&client, &[]);
        api.assert_error(
            &answer,
            (400, "unauthorized_client"),
            (403, "unauthorized_client"),
        );
        let unknown = format!("/tyk/oauth/clients/{}/another", api.id);
        world
            .node
            .ask("GET", &unknown, &Value::Null)
            .expect_status(404);
    }
}

#[test]
fn another_policy_ends_the_tokens_and_everything_else_keeps_them_t37_d32() {
    for configuration in ["", "[compat]\nhash_keys = true"] {
        let world = World::of(Node::builder().configuration(configuration).start());
        for style in STYLES {
            let api = OAuthApi::new(&world, style);
            let tokens = api.tokens();
            let code = api.code();
            let same =
                json!({"policy_id": api.policy_id(), "redirect_uri": REDIRECT, "description": "x"});
            let changed = api.put(&api.client, &same).expect_status(200).json();
            assert_eq!(text(&changed, "secret"), api.client.secret);
            api.assert_good(&tokens.access);
            let other = json!({"policy_id": api.another_policy(), "redirect_uri": REDIRECT});
            let changed = api.put(&api.client, &other).expect_status(200).json();
            assert_eq!(text(&changed, "secret"), api.client.secret);
            assert_eq!(changed["policy_id"], other["policy_id"]);
            api.assert_unknown(&tokens.access);
            api.assert_not_refreshed(&tokens.refresh);
            api.assert_error(&api.exchange(&code, &[]), INVALID_GRANT, TYK_INVALID_GRANT);
            let fresh = api.tokens();
            api.assert_good(&fresh.access);
            // No policy at all is another one, too.
            let none = json!({"redirect_uri": REDIRECT});
            api.put(&api.client, &none).expect_status(200);
            api.assert_unknown(&fresh.access);
        }
    }
}

#[test]
fn an_update_is_refused_by_tyks_words() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let foreign = unique("foreign");
    world
        .node
        .create_policy(&policy(&foreign, &["another-api"]));
    let (good, nobody) = (
        api.client_path(&api.client),
        format!("/tyk/oauth/clients/{}/nobody", api.id),
    );
    let put = |path: &str, body: Value| world.node.ask("PUT", path, &body);
    let no_api = "/tyk/oauth/clients/no-api/nobody";
    assert_refused(put(no_api, json!({})), 404, "API doesn't exist");
    assert_refused(
        put(&format!("{no_api}/rotate"), Value::Null),
        404,
        "API doesn't exist",
    );
    let unknown = json!({"policy_id": "no-such-policy"});
    assert_refused(put(&good, unknown), 404, "Policy doesn't exist");
    let message = "Policy access rights doesn't contain API this OAuth client belongs to";
    assert_refused(put(&good, json!({"policy_id": foreign})), 400, message);
    assert_refused(put(&nobody, json!({})), 404, "OAuth Client ID not found");
    assert_refused(
        put(&format!("{nobody}/rotate"), Value::Null),
        404,
        "OAuth Client ID not found",
    );
    let before = api.shown(&api.client);
    for (body, word) in [
        (json!([1]), "object"),
        (json!({"redirect_uri": 5}), "redirect_uri"),
        (
            json!({"redirect_uri": "javascript:alert(1)"}),
            "redirect_uri",
        ),
        (json!({"meta_data": "x"}), "meta_data"),
        (json!({"policy_id": ["p"]}), "policy_id"),
        (json!({"description": {}}), "description"),
        (json!({"expires": "soon"}), "expires"),
        (json!({"public": true}), "public"),
        (json!({"public": "no"}), "public"),
        (json!({"description": "x".repeat(5000)}), "description"),
    ] {
        let answer = put(&good, body).expect_status(400);
        let message = text(&answer.json(), "message");
        assert!(message.contains(word), "{word}: {message}");
    }
    assert_eq!(api.shown(&api.client), before);
}

#[test]
fn a_rotated_secret_ends_the_old_one_at_once_and_no_token_t39() {
    for configuration in ["", "[oauth]\nhash_client_secrets = true"] {
        let world = World::of(Node::builder().configuration(configuration).start());
        for style in STYLES {
            let api = OAuthApi::new(&world, style);
            let tokens = api.tokens();
            let path = format!("{}/rotate/", api.client_path(&api.client));
            let body = json!({"secret": "mine", "description": "ignored"});
            let rotated = world
                .node
                .ask("PUT", &path, &body)
                .expect_status(200)
                .json();
            let secret = text(&rotated, "secret");
            assert!(
                secret.len() >= 20 && secret != api.client.secret,
                "{secret}"
            );
            assert_eq!(rotated["policy_id"], json!(api.policy_id()));
            assert_eq!(rotated["description"], json!(""));
            let grant = [("grant_type", "client_credentials")];
            api.assert_error(
                &api.token(&grant),
                (401, "invalid_client"),
                (403, "unauthorized_client"),
            );
            let renewed = Credentials {
                id: api.client.id.clone(),
                secret,
            };
            api.token_for(&renewed, &grant).expect_status(200);
            api.assert_good(&tokens.access);
            let refresh = [
                ("grant_type", "refresh_token"),
                ("refresh_token", &tokens.refresh),
            ];
            api.token_for(&renewed, &refresh).expect_status(200);
            let public = api.another_client(json!({"public": true}));
            let path = format!("{}/rotate", api.client_path(&public));
            world
                .node
                .ask("PUT", &path, &Value::Null)
                .expect_status(400);
        }
    }
}

#[test]
fn an_expiry_that_is_set_and_taken_back_stops_and_revives() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let token = api.access_token();
        let with = |expires: u64| {
            let body =
                json!({"policy_id": api.policy_id(), "redirect_uri": REDIRECT, "expires": expires});
            api.put(&api.client, &body).expect_status(200);
        };
        with(1_000_000_000);
        let revoked = "Key not authorised. OAuth client access was revoked";
        api.assert_call_refused(&api.call(&token), (401, "invalid_token"), (403, revoked));
        let grant = [("grant_type", "client_credentials")];
        api.assert_error(
            &api.token(&grant),
            (401, "invalid_client"),
            (403, "unauthorized_client"),
        );
        with(0);
        api.assert_good(&token);
    }
}

#[test]
fn several_redirect_uris_may_be_changed_and_the_separator_counts() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let both = "https://a.example/cb;https://b.example/cb";
    let body = json!({"policy_id": api.policy_id(), "redirect_uri": both});
    api.put(&api.client, &body).expect_status(200);
    for uri in ["https://a.example/cb", "https://b.example/cb"] {
        api.approve(&[("redirect_uri", uri)]).expect_status(200);
    }
    for uri in [REDIRECT, both, "https://b.example/cb2"] {
        api.approve(&[("redirect_uri", uri)]).expect_status(400);
    }
}

#[test]
fn the_apis_of_a_client_are_listed_when_an_organisation_is_named() {
    let world = World::shared();
    let ([one, two], _, client) = OAuthApi::two_of_one_client(&world, Style::Rfc);
    let path = format!("/tyk/oauth/clients/apis/{}", client.id);
    let list = |query: &str| {
        let path = format!("{path}{query}");
        let listed = world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(200)
            .json();
        let mut ids: Vec<String> = serde_json::from_value(listed).unwrap();
        ids.sort();
        ids
    };
    let mut expected = vec![one.id.clone(), two.id.clone()];
    expected.sort();
    assert_eq!(list("?orgID="), expected);
    assert_eq!(list("?orgID=default"), expected);
    assert_eq!(list("?x=1&orgID=others"), Vec::<String>::new());
    let nobody = world
        .node
        .ask("GET", "/tyk/oauth/clients/apis/nobody?orgID=", &Value::Null);
    assert_eq!(nobody.expect_status(200).json(), json!([]));
    // Without it the path is that of a client of an API called `apis`.
    let answer = world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(404);
    assert_eq!(text(&answer.json(), "message"), "OAuth Client ID not found");
    world
        .node
        .ask("PUT", &format!("{path}?orgID="), &json!({}))
        .expect_status(405);
    let long = format!("{path}?orgID={}", "x".repeat(300));
    world
        .node
        .ask("GET", &long, &Value::Null)
        .expect_status(400);
}

#[test]
fn a_deletion_without_a_client_deletes_nothing() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    for path in [
        format!("/tyk/oauth/clients/{}", api.id),
        format!("/tyk/oauth/clients/{}/", api.id),
    ] {
        let answer = world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        assert_eq!(
            answer.text(),
            r#"{"key":"","status":"ok","action":"deleted"}"#
        );
    }
    api.assert_good(&api.access_token());
}
