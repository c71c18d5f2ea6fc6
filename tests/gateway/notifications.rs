//! Notifications of new tokens: what is sent, how often, and what becomes of what nobody takes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Node, PATIENCE, Received, RecordingServer, Reply, eventually, wait_for};
use crate::world::{OAuthApi, STYLES, Style, Tokens, World, text};

pub(crate) const SHARED_SECRET: &str = "9878767657654343123434556564444";

/// A node that waits so long before the second and third attempt, and no longer than that for an answer.
pub(crate) fn node(backoff_ms: &str, timeout_ms: u32) -> Node {
    Node::builder()
        .environment("RAFTGATE_NOTIFICATIONS_BACKOFF_MS", backoff_ms)
        .environment("RAFTGATE_NOTIFICATIONS_TIMEOUT_MS", &timeout_ms.to_string())
        .start()
}

/// An API that tells `sink`.
pub(crate) fn telling<'w>(world: &'w World, sink: &RecordingServer) -> OAuthApi<'w> {
    telling_in(world, sink, Style::Rfc)
}

/// The same with errors of its own in this style.
fn telling_in<'w>(world: &'w World, sink: &RecordingServer, style: Style) -> OAuthApi<'w> {
    let notifications = json!({
        "shared_secret": SHARED_SECRET,
        "oauth_on_keychange_url": sink.url("/hook?key=1"),
    });
    OAuthApi::with(world, style, json!({"notifications": notifications}))
}

/// What the control listener lists; `query` goes behind the question mark.
pub(crate) fn listed(node: &Node, query: &str) -> Vec<Value> {
    let path = format!("/raftgate/v1/notifications?{query}");
    let body = node
        .ask("GET", &path, &Value::Null)
        .expect_status(200)
        .json();
    body["notifications"].as_array().unwrap().clone()
}

/// The failed notifications of an API, once there are as many.
pub(crate) fn failed(api: &OAuthApi<'_>, count: usize) -> Vec<Value> {
    let query = format!("state=failed&api_id={}", api.id);
    eventually("notifications fail", PATIENCE, || {
        Some(listed(&api.world.node, &query)).filter(|all| all.len() >= count)
    })
}

/// Checks the signature by the letter of Standard Webhooks.
#[track_caller]
fn assert_signed(received: &Received, key: &[u8]) {
    let (id, timestamp) = (
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&received.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(received.header("webhook-signature"), expected);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let sent: u64 = timestamp.parse().unwrap();
    assert!(
        sent <= now + 1 && sent + 60 > now,
        "{sent} is not about {now}"
    );
}

#[test]
fn a_new_pair_and_a_refresh_are_told_to_the_letter_d28() {
    let world = World::shared();
    for style in STYLES {
        tells_to_the_letter(&world, style);
    }
}

fn tells_to_the_letter(world: &World, style: Style) {
    let sink = RecordingServer::replying(Reply::ok(""));
    let api = telling_in(world, &sink, style);
    let code = api.code();
    let first = Tokens::of(api.exchange(&code, &[]));
    let told = sink.wait_for(1).remove(0);
    assert_eq!(
        (told.method.as_str(), told.target.as_str()),
        ("POST", "/hook?key=1")
    );
    assert_eq!(
        told.text(),
        format!(
            r#"{{"auth_code":"{code}","new_oauth_token":"{}","refresh_token":"{}","old_refresh_token":"","notification_type":"new"}}"#,
            first.access, first.refresh
        )
    );
    assert_eq!(told.header("content-type"), "application/json");
    assert_eq!(told.header("x-tyk-shared-secret"), SHARED_SECRET);
    assert_signed(&told, SHARED_SECRET.as_bytes());

    let second = Tokens::of(api.refresh(&first.refresh));
    let told = sink.wait_for(2).remove(1);
    assert_eq!(
        told.text(),
        format!(
            r#"{{"auth_code":"","new_oauth_token":"{}","refresh_token":"{}","old_refresh_token":"{}","notification_type":"refresh"}}"#,
            second.access, second.refresh, first.refresh
        )
    );
    assert_signed(&told, SHARED_SECRET.as_bytes());
    let ids: Vec<_> = sink
        .received()
        .iter()
        .map(|told| told.header("webhook-id").to_owned())
        .collect();
    assert!(!ids[0].is_empty() && ids[0] != ids[1], "{ids:?}");
    // What was taken is gone from the queue.
    let query = format!("api_id={}", api.id);
    wait_for("the queue is empty", || {
        listed(&world.node, &query).is_empty()
    });
}

#[test]
fn a_retry_of_the_client_is_not_told_twice() {
    let world = World::shared();
    let sink = RecordingServer::replying(Reply::status(204, ""));
    let api = telling(&world, &sink);
    let code = api.code();
    let first = Tokens::of(api.exchange(&code, &[]));
    for _ in 0..3 {
        assert_eq!(Tokens::of(api.exchange(&code, &[])), first);
    }
    // The next thing that happens is the next thing that is told: 204 was a success, and no retry lies between.
    Tokens::of(api.refresh(&first.refresh));
    let told = sink.wait_for(2);
    let kinds: Vec<_> = told
        .iter()
        .map(|told| text(&told.json(), "notification_type"))
        .collect();
    assert_eq!(kinds, ["new", "refresh"]);
}

#[test]
fn client_credentials_and_refusals_are_never_told() {
    let world = World::shared();
    let sink = RecordingServer::replying(Reply::ok(""));
    let api = telling(&world, &sink);
    for _ in 0..3 {
        api.access_token();
        api.exchange("bad-code", &[]).expect_status(400);
        api.refresh("bad-token").expect_status(400);
    }
    assert!(listed(&world.node, &format!("api_id={}", api.id)).is_empty());
    let tokens = api.tokens();
    let told = sink.wait_for(1);
    assert_eq!(text(&told[0].json(), "new_oauth_token"), tokens.access);
    assert_eq!(sink.received().len(), 1);
}

#[test]
fn the_shared_secret_decides_the_signature() {
    let world = World::shared();
    let encoded = format!(
        "whsec_{}",
        STANDARD.encode(b"of thirty-two bytes, more or less")
    );
    for (secret, key) in [
        ("", None),
        (SHARED_SECRET, Some(SHARED_SECRET.as_bytes())),
        (
            encoded.as_str(),
            Some(b"of thirty-two bytes, more or less".as_slice()),
        ),
    ] {
        let sink = RecordingServer::replying(Reply::ok(""));
        let notifications =
            json!({"shared_secret": secret, "oauth_on_keychange_url": sink.url("/")});
        let api = OAuthApi::with(&world, Style::Rfc, json!({"notifications": notifications}));
        api.tokens();
        let told = sink.wait_for(1).remove(0);
        assert_eq!(told.values("x-tyk-shared-secret"), [secret]);
        match key {
            Some(key) => assert_signed(&told, key),
            None => assert_eq!(told.values("webhook-signature"), Vec::<&str>::new()),
        }
    }
}

#[test]
fn three_attempts_then_it_is_listed_as_failed_and_can_be_sent_again() {
    let world = World::of(node("[50, 50]", 5000));
    let sink = RecordingServer::replying(Reply::status(500, "no"));
    let api = telling(&world, &sink);
    let tokens = api.tokens();
    let entry = failed(&api, 1).remove(0);
    let attempts = sink.received();
    assert_eq!(attempts.len(), 3);
    let id = text(&entry, "id");
    for attempt in &attempts {
        assert_eq!(attempt.header("webhook-id"), id);
        assert_eq!(attempt.text(), attempts[0].text());
        assert_signed(attempt, SHARED_SECRET.as_bytes());
    }
    for (name, value) in [
        ("api_id", json!(api.id)),
        ("client_id", json!(api.client.id)),
        ("type", json!("new")),
        ("state", json!("failed")),
        ("attempts", json!(3)),
        ("last_status", json!(500)),
        ("next_attempt_at", Value::Null),
    ] {
        assert_eq!(entry[name], value, "{name} of {entry}");
    }
    assert!(
        !entry.to_string().contains(&tokens.access),
        "listings hold no tokens"
    );

    // Once more, and now it is taken: the same message under the same id.
    sink.set_script(|_| Reply::status(202, ""));
    let path = format!("/raftgate/v1/notifications/{id}/redeliver");
    world
        .node
        .ask("POST", &path, &Value::Null)
        .expect_status(202);
    let last = sink.wait_for(4).remove(3);
    assert_eq!(
        (last.header("webhook-id"), last.text()),
        (id.as_str(), attempts[0].text())
    );
    let query = format!("api_id={}", api.id);
    wait_for("it is delivered", || listed(&world.node, &query).is_empty());
    world
        .node
        .ask("POST", &path, &Value::Null)
        .expect_status(404);
    api.assert_good(&tokens.access);
}

#[test]
fn two_failures_and_then_a_success_is_a_success_d27() {
    let world = World::of(node("[30, 30]", 5000));
    for style in STYLES {
        delivers_at_the_third_attempt(&world, style);
    }
}

fn delivers_at_the_third_attempt(world: &World, style: Style) {
    let sink = RecordingServer::start({
        let count = std::sync::atomic::AtomicUsize::new(0);
        move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Reply::status(500, ""),
            1 => Reply::status(404, ""),
            _ => Reply::status(201, ""),
        }
    });
    let api = telling_in(world, &sink, style);
    api.tokens();
    sink.wait_for(3);
    wait_for("it is delivered", || listed(&world.node, "").is_empty());
    assert_eq!(sink.received().len(), 3);
}

#[test]
fn the_waits_between_attempts_are_the_configured_ones() {
    let world = World::of(node("[100, 400]", 5000));
    let sink = RecordingServer::replying(Reply::status(500, ""));
    let api = telling(&world, &sink);
    api.tokens();
    let times: Vec<_> = sink.wait_for(3).iter().map(|attempt| attempt.at).collect();
    let waits = [times[1] - times[0], times[2] - times[1]];
    assert!(waits[0].as_millis() >= 90, "{waits:?}");
    assert!(waits[1].as_millis() >= 390, "{waits:?}");
    assert_eq!(failed(&api, 1).len(), 1);
}

#[test]
fn a_redirect_is_a_failure_and_is_not_followed() {
    let world = World::of(node("[20, 20]", 5000));
    let elsewhere = RecordingServer::replying(Reply::ok(""));
    let sink = RecordingServer::replying(Reply::redirect(&elsewhere.url("/")));
    let api = telling(&world, &sink);
    api.tokens();
    assert_eq!(failed(&api, 1)[0]["last_status"], json!(302));
    assert_eq!((sink.received().len(), elsewhere.received().len()), (3, 0));
}

#[test]
fn a_sink_that_hangs_is_given_up_after_the_timeout() {
    let world = World::of(node("[20, 20]", 100));
    let sink = RecordingServer::replying(Reply::Hang);
    let api = telling(&world, &sink);
    let tokens = api.tokens();
    // The client never waits for the sink.
    api.assert_good(&tokens.access);
    let entry = failed(&api, 1).remove(0);
    assert_eq!(
        (&entry["attempts"], &entry["last_status"]),
        (&json!(3), &Value::Null)
    );
    assert!(!text(&entry, "last_error").is_empty());
    assert_eq!(sink.received().len(), 3);
}

#[test]
fn a_slow_sink_is_waited_for() {
    let world = World::of(node("[20, 20]", 10_000));
    let slow = Reply::ok("").after(std::time::Duration::from_millis(300));
    let sink = RecordingServer::replying(slow);
    let api = telling(&world, &sink);
    let before = std::time::Instant::now();
    api.tokens();
    assert!(
        before.elapsed().as_millis() < 300,
        "the client waited for the sink"
    );
    sink.wait_for(1);
    wait_for("it is delivered", || listed(&world.node, "").is_empty());
    assert_eq!(sink.received().len(), 1);
}

#[test]
fn nobody_listening_is_a_failure_like_any_other() {
    let world = World::of(node("[20, 20]", 5000));
    let sink = RecordingServer::replying(Reply::Close);
    let closing = telling(&world, &sink);
    closing.tokens();
    let gone = {
        let sink = RecordingServer::replying(Reply::ok(""));
        telling(&world, &sink)
    };
    gone.tokens();
    for api in [&closing, &gone] {
        let entry = failed(api, 1).remove(0);
        assert_eq!(
            (&entry["attempts"], &entry["last_status"]),
            (&json!(3), &Value::Null)
        );
        assert!(!text(&entry, "last_error").is_empty(), "{entry}");
    }
}
