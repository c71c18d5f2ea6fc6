//! `/api/apis/oauth`: the Dashboard's doors to clients and tokens, in its shapes.

use serde_json::{Value, json};

use crate::harness::{Answer, Credentials, Node};
use crate::world::{OAuthApi, REDIRECT, STYLES, Style, World, text};

impl OAuthApi<'_> {
    fn dashboard(&self, method: &str, rest: &str, body: &Value) -> Answer {
        let path = format!("/api/apis/oauth/{}{rest}", self.id);
        self.world.node.ask(method, &path, body)
    }
}

#[track_caller]
fn assert_message(answer: Answer, status: u16, message: &str) {
    let word = if status == 200 { "OK" } else { "Error" };
    let expected = format!(r#"{{"Status":"{word}","Message":"{message}","Meta":null}}"#);
    let answer = answer.expect_status(status);
    assert_eq!(answer.text(), expected);
    assert_eq!(answer.header("content-type"), "application/json");
}

#[test]
fn a_client_lives_through_the_dashboards_doors() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let body =
            json!({"redirect_uri": REDIRECT, "policy_id": api.policy_id(), "api_id": "ignored"});
        let made = api.dashboard("POST", "", &body).expect_status(200).json();
        for name in ["client_id", "secret", "redirect_uri", "policy_id"] {
            assert_ne!(text(&made, name), "", "{name}");
        }
        let client = Credentials {
            id: text(&made, "client_id"),
            secret: text(&made, "secret"),
        };
        let at = format!("/{}", client.id);
        for path in [at.clone(), format!("{at}/")] {
            let shown = api.dashboard("GET", &path, &Value::Null).expect_status(200);
            assert_eq!(shown.json(), made);
        }
        // It is the Gateway's client.
        assert_eq!(api.shown(&client), made);
        let list = api
            .dashboard("GET", "", &Value::Null)
            .expect_status(200)
            .json();
        let apps = list["apps"].as_array().unwrap();
        assert_eq!((apps.len(), &list["pages"]), (2, &json!(1)));
        assert!(apps.contains(&made));
        let page = api
            .dashboard("GET", "?p=2", &Value::Null)
            .expect_status(200);
        assert_eq!(page.json(), json!({"apps": [], "pages": 1}));
        let token = world.node.access_token(&api.id, &client);
        let body =
            json!({"redirect_uri": REDIRECT, "policy_id": api.policy_id(), "description": "new"});
        let changed = api.dashboard("PUT", &at, &body).expect_status(200).json();
        assert_eq!(text(&changed, "description"), "new");
        assert_eq!(text(&changed, "secret"), client.secret);
        let tokens = api.dashboard("GET", &format!("{at}/tokens"), &Value::Null);
        assert_eq!(text(&tokens.expect_status(200).json()[0], "code"), token);
        let tokens = api.dashboard("GET", &format!("{at}/tokens?page=1"), &Value::Null);
        assert_eq!(tokens.json()["Pagination"]["page_total"], json!(1));
        let rotated = api.dashboard("PUT", &format!("{at}/rotate"), &Value::Null);
        let rotated = text(&rotated.expect_status(200).json(), "secret");
        assert_ne!(rotated, client.secret);
        api.assert_good(&token);
        let gone = api.dashboard("DELETE", &at, &Value::Null);
        assert_message(gone, 200, "OAuth Client deleted successfully");
        assert_message(
            api.dashboard("GET", &at, &Value::Null),
            404,
            "OAuth Client ID not found",
        );
        assert_ne!(api.call(&token).status, 200);
    }
}

#[test]
fn tokens_are_revoked_for_the_client_of_the_path_d25() {
    // A node of its own: wrong secrets count against the client.
    let world = World::of(Node::start());
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (id, secret) = (api.client.id.as_str(), api.client.secret.as_str());
        let door = |verb: &str| format!("/api/apis/oauth/{id}/{verb}");
        let json = |verb: &str, body: Value| world.node.ask("POST", &door(verb), &body);
        let form = |verb: &str, form: &[(&str, &str)]| {
            crate::control_revocation::post(&world, &door(verb), form)
        };
        let one = "token revoked successfully";
        let token = api.access_token();
        // The example of Tyk's documents sends the client's credentials along.
        let body = json!({"token": token, "token_type_hint": "access_token", "client_id": id, "client_secret": secret});
        assert_message(json("revoke", body), 200, one);
        api.assert_unknown(&token);
        let token = api.access_token();
        assert_message(form("revoke/", &[("token", &token)]), 200, one);
        api.assert_unknown(&token);
        let tokens = api.tokens();
        assert_message(json("revoke", json!({"token": "never-was"})), 200, one);
        assert_message(json("revoke", json!({})), 400, "token is required");
        let wrong = json!({"token": tokens.access, "client_secret": "x"});
        assert_message(json("revoke", wrong), 401, "client secret is wrong");
        let other = json!({"token": tokens.access, "client_id": "other"});
        assert_message(
            json("revoke", other),
            400,
            "client_id is not the one of the path",
        );
        assert_message(
            json("revoke_all", json!({"client_secret": "x"})),
            401,
            "client secret is wrong",
        );
        assert_message(
            json("revoke", json!([])),
            400,
            "cannot parse form. Form malformed",
        );
        api.assert_good(&tokens.access);
        let all = "tokens revoked successfully";
        assert_message(json("revoke_all", json!({})), 200, all);
        api.assert_unknown(&tokens.access);
        api.assert_not_refreshed(&tokens.refresh);
        for with_secret in [
            json!({"client_secret": secret}),
            json!({"client_secret": secret, "client_id": id}),
        ] {
            let token = api.access_token();
            assert_message(json("revoke_all", with_secret), 200, all);
            api.assert_unknown(&token);
        }
        let token = api.access_token();
        assert_message(form("revoke_all", &[]), 200, all);
        api.assert_unknown(&token);
        let nobody = |verb: &str| format!("/api/apis/oauth/nobody/{verb}");
        let answer = world
            .node
            .ask("POST", &nobody("revoke"), &json!({"token": "x"}));
        assert_message(answer, 400, "oauth client doesn't exist");
        let answer = world.node.ask("POST", &nobody("revoke_all"), &json!({}));
        assert_message(answer, 404, "oauth client doesn't exist");
    }
}

#[test]
fn refusals_are_in_the_dashboards_shape() {
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let ask = |method: &str, path: &str, body: Value| world.node.ask(method, path, &body);
    let no_api = "/api/apis/oauth/no-api";
    assert_message(ask("POST", no_api, json!({})), 400, "API doesn't exist");
    assert_message(ask("GET", no_api, Value::Null), 404, "API doesn't exist");
    let gone = "OAuth Client ID not found";
    for rest in ["/nobody", "/nobody/tokens"] {
        let path = format!("{no_api}{rest}");
        assert_message(ask("GET", &path, Value::Null), 404, gone);
    }
    assert_message(
        ask("DELETE", &format!("{no_api}/nobody"), Value::Null),
        404,
        gone,
    );
    assert_message(api.dashboard("GET", "/nobody", &Value::Null), 404, gone);
    assert_message(api.dashboard("PUT", "/nobody", &json!({})), 404, gone);
    assert_message(
        api.dashboard("PUT", "/nobody/rotate", &json!({})),
        404,
        gone,
    );
    assert_message(
        api.dashboard("PATCH", "", &Value::Null),
        405,
        "Method not supported",
    );
    assert_message(
        api.dashboard("POST", "/nobody", &json!({})),
        405,
        "Method not supported",
    );
    assert_message(
        api.dashboard("POST", "/nobody/rotate", &json!({})),
        405,
        "Method not supported",
    );
    assert_message(
        ask("GET", "/api/nothing-here", Value::Null),
        404,
        "Not Found",
    );
    let malformed = api
        .dashboard("POST", "", &json!({"redirect_uri": 1}))
        .expect_status(400);
    assert!(text(&malformed.json(), "Message").contains("redirect_uri"));
    let door = |rest: &str| {
        world
            .node
            .control_url(&format!("/api/apis/oauth/{}{rest}", api.id))
    };
    let denied = "Attempted administrative access with invalid or missing key!";
    for (method, rest) in [
        ("GET", ""),
        ("POST", ""),
        ("DELETE", "/x"),
        ("POST", "/revoke_all"),
    ] {
        let client = world.node.client();
        assert_message(client.send(method, &door(rest), &[], b""), 401, denied);
    }
    let wrong = [("authorization", "wrong")];
    let answer = world.node.client().get(&door(""), &wrong);
    assert_message(answer, 401, denied);
    // A client may be called like one of the verbs.
    let named = json!({"client_id": "revoke", "redirect_uri": REDIRECT});
    api.dashboard("POST", "", &named).expect_status(200);
    api.dashboard("GET", "/revoke", &Value::Null)
        .expect_status(200);
    let gone = api.dashboard("DELETE", "/revoke", &Value::Null);
    assert_message(gone, 200, "OAuth Client deleted successfully");
}
