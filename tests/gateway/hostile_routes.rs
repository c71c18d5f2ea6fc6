//! Wrong and hostile input for every name of every path and query of the control listener, and for every document.
//!
//! The table of routes is held against the sources: a route, a name or a parameter that it lacks fails the first test.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Answer, Node, keyless_api, oauth_api, policy};
use crate::hostile_routes_table::{ROUTES, Route, Sent, Told};
use crate::oas::oas_document;
use crate::repeated_keys::{TARGET, bare, kept, registration, session};
use crate::world::text;

/// A folder of the sources, file by file without their tests.
pub(crate) fn sources(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).unwrap();
    let read = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
    let without_tests = |text: String| text.split("#[cfg(test)]").next().unwrap().to_owned();
    let texts: Vec<String> = read.map(without_tests).collect();
    assert!(texts.len() > 5);
    texts
}

/// The quoted strings of a piece of source.
pub(crate) fn quoted(source: &str) -> Vec<&str> {
    source.split('"').skip(1).step_by(2).collect()
}

/// Every method and path that a file registers.
fn registered(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for resource in source.split("web::resource(").skip(1) {
        let end = resource.find("default_service").unwrap();
        let (paths, methods) = resource[..end].split_once(')').unwrap();
        for path in quoted(paths) {
            for method in ["get", "post", "put", "patch", "delete"] {
                if methods.contains(&format!(".{method}(")) {
                    found.push((method.to_uppercase(), path.to_owned()));
                }
            }
        }
    }
    found
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |all, word| {
        all + &word[..1].to_uppercase() + &word[1..]
    })
}

/// The parameters of queries that a file reads into structs, or one by one.
fn parameters(source: &str, all: &str) -> Vec<String> {
    let mut found = Vec::new();
    for query in source.split("web::Query<").skip(1) {
        let kind = query.split('>').next().unwrap();
        let at = all.find(&format!("struct {kind} {{")).unwrap();
        let wanted = source.find(&format!("struct {kind} {{"));
        let (source, at) = wanted.map_or((all, at), |at| (source, at));
        let is_camel = source[..at].ends_with("#[serde(rename_all = \"camelCase\")]\n")
            || source[..at].ends_with("#[serde(rename_all = \"camelCase\")]\npub(super) ");
        let body = source[at..].split('}').next().unwrap();
        let mut renamed = None;
        for line in body.lines().skip(1).map(str::trim) {
            if line.starts_with("#[serde(rename") {
                renamed = Some(quoted(line)[0].to_owned());
            } else if let Some((field, _)) = line.split_once(": ") {
                let field = field.trim_start_matches("pub(super) ");
                let spelt = if is_camel {
                    camel_case(field)
                } else {
                    field.to_owned()
                };
                found.push(renamed.take().unwrap_or(spelt));
            }
        }
    }
    for reader in ["shape::parameter(", "shape::page("] {
        let calls = source.split(reader).skip(1);
        found.extend(calls.map(|call| quoted(call.split(')').nth(1).unwrap())[0].to_owned()));
    }
    found
}

#[test]
fn the_table_has_every_route_every_name_and_every_parameter() {
    let sources = sources("src/control");
    let in_sources: BTreeSet<_> = sources.iter().flat_map(|text| registered(text)).collect();
    let pair = |route: &Route| (route.method.to_owned(), route.path.to_owned());
    let in_table: BTreeSet<_> = ROUTES.iter().map(pair).collect();
    assert!(
        in_sources.len() > 50,
        "the sources are read as they are written"
    );
    assert_eq!(in_table, in_sources);
    for route in ROUTES {
        let names: Vec<_> = route
            .names
            .iter()
            .map(|name| format!("{{{}}}", name.name))
            .collect();
        let in_path: Vec<_> = route
            .path
            .split('/')
            .filter(|part| part.starts_with('{'))
            .collect();
        assert_eq!(names, in_path, "{} {}", route.method, route.path);
    }
    let all = sources.concat();
    let read: BTreeSet<_> = sources
        .iter()
        .flat_map(|text| parameters(text, &all))
        .collect();
    let queries = ROUTES.iter().flat_map(|route| route.query);
    let spoilt: BTreeSet<_> = queries.map(|query| query.name.to_owned()).collect();
    assert!(read.contains("upstreamURL") && read.contains("orgID") && read.contains("p"));
    assert_eq!(spoilt, read);
}

/// A node with one of everything that the table names, and its secrets.
struct Ground {
    node: Node,
    secrets: Vec<String>,
}

impl Ground {
    fn new() -> Self {
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
    fn kept(&self) -> Vec<Value> {
        let listings = [
            "/tyk/oauth/clients/guarded/acme/tokens",
            "/raftgate/v1/notifications",
        ];
        let shown = listings.map(|path| self.node.ask("GET", path, &Value::Null).json());
        kept(&self.node).into_iter().chain(shown).collect()
    }

    fn send(&self, method: &str, path: &str, (kind, body): (&str, &[u8])) -> Answer {
        let mut headers = vec![("x-tyk-authorization", self.secrets[0].as_str())];
        headers.extend(Some(("content-type", kind)).filter(|_| !body.is_empty()));
        let url = self.node.control_url(path);
        self.node.client().send(method, &url, &headers, body)
    }

    /// Nothing was told to the log that is an error of ours or a secret, and nothing ended.
    fn assert_calm(&self) {
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
fn assert_told(answer: &Answer, (status, message): Told, case: &str) {
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
    for route in ROUTES {
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
    for route in ROUTES.iter().filter(|route| !route.query.is_empty()) {
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
    for route in ROUTES.iter().filter(|route| !takes_none(route.sent)) {
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
    let silent: Vec<_> = ROUTES
        .iter()
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

#[test]
fn names_that_keys_may_be_given() {
    let ground = Ground::new();
    let before = ground.kept();
    let put = |name: &str| {
        let session = session().to_string();
        let body = ("application/json", session.as_bytes());
        ground.send("POST", &format!("/tyk/keys/{name}"), body)
    };
    let short = "Failed to create key, the key must have at least 3 characters.";
    let long = "Failed to create key, the key must have at most 256 bytes.";
    let character = "Failed to create key, the key must not hold spaces, control characters, commas or semicolons.";
    let reserved = "Failed to create key, keys that begin like this are the gateway's own.";
    let token = &ground.secrets[2];
    for (name, message) in [
        ("ab", short),
        ("default", short),
        ("defaultab", short),
        (&"x".repeat(257), long),
        (&"x".repeat(5000), long),
        ("%00%00%00", character),
        ("a%0d%0ab", character),
        ("a%20b", character),
        ("a%E2%80%A8b", character),
        ("a,b", character),
        ("a%3Bb", character),
        (token, reserved),
        (&token[..4], reserved),
    ] {
        assert_told(
            &put(name),
            (400, message),
            &format!("POST /tyk/keys/{name}"),
        );
    }
    assert_eq!(ground.kept(), before);
    for name in [
        "a%2Fb",
        "..%2F..%2Fapis",
        "%2e%2e%2e",
        "'%22%3Cscript%3E",
        "%F0%9F%94%91",
        "%2500",
    ] {
        let path = format!("/tyk/keys/{name}");
        put(name).expect_status(200);
        ground.send("GET", &path, ("", b"")).expect_status(200);
        ground.send("DELETE", &path, ("", b"")).expect_status(200);
        ground.send("GET", &path, ("", b"")).expect_status(404);
    }
    assert_eq!(ground.kept(), before);
    ground.assert_calm();
}

#[test]
fn what_an_import_may_not_be_told() {
    let ground = Ground::new();
    let before = ground.kept();
    let (path, domain, id) = (
        "x-tyk-api-gateway.server.listenPath.value: ",
        "x-tyk-api-gateway.server.customDomain.name: ",
        "x-tyk-api-gateway.info.id: stands in paths: ",
    );
    let upstream = "upstreamURL: the manually configured upstream URL is not valid";
    let long = "x".repeat(5000);
    for (query, told) in [
        ("listenPath=pets", path),
        ("listenPath=/a%20b/", path),
        ("listenPath=/%00/", path),
        ("listenPath=/a%0d%0ab/", path),
        ("listenPath=/a/../b/", path),
        ("listenPath=/a%3Fb/", path),
        ("listenPath=/plain/", path),
        (&format!("listenPath=/{long}/"), path),
        ("upstreamURL=nowhere", upstream),
        ("upstreamURL=ftp://a.test/", upstream),
        ("upstreamURL=http://", upstream),
        ("upstreamURL=//a.test/", upstream),
        ("upstreamURL=http://a.test%0d%0aX:1/", upstream),
        ("upstreamURL=http://a.test/%00", upstream),
        ("upstreamURL=javascript:1", upstream),
        ("customDomain=a%20b", domain),
        ("customDomain=a%0d%0ab", domain),
        ("customDomain=a/b", domain),
        (&format!("customDomain={long}"), domain),
        ("apiID=a/b", id),
        ("apiID=..%2Fb", id),
        ("apiID=a%20b", id),
        ("apiID=oas", id),
    ] {
        let body = bare().to_string();
        for at in ["/tyk/apis/oas/import", "/tyk/apis/oas/described"] {
            let method = if at.ends_with("import") {
                "POST"
            } else {
                "PATCH"
            };
            // A patch leaves the API its id.
            if method == "PATCH" && query.starts_with("apiID") {
                continue;
            }
            let at = format!("{at}?{query}");
            let answer = ground.send(method, &at, ("application/json", body.as_bytes()));
            let case = format!("{method} {}", &at[..at.len().min(80)]);
            assert_eq!(answer.status, 400, "{case}: {}", answer.text());
            let message = text(&answer.json(), "message");
            assert!(message.contains(told), "{case}: {message}");
            assert!(
                message.len() < 500 && !message.contains("xxxxxxxx"),
                "{case}: {message}"
            );
        }
    }
    assert_eq!(ground.kept(), before);
    ground.assert_calm();
}

#[test]
fn names_of_others_open_nothing() {
    let ground = Ground::new();
    let node = &ground.node;
    // A client, a token and a key that are another API's and another organisation's.
    node.create_api(&oauth_api("elsewhere", "/elsewhere/", TARGET));
    let mut foreign = session();
    foreign["org_id"] = json!("others");
    node.ask("POST", "/tyk/keys/foreign", &foreign)
        .expect_status(200);
    let before = ground.kept();
    let (body, none) = (registration(), Value::Null);
    for family in ["/tyk/oauth/clients", "/api/apis/oauth"] {
        let at = format!("{family}/elsewhere/acme");
        for (method, path, body, told) in [
            ("GET", at.clone(), &none, (404, "OAuth Client ID not found")),
            (
                "PUT",
                at.clone(),
                &body,
                (
                    400,
                    "Policy access rights doesn't contain API this OAuth client belongs to",
                ),
            ),
            (
                "PUT",
                at.clone(),
                &json!({}),
                (404, "OAuth Client ID not found"),
            ),
            (
                "PUT",
                format!("{at}/rotate"),
                &none,
                (404, "OAuth Client ID not found"),
            ),
            ("GET", format!("{at}/tokens"), &none, (200, "")),
            ("DELETE", at, &none, (200, "")),
        ] {
            let answer = node.ask(method, &path, body);
            assert_told(&answer, told, &format!("{method} {path}"));
            assert!(
                !path.ends_with("tokens") || answer.json() == json!([]),
                "{path}"
            );
        }
    }
    for (method, path, told) in [
        (
            "GET",
            "/tyk/keys/foreign?org_id=default",
            (404, "Key not found"),
        ),
        (
            "PUT",
            "/tyk/keys/foreign?org_id=default",
            (404, "Key is not found"),
        ),
        (
            "DELETE",
            "/tyk/keys/foreign?org_id=default",
            (404, "There is no such key found"),
        ),
        (
            "DELETE",
            "/tyk/keys/foreign?username=true",
            (404, "There is no such key found"),
        ),
        (
            "GET",
            "/tyk/keys/foreign?org_id=strangers",
            (404, "Key not found"),
        ),
        (
            "DELETE",
            "/tyk/keys/foreign?org_id=strangers",
            (404, "There is no such key found"),
        ),
        // Each kind has its own names.
        ("GET", "/tyk/apis/gold", (404, "API not found")),
        ("DELETE", "/tyk/apis/oas/acme", (404, "API not found")),
        ("DELETE", "/tyk/policies/plain", (404, "Policy not found")),
        ("GET", "/tyk/keys/gold", (404, "Key not found")),
        (
            "DELETE",
            "/raftgate/v1/admin-tokens/acme",
            (404, "there is no admin token of this name"),
        ),
    ] {
        let body = if method == "PUT" {
            session()
        } else {
            Value::Null
        };
        assert_told(
            &node.ask(method, path, &body),
            told,
            &format!("{method} {path}"),
        );
    }
    assert_eq!(ground.kept(), before);
    node.ask("GET", "/tyk/keys/foreign?org_id=others", &Value::Null)
        .expect_status(200);
    ground.assert_calm();
}
