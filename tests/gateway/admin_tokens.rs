//! Named admin tokens: what each role may do, and that a token is told once.

use serde_json::{Value, json};

use crate::harness::{Answer, Node};
use crate::hostile_routes_table::routes;
use crate::world::{OAuthApi, STYLES, Style, World, text, unique};

const PATH: &str = "/raftgate/v1/admin-tokens";

fn make(world: &World, role: &str) -> (String, String) {
    let name = unique("admin");
    let body = json!({"name": name, "role": role});
    let made = world
        .node
        .ask("POST", PATH, &body)
        .expect_status(200)
        .json();
    assert_eq!(
        (text(&made, "name"), text(&made, "role")),
        (name.clone(), role.to_owned())
    );
    (name, text(&made, "token"))
}

fn ask(world: &World, token: &str, method: &str, path: &str) -> Answer {
    let url = world.node.control_url(path);
    world
        .node
        .client()
        .send(method, &url, &[("authorization", token)], b"")
}

#[test]
fn a_token_is_told_once_and_ends_at_once() {
    let world = World::shared();
    let (name, token) = make(&world, "operator");
    let listed = world.node.ask("GET", PATH, &Value::Null).expect_status(200);
    assert!(listed.text().contains(&name) && !listed.text().contains(&token));
    ask(&world, &token, "GET", "/tyk/apis").expect_status(200);
    ask(&world, &format!("Bearer {token}"), "GET", "/tyk/apis").expect_status(200);
    let again = json!({"name": name, "role": "operator"});
    world.node.ask("POST", PATH, &again).expect_status(409);
    ask(&world, &token, "DELETE", &format!("{PATH}/{name}")).expect_status(200);
    ask(&world, &token, "GET", "/tyk/apis").expect_status(403);
    world
        .node
        .ask("DELETE", &format!("{PATH}/{name}"), &Value::Null)
        .expect_status(404);
}

/// What a role may not is told so.
#[track_caller]
fn assert_not_for(answer: &Answer, role: &str, case: &str) {
    assert_eq!(answer.status, 403, "{case}: {}", answer.text());
    let told = answer.json();
    let message = [text(&told, "message"), text(&told, "Message")].concat();
    let said = format!("The role {role} of this admin token does not allow this.");
    assert_eq!(message, said, "{case}");
}

#[test]
fn roles_bind_what_a_token_is_good_for() {
    // A node of its own, of which nothing is left in the end.
    let world = World::of(Node::start());
    let (_, reader) = make(&world, "read-only");
    let (_, identity) = make(&world, "identity-server");
    let (_, operator) = make(&world, "operator");
    let is_open = |path: &str| matches!(path, "/hello" | "/ready" | "/metrics");
    for route in routes().filter(|route| !is_open(route.path)) {
        let named = |part: &str| {
            if part.starts_with('{') {
                "nobody"
            } else {
                part
            }
            .to_owned()
        };
        let parts: Vec<String> = route.path.split('/').map(named).collect();
        let (method, path) = (route.method, parts.join("/"));
        let case = format!("{method} {path}");
        let is_approval = path.ends_with("/authorize-client");
        let by_reader = ask(&world, &reader, method, &path);
        if method == "GET" {
            assert_ne!(by_reader.status, 403, "{case}");
        } else {
            assert_not_for(&by_reader, "read-only", &case);
        }
        let by_identity = ask(&world, &identity, method, &path);
        if is_approval {
            assert_ne!(by_identity.status, 403, "{case}");
        } else {
            assert_not_for(&by_identity, "identity-server", &case);
        }
        assert_ne!(ask(&world, &operator, method, &path).status, 403, "{case}");
    }
}

#[test]
fn approvals_are_for_identity_servers_and_operators_at_every_door() {
    let world = World::shared();
    let (_, reader) = make(&world, "read-only");
    let (_, identity) = make(&world, "identity-server");
    let (_, operator) = make(&world, "operator");
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let approve = |token: &str, url: &str| {
            let form = [
                ("response_type", "code"),
                ("client_id", api.client.id.as_str()),
            ];
            let headers = [("x-tyk-authorization", token)];
            world.node.client().post_form(url, &headers, &form)
        };
        let control = |path: String| world.node.control_url(&path);
        for door in [
            control("/tyk/oauth/authorize-client".to_owned()),
            control(format!("/api/apis/oauth/{}/authorize-client", api.id)),
            control(format!("/api/apis/{}/authorize-client", api.id)),
        ] {
            assert_not_for(&approve(&reader, &door), "read-only", &door);
            for token in [&identity, &operator] {
                approve(token, &door).expect_status(200);
            }
        }
        // The gateway's door says no more than to anybody else.
        let door = api.url("/tyk/oauth/authorize-client");
        for token in [&identity, &operator] {
            approve(token, &door).expect_status(200);
        }
        let told = approve(&reader, &door).expect_status(403).json();
        match style {
            Style::Rfc => assert_eq!(text(&told, "error"), "access_denied"),
            Style::Tyk => {
                let message = "Attempted administrative access with invalid or missing key!";
                assert_eq!(told, json!({"status": "error", "message": message}));
            }
        }
    }
}

#[test]
fn a_name_that_reads_like_the_door_of_approvals_opens_nothing_else() {
    let world = World::shared();
    let (_, identity) = make(&world, "identity-server");
    let rights = json!({"access_rights": {"any": {}}}).to_string();
    for path in [
        "/tyk/keys/authorize-client",
        "/tyk/keys/policy/authorize-client",
        "/tyk/apis/authorize-client",
        "/tyk/apis/oas/authorize-client",
        "/tyk/policies/authorize-client",
        "/tyk/oauth/clients/authorize-client",
        "/tyk/oauth/clients/x/authorize-client",
        "/tyk/oauth/refresh/authorize-client",
        "/api/apis/oauth/authorize-client",
        "/api/apis/oauth/x/y/authorize-client",
        "/raftgate/v1/notifications/authorize-client",
        "/raftgate/v1/admin-tokens/authorize-client",
        "/tyk/oauth/authorize-client/x",
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            let url = world.node.control_url(&path);
            let headers = [("x-tyk-authorization", identity.as_str())];
            let client = world.node.client();
            let answer = client.send("POST", &url, &headers, rights.as_bytes());
            assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        }
    }
}

#[test]
fn what_is_no_admin_token_is_refused() {
    let world = World::shared();
    for body in [
        json!({}),
        json!({"name": "x"}),
        json!({"name": "x", "role": "root"}),
        json!({"name": "", "role": "operator"}),
        json!({"name": "a/b", "role": "operator"}),
        json!({"name": 5, "role": "operator"}),
        json!({"name": "x", "role": "operator", "more": 1}),
        json!([]),
    ] {
        world.node.ask("POST", PATH, &body).expect_status(400);
    }
    for body in [
        json!(["evil", "operator"]),
        json!("rgm_secret"),
        json!({"name": {"rgm_secret": 1}, "role": "operator"}),
        json!({"name": "x", "role": "rgm_secret"}),
        json!({"name": "x", "role": "operator", "rgm_secret": 1}),
    ] {
        let refused = world
            .node
            .ask("POST", PATH, &body)
            .expect_status(400)
            .text();
        let is_own = !refused.contains("rgm_secret") && !refused.contains("NewToken");
        assert!(is_own, "{refused}");
    }
    world
        .node
        .ask("DELETE", &format!("{PATH}/nobody"), &Value::Null)
        .expect_status(404);
    world.node.ask("PUT", PATH, &json!({})).expect_status(405);
}
