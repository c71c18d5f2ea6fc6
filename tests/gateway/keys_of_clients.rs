//! Keys whose sessions say of which OAuth client they are, and the OAuth APIs that these open.

use serde_json::{Value, json};

use crate::harness::{Answer, wait_for};
use crate::world::{OAuthApi, STYLES, World, text, unique};

/// How an OAuth API refuses who is of none of its clients.
fn assert_of_no_client(api: &OAuthApi<'_>, answer: &Answer) {
    let revoked = "Key not authorised. OAuth client access was revoked";
    api.assert_call_refused(answer, (401, "invalid_token"), (403, revoked));
}

/// A session with rights to these APIs that says to be of a client.
fn session(apis: &[&OAuthApi<'_>], client: &str, fields: Value) -> Value {
    let mut session = json!({"oauth_client_id": client, "access_rights": {}});
    for api in apis {
        session["access_rights"][api.id.as_str()] = json!({"api_id": api.id});
    }
    crate::harness::merge(&mut session, fields);
    session
}

/// A generated key.
#[track_caller]
fn key(world: &World, session: &Value) -> String {
    let made = world.node.ask("POST", "/tyk/keys", session);
    text(&made.expect_status(200).json(), "key")
}

#[test]
fn a_key_of_a_registered_client_opens_what_it_has_rights_to() {
    let world = World::shared();
    for style in STYLES {
        let (api, other) = (OAuthApi::new(&world, style), OAuthApi::new(&world, style));
        let client = api.client.id.as_str();
        let both = session(&[&api, &other], client, json!({}));
        let custom = unique("of-a-client");
        let path = format!("/tyk/keys/{custom}");
        world.node.ask("POST", &path, &both).expect_status(200);
        for key in [&key(&world, &both), &custom] {
            api.assert_good(key);
            // The client is not registered there.
            assert_of_no_client(&other, &other.call(key));
        }
        for nobodys in ["", "nobody", &"x".repeat(2_000)] {
            let key = key(&world, &session(&[&api], nobodys, json!({})));
            assert_of_no_client(&api, &api.call(&key));
        }
        let without_right = key(&world, &session(&[&other], client, json!({})));
        let no_right = "Access to this API has been disallowed";
        let refused = api.call(&without_right);
        api.assert_call_refused(&refused, (403, "insufficient_scope"), (403, no_right));
        let inactive = session(&[&api], client, json!({"is_inactive": true}));
        let refused = api.call(&key(&world, &inactive));
        let renew = "Key is inactive, please renew";
        api.assert_call_refused(&refused, (403, "access_denied"), (403, renew));
        for unknown in ["nobodys-key", "rgk_x", &format!("{custom}x")] {
            api.assert_unknown(unknown);
        }
    }
}

#[test]
fn a_key_ends_with_its_client_and_is_good_again_with_one_of_its_name() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let client = api.client.id.as_str();
        let key = key(&world, &session(&[&api], client, json!({})));
        api.assert_good(&key);
        let path = format!("/tyk/oauth/clients/{}/{client}", api.id);
        let deleted = world.node.ask("DELETE", &path, &Value::Null);
        deleted.expect_status(200);
        assert_of_no_client(&api, &api.call(&key));
        api.another_client(json!({"client_id": client, "secret": api.client.secret}));
        api.assert_good(&key);
    }
}

#[test]
fn a_key_ends_when_its_client_expires() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let now_s = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let lasting = api.another_client(json!({"expires": now_s + 3_600}));
        let soon = api.another_client(json!({"expires": now_s + 1}));
        let of = |client: &str| key(&world, &session(&[&api], client, json!({})));
        let (good, ended) = (of(&lasting.id), of(&soon.id));
        wait_for("the client expires", || api.call(&ended).status != 200);
        assert_of_no_client(&api, &api.call(&ended));
        api.assert_good(&good);
    }
}
