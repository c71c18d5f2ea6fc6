//! What other gateways do with requests and this one does not yet: refused by name where ignoring it would weaken an API or send
//! requests elsewhere, else a warning.

use serde_json::{Map, Value, json};

use crate::apis::message;
use crate::harness::Style;
use crate::oas::{ask, oas_document};
use crate::oas_rules::extension;
use crate::rules::{definition, extended_paths, single_version};
use crate::world::{World, unique};

/// What becomes of a rule that is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Refused,
    Warned,
}
use Verdict::{Refused, Warned};

/// Imports a definition with the rule switched on and off; what is said of it stands at `place`.
#[track_caller]
fn assert_judged(
    world: &World,
    door: &str,
    make: impl Fn(&str, bool) -> Value,
    place: &str,
    verdict: Verdict,
) {
    let id = unique("later");
    let path = format!("{door}/{id}");
    let url = world.node.gateway_url(&format!("/{id}/x"));
    let off = ask(world, "POST", door, &make(&id, false)).expect_status(200);
    assert_eq!(off.json().get("warnings"), None, "{place}");
    world.node.client().get(&url, &[]).expect_status(200);
    let off = ask(world, "GET", &path, &Value::Null).json();
    for (method, door) in [("POST", door), ("PUT", path.as_str())] {
        let answer = ask(world, method, door, &make(&id, true));
        match verdict {
            Refused => {
                let words = message(&answer.expect_status(400));
                assert!(words.starts_with(&format!("{place}: ")), "{words}");
                assert!(
                    words.ends_with("; remove it to import the definition"),
                    "{words}"
                );
                assert_eq!(
                    words.matches("; ").count(),
                    1,
                    "nothing else is wrong: {words}"
                );
            }
            Warned => {
                let made = answer.expect_status(200).json();
                let warnings = made["warnings"].as_array().unwrap();
                let said = warnings[0].as_str().unwrap();
                assert!(said.starts_with(&format!("{place}: ")), "{said}");
                assert_eq!(warnings.len(), 1, "{made}");
            }
        }
        world.node.client().get(&url, &[]).expect_status(200);
    }
    let on = ask(world, "GET", &path, &Value::Null).json();
    assert_eq!(on == off, verdict == Refused, "what is warned of is kept");
}

#[test]
fn in_classic_definitions() {
    let world = World::shared();
    let paths = "version_data.versions.Default.extended_paths";
    let entry = |fields: Value| {
        let mut entry = json!({"path": "/x", "method": "GET"});
        crate::harness::merge(&mut entry, fields);
        entry
    };
    for (list, rule, verdict) in [
        ("method_transforms", json!({"to_method": "DELETE"}), Refused),
        (
            "url_rewrites",
            json!({"match_pattern": "x", "rewrite_to": "/y"}),
            Refused,
        ),
        (
            "mock_response",
            json!({"code": 200, "body": "mine"}),
            Refused,
        ),
        ("virtual", json!({"response_function_name": "f"}), Refused),
        ("transform", json!({"template_data": {}}), Refused),
        ("validate_json", json!({"schema": {}}), Refused),
        ("advance_cache_config", json!({"timeout": 5}), Warned),
        (
            "circuit_breakers",
            json!({"threshold_percent": 0.5, "samples": 5, "return_to_service_after": 5}),
            Warned,
        ),
    ] {
        let make = |id: &str, enabled: bool| {
            let mut rule = entry(rule.clone());
            rule["disabled"] = json!(!enabled);
            let list = Map::from_iter([(list.to_owned(), json!([rule]))]);
            let fields = single_version(extended_paths(Value::Object(list)));
            definition(&world, id, Style::Rfc, fields)
        };
        assert_judged(
            &world,
            "/tyk/apis",
            make,
            &format!("{paths}.{list}"),
            verdict,
        );
    }
    let cached = |id: &str, enabled: bool| {
        let cache =
            json!({"enable_cache": enabled, "cache_timeout": 60, "cache_all_safe_requests": true});
        definition(&world, id, Style::Rfc, json!({"cache_options": cache}))
    };
    assert_judged(
        &world,
        "/tyk/apis",
        cached,
        "cache_options.enable_cache",
        Warned,
    );
    let simple = |id: &str, enabled: bool| {
        let list = if enabled { json!(["/x"]) } else { json!([]) };
        definition(
            &world,
            id,
            Style::Rfc,
            single_version(extended_paths(json!({"cache": list}))),
        )
    };
    assert_judged(
        &world,
        "/tyk/apis",
        simple,
        &format!("{paths}.cache"),
        Warned,
    );
}

#[test]
fn in_oas_documents() {
    let world = World::shared();
    let own = "x-tyk-api-gateway.middleware";
    let document = |id: &str, middleware: Value| {
        let mut document = oas_document(id, &world.upstream.url("/"));
        document["paths"] = json!({"/x": {"get": {"operationId": "x"}}});
        extension(&mut document)["middleware"] = middleware;
        document
    };
    for (name, rule, verdict) in [
        (
            "transformRequestMethod",
            json!({"toMethod": "DELETE"}),
            Refused,
        ),
        (
            "urlRewrite",
            json!({"pattern": "x", "rewriteTo": "/y"}),
            Refused,
        ),
        (
            "mockResponse",
            json!({"code": 200, "body": "mine"}),
            Refused,
        ),
        (
            "virtualEndpoint",
            json!({"functionName": "f", "body": "x"}),
            Refused,
        ),
        (
            "validateRequest",
            json!({"errorResponseCode": 422}),
            Refused,
        ),
        ("cache", json!({"timeout": 5}), Warned),
        (
            "circuitBreaker",
            json!({"threshold": 0.5, "sampleSize": 5, "coolDownPeriod": 5, "halfOpenStateEnabled": true}),
            Warned,
        ),
    ] {
        let make = |id: &str, enabled: bool| {
            let mut rule = rule.clone();
            rule["enabled"] = json!(enabled);
            let rules = Map::from_iter([(name.to_owned(), rule)]);
            document(id, json!({"operations": {"x": rules}}))
        };
        let place = format!("{own}.operations.x.{name}");
        assert_judged(&world, "/tyk/apis/oas", make, &place, verdict);
    }
    let cached = |id: &str, enabled: bool| {
        document(
            id,
            json!({"global": {"cache": {"enabled": enabled, "timeout": 60}}}),
        )
    };
    let place = format!("{own}.global.cache.enabled");
    assert_judged(&world, "/tyk/apis/oas", cached, &place, Warned);
}
