//! The control API resource by resource: who comes in and how, in which words it refuses, and what is no JSON.

use serde_json::{Value, json};

use crate::harness::{Credentials, Node, STYLES};
use crate::hostile_routes_table::routes;
use crate::hostile_row::Route;
use crate::world::text;

/// A node with one OAuth API, and a client of it.
struct Doors {
    node: Node,
    client: Credentials,
}

impl Doors {
    fn of(style: &str) -> Self {
        let configuration = format!("[oauth]\nerror_style = \"{style}\"");
        let node = Node::builder().configuration(&configuration).start();
        let client = node.create_oauth_api("guarded", "http://127.0.0.1:9/");
        Self { node, client }
    }

    /// Every resource with its methods; the names in them are there where a method only shows what is.
    fn all(&self) -> Vec<(String, &'static [&'static str])> {
        const ALL: [&str; 3] = ["GET", "PUT", "DELETE"];
        let (gateway, dashboard) = ("/tyk/oauth/clients/guarded", "/api/apis/oauth/guarded");
        let client = &self.client.id;
        let fixed: [(&str, &'static [&'static str]); 29] = [
            ("/tyk/apis", &["GET", "POST"]),
            ("/tyk/apis/x", &["GET", "POST", "PUT", "DELETE"]),
            ("/tyk/apis/oas", &["GET", "POST", "PATCH"]),
            ("/tyk/apis/oas/x", &["GET", "PUT", "PATCH", "DELETE"]),
            ("/tyk/apis/oas/import", &["POST"]),
            ("/tyk/apis/oas/export", &["GET"]),
            ("/tyk/apis/oas/x/export", &["GET"]),
            ("/tyk/policies", &["GET", "POST"]),
            ("/tyk/policies/x", &ALL),
            ("/tyk/keys", &["GET", "POST"]),
            ("/tyk/keys/create", &["POST"]),
            ("/tyk/keys/preview", &["POST"]),
            ("/tyk/keys/xyz", &["GET", "POST", "PUT", "DELETE"]),
            ("/tyk/keys/policy/xyz", &["POST"]),
            ("/tyk/oauth/clients/create", &["GET", "POST", "DELETE"]),
            ("/tyk/oauth/clients/apis/x?orgID=", &["GET"]),
            ("/tyk/oauth/revoke", &["POST"]),
            ("/tyk/oauth/revoke_all", &["POST"]),
            ("/tyk/oauth/refresh/x", &["DELETE"]),
            ("/tyk/oauth/tokens", &["DELETE"]),
            ("/tyk/oauth/authorize-client", &["POST"]),
            ("/tyk/reload", &["GET"]),
            ("/tyk/reload/group", &["GET"]),
            ("/api/apis/guarded/authorize-client", &["POST"]),
            ("/raftgate/v1/admin-tokens", &["GET", "POST"]),
            ("/raftgate/v1/admin-tokens/x", &["DELETE"]),
            ("/raftgate/v1/notifications", &["GET"]),
            ("/raftgate/v1/notifications/x/redeliver", &["POST"]),
            ("/raftgate/v1/snapshot", &["GET"]),
        ];
        let mut all: Vec<(String, &'static [&'static str])> = Vec::new();
        all.extend(fixed.map(|(path, methods)| (path.to_owned(), methods)));
        for family in [gateway, dashboard] {
            all.push((format!("{family}/{client}"), &["GET", "PUT"]));
            // One that the others need no more.
            all.push((format!("{family}/nobody"), &["DELETE"]));
            all.push((format!("{family}/{client}/tokens"), &["GET"]));
            all.push((format!("{family}/{client}/rotate"), &["PUT"]));
        }
        all.push((gateway.to_owned(), &["GET", "DELETE"]));
        all.push((dashboard.to_owned(), &["GET", "POST"]));
        for verb in ["revoke", "revoke_all"] {
            all.push((format!("/api/apis/oauth/{client}/{verb}"), &["POST"]));
        }
        all.push((format!("{dashboard}/authorize-client"), &["POST"]));
        all
    }

    /// Fails with the first route of the table that is none of these.
    fn assert_has_every_route(doors: &[(String, &'static [&'static str])]) {
        let fits = |route: &Route, door: &str| {
            let door = door.split('?').next().unwrap();
            let (pattern, door) = (route.path.split('/'), door.split('/'));
            let mut pairs = pattern.clone().zip(door.clone());
            pattern.count() == door.count()
                && pairs.all(|(part, other)| part == other || part.starts_with('{'))
        };
        let is_open = |path: &str| matches!(path, "/hello" | "/ready" | "/metrics");
        for route in routes().filter(|route| !is_open(route.path)) {
            let mut of_route = doors.iter().filter(|(path, _)| fits(route, path));
            let is_there = of_route.any(|(_, methods)| methods.contains(&route.method));
            assert!(is_there, "{} {} is not asked for", route.method, route.path);
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, String) {
        let url = self.node.control_url(path);
        let answer = self.node.client().send(method, &url, headers, body);
        (answer.status, answer.text())
    }
}

#[test]
fn every_resource_asks_for_the_secret_and_takes_it_in_either_header() {
    for style in STYLES {
        let doors = Doors::of(style.name());
        let secret = doors.node.secret();
        let refused = "Attempted administrative access with invalid or missing key!";
        Doors::assert_has_every_route(&doors.all());
        for (path, methods) in doors.all() {
            for method in methods {
                let (status, body) = doors.send(method, &path, &[], b"");
                let body: Value = serde_json::from_str(&body).unwrap();
                let expected = if path.starts_with("/api") {
                    (
                        401,
                        json!({"Status": "Error", "Message": refused, "Meta": null}),
                    )
                } else {
                    let status = if path.starts_with("/tyk") { 403 } else { 401 };
                    (status, json!({"status": "error", "message": refused}))
                };
                assert_eq!((status, body), expected, "{method} {path}");
                for (header, slash) in [("x-tyk-authorization", ""), ("authorization", "/")] {
                    let (resource, query) = path.split_once('?').unwrap_or((&path, ""));
                    let path = format!("{resource}{slash}?{query}");
                    let (status, body) = doors.send(method, &path, &[(header, &secret)], b"");
                    let came_in = !body.contains(refused) && status != 405 && status < 500;
                    assert!(came_in, "{method} {path}: {status} {body}");
                    assert!(
                        !body.contains("\"Not Found\""),
                        "{method} {path} is no resource"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_no_json_is_400_in_tyks_shape_whatever_the_style() {
    for style in STYLES {
        let doors = Doors::of(style.name());
        let secret = doors.node.secret();
        let document = crate::oas::oas_document("described", "http://127.0.0.1:9/");
        doors
            .node
            .ask("POST", "/tyk/apis/oas", &document)
            .expect_status(200);
        let headers = [
            ("authorization", secret.as_str()),
            ("content-type", "application/json"),
        ];
        let client = &doors.client.id;
        for (method, path) in [
            ("POST", "/tyk/apis".to_owned()),
            ("POST", "/tyk/apis/guarded".to_owned()),
            ("PUT", "/tyk/apis/guarded".to_owned()),
            ("POST", "/tyk/apis/oas".to_owned()),
            ("POST", "/tyk/apis/oas/import".to_owned()),
            ("PUT", "/tyk/apis/oas/described".to_owned()),
            ("PATCH", "/tyk/apis/oas/described".to_owned()),
            ("POST", "/tyk/policies".to_owned()),
            ("PUT", "/tyk/policies/guarded-policy".to_owned()),
            ("POST", "/tyk/keys".to_owned()),
            ("POST", "/tyk/keys/create".to_owned()),
            ("POST", "/tyk/keys/preview".to_owned()),
            ("POST", "/tyk/keys/some-name".to_owned()),
            ("PUT", "/tyk/keys/some-name".to_owned()),
            ("POST", "/tyk/keys/policy/some-name".to_owned()),
            ("POST", "/tyk/oauth/clients/create".to_owned()),
            ("PUT", format!("/tyk/oauth/clients/guarded/{client}")),
            ("POST", "/tyk/oauth/revoke".to_owned()),
            ("POST", "/tyk/oauth/revoke_all".to_owned()),
            ("POST", "/tyk/oauth/authorize-client".to_owned()),
            ("POST", "/api/apis/oauth/guarded".to_owned()),
            ("PUT", format!("/api/apis/oauth/guarded/{client}")),
            ("POST", format!("/api/apis/oauth/{client}/revoke")),
            ("POST", format!("/api/apis/oauth/{client}/revoke_all")),
            ("POST", "/raftgate/v1/admin-tokens".to_owned()),
        ] {
            for body in ["{", "{\"a\":}", "nonsense", "{} {}"] {
                let (status, answer) = doors.send(method, &path, &headers, body.as_bytes());
                assert_eq!(status, 400, "{method} {path} {body}: {answer}");
                let answer: Value = serde_json::from_str(&answer).unwrap();
                let (status, message) = if path.starts_with("/api") {
                    ("Status", "Message")
                } else {
                    ("status", "message")
                };
                let is_approval = path.ends_with("authorize-client");
                if !is_approval {
                    assert_eq!(
                        text(&answer, status).to_lowercase(),
                        "error",
                        "{path}: {answer}"
                    );
                    assert!(!text(&answer, message).is_empty(), "{path}: {answer}");
                }
            }
        }
    }
}
