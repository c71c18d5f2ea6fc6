//! What was answered is there after a crash: tokens, codes, refresh tokens, and what was revoked.

use serde_json::{Value, json};

use crate::harness::{Node, RecordingServer, Reply, oauth_api, policy};
use crate::world::{REDIRECT, Tokens, text};

/// The identity server's approval, as a code.
fn code(node: &Node, client_id: &str) -> String {
    let secret = node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    let url = node.gateway_url("/one/tyk/oauth/authorize-client");
    let form = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", REDIRECT),
    ];
    let answer = node
        .client()
        .post_form(&url, &headers, &form)
        .expect_status(200);
    text(&answer.json(), "code")
}

fn exchange(
    node: &Node,
    client: &crate::harness::Credentials,
    code: &str,
) -> crate::harness::Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
    ];
    node.ask_token("one", client, &form)
}

#[test]
fn a_crash_forgets_nothing_that_was_answered() {
    let upstream = RecordingServer::replying(Reply::ok("served"));
    // A retry window of an hour would hide a code that came back to life.
    let mut node = Node::builder()
        .configuration("[oauth]\nretry_window_s = 0")
        .start();
    node.create_api(&oauth_api("one", "/one/", &upstream.url("/")));
    node.create_policy(&policy("rights", &["one"]));
    let new_client = |node: &Node| {
        node.create_client(
            &json!({"api_id": "one", "policy_id": "rights", "redirect_uri": REDIRECT}),
        )
    };
    let client = new_client(&node);
    for round in 0..3 {
        let mut kept = node.access_token("one", &client);
        let pair = Tokens::of(exchange(&node, &client, &code(&node, &client.id)));
        let unused = code(&node, &client.id);
        let used = code(&node, &client.id);
        let of_used = Tokens::of(exchange(&node, &client, &used));
        let revoked = node.access_token("one", &client);
        let url = node.gateway_url("/one/oauth/revoke");
        let basic = client.basic();
        let form = [("token", revoked.as_str())];
        node.client()
            .post_form(&url, &[("authorization", &basic)], &form)
            .expect_status(200);
        let doomed = new_client(&node);
        let of_doomed = node.access_token("one", &doomed);
        let path = format!("/tyk/oauth/clients/one/{}", doomed.id);
        node.ask("DELETE", &path, &Value::Null).expect_status(200);

        if round == 1 {
            assert_eq!(node.terminate().code(), Some(0));
            node.start_again();
        } else {
            node.crash_and_restart();
        }

        // The first thing that the node hears of after its ready line.
        node.get_with_token("/one/x", &kept).expect_status(200);
        for good in [&pair.access, &of_used.access] {
            node.get_with_token("/one/x", good).expect_status(200);
        }
        for dead in [&revoked, &of_doomed] {
            node.get_with_token("/one/x", dead).expect_status(401);
        }
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", pair.refresh.as_str()),
        ];
        let next = Tokens::of(node.ask_token("one", &client, &form));
        node.get_with_token("/one/x", &next.access)
            .expect_status(200);
        node.get_with_token("/one/x", &pair.access)
            .expect_status(401);
        Tokens::of(exchange(&node, &client, &unused));
        exchange(&node, &client, &used).expect_status(400);
        kept = node.access_token("one", &client);
        node.get_with_token("/one/x", &kept).expect_status(200);
    }
}

#[test]
fn a_retry_after_a_crash_hears_the_same_tokens() {
    let upstream = RecordingServer::replying(Reply::ok("served"));
    let mut node = Node::builder()
        .configuration("[oauth]\nretry_window_s = 300")
        .start();
    let client = node.create_oauth_api("one", &upstream.url("/"));
    let secret = node.secret();
    let headers = [("x-tyk-authorization", secret.as_str())];
    let form = [("response_type", "code"), ("client_id", client.id.as_str())];
    let url = node.gateway_url("/one/tyk/oauth/authorize-client");
    let code = text(
        &node.client().post_form(&url, &headers, &form).json(),
        "code",
    );
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
    ];
    let first = Tokens::of(node.ask_token("one", &client, &form));
    node.crash_and_restart();
    assert_eq!(Tokens::of(node.ask_token("one", &client, &form)), first);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", first.refresh.as_str()),
    ];
    let second = Tokens::of(node.ask_token("one", &client, &form));
    node.crash_and_restart();
    assert_eq!(Tokens::of(node.ask_token("one", &client, &form)), second);
    node.get_with_token("/one/x", &second.access)
        .expect_status(200);
}
