//! Cases of Tyk's own tests with its own fixture: rules without access rights, which need `allow_master_keys`, given to the
//! implicit grant. Other cases stand with what they are about.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};

use crate::harness::{merge, wait_for};
use crate::oauth_implicit::{RULES, node_with_master_keys};
use crate::world::{OAuthApi, STYLES, Style, Tokens, World, text};

/// The node that these tests share.
fn shared() -> Arc<World> {
    static SHARED: Mutex<Weak<World>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let world = Arc::new(World::of(node_with_master_keys().start()));
        *shared = Arc::downgrade(&world);
        world
    })
}

const WITH_RULES: [(&str, &str); 1] = [("key_rules", RULES)];

#[test]
fn a_token_of_master_rules_opens_two_apis_that_know_the_client_t1() {
    let world = shared();
    for style in STYLES {
        let of = |org: &str| OAuthApi::with(&world, style, json!({"org_id": org}));
        let (one, two, other) = (of("org-id-1"), of("org-id-2"), of("org-id-2"));
        let same = json!({"client_id": one.client.id, "secret": one.client.secret});
        two.another_client(same);
        let token = one.implicit_token(&WITH_RULES);
        one.assert_good(&token);
        two.assert_good(&token);
        let revoked = "Key not authorised. OAuth client access was revoked";
        let unregistered = other.call(&token);
        other.assert_call_refused(&unregistered, (403, "insufficient_scope"), (403, revoked));
    }
}

#[test]
fn a_code_is_given_under_tyks_own_rules_t6() {
    let world = shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let body = api.approve(&WITH_RULES).expect_status(200).json();
        let code = text(&body, "code");
        assert!(!code.is_empty(), "{body}");
        // The rules alone made the session: they name no right, and so no policy's.
        let tokens = Tokens::of(api.exchange(&code, &[]));
        api.assert_good(&tokens.access);
        let path = format!("/tyk/keys/{}", tokens.access);
        let shown = world.node.ask("GET", &path, &Value::Null);
        let shown = shown.expect_status(200).json();
        assert_eq!(shown.get("access_rights"), None, "{shown}");
        assert_eq!(shown.get("apply_policies"), None, "{shown}");
    }
}

#[test]
fn metadata_of_tyks_own_rules_wins_over_the_clients_t8() {
    let world = shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let client = api.another_client(json!({"meta_data": {"foo": "bar", "client": "meta"}}));
        let mut rules: Value = serde_json::from_str(RULES).unwrap();
        merge(
            &mut rules,
            json!({"meta_data": {"key": "meta", "foo": "keybar"}}),
        );
        let rules = rules.to_string();
        let pairs = [("response_type", "token"), ("key_rules", rules.as_str())];
        let body = api.approve_for(&client, &pairs).expect_status(200).json();
        let path = format!("/tyk/keys/{}", text(&body, "access_token"));
        let shown = world.node.ask("GET", &path, &Value::Null);
        let shown = shown.expect_status(200).json();
        let expected = json!({"foo": "keybar", "client": "meta", "key": "meta"});
        assert_eq!(shown["meta_data"], expected);
        assert_eq!(text(&shown, "org_id"), "53ac07777cbb8c2d53000002");
        assert_eq!(text(&shown, "oauth_client_id"), client.id);
    }
}

#[test]
fn a_token_that_has_expired_says_so_t2() {
    let world = shared();
    for style in STYLES {
        let mut short = json!({"error_style": "rfc", "access_token_ttl_s": 1});
        if style == Style::Tyk {
            merge(&mut short, json!({"error_style": "tyk"}));
        }
        let api = OAuthApi::with(&world, style, json!({"raftgate": short}));
        let body = api.implicit(&WITH_RULES).expect_status(200).json();
        assert_eq!(body["expires_in"], json!(1));
        let token = text(&body, "access_token");
        wait_for("the token expires", || api.call(&token).status != 200);
        let expired = "Key has expired, please renew";
        api.assert_call_refused(&api.call(&token), (401, "invalid_token"), (401, expired));
    }
}

#[test]
fn a_deleted_client_is_gone_and_its_token_refused_t9() {
    let world = shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let token = api.implicit_token(&WITH_RULES);
        api.assert_good(&token);
        let path = api.client_path(&api.client);
        let ask = |method| world.node.ask(method, &path, &Value::Null);
        ask("GET").expect_status(200);
        ask("DELETE").expect_status(200);
        ask("GET").expect_status(404);
        for _ in 0..3 {
            let revoked = "Key not authorised. OAuth client access was revoked";
            api.assert_call_refused(&api.call(&token), (401, "invalid_token"), (403, revoked));
        }
    }
}

#[test]
fn only_declared_scopes_may_be_asked_for_and_a_refresh_narrows_them() {
    let world = shared();
    for style in STYLES {
        let name = if style == Style::Tyk { "tyk" } else { "rfc" };
        let own = json!({"error_style": name, "allowed_scopes": ["read", "write"]});
        let api = OAuthApi::with(&world, style, json!({"raftgate": own}));
        let refused = ((400, "invalid_scope"), (403, "invalid_scope"));
        for wide in ["admin", "read admin", "rea"] {
            let asked = [("scope", wide)];
            api.assert_error(&api.approve(&asked), refused.0, refused.1);
            api.assert_error(&api.implicit(&asked), refused.0, refused.1);
            let form = [("grant_type", "client_credentials"), ("scope", wide)];
            api.assert_error(&api.token(&form), refused.0, refused.1);
            let url = format!(
                "/oauth/authorize?response_type=code&client_id={}&scope={wide}",
                api.client.id
            );
            let status = world
                .node
                .client()
                .get(&api.url(&url.replace(' ', "+")), &[])
                .status;
            assert!(matches!(status, 400 | 403), "{status}");
        }
        let code = text(
            &api.approve(&[("scope", "write read")])
                .expect_status(200)
                .json(),
            "code",
        );
        let first = api.exchange(&code, &[]).expect_status(200).json();
        assert_eq!(text(&first, "scope"), "write read");
        let narrow = |token: &str, scope: &str| {
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", token),
                ("scope", scope),
            ];
            api.token(&form)
        };
        let token = text(&first, "refresh_token");
        api.assert_error(&narrow(&token, "read admin"), refused.0, refused.1);
        let second = narrow(&token, "read").expect_status(200).json();
        assert_eq!(text(&second, "scope"), "read");
        let none = api
            .token(&[("grant_type", "client_credentials")])
            .expect_status(200)
            .json();
        assert_eq!(none.get("scope"), None);
    }
}
