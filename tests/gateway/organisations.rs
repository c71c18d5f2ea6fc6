//! Policies and organisations: a policy makes sessions for APIs of its own organisation alone.

use serde_json::{Value, json};

use crate::harness::{Credentials, merge, oauth_api, policy};
use crate::world::{OAuthApi, STYLES, Style, World, text, unique};

/// Puts the policy of an API anew, for this organisation.
fn put_policy(api: &OAuthApi<'_>, org: &str) {
    let mut body = policy(&api.policy_id(), &[&api.id]);
    merge(&mut body, json!({"org_id": org}));
    let path = format!("/tyk/policies/{}", api.policy_id());
    api.world.node.ask("PUT", &path, &body).expect_status(200);
}

#[test]
fn a_policy_of_another_organisation_opens_nothing() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let (code, pair, token) = (api.code(), api.tokens(), api.access_token());
        put_policy(&api, "others");
        // Tokens that are out become unknown, as under a policy that is gone (Tyk).
        for access in [&token, &pair.access] {
            api.assert_unknown(access);
        }
        // Nor does it make a session for new ones.
        for answer in [
            api.token(&[("grant_type", "client_credentials")]),
            api.exchange(&code, &[]),
            api.refresh(&pair.refresh),
            api.approve(&[]),
        ] {
            api.assert_error(&answer, (400, "unauthorized_client"), (403, "server_error"));
        }
        // All of it works again once the policy is the API's.
        put_policy(&api, "default");
        api.assert_good(&token);
        api.refresh(&pair.refresh).expect_status(200);
        api.exchange(&code, &[]).expect_status(200);
    }
}

#[test]
fn an_api_that_moves_to_another_organisation_leaves_its_policies_behind() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let token = api.access_token();
        let path = format!("/tyk/apis/{}", api.id);
        let mut definition = world.node.ask("GET", &path, &Value::Null).json();
        merge(&mut definition, json!({"org_id": "others"}));
        world.node.ask("PUT", &path, &definition).expect_status(200);
        api.assert_unknown(&token);
        put_policy(&api, "others");
        api.assert_good(&token);
        api.assert_good(&api.access_token());
    }
}

#[test]
fn a_policy_that_key_rules_name_must_be_of_the_apis_organisation_too() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let rules = json!({"apply_policies": [api.policy_id()]}).to_string();
        let approved = api.approve(&[("key_rules", &rules)]).expect_status(200);
        let tokens = api.exchange(&text(&approved.json(), "code"), &[]);
        let access = text(&tokens.expect_status(200).json(), "access_token");
        api.assert_good(&access);
        put_policy(&api, "others");
        api.assert_unknown(&access);
    }
}

#[test]
fn a_key_that_is_not_there_is_not_found_whatever_its_session_would_be() {
    let world = World::shared();
    let foreign = unique("foreign");
    let mut body = policy(&foreign, &["any"]);
    merge(&mut body, json!({"org_id": "others"}));
    world.node.create_policy(&body);
    let path = format!("/tyk/keys/{}", unique("missing"));
    for session in [
        json!({"apply_policies": [foreign]}),
        json!({"apply_policies": [unique("none")]}),
    ] {
        let answer = world.node.ask("PUT", &path, &session).expect_status(404);
        assert_eq!(text(&answer.json(), "message"), "Key is not found");
    }
    // What is no session at all is said of any key.
    world.node.ask("PUT", &path, &json!([])).expect_status(400);
}

#[test]
fn rules_of_any_organisation_are_taken() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Tyk);
    let rules =
        json!({"org_id": "53ac07777cbb8c2d53000002", "access_rights": {&api.id: {}}}).to_string();
    let approved = api.approve(&[("key_rules", &rules)]).expect_status(200);
    let tokens = api.exchange(&text(&approved.json(), "code"), &[]);
    api.assert_good(&text(&tokens.expect_status(200).json(), "access_token"));
}

#[test]
fn a_client_that_names_its_api_is_registered_whatever_its_policy_is() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let foreign = unique("foreign");
        let mut body = policy(&foreign, &[&api.id]);
        merge(&mut body, json!({"org_id": "others"}));
        world.node.create_policy(&body);
        for policy_id in [foreign, unique("missing")] {
            let client = api.another_client(json!({"policy_id": policy_id}));
            let answer = api.token_for(&client, &[("grant_type", "client_credentials")]);
            api.assert_error(&answer, (400, "unauthorized_client"), (403, "server_error"));
        }
    }
}

#[test]
fn a_client_without_an_api_id_is_registered_with_the_apis_of_its_policys_organisation() {
    let world = World::shared();
    let (own, other) = (unique("own"), unique("other"));
    for (id, org) in [(&own, "default"), (&other, "others")] {
        let mut definition = oauth_api(id, &format!("/{id}/"), &world.upstream.url("/"));
        merge(&mut definition, json!({"org_id": org}));
        world.node.create_api(&definition);
    }
    let both = unique("both");
    world.node.create_policy(&policy(&both, &[&own, &other]));
    let client: Credentials = world.node.create_client(&json!({"policy_id": both}));
    world.node.access_token(&own, &client);
    let path = format!("/tyk/oauth/clients/{other}/{}", client.id);
    world
        .node
        .ask("GET", &path, &Value::Null)
        .expect_status(404);

    let foreign = unique("foreign");
    world.node.create_policy(&policy(&foreign, &[&other]));
    let body = json!({"policy_id": foreign});
    let answer = world.node.ask("POST", "/tyk/oauth/clients/create", &body);
    assert_eq!(
        text(&answer.expect_status(400).json(), "message"),
        "Policy belongs to another organisation than its APIs"
    );
}
