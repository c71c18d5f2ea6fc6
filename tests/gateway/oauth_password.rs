//! The password grant: users are basic-auth keys, their session is lent to the client.

use serde_json::{Value, json};

use crate::harness::{Answer, Credentials, Node, RecordingServer, Reply, merge};
use crate::world::{OAuthApi, STYLES, Style, Tokens, World, text, unique};

/// An API that allows the password grant, with one user.
pub(crate) struct PasswordApi<'w> {
    pub(crate) api: OAuthApi<'w>,
    pub(crate) user: String,
}

impl<'w> PasswordApi<'w> {
    pub(crate) fn new(world: &'w World, style: Style, fields: Value) -> Self {
        let types = json!({
            "allowed_access_types": ["password", "refresh_token"],
            "allowed_authorize_types": [],
        });
        let mut definition = json!({"oauth_meta": types});
        merge(&mut definition, fields);
        let fixture = Self {
            api: OAuthApi::with(world, style, definition),
            user: unique("user"),
        };
        fixture.put("POST", "s3cret", json!({})).expect_status(200);
        fixture
    }

    fn put(&self, method: &str, password: &str, fields: Value) -> Answer {
        let id = &self.api.id;
        let mut session = json!({
            "org_id": "default",
            "access_rights": {id: {"api_id": id, "api_name": id, "versions": ["Default"]}},
            "basic_auth_data": {"password": password},
            "meta_data": {"of": "user"},
        });
        merge(&mut session, fields);
        let path = format!("/tyk/keys/{}", self.user);
        self.api.world.node.ask(method, &path, &session)
    }

    fn delete(&self) {
        let path = format!("/tyk/keys/{}", self.user);
        let node = &self.api.world.node;
        node.ask("DELETE", &path, &Value::Null).expect_status(200);
    }

    fn login_for(&self, client: &Credentials, password: &str) -> Answer {
        let form = [
            ("grant_type", "password"),
            ("username", self.user.as_str()),
            ("password", password),
        ];
        self.api.token_for(client, &form)
    }

    pub(crate) fn login(&self, password: &str) -> Answer {
        self.login_for(&self.api.client, password)
    }
}

type Refused = ((u16, &'static str), (u16, &'static str));

const DENIED: Refused = ((400, "invalid_grant"), (403, "access_denied"));
const INCOMPLETE: Refused = ((400, "invalid_request"), (403, "invalid_grant"));

#[test]
fn a_right_password_gets_tokens_and_nothing_else_does_d19() {
    only_a_right_password_gets_tokens(&World::shared());
}

#[test]
fn a_right_password_gets_tokens_where_keys_are_hashed_d19() {
    let node = Node::builder().configuration("[compat]\nhash_keys = true");
    only_a_right_password_gets_tokens(&World::of(node.start()));
}

fn only_a_right_password_gets_tokens(world: &World) {
    for style in STYLES {
        let at = PasswordApi::new(world, style, json!({}));
        let tokens = Tokens::of(at.login("s3cret"));
        at.api.assert_good(&tokens.access);
        let refused = |form: &[(&str, &str)], want: Refused| {
            let mut all = vec![("grant_type", "password")];
            all.extend(form);
            at.api.assert_error(&at.api.token(&all), want.0, want.1);
        };
        let user = at.user.as_str();
        for form in [
            &[("username", user), ("password", "wrong")][..],
            &[("username", "nobody"), ("password", "s3cret")],
            &[("username", user), ("password", &"x".repeat(5000))],
        ] {
            refused(form, DENIED);
        }
        for form in [
            &[][..],
            &[("username", user)],
            &[("password", "s3cret")],
            &[("username", user), ("password", "")],
        ] {
            refused(form, INCOMPLETE);
        }
        // A password in the query is none.
        let node = &world.node;
        let url = at.api.url("/oauth/token?password=s3cret");
        let form = [("grant_type", "password"), ("username", user)];
        let headers = [("authorization", at.api.client.basic())];
        let headers = [("authorization", headers[0].1.as_str())];
        let answer = node.client().post_form(&url, &headers, &form);
        at.api.assert_error(&answer, INCOMPLETE.0, INCOMPLETE.1);
        // A wrong password ends nobody's token.
        at.api.assert_good(&tokens.access);
        let public = at.api.another_client(json!({"public": true}));
        let form = [
            ("grant_type", "password"),
            ("username", user),
            ("password", "s3cret"),
            ("client_id", &public.id),
        ];
        let answer = node
            .client()
            .post_form(&at.api.url("/oauth/token"), &[], &form);
        let refused = "unauthorized_client";
        at.api.assert_error(&answer, (400, refused), (403, refused));
    }
}

#[test]
fn a_second_login_ends_the_clients_first_access_token_d20() {
    let world = World::shared();
    for style in STYLES {
        let at = PasswordApi::new(&world, style, json!({}));
        let other = at.api.another_client(json!({}));
        let others = Tokens::of(at.login_for(&other, "s3cret"));
        let first = Tokens::of(at.login("s3cret"));
        let second = Tokens::of(at.login("s3cret"));
        at.api.assert_unknown(&first.access);
        at.api.assert_good(&second.access);
        at.api.assert_good(&others.access);
        // The refresh token of the first goes on, without the password.
        at.put("PUT", "another", json!({})).expect_status(200);
        let again = Tokens::of(at.api.refresh(&first.refresh));
        at.api.assert_good(&again.access);
        let answer = at.login("s3cret");
        at.api.assert_error(&answer, DENIED.0, DENIED.1);
        at.delete();
        let answer = at.login("another");
        at.api.assert_error(&answer, DENIED.0, DENIED.1);
    }
}

/// RFC 6819 section 4.4.3.3: who leaves gets nothing more by a refresh token that is still out there.
#[test]
fn a_user_who_is_switched_off_or_deleted_refreshes_nothing() {
    let world = World::shared();
    for style in STYLES {
        let at = PasswordApi::new(&world, style, json!({}));
        let other = at.api.another_client(json!({}));
        // A new password, and a user that is replaced as a whole, is the same user.
        let mut tokens = Tokens::of(at.login("s3cret"));
        for method in ["PUT", "POST"] {
            at.put(method, "another", json!({})).expect_status(200);
            tokens = Tokens::of(at.api.refresh(&tokens.refresh));
        }
        at.put("PUT", "another", json!({"is_inactive": true}))
            .expect_status(200);
        at.api.assert_not_refreshed(&tokens.refresh);
        // That ended it, together with its access token.
        at.put("PUT", "another", json!({"is_inactive": false}))
            .expect_status(200);
        at.api.assert_not_refreshed(&tokens.refresh);
        at.api.assert_unknown(&tokens.access);
        let tokens = Tokens::of(at.login("another"));
        let others = Tokens::of(at.login_for(&other, "another"));
        at.delete();
        at.api.assert_not_refreshed(&tokens.refresh);
        // Somebody else under the same name gets nothing of the first one's.
        at.put("POST", "s3cret", json!({})).expect_status(200);
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", others.refresh.as_str()),
        ];
        let answer = at.api.token_for(&other, &form);
        at.api
            .assert_error(&answer, (400, "invalid_grant"), (403, "invalid_grant"));
        let own = Tokens::of(at.login("s3cret"));
        Tokens::of(at.api.refresh(&own.refresh));
    }
}

#[test]
fn a_user_who_is_switched_off_gets_no_tokens_and_keeps_those_that_are_there() {
    let world = World::shared();
    for style in STYLES {
        let at = PasswordApi::new(&world, style, json!({}));
        let tokens = Tokens::of(at.login("s3cret"));
        at.put("PUT", "s3cret", json!({"is_inactive": true}))
            .expect_status(200);
        for password in ["s3cret", "guess"] {
            let answer = at.login(password);
            at.api.assert_error(&answer, DENIED.0, DENIED.1);
        }
        at.put("PUT", "s3cret", json!({"is_inactive": false}))
            .expect_status(200);
        at.api.assert_good(&tokens.access);
        at.api.assert_good(&Tokens::of(at.login("s3cret")).access);
    }
}

#[test]
fn the_session_is_the_users_under_the_clients_metadata() {
    let world = World::shared();
    let at = PasswordApi::new(&world, Style::Rfc, json!({}));
    let meta = json!({"of": "client", "tyk_developer_email": "dev@example"});
    let client = at
        .api
        .another_client(json!({"meta_data": meta, "policy_id": ""}));
    let tokens = Tokens::of(at.login_for(&client, "s3cret"));
    let path = format!("/tyk/keys/{}", tokens.access);
    let shown = world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(200)
        .json();
    assert_eq!(shown["meta_data"], meta);
    assert_eq!(text(&shown, "alias"), "dev@example");
    assert_eq!(text(&shown, "oauth_client_id"), client.id);
    assert!(shown["access_rights"].get(&at.api.id).is_some(), "{shown}");
    assert!(!shown.to_string().contains("s3cret"), "{shown}");
    // A user whose rights are elsewhere opens nothing here.
    let elsewhere = json!({"access_rights": {"elsewhere": {"api_id": "elsewhere"}}});
    at.put("PUT", "s3cret", elsewhere).expect_status(200);
    let tokens = Tokens::of(at.login("s3cret"));
    at.api.call(&tokens.access).expect_status(403);
}

#[test]
fn the_application_is_told_of_logins_and_the_refresh_type_decides() {
    let world = World::shared();
    let sink = RecordingServer::start(|_| Reply::ok(""));
    let told =
        json!({"notifications": {"shared_secret": "s", "oauth_on_keychange_url": sink.url("/")}});
    let at = PasswordApi::new(&world, Style::Rfc, told);
    let tokens = Tokens::of(at.login("s3cret"));
    let message = sink.wait_for(1).remove(0).json();
    let expected = json!({
        "auth_code": "", "new_oauth_token": tokens.access, "refresh_token": tokens.refresh,
        "old_refresh_token": "", "notification_type": "new",
    });
    assert_eq!(message, expected);
    let alone = json!({"oauth_meta": {"allowed_access_types": ["password"]}});
    let at = PasswordApi::new(&world, Style::Rfc, alone);
    let body = at.login("s3cret").expect_status(200).json();
    assert_eq!(body.get("refresh_token"), None);
}

#[test]
fn guessing_a_users_password_is_slowed_for_that_user_alone() {
    let world = World::of(Node::start());
    let at = PasswordApi::new(&world, Style::Rfc, json!({}));
    for _ in 0..10 {
        at.login("guess").expect_status(400);
    }
    let answer = at.login("s3cret").expect_status(429);
    assert_ne!(answer.header("retry-after"), "");
    let other = PasswordApi {
        user: unique("user"),
        api: at.api,
    };
    other.put("POST", "s3cret", json!({})).expect_status(200);
    other.login("s3cret").expect_status(200);
}
