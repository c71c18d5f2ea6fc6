//! The queue of notifications: durable, one for each API, listed in pages, bounded.

use serde_json::{Value, json};

use crate::harness::{Node, RecordingServer, Reply, wait_for};
use crate::notifications::{failed, listed, node, telling};
use crate::world::{Tokens, World, text};

#[test]
fn a_crash_between_attempts_loses_nothing() {
    let mut world = World::of(node("[2000, 50]", 5000));
    let sink = RecordingServer::replying(Reply::status(500, ""));
    let (mut ids, mut bodies) = (Vec::new(), Vec::new());
    {
        let api = telling(&world, &sink);
        for _ in 0..3 {
            api.tokens();
        }
        for attempt in sink.wait_for(3) {
            ids.push(attempt.header("webhook-id").to_owned());
            bodies.push(attempt.text());
        }
    }
    sink.set_script(|_| Reply::ok(""));
    world.node.crash_and_restart();
    wait_for("all are delivered", || listed(&world.node, "").is_empty());
    let again: Vec<_> = sink.received().split_off(3);
    // At least once each, under the same id and with the same tokens.
    for (id, body) in ids.iter().zip(&bodies) {
        let same = again
            .iter()
            .filter(|attempt| attempt.header("webhook-id") == id);
        let texts: Vec<_> = same.map(|attempt| attempt.text()).collect();
        assert!(!texts.is_empty(), "{id} was lost");
        assert!(texts.iter().all(|text| text == body));
    }
}

#[test]
fn what_failed_is_still_listed_after_a_crash() {
    let mut world = World::of(node("[20, 20]", 5000));
    let sink = RecordingServer::replying(Reply::status(503, ""));
    let before = {
        let api = telling(&world, &sink);
        api.tokens();
        failed(&api, 1)
    };
    world.node.crash_and_restart();
    assert_eq!(listed(&world.node, "state=failed"), before);
    sink.set_script(|_| Reply::ok(""));
    let path = format!(
        "/raftgate/v1/notifications/{}/redeliver/",
        text(&before[0], "id")
    );
    world
        .node
        .ask("POST", &path, &Value::Null)
        .expect_status(202);
    let told = sink.wait_for(4).remove(3);
    assert_eq!(told.header("webhook-id"), text(&before[0], "id"));
}

#[test]
fn a_dead_sink_delays_no_other() {
    let world = World::of(node("[60000, 60000]", 60_000));
    let dead = RecordingServer::replying(Reply::Hang);
    let refusing = RecordingServer::replying(Reply::status(500, ""));
    let alive = RecordingServer::replying(Reply::ok(""));
    let (hanging, failing, fine) = (
        telling(&world, &dead),
        telling(&world, &refusing),
        telling(&world, &alive),
    );
    // More than one sink may have in flight, and more than open its breaker.
    for _ in 0..20 {
        hanging.tokens();
        failing.tokens();
    }
    let mut tokens = fine.tokens();
    for _ in 0..5 {
        tokens = Tokens::of(fine.refresh(&tokens.refresh));
    }
    assert_eq!(alive.wait_for(6).len(), 6);
    for (api, count) in [(&hanging, 20), (&failing, 20), (&fine, 0)] {
        let waiting = || listed(&world.node, &format!("state=queued&api_id={}", api.id)).len();
        wait_for("the queues are as long as expected", || waiting() == count);
    }
    assert!(
        dead.connections() <= 17,
        "{} connections to a sink that hangs",
        dead.connections()
    );
}

#[test]
fn messages_of_one_family_are_told_in_their_order() {
    let world = World::shared();
    let sink = RecordingServer::start(|received| {
        // The first is slow, and the later ones must not overtake it.
        let reply = Reply::ok("");
        match text(&received.json(), "notification_type").as_str() {
            "new" => reply.after(std::time::Duration::from_millis(100)),
            _ => reply,
        }
    });
    let api = telling(&world, &sink);
    let mut tokens = api.tokens();
    let mut expected = vec![tokens.access.clone()];
    for _ in 0..5 {
        tokens = Tokens::of(api.refresh(&tokens.refresh));
        expected.push(tokens.access.clone());
    }
    let told: Vec<_> = sink
        .wait_for(6)
        .iter()
        .map(|told| text(&told.json(), "new_oauth_token"))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn listings_come_in_pages() {
    let world = World::of(node("[10, 10]", 5000));
    let sink = RecordingServer::replying(Reply::status(500, ""));
    let (one, two) = (telling(&world, &sink), telling(&world, &sink));
    for _ in 0..3 {
        one.tokens();
        two.tokens();
    }
    failed(&one, 3);
    failed(&two, 3);
    let mut ids = Vec::new();
    let mut after = String::new();
    for _ in 0..10 {
        let path = format!("/raftgate/v1/notifications?state=failed&limit=2{after}");
        let page = world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(200)
            .json();
        let entries = page["notifications"].as_array().unwrap();
        assert!(entries.len() <= 2);
        ids.extend(entries.iter().map(|entry| text(entry, "id")));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(ids.len(), 6, "{ids:?}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert!(listed(&world.node, "state=queued").is_empty());
    assert_eq!(listed(&world.node, &format!("api_id={}", one.id)).len(), 3);
    for wrong in [
        "state=nothing",
        "limit=x",
        "after=nonsense",
        "after=at_nonsense",
        "unknown=1",
    ] {
        let path = format!("/raftgate/v1/notifications?{wrong}");
        let answer = world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(400);
        assert!(!text(&answer.json(), "message").is_empty(), "{wrong}");
    }
    for id in ["nonsense", "msg_00000000000000000000000000000000"] {
        let path = format!("/raftgate/v1/notifications/{id}/redeliver");
        world
            .node
            .ask("POST", &path, &Value::Null)
            .expect_status(404);
        world
            .node
            .ask("GET", &path, &Value::Null)
            .expect_status(405);
    }
}

#[test]
fn a_full_queue_fails_its_oldest_and_issuing_goes_on() {
    let node = Node::builder()
        .configuration("[notifications]\nmax_queued = 3\nbackoff_ms = [60000]\ntimeout_ms = 60000")
        .start();
    let world = World::of(node);
    let sink = RecordingServer::replying(Reply::status(500, ""));
    let api = telling(&world, &sink);
    for _ in 0..5 {
        let tokens = api.tokens();
        api.assert_good(&tokens.access);
    }
    let overflown = failed(&api, 2);
    assert_eq!(overflown.len(), 2);
    for entry in &overflown {
        assert_eq!(entry["last_error"], json!("overflow"), "{entry}");
    }
    let queued = listed(&world.node, &format!("state=queued&api_id={}", api.id));
    assert_eq!(queued.len(), 3);
    for entry in &queued {
        assert_eq!(entry["state"], json!("queued"));
        assert!(
            entry["next_attempt_at"].as_u64().unwrap() >= entry["created_at"].as_u64().unwrap()
        );
    }
}

#[test]
fn a_full_queue_takes_nothing_back() {
    let node = Node::builder()
        .configuration("[notifications]\nmax_queued = 2\nbackoff_ms = [60000]\ntimeout_ms = 60000")
        .start();
    let world = World::of(node);
    let sink = RecordingServer::replying(Reply::status(500, ""));
    let api = telling(&world, &sink);
    for _ in 0..3 {
        api.tokens();
    }
    let overflown = failed(&api, 1);
    let path = format!(
        "/raftgate/v1/notifications/{}/redeliver",
        text(&overflown[0], "id")
    );
    let answer = world.node.ask("POST", &path, &Value::Null);
    let message = text(&answer.expect_status(409).json(), "message");
    assert!(message.contains("full"), "{message}");
    assert_eq!(failed(&api, 1), overflown);
    assert_eq!(listed(&world.node, "state=queued").len(), 2);
}

#[test]
fn what_a_deleted_api_had_to_tell_is_listed_as_failed() {
    let world = World::of(node("[10, 10]", 5000));
    let sink = RecordingServer::replying(Reply::status(500, ""));
    let (gone, kept) = (telling(&world, &sink), telling(&world, &sink));
    gone.tokens();
    kept.tokens();
    let before = failed(&gone, 1);
    failed(&kept, 1);
    let path = format!("/tyk/apis/{}", gone.id);
    world
        .node
        .ask("DELETE", &path, &Value::Null)
        .expect_status(200);
    let all = listed(&world.node, "state=failed");
    assert_eq!(all.len(), 2);
    assert!(all.contains(&before[0]));
    // There is nobody to tell any more, and that is the answer to the wish.
    let id = text(&before[0], "id");
    let path = format!("/raftgate/v1/notifications/{id}/redeliver");
    let answer = world
        .node
        .ask("POST", &path, &Value::Null)
        .expect_status(409);
    let message = text(&answer.json(), "message");
    assert!(
        message.contains(&gone.id) && message.contains("deleted"),
        "{message}"
    );
    assert_eq!(listed(&world.node, "state=failed"), all);
}

#[test]
fn a_page_goes_on_where_a_message_was_that_is_delivered_meanwhile() {
    let world = World::of(node("[10, 10]", 5000));
    let sink = RecordingServer::replying(Reply::status(500, ""));
    let api = telling(&world, &sink);
    for _ in 0..3 {
        api.tokens();
    }
    let all = failed(&api, 3);
    let page = |query: &str| {
        let path = format!("/raftgate/v1/notifications?state=failed&limit=1{query}");
        let answer = world.node.ask("GET", &path, &Value::Null);
        answer.expect_status(200).json()
    };
    let first = page("");
    assert_eq!(first["notifications"], json!([all[0]]));
    sink.set_script(|_| Reply::ok(""));
    let path = format!(
        "/raftgate/v1/notifications/{}/redeliver",
        text(&all[0], "id")
    );
    world
        .node
        .ask("POST", &path, &Value::Null)
        .expect_status(202);
    wait_for("it is delivered", || listed(&world.node, "").len() == 2);
    let second = page(&format!("&after={}", text(&first, "next")));
    assert_eq!(second["notifications"], json!([all[1]]));
    // The id of a message that is there is a place too.
    let third = page(&format!("&after={}", text(&all[1], "id")));
    assert_eq!(third["notifications"], json!([all[2]]));
}

#[test]
fn reuse_of_a_refresh_token_is_told() {
    let node = Node::builder()
        .configuration("[oauth]\nretry_window_s = 0")
        .start();
    let world = World::of(node);
    let sink = RecordingServer::replying(Reply::ok(""));
    let api = telling(&world, &sink);
    let first = api.tokens();
    Tokens::of(api.refresh(&first.refresh));
    api.refresh(&first.refresh).expect_status(400);
    let told = sink.wait_for(3).remove(2).json();
    let kind = text(&told, "notification_type");
    assert!(!matches!(kind.as_str(), "new" | "refresh"), "{told}");
    assert_eq!(text(&told, "old_refresh_token"), first.refresh);
    assert_eq!(text(&told, "new_oauth_token"), "");
}

#[test]
fn a_changed_sink_gets_what_still_waits() {
    let world = World::of(node("[300, 300]", 5000));
    let old = RecordingServer::replying(Reply::status(500, ""));
    let new = RecordingServer::replying(Reply::ok(""));
    let api = telling(&world, &old);
    api.tokens();
    old.wait_for(1);
    let path = format!("/tyk/apis/{}", api.id);
    let mut definition = world.node.ask("GET", &path, &Value::Null).json();
    definition["notifications"]["oauth_on_keychange_url"] = json!(new.url("/"));
    world.node.ask("PUT", &path, &definition).expect_status(200);
    new.wait_for(1);
    wait_for("it is delivered", || listed(&world.node, "").is_empty());
}
