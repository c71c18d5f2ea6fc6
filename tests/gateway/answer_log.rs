//! Every answer of our own stands in the log under its request id, and nobody waits for whoever reads the log.

use serde_json::{Value, json};

use crate::harness::{Answer, Node, keyless_api, wait_for};
use crate::wire::Wire;
use crate::world::{OAuthApi, STYLES, Style, World, text};

fn logging_json() -> World {
    World::of(
        Node::builder()
            .configuration("[log]\nformat = \"json\"")
            .start(),
    )
}

/// The line of the log that has the request id of this answer; there is exactly one.
#[track_caller]
fn line_of(world: &World, answer: &Answer) -> Value {
    let id = answer.header("x-request-id").to_owned();
    assert!(!id.is_empty(), "{:?}", answer.headers);
    wait_for("the answer stands in the log", || {
        world.node.log().contains(&id)
    });
    let log = world.node.log();
    let mut lines = log.lines().filter(|line| line.contains(&id));
    let line = lines.next().unwrap();
    assert_eq!(lines.next(), None);
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Level, word, API and status of a line.
fn told(line: &Value) -> (String, String, String, u64) {
    let status = line.get("status").and_then(Value::as_u64);
    (
        text(line, "level"),
        text(line, "what"),
        text(line, "api"),
        status.unwrap_or_default(),
    )
}

#[track_caller]
fn assert_told(world: &World, answer: &Answer, level: &str, what: &str, api: &str) {
    let line = line_of(world, answer);
    let status = u64::from(answer.status);
    let expected = (level.to_owned(), what.to_owned(), api.to_owned(), status);
    assert_eq!(told(&line), expected, "{line}");
    assert_eq!(text(&line, "target"), "raftgate::answer");
}

#[test]
fn refusals_of_the_gateway_stand_in_the_log_with_their_reason() {
    let world = logging_json();
    let api = OAuthApi::new(&world, Style::Tyk);
    world.node.create_api(&keyless_api(
        "dead-end",
        "/dead-end/",
        "http://127.0.0.1:9/",
    ));
    let client = world.node.client();
    let get = |path: &str| client.get(&world.node.gateway_url(path), &[]);
    assert_told(&world, &get("/nowhere?token=x"), "INFO", "not_found", "");
    let guarded = format!("/{}/x", api.id);
    assert_told(
        &world,
        &get(&guarded),
        "INFO",
        "credential_missing",
        &api.id,
    );
    let forged = world.node.get_with_token(&guarded, "forged");
    assert_told(&world, &forged, "INFO", "token_unknown", &api.id);
    // An upstream that does not answer is no mistake of the caller.
    let unreachable = get("/dead-end/x");
    assert_told(
        &world,
        &unreachable,
        "WARN",
        "upstream_unreachable",
        "dead-end",
    );
    // The caller's own id is the one that is told and logged.
    let url = world.node.gateway_url("/nowhere");
    let named = client.get(&url, &[("x-request-id", "mine-1")]);
    assert_eq!(text(&line_of(&world, &named), "request_id"), "mine-1");
}

#[test]
fn errors_of_the_oauth_endpoints_stand_in_the_log_with_what_the_caller_may_not_know() {
    let world = logging_json();
    let api = OAuthApi::new(&world, Style::Rfc);
    let form = [("grant_type", "client_credentials")];
    let mut other = api.client.clone();
    other.secret.push('x');
    let refused = api.token_for(&other, &form).expect_status(401);
    assert_told(&world, &refused, "INFO", "client_secret_wrong", &api.id);
    other.id.push('x');
    let refused = api.token_for(&other, &form).expect_status(401);
    let what = "client_authentication_unknown";
    assert_told(&world, &refused, "INFO", what, &api.id);
    let refused = api.exchange("no-code", &[]).expect_status(400);
    assert_told(&world, &refused, "INFO", "code_invalid", &api.id);
    let url = api.url("/oauth/token");
    let too_large = vec![b'x'; 2 * 1024 * 1024];
    let refused = world.node.client().send("POST", &url, &[], &too_large);
    assert_told(&world, &refused, "INFO", "body_too_large", &api.id);
    let refused = world.node.client().get(&api.url("/oauth/authorize"), &[]);
    assert_told(&world, &refused, "INFO", "response_type_missing", &api.id);
    let refused = world
        .node
        .client()
        .post_form(&api.url("/tyk/oauth/authorize-client"), &[], &[]);
    assert_told(&world, &refused, "INFO", "control_secret", &api.id);
    // What succeeds is not told: tokens are made by the thousand.
    let answer = api.token_for(&api.client, &form).expect_status(200);
    let id = answer.header("x-request-id").to_owned();
    line_of(
        &world,
        &world
            .node
            .client()
            .get(&world.node.gateway_url("/nowhere"), &[]),
    );
    assert!(!world.node.log().contains(&id));
}

#[test]
fn writes_and_errors_of_the_control_listener_stand_in_the_log() {
    let world = logging_json();
    let ask = |method: &str, path: &str, body: &Value| world.node.ask(method, path, body);
    let api = keyless_api("orders", "/orders/", "http://127.0.0.1:9/");
    let added = ask("POST", "/tyk/apis", &api).expect_status(200);
    assert_told(&world, &added, "INFO", "added", "orders");
    let line = line_of(&world, &added);
    assert_eq!(
        (text(&line, "method"), text(&line, "resource")),
        ("POST".into(), "/tyk/apis".into())
    );
    let modified = ask("PUT", "/tyk/apis/orders/", &api).expect_status(200);
    assert_told(&world, &modified, "INFO", "modified", "orders");
    let policy = json!({"id": "gold", "access_rights": {}});
    let added = ask("POST", "/tyk/policies", &policy).expect_status(200);
    assert_told(&world, &added, "INFO", "added", "");
    assert_eq!(text(&line_of(&world, &added), "key"), "gold");
    let deleted = ask("DELETE", "/tyk/apis/orders", &Value::Null).expect_status(200);
    assert_told(&world, &deleted, "INFO", "deleted", "orders");
    let refused = ask("POST", "/tyk/apis", &json!({"proxy": 1})).expect_status(400);
    assert_told(&world, &refused, "INFO", "invalid", "");
    let refused = ask("GET", "/tyk/apis/orders", &Value::Null).expect_status(404);
    assert_told(&world, &refused, "INFO", "not_found", "");
    // A path that is no resource may be anything, and is not told.
    let refused = ask("GET", "/tyk/s3cret-in-a-path", &Value::Null).expect_status(404);
    assert_told(&world, &refused, "INFO", "not_found", "");
    assert!(!world.node.log().contains("s3cret-in-a-path"));
    let url = world.node.control_url("/tyk/apis");
    let denied = world.node.client().get(&url, &[("authorization", "wrong")]);
    assert_told(
        &world,
        &denied.expect_status(403),
        "INFO",
        "control_secret",
        "",
    );
    // A read is not told.
    let listed = ask("GET", "/tyk/policies", &Value::Null).expect_status(200);
    let id = listed.header("x-request-id").to_owned();
    line_of(&world, &ask("GET", "/tyk/policies/none", &Value::Null));
    assert!(!world.node.log().contains(&id));
}

/// The lines of the log about answers with this word.
fn lines_about(world: &World, what: &str) -> Vec<Value> {
    let log = world.node.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line| text(line, "target") == "raftgate::answer" && text(line, "what") == what)
        .collect()
}

#[test]
fn a_flood_of_refusals_is_told_by_its_first_lines_and_by_a_count() {
    let world = logging_json();
    let api = keyless_api("dead-end", "/dead-end/", "http://127.0.0.1:9/");
    world.node.create_api(&api);
    let mut wire = Wire::connect(world.node.gateway());
    let asked = 3_000;
    for (path, status, what) in [
        ("/nowhere", 404, "not_found"),
        ("/dead-end/x", 502, "upstream_unreachable"),
    ] {
        for _ in 0..asked {
            assert_eq!(wire.get(path).answer().0.status, status);
        }
        // What is held back is told without another refusal, and all of them are accounted for.
        let mut in_full = 0;
        wait_for("every refusal is told or counted", || {
            let lines = lines_about(&world, what);
            let held_back = |line: &Value| line.get("held_back").and_then(Value::as_u64);
            let counted: u64 = lines.iter().filter_map(held_back).sum();
            in_full = lines
                .iter()
                .filter(|line| held_back(line).is_none())
                .count() as u64;
            in_full + counted == asked
        });
        assert!((20..asked / 10).contains(&in_full), "{what}: {in_full}");
    }
}

#[test]
fn a_flood_of_refusals_at_the_control_listener_is_told_by_its_first_lines_and_by_a_count() {
    let world = logging_json();
    let asked = 300;
    for _ in 0..asked {
        let answer = world.node.ask("GET", "/tyk/policies/none", &Value::Null);
        answer.expect_status(404);
    }
    let (mut in_full, mut counted) = (0, 0);
    wait_for("every refusal is told or counted", || {
        let lines = lines_about(&world, "not_found");
        assert!(
            lines
                .iter()
                .all(|line| text(line, "resource") == "/tyk/policies/{id}")
        );
        let held_back = |line: &Value| line.get("held_back").and_then(Value::as_u64);
        counted = lines.iter().filter_map(held_back).sum();
        let is_in_full = |line: &&Value| held_back(line).is_none();
        in_full = lines.iter().filter(is_in_full).count() as u64;
        in_full + counted == asked
    });
    assert!((20..=asked / 2).contains(&in_full), "{in_full}");
    let metrics = world
        .node
        .client()
        .get(&world.node.control_url("/metrics"), &[]);
    let metric = format!("raftgate_answer_lines_held_back_total{{account=\"caller\"}} {counted}\n");
    assert!(metrics.text().contains(&metric), "{}", metrics.text());
    // What changes something is told each time.
    for number in 0..30 {
        let api = keyless_api(
            "changed",
            "/changed/",
            &format!("http://127.0.0.1:9/{number}"),
        );
        world.node.create_api(&api);
    }
    wait_for("every change is told", || {
        let told = ["added", "modified"].map(|what| lines_about(&world, what));
        let of_it = |line: &&Value| text(line, "api") == "changed";
        told.iter().flatten().filter(of_it).count() == 30
    });
}

#[test]
fn at_the_level_debug_every_refusal_is_told() {
    let world = World::of(
        Node::builder()
            .configuration("[log]\nformat = \"json\"\nlevel = \"info,raftgate::answer=debug\"")
            .start(),
    );
    let mut wire = Wire::connect(world.node.gateway());
    for _ in 0..200 {
        assert_eq!(wire.get("/nowhere").answer().0.status, 404);
    }
    wait_for("all of them stand in the log", || {
        lines_about(&world, "not_found").len() == 200
    });
}

/// What an upstream answers is told by the access log alone.
#[test]
fn at_the_level_debug_every_answer_of_our_own_stands_in_the_log() {
    let world = World::of(
        Node::builder()
            .configuration("[log]\nformat = \"json\"\nlevel = \"info,raftgate::answer=debug\"")
            .start(),
    );
    for style in STYLES {
        let cors = json!({"CORS": {"enable": true, "allowed_origins": ["*"]}});
        let api = OAuthApi::with(&world, style, cors);
        let (client, node) = (world.node.client(), &world.node);
        let id = api.client.id.as_str();
        let at_login = api.url(&format!(
            "/oauth/authorize?response_type=code&client_id={id}"
        ));
        let asked = [
            ("access-control-request-method", "GET"),
            ("origin", "https://a.example"),
        ];
        let form = [("token", "nobodys")];
        let basic = api.client.basic();
        let revoke = api.url("/oauth/revoke");
        let revoked = client.post_form(&revoke, &[("authorization", &basic)], &form);
        for (answer, status, what) in [
            (
                api.token(&[("grant_type", "client_credentials")]),
                200,
                "token",
            ),
            (client.get(&at_login, &[]), 307, "authorize"),
            (api.approve(&[]), 200, "authorize_client"),
            (revoked, 200, "revoke"),
            (
                client.send("OPTIONS", &api.url("/x"), &asked, b""),
                204,
                "preflight",
            ),
            (
                client.get(&api.url("/x"), &[]),
                if style == Style::Tyk { 400 } else { 401 },
                "credential_missing",
            ),
        ] {
            let level = if status < 400 { "DEBUG" } else { "INFO" };
            assert_told(&world, &answer.expect_status(status), level, what, &api.id);
        }
        for (path, what) in [("/hello", "hello"), ("/ready", "ready")] {
            let answer = client.get(&node.gateway_url(path), &[]).expect_status(200);
            assert_told(&world, &answer, "DEBUG", what, "");
        }
        for path in ["/hello", "/ready", "/metrics", "/tyk/apis", "/tyk/keys"] {
            let answer = node.ask("GET", path, &Value::Null).expect_status(200);
            let line = line_of(&world, &answer);
            assert_eq!(text(&line, "target"), "raftgate::answer", "{line}");
            assert_eq!(text(&line, "resource"), path, "{line}");
        }
        let proxied = api.call(&api.access_token()).expect_status(200);
        let after = client.get(&node.gateway_url("/nowhere"), &[]);
        line_of(&world, &after);
        let id = proxied.header("x-request-id");
        assert!(id.is_empty() || !node.log().contains(id));
    }
}

fn lines_dropped(node: &Node) -> f64 {
    let metrics = node.client().get(&node.control_url("/metrics"), &[]).text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("raftgate_log_lines_dropped_total "));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let node = Node::builder()
        .configuration("[log]\nlevel = \"trace\"\naccess = true")
        .unread_log()
        .start();
    let mut world = World::of(node);
    let api = OAuthApi::new(&world, Style::Rfc);
    assert!(lines_dropped(&world.node) < 1.0);
    let mut wire = Wire::connect(world.node.gateway());
    let mut rounds = 0;
    wait_for("the pipe and the queue are full", || {
        for _ in 0..500 {
            assert_eq!(wire.get("/nowhere").answer().0.status, 404);
        }
        rounds += 1;
        lines_dropped(&world.node) > 0.0
    });
    assert!(rounds < 200, "more lines are kept than there is room for");
    // Workers, OAuth endpoints, control listener and actors go on.
    for _ in 0..20 {
        api.assert_good(&api.access_token());
        let id = crate::world::unique("unread");
        let path = format!("/{id}/");
        world
            .node
            .create_api(&keyless_api(&id, &path, &world.upstream.url("/")));
        let url = world.node.gateway_url(&path);
        world.node.client().get(&url, &[]).expect_status(200);
    }
    drop(api);
    assert_eq!(world.node.terminate().code(), Some(0));
}
