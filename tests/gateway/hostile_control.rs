//! Hostile names, queries and documents at the OAuth resources of the control listener: a refusal in the shape of the door,
//! never a failure, and nothing of it kept.

use serde_json::{Value, json};

use crate::world::{OAuthApi, REDIRECT, Style, World, text};

/// Path segments that no id has.
const SEGMENTS: [&str; 9] = [
    "%00",
    "%0d%0a",
    "%ff%fe",
    "%zz",
    "..%2f..%2fapis",
    "%2e%2e",
    "a%20b",
    "%F0%9F%94%91",
    "'%22%3Cscript%3E",
];

/// A refusal in Tyk's shape or the Dashboard's, or an empty list: nothing that breaks, and nothing repeated.
#[track_caller]
fn assert_harmless(world: &World, method: &str, path: &str, body: &Value) {
    let answer = world.node.ask(method, path, body);
    let case = format!("{method} {} {}", &path[..path.len().min(90)], answer.text());
    assert!(
        matches!(answer.status, 200 | 400 | 404 | 405 | 414 | 431),
        "{} {case}",
        answer.status
    );
    let told = answer.json();
    if answer.status != 200 && !told.is_null() {
        let word = [text(&told, "status"), text(&told, "Status")].concat();
        assert!(word.eq_ignore_ascii_case("error"), "{case}");
        assert!(!answer.text().contains("<script>"), "{case}");
    }
}

#[test]
fn names_in_paths() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let long = "x".repeat(5000);
    let before = api.shown(&api.client);
    for segment in SEGMENTS.into_iter().chain([long.as_str()]) {
        let id = &api.id;
        let body = json!({"redirect_uri": REDIRECT});
        for (methods, path) in [
            (&["GET"][..], format!("/tyk/oauth/clients/{segment}")),
            (
                &["GET", "PUT"],
                format!("/tyk/oauth/clients/{id}/{segment}"),
            ),
            (
                &["GET", "PUT", "DELETE"],
                format!("/tyk/oauth/clients/{segment}/x"),
            ),
            (
                &["PUT"],
                format!("/tyk/oauth/clients/{id}/{segment}/rotate"),
            ),
            (
                &["GET"],
                format!("/tyk/oauth/clients/{id}/{segment}/tokens?page={segment}"),
            ),
            (
                &["GET"],
                format!("/tyk/oauth/clients/apis/{segment}?orgID=default"),
            ),
            (
                &["GET"],
                format!("/tyk/oauth/clients/apis/x?orgID={segment}"),
            ),
            (
                &["DELETE"],
                format!("/tyk/oauth/refresh/{segment}?api_id={id}"),
            ),
            (
                &["DELETE"],
                format!("/tyk/oauth/refresh/x?api_id={segment}"),
            ),
            (&["GET", "POST"], format!("/api/apis/oauth/{segment}")),
            (&["GET"], format!("/api/apis/oauth/{id}?p={segment}")),
            (&["GET", "PUT"], format!("/api/apis/oauth/{id}/{segment}")),
            (&["PUT"], format!("/api/apis/oauth/{id}/{segment}/rotate")),
            (&["GET"], format!("/api/apis/oauth/{id}/{segment}/tokens")),
            (&["POST"], format!("/api/apis/oauth/{segment}/revoke")),
            (&["POST"], format!("/api/apis/oauth/{segment}/revoke_all")),
            (
                &["POST"],
                format!("/api/apis/oauth/{segment}/authorize-client"),
            ),
            (&["POST"], format!("/api/apis/{segment}/authorize-client")),
        ] {
            for method in methods {
                let body = if *method == "GET" {
                    &Value::Null
                } else {
                    &body
                };
                assert_harmless(&world, method, &path, body);
            }
        }
        let answer = world.node.ask(
            "DELETE",
            &format!("/tyk/oauth/tokens?scope={segment}"),
            &Value::Null,
        );
        assert!(
            matches!(answer.status, 400 | 414 | 422),
            "{}",
            answer.text()
        );
    }
    assert_eq!(api.shown(&api.client), before);
    api.assert_good(&api.access_token());
}

#[test]
fn documents_of_clients() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let secret = world.node.secret();
    let at = |path: String| world.node.control_url(&path);
    let doors = [
        ("POST", at("/tyk/oauth/clients/create".to_owned())),
        ("PUT", at(api.client_path(&api.client))),
        ("POST", at(format!("/api/apis/oauth/{}", api.id))),
        (
            "PUT",
            at(format!("/api/apis/oauth/{}/{}", api.id, api.client.id)),
        ),
    ];
    let before = api.shown(&api.client);
    let list = format!("/tyk/oauth/clients/{}", api.id);
    let deep = format!("{{\"meta_data\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    let wide = format!("{{\"meta_data\":{{\"x\":\"{}\"}}}}", "y".repeat(20_000));
    let long = format!("{{\"description\":\"{}\"}}", "y".repeat(70_000));
    let many = vec!["https://a.example/"; 40].join(";");
    let many = json!({"redirect_uri": many}).to_string();
    let bodies: [&[u8]; 20] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b"\"text\"",
        b"\xff\xfe",
        b"{\"redirect_uri\":\"\\ud800\"}",
        b"{\"redirect_uri\":null,\"redirect_uri\":\"javascript:1\"}",
        b"{\"redirect_uri\":[\"https://a.example/\"]}",
        b"{\"redirect_uri\":\"https://a.example/\\u0000\"}",
        b"{\"redirect_uri\":\"https://user@a.example/\"}",
        b"{\"redirect_uri\":\"https://a.example/#f\"}",
        b"{\"policy_id\":\"\\u0007\"}",
        b"{\"expires\":1e400}",
        b"{\"meta_data\":[{}]}",
        deep.as_bytes(),
        wide.as_bytes(),
        long.as_bytes(),
        many.as_bytes(),
    ];
    for (method, url) in &doors {
        for body in bodies {
            let headers = [
                ("authorization", secret.as_str()),
                ("content-type", "application/json"),
            ];
            let answer = world.node.client().send(method, url, &headers, body);
            let case = format!(
                "{method} {url} {}",
                String::from_utf8_lossy(&body[..body.len().min(60)])
            );
            assert_eq!(answer.status, 400, "{case}: {}", answer.text());
            let told = answer.json();
            let message = [text(&told, "message"), text(&told, "Message")].concat();
            assert!(
                !message.is_empty() && message.len() < 2000,
                "{case}: {message}"
            );
        }
    }
    assert_eq!(api.shown(&api.client), before);
    let listed = world.node.ask("GET", &list, &Value::Null).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
}
