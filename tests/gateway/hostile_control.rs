//! Hostile names, queries and documents at the OAuth resources of the control listener: a refusal in the shape of the door,
//! never a failure, and nothing of it kept.

use serde_json::{Value, json};

use crate::world::{OAuthApi, REDIRECT, Style, World, text};

/// Path segments that could be ids and are none.
const UNKNOWN: [&str; 5] = [
    "..%2f..%2fapis",
    "%2e%2e",
    "a%20b",
    "%F0%9F%94%91",
    "'%22%3Cscript%3E",
];
/// Path segments that no id can be.
const IMPOSSIBLE: [&str; 2] = ["%00", "%0d%0a"];
/// Path segments that are no text at all.
const UNDECODABLE: [&str; 2] = ["%ff%fe", "%zz"];

/// What comes of a request with such a segment.
#[derive(Clone, Copy, Debug)]
enum Comes {
    /// A refusal with this status.
    Refused(u16),
    /// An empty list.
    Nothing,
    /// The first page, and nothing on it.
    NoTokens,
    /// The clients of the API; the segment only says which page.
    Clients,
    /// As if it had been there; whether it was is not told.
    Deleted,
}

use Comes::{Clients, Deleted, NoTokens, Nothing, Refused};

/// Nothing breaks, nothing is repeated, and nothing is shown but what is said here.
#[track_caller]
fn assert_comes(api: &OAuthApi<'_>, (method, path): (&str, &str), comes: Comes) {
    let body = match method {
        "GET" | "DELETE" => Value::Null,
        _ => json!({"redirect_uri": REDIRECT}),
    };
    let answer = api.world.node.ask(method, path, &body);
    let case = format!("{method} {} {}", &path[..path.len().min(90)], answer.text());
    let status = match comes {
        Refused(status) => status,
        Nothing | NoTokens | Clients | Deleted => 200,
    };
    assert_eq!(answer.status, status, "{case}");
    let told = answer.json();
    match comes {
        Refused(_) => {
            // Tyk says `null` of the clients of an API that is not there.
            let word = [text(&told, "status"), text(&told, "Status")].concat();
            let is_said = told.is_null() || word.eq_ignore_ascii_case("error");
            assert!(is_said && !answer.text().contains("<script>"), "{case}");
        }
        Nothing => assert_eq!(told, json!([]), "{case}"),
        NoTokens => assert_eq!(told["Tokens"], json!([]), "{case}"),
        Clients => {
            let apps = told["apps"].as_array().unwrap();
            let ids: Vec<String> = apps.iter().map(|app| text(app, "client_id")).collect();
            assert_eq!(ids, [api.client.id.as_str()], "{case}");
        }
        Deleted => {
            let said = [text(&told, "action"), text(&told, "Message")].concat();
            assert!(said.contains("deleted"), "{case}");
        }
    }
}

/// Methods and a path, what comes of a segment that could be an id, and of one that cannot.
type Row = (&'static [&'static str], String, Comes, Comes);

/// Every place where a segment stands.
fn rows(id: &str, segment: &str) -> Vec<Row> {
    const GET: &[&str] = &["GET"];
    const POST: &[&str] = &["POST"];
    const PUT: &[&str] = &["PUT"];
    const DELETE: &[&str] = &["DELETE"];
    let (absent, bad) = (Refused(404), Refused(400));
    let tyk = |rest: String| format!("/tyk/oauth/{rest}");
    let api = |rest: String| format!("/api/apis/{rest}");
    let of = format!("clients/{id}/{segment}");
    let by_page = format!("{of}/tokens?page={segment}");
    let of_org = format!("clients/apis/x?orgID={segment}");
    let named = format!("oauth/{segment}");
    let below = format!("oauth/{id}/{segment}");
    vec![
        (GET, tyk(format!("clients/{segment}")), absent, absent),
        (&["GET", "PUT"], tyk(of.clone()), absent, absent),
        (
            &["GET", "PUT", "DELETE"],
            tyk(format!("clients/{segment}/x")),
            absent,
            absent,
        ),
        (DELETE, tyk(of.clone()), Deleted, absent),
        (PUT, tyk(format!("{of}/rotate")), absent, absent),
        (GET, tyk(format!("{of}/tokens")), Nothing, Nothing),
        (GET, tyk(by_page), NoTokens, NoTokens),
        (
            GET,
            tyk(format!("clients/apis/{segment}?orgID=default")),
            Nothing,
            Nothing,
        ),
        (GET, tyk(of_org), Nothing, bad),
        (
            DELETE,
            tyk(format!("refresh/{segment}?api_id={id}")),
            Deleted,
            Deleted,
        ),
        (
            DELETE,
            tyk(format!("refresh/x?api_id={segment}")),
            absent,
            absent,
        ),
        (DELETE, tyk(format!("tokens?scope={segment}")), bad, bad),
        (GET, api(named.clone()), absent, absent),
        (POST, api(named.clone()), bad, bad),
        (
            GET,
            api(format!("oauth/{id}?p={segment}")),
            Clients,
            Clients,
        ),
        (&["GET", "PUT"], api(below.clone()), absent, absent),
        (DELETE, api(below.clone()), Deleted, absent),
        (PUT, api(format!("{below}/rotate")), absent, absent),
        (GET, api(format!("{below}/tokens")), Nothing, Nothing),
        (POST, api(format!("{named}/revoke")), bad, bad),
        (POST, api(format!("{named}/revoke_all")), absent, bad),
        (POST, api(format!("{named}/authorize-client")), bad, bad),
        (POST, api(format!("{segment}/authorize-client")), bad, bad),
    ]
}

#[test]
fn names_in_paths() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let long = "x".repeat(5000);
    let before = api.shown(&api.client);
    let check = |segments: &[&str], comes: fn(&Row) -> Comes| {
        for segment in segments {
            for row in rows(&api.id, segment) {
                for method in row.0 {
                    assert_comes(&api, (method, &row.1), comes(&row));
                }
            }
        }
    };
    check(&UNKNOWN, |row| row.2);
    check(&IMPOSSIBLE, |row| row.3);
    check(&[&long], |row| row.3);
    check(&UNDECODABLE, |_| Refused(400));
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
