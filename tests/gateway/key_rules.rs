//! `key_rules`: the session that the identity server asks for, in place of the client's policy.

use serde_json::{Value, json};

use crate::harness::Node;
use crate::world::{OAuthApi, STYLES, Style, Tokens, World, text};

/// Rules that open these APIs.
fn rules(apis: &[&str]) -> Value {
    let rights: serde_json::Map<String, Value> = apis
        .iter()
        .map(|id| {
            (
                (*id).to_owned(),
                json!({"api_id": id, "api_name": id, "versions": ["Default"]}),
            )
        })
        .collect();
    json!({
        "allowance": 1000, "rate": 1000, "per": 1, "expires": -1, "quota_max": -1, "org_id": "default",
        "quota_renews": 1_406_121_006, "quota_remaining": 0, "quota_renewal_rate": 60, "access_rights": rights,
    })
}

fn tokens_by(api: &OAuthApi<'_>, rules: &Value) -> Tokens {
    let rules = rules.to_string();
    let answer = api.approve(&[("key_rules", &rules)]).expect_status(200);
    Tokens::of(api.exchange(&text(&answer.json(), "code"), &[]))
}

#[test]
fn rules_make_the_session_without_any_policy() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let client = api.another_client(json!({"policy_id": ""}));
        let text_of_rules = rules(&[&api.id]).to_string();
        let answer = api
            .approve_for(&client, &[("key_rules", &text_of_rules)])
            .expect_status(200);
        let code = text(&answer.json(), "code");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", crate::world::REDIRECT),
        ];
        let tokens = Tokens::of(api.token_for(&client, &form));
        api.assert_good(&tokens.access);
        // They are carried over to what a refresh yields.
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
        ];
        let next = Tokens::of(api.token_for(&client, &form));
        api.assert_good(&next.access);
    }
}

#[test]
fn rules_replace_the_policy_and_do_not_add_to_it() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let elsewhere = tokens_by(&api, &rules(&["another-api"]));
        api.assert_call_refused(
            &api.call(&elsewhere.access),
            (403, "insufficient_scope"),
            (403, "Access to this API has been disallowed"),
        );
        let mut inactive = rules(&[&api.id]);
        inactive["is_inactive"] = json!(true);
        let inactive = tokens_by(&api, &inactive);
        api.assert_call_refused(
            &api.call(&inactive.access),
            (403, "access_denied"),
            (403, "Key is inactive, please renew"),
        );
        // A policy that the rules name is looked up at each call.
        let named = json!({"apply_policies": [api.policy_id()]});
        let named = tokens_by(&api, &named);
        api.assert_good(&named.access);
        let path = format!("/tyk/policies/{}", api.policy_id());
        world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        assert!(matches!(api.call(&named.access).status, 401 | 403));
    }
}

#[test]
fn rules_that_name_a_policy_which_is_not_there_make_no_session() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for named in [
            json!({"apply_policies": ["nope"]}),
            json!({"apply_policy_id": "nope"}),
        ] {
            let answer = api.approve(&[("key_rules", &named.to_string())]);
            api.assert_error(&answer, (400, "unauthorized_client"), (403, "server_error"));
        }
        // One that goes between code and exchange makes none either.
        let named = json!({"apply_policies": [api.policy_id()]}).to_string();
        let answer = api.approve(&[("key_rules", &named)]).expect_status(200);
        let path = format!("/tyk/policies/{}", api.policy_id());
        world
            .node
            .ask("DELETE", &path, &Value::Null)
            .expect_status(200);
        let answer = api.exchange(&text(&answer.json(), "code"), &[]);
        api.assert_error(&answer, (400, "unauthorized_client"), (403, "server_error"));
    }
}

#[test]
fn rules_that_cannot_be_honoured_are_400_in_both_styles_t6() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let mut bound = rules(&[&api.id]);
        bound["mtls_static_certificate_bindings"] = json!(["cert"]);
        for bad in [
            "not json".to_owned(),
            "[]".to_owned(),
            "\"text\"".to_owned(),
            "null".to_owned(),
            "{\"access_rights\":".to_owned(),
            json!({"access_rights": {}}).to_string(),
            json!({"rate": 3}).to_string(),
            json!({"access_rights": ["api"]}).to_string(),
            json!({"access_rights": {"x": 5}}).to_string(),
            json!({"access_rights": {"x": {"allowed_urls": [{"url": "(", "methods": ["GET"]}]}}})
                .to_string(),
            bound.to_string(),
            json!({"access_rights": rules(&["x"])["access_rights"], "expires": "soon"}).to_string(),
            format!(
                "{{\"alias\":\"{}\",\"access_rights\":{{}}}}",
                "x".repeat(40_000)
            ),
        ] {
            let answer = api.approve(&[("key_rules", &bad)]);
            let body = answer.json();
            let seen = (answer.status, text(&body, "error"));
            assert_eq!(seen, (400, "invalid_request".to_owned()), "{bad}: {body}");
            assert!(!text(&body, "error_description").is_empty());
        }
    }
}

#[test]
fn a_future_expiry_shortens_the_token_and_a_past_one_does_not() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let lifetime = |expires: Value| {
        let mut rules = rules(&[&api.id]);
        rules["expires"] = expires;
        let rules = rules.to_string();
        let code = text(
            &api.approve(&[("key_rules", &rules)])
                .expect_status(200)
                .json(),
            "code",
        );
        let body = api.exchange(&code, &[]).expect_status(200).json();
        body["expires_in"].as_u64().unwrap()
    };
    let short = lifetime(json!(now + 100));
    assert!((1..=100).contains(&short), "{short}");
    for api_decides in [
        json!(-1),
        json!(0),
        json!(now - 100),
        json!(now + 1_000_000),
    ] {
        assert_eq!(lifetime(api_decides.clone()), 3600, "{api_decides}");
    }
}

#[test]
fn master_keys_need_the_operators_word() {
    let node = Node::builder()
        .configuration("[oauth]\nallow_master_keys = true")
        .start();
    let (allowing, not) = (World::of(node), World::shared());
    for style in STYLES {
        let rules = json!({"rate": 3});
        let api = OAuthApi::new(&allowing, style);
        let tokens = tokens_by(&api, &rules);
        api.assert_good(&tokens.access);
        let api = OAuthApi::new(&not, style);
        let refused = api.approve(&[("key_rules", &rules.to_string())]);
        assert_eq!(refused.status, 400, "{}", refused.text());
    }
}

#[test]
fn limits_of_rules_are_warned_of_once_for_an_api() {
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    let warning = "key_rules carry a rate limit or a quota";
    let mut unlimited = rules(&[&api.id]);
    unlimited["rate"] = json!(0);
    tokens_by(&api, &unlimited);
    assert!(!world.node.log().contains(warning), "{}", world.node.log());
    for _ in 0..2 {
        tokens_by(&api, &rules(&[&api.id]));
    }
    let log = crate::harness::eventually("the warning", crate::harness::PATIENCE, || {
        Some(world.node.log()).filter(|log| log.contains(warning))
    });
    assert_eq!(log.matches(warning).count(), 1, "{log}");
    assert!(log.contains(&api.id), "{log}");
}
