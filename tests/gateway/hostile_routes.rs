//! Wrong and hostile input for every name of every path and query of the control listener, and for every document.

use serde_json::{Value, json};

use crate::harness::{Answer, Node, keyless_api, policy};
use crate::hostile_routes_table::routes;
use crate::hostile_row::{Route, Sent, Told};
use crate::oas::oas_document;
use crate::repeated_keys::{TARGET, bare, kept, registration, session};
use crate::world::text;

/// A node with one of everything that the table names, and its secrets.
pub(crate) struct Ground {
    pub(crate) node: Node,
    pub(crate) secrets: Vec<String>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let node = Node::builder()
            .configuration("[limits]\nrequest_head_bytes = 16384\ncontrol_body_bytes = 262144")
            .start();
        node.create_api(&keyless_api("plain", "/plain/", TARGET));
        node.create_policy(&policy("gold", &["plain"]));
        node.ask("POST", "/tyk/apis/oas", &oas_document("described", TARGET))
            .expect_status(200);
        node.create_oauth_api("guarded", TARGET);
        let mut acme = registration();
        acme["client_id"] = json!("acme");
        let acme = node.create_client(&acme);
        let token = node.access_token("guarded", &acme);
        node.ask("POST", "/tyk/keys/some-name", &session())
            .expect_status(200);
        let keeper = json!({"name": "keeper", "role": "read-only"});
        let keeper = node.ask("POST", "/raftgate/v1/admin-tokens", &keeper);
        let secrets = vec![
            node.secret(),
            acme.secret,
            token,
            text(&keeper.expect_status(200).json(), "token"),
        ];
        Self { node, secrets }
    }

    /// All that could have been changed.
    pub(crate) fn kept(&self) -> Vec<Value> {
        let listings = [
            "/tyk/oauth/clients/guarded/acme/tokens",
            "/raftgate/v1/notifications",
        ];
        let shown = listings.map(|path| self.node.ask("GET", path, &Value::Null).json());
        kept(&self.node).into_iter().chain(shown).collect()
    }

    pub(crate) fn send(&self, method: &str, path: &str, (kind, body): (&str, &[u8])) -> Answer {
        let mut headers = vec![("x-tyk-authorization", self.secrets[0].as_str())];
        headers.extend(Some(("content-type", kind)).filter(|_| !body.is_empty()));
        let url = self.node.control_url(path);
        self.node.client().send(method, &url, &headers, body)
    }

    /// Nothing was told to the log that is an error of ours or a secret, and nothing ended.
    pub(crate) fn assert_calm(&self) {
        let log = self.node.log();
        assert!(log.contains("raftgate"), "{log}");
        for word in ["ERROR", "panic"]
            .into_iter()
            .chain(self.secrets.iter().map(String::as_str))
        {
            assert!(!log.contains(word), "{log}");
        }
        let metrics = self.send("GET", "/metrics", ("", b"")).text();
        assert!(metrics.contains("raftgate_panics_total 0"), "{metrics}");
    }
}

fn document(sent: Sent) -> (&'static str, String) {
    let json = |document: Value| ("application/json", document.to_string());
    match sent {
        Sent::Nothing => ("", String::new()),
        Sent::Classic => json(keyless_api("plain", "/plain/", TARGET)),
        Sent::Oas => json(oas_document("described", TARGET)),
        Sent::Bare => json(bare()),
        Sent::Policy => json(policy("gold", &["plain"])),
        Sent::Session => json(session()),
        Sent::Instruction => json(json!({"policy": "gold"})),
        Sent::Client => json(registration()),
        Sent::AdminToken => json(json!({"name": "keeper", "role": "operator"})),
        Sent::Form(form) => ("application/x-www-form-urlencoded", form.to_owned()),
    }
}

/// What is said, in the words of the door, and nothing of what was sent.
#[track_caller]
pub(crate) fn assert_told(answer: &Answer, (status, message): Told, case: &str) {
    let said = answer.text();
    assert_eq!(answer.status, status, "{case}: {said}");
    assert!(!answer.header("x-request-id").is_empty(), "{case}");
    assert_eq!(answer.header("cache-control"), "no-store", "{case}");
    if status == 200 || said == "null" {
        return;
    }
    let body = answer.json();
    let (word, words) = if case.contains(" /api/") {
        ("Status", "Message")
    } else {
        ("status", "message")
    };
    assert!(
        text(&body, word).eq_ignore_ascii_case("error"),
        "{case}: {said}"
    );
    let told = text(&body, words);
    assert!(!told.is_empty() && told.len() < 500, "{case}: {said}");
    assert!(message.is_empty() || told == message, "{case}: {said}");
    for echo in ["script", "nobody", "xxxxxxxx", "\u{fffd}", "\\u00"] {
        assert!(!said.contains(echo), "{case}: {said}");
    }
}

/// Names that could be there: none of these is.
const UNKNOWN: [&str; 16] = [
    "nobody",
    "-1",
    "0",
    "99999999999999999999999",
    "null",
    "true",
    "%5B%22nobody%22%5D",
    "%7B%22%24ne%22%3A1%7D",
    "a%2Fb",
    "..%2F..%2Fapis",
    "%2e%2e",
    "..",
    "%25ff",
    "a%20b",
    "%F0%9F%94%91",
    "'%22%3Cscript%3E",
];
/// Names that nothing can have.
const CONTROL: [&str; 3] = ["%00", "a%0d%0a%1bb", "nobody%00"];
/// What is no text at all.
const UNDECODABLE: [&str; 7] = ["%", "%zz", "a%4", "%ff%fe", "%c0%af", "%ed%a0%80", "%2"];

const UNDECODED_PATH: Told = (
    400,
    "Request malformed: the path is not percent-encoded UTF-8",
);
const UNDECODED_QUERY: Told = (
    400,
    "Request malformed: the query is not percent-encoded UTF-8",
);
const HEAD_TOO_LARGE: Told = (431, "Request Header Fields Too Large");

/// The path of a route with this in the place of one of its names, and what is good in those of the others.
fn path_with(route: &Route, spoilt: &str, value: &str) -> String {
    route
        .names
        .iter()
        .fold(route.path.to_owned(), |path, name| {
            let value = if name.name == spoilt {
                value
            } else {
                name.good
            };
            path.replace(&format!("{{{}}}", name.name), value)
        })
}

/// The query of a route with all of its parameters, one of which stands like this.
fn query_with(route: &Route, spoilt: &str, value: &str) -> String {
    let pairs = route.query.iter().map(|query| match query.name == spoilt {
        true => value.to_owned(),
        false if query.good.is_empty() => String::new(),
        false => format!("{}={}", query.name, query.good),
    });
    pairs
        .filter(|pair| !pair.is_empty())
        .collect::<Vec<_>>()
        .join("&")
}

#[test]
fn names_in_every_path() {
    let ground = Ground::new();
    let (long, longer, longest) = ("x".repeat(257), "x".repeat(5000), "x".repeat(17_000));
    for route in routes() {
        let before = ground.kept();
        let (kind, body) = document(route.sent);
        for name in route.names {
            let every = [
                (&UNKNOWN[..], name.unknown),
                (&CONTROL, name.impossible),
                (&[long.as_str(), &longer], name.impossible),
                (&[longest.as_str()], HEAD_TOO_LARGE),
                (&UNDECODABLE, UNDECODED_PATH),
                (&[""], name.empty),
            ];
            for (values, told) in every {
                for value in values {
                    let query = query_with(route, "", "");
                    let path = format!("{}?{query}", path_with(route, name.name, value));
                    let answer = ground.send(route.method, &path, (kind, body.as_bytes()));
                    let shown = &path[..path.len().min(120)];
                    assert_told(&answer, told, &format!("{} {shown}", route.method));
                }
            }
        }
        assert_eq!(ground.kept(), before, "{} {}", route.method, route.path);
    }
    ground.assert_calm();
}

#[test]
fn parameters_in_every_query() {
    let ground = Ground::new();
    let (long, longer, longest) = ("x".repeat(257), "x".repeat(5000), "x".repeat(17_000));
    for route in routes().filter(|route| !route.query.is_empty()) {
        let before = ground.kept();
        // Nothing is to come of a query that is taken: no document, and the name of no key.
        let (kind, body) = match route.sent {
            Sent::Bare => ("application/json", "[]".to_owned()),
            other => document(other),
        };
        let path = match route.path.strip_suffix("{key}") {
            Some(keys) => format!("{keys}who-is-it"),
            None => path_with(route, "", ""),
        };
        let ask = |name: &str, pairs: &str, told: Told| {
            let path = format!("{path}?{}", query_with(route, name, pairs));
            let answer = ground.send(route.method, &path, (kind, body.as_bytes()));
            let shown = &path[..path.len().min(160)];
            assert_told(&answer, told, &format!("{} {shown}", route.method));
        };
        for query in route.query {
            let (name, good) = (
                query.name,
                if query.good.is_empty() {
                    "x"
                } else {
                    query.good
                },
            );
            let is_a_value = |value: &&str| matches!(*value, "true" | "0");
            let unknown = UNKNOWN.iter().filter(|value| !is_a_value(value));
            for value in unknown {
                ask(name, &format!("{name}={value}"), query.unknown);
            }
            for value in CONTROL {
                ask(name, &format!("{name}={value}"), query.control);
            }
            for value in [&long, &longer] {
                ask(name, &format!("{name}={value}"), query.long);
            }
            for value in UNDECODABLE {
                ask(name, &format!("{name}={value}"), UNDECODED_QUERY);
                ask(name, &format!("{name}={good}&{value}=1"), UNDECODED_QUERY);
            }
            ask(name, &format!("{name}={longest}"), HEAD_TOO_LARGE);
            ask(name, &format!("{name}="), query.empty);
            for again in [good, "", "%00"] {
                ask(
                    name,
                    &format!("{name}={good}&{name}={again}"),
                    query.repeated,
                );
            }
        }
        assert_eq!(ground.kept(), before, "{} {}", route.method, route.path);
    }
    ground.assert_calm();
}

#[test]
fn bodies_that_are_no_documents() {
    let ground = Ground::new();
    let before = ground.kept();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    let huge = format!("{{\"a\":\"{}\"}}", "y".repeat(270_000));
    let bodies: [&[u8]; 17] = [
        b"",
        b"{",
        b"{}{}",
        b"null",
        b"[]",
        b"[{}]",
        b"7",
        b"true",
        b"\"text\"",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\xc0\xaf\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\x00\"}",
        b"{\"a\":1e400}",
        b"{\"a\":1,}",
        deep.as_bytes(),
    ];
    let takes_none = |sent: Sent| matches!(sent, Sent::Nothing | Sent::Form(_));
    for route in routes().filter(|route| !takes_none(route.sent)) {
        let path = path_with(route, "", "");
        let case = format!("{} {path}", route.method);
        for body in bodies {
            let answer = ground.send(route.method, &path, ("application/json", body));
            let case = format!(
                "{case} {}",
                String::from_utf8_lossy(&body[..body.len().min(40)])
            );
            assert_told(&answer, (400, ""), &case);
            let told = answer.text();
            let words = ["equest malformed: ", "Couldn't decode instruction: "];
            assert!(
                words.iter().any(|word| told.contains(word)),
                "{case}: {told}"
            );
        }
        let answer = ground.send(route.method, &path, ("application/json", huge.as_bytes()));
        assert_told(&answer, (413, "Request Entity Too Large"), &case);
    }
    // Whoever writes has a document to send, or the table says that nothing is looked at.
    let silent: Vec<_> = routes()
        .filter(|route| !matches!(route.method, "GET" | "DELETE") && route.sent == Sent::Nothing)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(
        silent,
        [
            "POST /raftgate/v1/notifications/{id}/redeliver",
            "PATCH /tyk/apis/oas",
            "PUT /tyk/oauth/clients/{api}/{client}/rotate",
            "PUT /api/apis/oauth/{api}/{client}/rotate",
        ]
    );
    assert_eq!(ground.kept(), before);
    ground.assert_calm();
}
