//! Names that a request chooses, and names of others: what may be called so, and what opens nothing.

use serde_json::{Value, json};

use crate::harness::oauth_api;
use crate::hostile_routes::{Ground, assert_told};
use crate::repeated_keys::{TARGET, bare, registration, session};
use crate::world::text;

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
    let word = "x-tyk-api-gateway.info.id: stands in paths, where this is a word";
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
        ("apiID=oas", word),
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
