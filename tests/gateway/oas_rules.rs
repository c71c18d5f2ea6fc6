//! Rules of OAS documents at work: what their middleware, server and upstream say is enforced, and told by the author's paths.

use serde_json::{Value, json};

use crate::apis::message;
use crate::harness::{Style, merge};
use crate::oas::{ask, oas_document};
use crate::path_rules::assert_forbidden;
use crate::rules::{RuledApi, in_both_styles};
use crate::timeouts_and_sizes::{TIMEOUT, post, slow_world};
use crate::world::{World, echoed, unique};

const ADDRESS_FORBIDDEN: ((u16, &str), (u16, &str)) = (
    (403, "access_denied"),
    (403, "access from this IP has been disallowed"),
);

/// The extension of a document.
pub(crate) fn extension(document: &mut Value) -> &mut Value {
    &mut document["x-tyk-api-gateway"]
}

/// A document with four operations, at `/{id}/`, changed for the test.
fn document(world: &World, id: &str, style: Style, change: impl FnOnce(&mut Value)) -> Value {
    let mut document = oas_document(id, &world.upstream.url("/"));
    let fields = json!({
        "x-raftgate": {"error_style": style.name()},
        "paths": {
            "/pets": {"get": {"operationId": "list"}, "post": {"operationId": "add"}},
            "/pets/{id}": {"get": {"operationId": "one"}},
            "/slow": {"get": {"operationId": "slow"}}
        }
    });
    merge(&mut document, fields);
    change(&mut document);
    document
}

/// The API of such a document.
#[track_caller]
fn oas_api<'w>(world: &'w World, style: Style, change: impl FnOnce(&mut Value)) -> RuledApi<'w> {
    let id = unique("oas-ruled");
    let document = document(world, &id, style, change);
    ask(world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    RuledApi { world, id, style }
}

/// The same with this middleware.
#[track_caller]
fn with_middleware<'w>(world: &'w World, style: Style, middleware: Value) -> RuledApi<'w> {
    oas_api(world, style, |document| {
        extension(document)["middleware"] = middleware
    })
}

#[test]
fn headers_of_requests_and_answers_are_set_and_removed() {
    in_both_styles(|world, style| {
        let add = |name: &str, value: &str| json!([{"name": name, "value": value}]);
        let api = with_middleware(
            world,
            style,
            json!({
                "global": {
                    "contextVariables": {"enabled": true},
                    "transformRequestHeaders": {"enabled": true, "remove": ["X-Gone"], "add": add("X-At", "$tyk_context.path")},
                    "transformResponseHeaders": {"enabled": true, "add": add("X-Served", "yes")}
                },
                "operations": {
                    "one": {
                        "transformRequestHeaders": {"enabled": true, "remove": ["X-Kept"], "add": add("X-One", "1")},
                        "transformResponseHeaders": {"enabled": true, "remove": ["Content-Type"]}
                    },
                    "list": {"transformRequestHeaders": {"enabled": true, "add": add("X-List", "1")}},
                    "slow": {"transformRequestHeaders": {"enabled": false, "add": add("X-List", "1")}}
                }
            }),
        );
        let fields = [("x-gone", "1"), ("x-kept", "1")];
        // A path is the more precise operation's, though `/pets` covers what lies below it.
        for (path, one, list, kept, media_type) in [
            ("/pets/7", vec!["1"], vec![], vec![], ""),
            ("/pets", vec![], vec!["1"], vec!["1"], "application/json"),
            ("/slow", vec![], vec![], vec!["1"], "application/json"),
        ] {
            let answer = api.send("GET", path, &fields).expect_status(200);
            assert_eq!(answer.header("x-served"), "yes");
            assert_eq!(answer.header("content-type"), media_type, "{path}");
            let seen = answer.json();
            let at = format!("/{}{path}", api.id);
            assert_eq!(echoed(&seen, "x-at"), [at.as_str()]);
            assert_eq!(echoed(&seen, "x-gone"), Vec::<&str>::new());
            assert_eq!(
                (echoed(&seen, "x-one"), echoed(&seen, "x-kept")),
                (one, kept),
                "{path}"
            );
            assert_eq!(echoed(&seen, "x-list"), list, "{path}");
        }
        let off = json!({"global": {
            "transformRequestHeaders": {"enabled": false, "add": add("X-At", "1")},
            "transformResponseHeaders": {"enabled": false, "add": add("X-Served", "yes")}
        }});
        let answer = with_middleware(world, style, off)
            .get("/pets")
            .expect_status(200);
        assert_eq!(answer.header("x-served"), "");
        assert_eq!(echoed(&answer.json(), "x-at"), Vec::<&str>::new());
    });
}

#[test]
fn browsers_of_listed_sites_may_ask() {
    in_both_styles(|world, style| {
        let cors = json!({
            "enabled": true, "allowedOrigins": ["https://app.example"], "allowedMethods": ["GET", "PUT"],
            "allowedHeaders": ["X-Own"], "exposedHeaders": ["X-Total"], "allowCredentials": true, "maxAge": 60
        });
        let api = with_middleware(world, style, json!({"global": {"cors": cors}}));
        let preflight = |origin: &str| {
            let headers = [
                ("origin", origin),
                ("access-control-request-method", "PUT"),
                ("access-control-request-headers", "x-own"),
            ];
            api.send("OPTIONS", "/pets", &headers).expect_status(204)
        };
        let answer = preflight("https://app.example");
        for (name, value) in [
            ("access-control-allow-origin", "https://app.example"),
            ("access-control-allow-methods", "PUT"),
            ("access-control-allow-headers", "x-own"),
            ("access-control-allow-credentials", "true"),
            ("access-control-max-age", "60"),
        ] {
            assert_eq!(answer.header(name), value);
        }
        assert_eq!(
            preflight("https://evil.example").header("access-control-allow-origin"),
            ""
        );
        let answer = api.send("GET", "/pets", &[("origin", "https://app.example")]);
        assert_eq!(answer.header("access-control-expose-headers"), "X-Total");
    });
}

#[test]
fn addresses_are_let_in_and_kept_out() {
    in_both_styles(|world, style| {
        let with_lists = |lists: Value| {
            oas_api(world, style, |document| {
                extension(document)["server"]["ipAccessControl"] = lists
            })
        };
        for (lists, is_open) in [
            (json!({"enabled": true, "allow": ["127.0.0.1/32"]}), true),
            (json!({"enabled": true, "allow": ["192.0.2.1"]}), false),
            (json!({"enabled": true, "block": ["127.0.0.0/8"]}), false),
            (
                json!({"enabled": false, "block": ["127.0.0.0/8"], "allow": ["192.0.2.1"]}),
                true,
            ),
        ] {
            let api = with_lists(lists);
            let answer = api.get("/pets");
            if is_open {
                answer.expect_status(200);
            } else {
                api.assert_refused(&answer, ADDRESS_FORBIDDEN.0, ADDRESS_FORBIDDEN.1);
            }
        }
    });
}

#[test]
fn operations_are_open_closed_and_internal() {
    in_both_styles(|world, style| {
        let api = with_middleware(
            world,
            style,
            json!({"operations": {
                "add": {"block": {"enabled": true}},
                "one": {"internal": {"enabled": true}},
                "slow": {"block": {"enabled": true, "ignoreCase": true}},
                "list": {"block": {"enabled": false}, "internal": {"enabled": false}}
            }}),
        );
        for path in ["/pets", "/other"] {
            api.get(path).expect_status(200);
        }
        assert_forbidden(&api, &api.send("POST", "/pets", &[]));
        for path in ["/pets/7", "/slow", "/SLOW"] {
            assert_forbidden(&api, &api.get(path));
        }
        let only = with_middleware(
            world,
            style,
            json!({"operations": {
                "list": {"allow": {"enabled": true}}, "slow": {"allow": {"enabled": false}}
            }}),
        );
        only.get("/pets").expect_status(200);
        assert_forbidden(&only, &only.send("POST", "/pets", &[]));
        for path in ["/slow", "/other", "/petshop"] {
            assert_forbidden(&only, &only.get(path));
        }
    });
}

#[test]
fn an_operations_timeout_beats_the_upstreams() {
    let world = slow_world("");
    for style in crate::harness::STYLES {
        let api = oas_api(&world, style, |document| {
            let extension = extension(document);
            extension["upstream"]["enforceTimeout"] = json!({"enabled": true, "value": 1});
            extension["middleware"] =
                json!({"operations": {"one": {"enforceTimeout": {"enabled": true, "value": 10}}}});
        });
        let late = api.get("/slow");
        api.assert_refused(&late, TIMEOUT.0, TIMEOUT.1);
        api.get("/pets/slow").expect_status(200);
        let short =
            json!({"operations": {"slow": {"enforceTimeout": {"enabled": true, "value": 1}}}});
        let api = with_middleware(&world, style, short);
        api.assert_refused(&api.get("/slow"), TIMEOUT.0, TIMEOUT.1);
        api.get("/pets/slow").expect_status(200);
        let off = oas_api(&world, style, |document| {
            extension(document)["upstream"]["enforceTimeout"] =
                json!({"enabled": false, "value": 1});
        });
        off.get("/slow").expect_status(200);
    }
}

#[test]
fn bodies_are_as_long_as_they_may_be() {
    in_both_styles(|world, style| {
        let api = with_middleware(
            world,
            style,
            json!({
                "global": {"requestSizeLimit": {"enabled": true, "value": 100}},
                "operations": {"add": {"requestSizeLimit": {"enabled": true, "value": 10}}}
            }),
        );
        let too_large = ((413, "request_too_large"), (400, "Request is too large"));
        for (path, fits) in [("/pets", 10), ("/other", 100)] {
            post(&api, path, fits).expect_status(200);
            api.assert_refused(&post(&api, path, fits + 1), too_large.0, too_large.1);
        }
        let off = json!({"global": {"requestSizeLimit": {"enabled": false, "value": 1}}});
        post(&with_middleware(world, style, off), "/pets", 100).expect_status(200);
    });
}

/// Changes of a document that spoil it, and what is said of them.
fn spoilt() -> Vec<(&'static str, Value, &'static str)> {
    let pairs = |pairs: &[(&str, &str)]| -> Value {
        pairs
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect()
    };
    vec![
        (
            "/info/state",
            json!({"active": true, "internal": true}),
            "info.state.internal: the API would be reachable from outside",
        ),
        (
            "/server/ipAccessControl",
            json!({"enabled": true, "allow": ["127.0.0.1", "bob"]}),
            "server.ipAccessControl.allow[1]: invalid IP/CIDR \"bob\"",
        ),
        (
            "/server/ipAccessControl",
            json!({"enabled": true, "block": [5]}),
            "server.ipAccessControl.block[0]: Invalid type. Expected: string, given: integer",
        ),
        (
            "/server/ipAccessControl",
            json!({"allow": []}),
            "server.ipAccessControl.enabled: is required",
        ),
        (
            "/middleware/global/cors",
            json!({"enabled": true, "allowedOrigins": ["https://*.*.example"]}),
            "middleware.global.cors.allowedOrigins[0]: an origin may hold one *",
        ),
        (
            "/middleware/global/cors",
            json!({"enabled": "yes"}),
            "middleware.global.cors.enabled: Invalid type. Expected: boolean, given: string",
        ),
        (
            "/middleware/global/transformRequestHeaders",
            json!({"enabled": true, "add": pairs(&[("X-A", "1"), ("X B", "2")])}),
            "middleware.global.transformRequestHeaders.add[1]: must have the name of a header field",
        ),
        (
            "/middleware/global/transformRequestHeaders",
            json!({"enabled": true, "add": pairs(&[("X-A", "a\nb")])}),
            "middleware.global.transformRequestHeaders.add[0]: must not hold control characters",
        ),
        (
            "/middleware/global/transformRequestHeaders",
            json!({"enabled": true, "add": pairs(&[("X-A", "1"), ("X-A", "2")])}),
            "middleware.global.transformRequestHeaders.add[1].name: is given twice",
        ),
        (
            "/middleware/global/transformRequestHeaders",
            json!({"enabled": true, "remove": ["Host"]}),
            "middleware.global.transformRequestHeaders.remove[0]: ",
        ),
        (
            "/middleware/global/transformResponseHeaders",
            json!({"enabled": true, "add": pairs(&[("Content-Length", "1")])}),
            "middleware.global.transformResponseHeaders.add[0]: ",
        ),
        (
            "/middleware/global/requestSizeLimit",
            json!({"enabled": true, "value": -1}),
            "middleware.global.requestSizeLimit.value: must be a whole number, at least 0",
        ),
        (
            "/upstream/enforceTimeout",
            json!({"enabled": true, "value": -1}),
            "upstream.enforceTimeout.value: must be a whole number, at least 0",
        ),
        (
            "/upstream/enforceTimeout",
            json!({"enabled": true, "value": 1_000_000}),
            "upstream.enforceTimeout.value: must be a number of seconds, at most 86400",
        ),
        (
            "/upstream/enforceTimeout",
            json!({"value": 1}),
            "upstream.enforceTimeout.enabled: is required",
        ),
        (
            "/middleware/operations/one",
            json!({"enforceTimeout": {"enabled": true, "value": "1s"}}),
            "middleware.operations.one.enforceTimeout.value: Invalid type. Expected: integer, given: string",
        ),
        (
            "/middleware/operations/one",
            json!({"enforceTimeout": {"enabled": true, "value": 1_000_000}}),
            "middleware.operations.one.enforceTimeout.value: must be a number of seconds, at most 86400",
        ),
        (
            "/middleware/operations/one",
            json!({"requestSizeLimit": {"enabled": true}}),
            "middleware.operations.one.requestSizeLimit.value: is required",
        ),
        (
            "/middleware/operations/one",
            json!({"transformRequestHeaders": {"enabled": true, "add": pairs(&[("X B", "2")])}}),
            "middleware.operations.one.transformRequestHeaders.add[0]: must have the name",
        ),
        (
            "/middleware/operations/one",
            json!({"block": {"ignoreCase": true}}),
            "middleware.operations.one.block.enabled: is required",
        ),
        (
            "/middleware/operations/one",
            json!({"mockResponse": {"enabled": true, "code": 200}}),
            "middleware.operations.one.mockResponse: the target would answer for the mock",
        ),
    ]
}

#[test]
fn wrong_values_are_told_by_the_paths_of_their_author() {
    let world = World::shared();
    for (place, value, said) in spoilt() {
        let id = unique("oas-faulty");
        let faulty = document(&world, &id, Style::Rfc, |document| {
            let mut at = extension(document);
            for name in place.split('/').skip(1) {
                at = &mut at[name];
            }
            *at = value.clone();
        });
        let refused = message(&ask(&world, "POST", "/tyk/apis/oas", &faulty).expect_status(400));
        let said = format!("x-tyk-api-gateway.{said}");
        assert!(refused.starts_with(&said), "{said}\n{refused}");
        ask(&world, "GET", &format!("/tyk/apis/oas/{id}"), &Value::Null).expect_status(404);
    }
}
