//! HTTP/2 through the whole node: tokens, browsers' questions and header transforms are as they are over HTTP/1.1.

use bytes::Bytes;
use h2_http::Request;
use serde_json::json;

use crate::harness::{Answer, Credentials, PATIENCE, STYLES, Style};
use crate::memory_http2::{Http2, connect_http2, secured};
use crate::rules::{RuledApi, single_version};
use crate::world::{OAuthApi, Tokens, World, echo, echoed};

const SITE: &str = "https://app.example";
const ORIGIN: &str = "access-control-allow-origin";

/// A client with one connection of HTTP/2, for everything that is asked.
struct Client {
    runtime: tokio::runtime::Runtime,
    http2: Http2,
}

impl Client {
    /// A node that speaks TLS, and a client of it.
    fn of_a_node() -> (World, Self) {
        let (node, config) = secured();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let http2 = runtime.block_on(connect_http2(node.gateway(), config));
        (World::of(node), Self { runtime, http2 })
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Bytes::copy_from_slice(body.as_bytes());
        let asked = self.ask(request.body(()).unwrap(), body);
        let limited = async { tokio::time::timeout(PATIENCE, asked).await };
        self.runtime.block_on(limited).expect("an answer in time")
    }

    async fn ask(&self, request: Request<()>, body: Bytes) -> Answer {
        let mut ready = self.http2.clone().ready().await.unwrap();
        let (answer, mut sending) = ready.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            sending.send_data(body, true).unwrap();
        }
        let (head, mut receiving) = answer.await.unwrap().into_parts();
        let mut body = Vec::new();
        while let Some(piece) = receiving.data().await {
            let piece = piece.unwrap();
            receiving
                .flow_control()
                .release_capacity(piece.len())
                .unwrap();
            body.extend_from_slice(&piece);
        }
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    #[track_caller]
    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, "")
    }

    /// An OAuth endpoint's answer to a client.
    #[track_caller]
    fn form(&self, path: &str, client: &Credentials, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let basic = client.basic();
        let headers = [
            ("authorization", basic.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send("POST", path, &headers, &body)
    }
}

/// All values of a field.
fn all<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let values = answer.headers.get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn tokens_are_issued_used_refreshed_and_revoked() {
    let (world, client) = Client::of_a_node();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let at = |rest: &str| format!("/{}{rest}", api.id);
        let call = |token: &str| {
            let bearer = format!("Bearer {token}");
            client.get(&at("/called"), &[("authorization", &bearer)])
        };
        let missing = client.get(&at("/called"), &[]);
        api.assert_call_refused(
            &missing,
            (401, "unauthorized"),
            (400, "Authorization field missing"),
        );
        let unknown = ((401, "invalid_token"), (403, "Key not authorised"));
        api.assert_call_refused(&call("rga_x"), unknown.0, unknown.1);

        let form = [
            ("response_type", "code"),
            ("client_id", api.client.id.as_str()),
            ("redirect_uri", crate::world::REDIRECT),
        ];
        let secret = world.node.secret();
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let headers = [
            ("x-tyk-authorization", secret.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let path = at("/tyk/oauth/authorize-client");
        let approved = client.send("POST", &path, &headers, &body);
        let code = crate::world::text(&approved.expect_status(200).json(), "code");
        let exchange = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", crate::world::REDIRECT),
        ];
        let token = at("/oauth/token");
        let answer = client.form(&token, &api.client, &exchange);
        assert!(answer.header("cache-control").contains("no-store"));
        let first = Tokens::of(answer);
        let seen = call(&first.access).expect_status(200).json();
        assert_eq!(echoed(&seen, "x-forwarded-for"), ["127.0.0.1"]);
        let refresh = [
            ("grant_type", "refresh_token"),
            ("refresh_token", first.refresh.as_str()),
        ];
        let second = Tokens::of(client.form(&token, &api.client, &refresh));
        api.assert_call_refused(&call(&first.access), unknown.0, unknown.1);
        call(&second.access).expect_status(200);

        let wrong = Credentials {
            secret: "guessed".into(),
            ..api.client.clone()
        };
        let answer = client.form(&token, &wrong, &[("grant_type", "client_credentials")]);
        let (rfc, tyk) = ((401, "invalid_client"), (403, "unauthorized_client"));
        api.assert_error(&answer, rfc, tyk);
        let answer = client.form(&token, &api.client, &[("grant_type", "magic")]);
        let unsupported = "unsupported_grant_type";
        api.assert_error(&answer, (400, unsupported), (403, unsupported));

        let revoked = [("token", second.access.as_str())];
        let answer = client.form(&at("/oauth/revoke"), &api.client, &revoked);
        answer.expect_status(200);
        api.assert_call_refused(&call(&second.access), unknown.0, unknown.1);
    }
}

#[test]
fn browsers_are_told_what_they_may_send() {
    let (world, client) = Client::of_a_node();
    world
        .upstream
        .set_script(|received| echo(received).with_header(ORIGIN, "https://upstream.example"));
    for style in STYLES {
        let cors = json!({"CORS": {
            "enable": true, "allowed_origins": [SITE], "allowed_methods": ["GET", "PUT", "POST"],
            "allowed_headers": ["Authorization"], "allow_credentials": true, "max_age": 600
        }});
        let api = OAuthApi::with(&world, style, cors);
        let path = format!("/{}/x", api.id);
        let preflight = |origin: &str, path: &str| {
            let asked = [
                ("origin", origin),
                ("access-control-request-method", "PUT"),
                ("access-control-request-headers", "authorization"),
            ];
            client.send("OPTIONS", path, &asked, "").expect_status(204)
        };
        let token = format!("/{}/oauth/token", api.id);
        for path in [&path, &token] {
            let answer = preflight(SITE, path);
            assert_eq!(all(&answer, ORIGIN), [SITE]);
            assert_eq!(answer.header("access-control-allow-methods"), "PUT");
            assert_eq!(answer.header("access-control-max-age"), "600");
            assert!(answer.body.is_empty());
            let other = preflight("https://evil.example", path);
            assert_eq!(all(&other, ORIGIN), Vec::<&str>::new());
        }
        // A refusal can be read by the site, and an answer names one origin whatever the upstream says.
        let refused = client.get(&path, &[("origin", SITE)]);
        assert_eq!(all(&refused, ORIGIN), [SITE]);
        assert!(refused.status >= 400);
        let form = [("grant_type", "client_credentials")];
        let issued = client.form(&token, &api.client, &form).expect_status(200);
        let token = crate::world::text(&issued.json(), "access_token");
        let bearer = format!("Bearer {token}");
        for (origin, told) in [(SITE, &[SITE][..]), ("https://evil.example", &[])] {
            let headers = [("origin", origin), ("authorization", bearer.as_str())];
            let answer = client.get(&path, &headers).expect_status(200);
            assert_eq!(all(&answer, ORIGIN), told, "{origin}");
        }
    }
}

#[test]
fn fields_are_removed_and_set_on_both_ways() {
    let (world, client) = Client::of_a_node();
    world.upstream.set_script(|received| {
        echo(received)
            .with_header("X-Inner", "secret")
            .with_header("X-Kept", "1")
    });
    for style in STYLES {
        let rules = single_version(json!({
            "global_headers": {"X-Set": "gateway", "X-Copy": "<$tyk_context.headers_X_Source>"},
            "global_headers_remove": ["X-Secret"],
            "global_response_headers": {"X-Served-By": "node"},
            "global_response_headers_remove": ["X-Inner"]
        }));
        let api = RuledApi::new(&world, style, rules);
        let headers = [
            ("x-set", "client"),
            ("x_set", "client"),
            ("x-secret", "1"),
            ("x_secret", "2"),
            ("x-source", "s1"),
            ("x-own", "kept"),
        ];
        let path = format!("/{}/x", api.id);
        let answer = client.send("PUT", &path, &headers, "body");
        let answer = answer.expect_status(200);
        assert_eq!(all(&answer, "x-served-by"), ["node"]);
        assert_eq!(all(&answer, "x-inner"), Vec::<&str>::new());
        assert_eq!(all(&answer, "x-kept"), ["1"]);
        let seen = answer.json();
        assert_eq!(
            (&seen["method"], &seen["body"]),
            (&json!("PUT"), &json!("body"))
        );
        for (name, expected) in [
            ("x-set", &["gateway"][..]),
            ("x-copy", &["<s1>"]),
            ("x-own", &["kept"]),
            ("x-secret", &[]),
            ("x_set", &[]),
            ("x_secret", &[]),
        ] {
            assert_eq!(echoed(&seen, name), expected, "{name}");
        }
    }
    // What cannot be a field of HTTP/2 is none of the answer's.
    let plain = RuledApi::new(&world, Style::Rfc, json!({}));
    let answer = client
        .get(&format!("/{}/x", plain.id), &[])
        .expect_status(200);
    assert_eq!(all(&answer, "connection"), Vec::<&str>::new());
}

#[test]
fn an_upstream_is_told_that_its_client_speaks_tls() {
    let (world, client) = Client::of_a_node();
    let telling = json!({"raftgate": {"forwarded_host_and_proto": true}});
    let api = RuledApi::new(&world, Style::Rfc, telling);
    let seen = client.get(&format!("/{}/x", api.id), &[]).json();
    assert_eq!(echoed(&seen, "x-forwarded-proto"), ["https"]);
    assert_eq!(echoed(&seen, "x-forwarded-host"), ["localhost"]);
}
