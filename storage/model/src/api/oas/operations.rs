//! `middleware.operations`: what holds for one path and method, which the operation's id names in `paths`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;

use super::conversions::header_values;
use super::middleware::HEADER;
use super::openapi::Operation;
use super::projection::Projection;
use super::rule_conversions::{rewrite_triggers, template, virtual_source};
use super::shape::Classic::{At, By, Not, Seconds};
use super::shape::Shape::{Duration, Flag, List, Map, Number, Object, OneOf, Text, Whole};
use super::shape::{Member, Shape, optional, required};
use crate::json::{DocumentFaults, Node};

/// The most operations of one document.
const OPERATIONS_MAX: usize = 10_000;

/// The lists of paths of a projected definition.
const LISTS: &str = "version_data.versions.Default.extended_paths";

/// One kind of rule: its name, the list that it goes to, and its members.
type Kind = (&'static str, &'static str, &'static [Member]);

const KINDS: &[Kind] = &[
    ("allow", "white_list", ALLOWANCE),
    ("block", "black_list", ALLOWANCE),
    ("ignoreAuthentication", "ignored", ALLOWANCE),
    ("internal", "internal", SWITCH),
    ("transformRequestMethod", "method_transforms", METHOD),
    ("transformRequestBody", "transform", BODY),
    ("transformResponseBody", "transform_response", BODY),
    ("transformRequestHeaders", "transform_headers", HEADERS),
    (
        "transformResponseHeaders",
        "transform_response_headers",
        HEADERS,
    ),
    ("urlRewrite", "url_rewrites", URL_REWRITE),
    ("cache", "advance_cache_config", CACHE),
    ("enforceTimeout", "hard_timeouts", TIMEOUT),
    ("validateRequest", "validate_request", VALIDATION),
    ("mockResponse", "mock_response", MOCK),
    ("virtualEndpoint", "virtual", VIRTUAL),
    ("circuitBreaker", "circuit_breakers", BREAKER),
    ("trackEndpoint", "track_endpoints", SWITCH),
    ("doNotTrackEndpoint", "do_not_track_endpoints", SWITCH),
    ("requestSizeLimit", "size_limits", SIZE_LIMIT),
    ("rateLimit", "rate_limit", RATE_LIMIT),
];

const ALLOWANCE: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    optional("ignoreCase", Flag, At("ignore_case")),
];

const SWITCH: &[Member] = &[required("enabled", Flag, Not("disabled"))];

const METHOD: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("toMethod", Text, At("to_method")),
];

const BODY: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required(
        "format",
        OneOf(&["json", "xml"]),
        At("template_data.input_type"),
    ),
    optional("path", Text, By("file", template)),
    optional("body", Text, By("blob", template)),
];

const HEADERS: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    optional("remove", List(&Text), At("delete_headers")),
    optional(
        "add",
        List(&Object(HEADER)),
        By("add_headers", header_values),
    ),
];

const URL_REWRITE: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("pattern", Text, At("match_pattern")),
    required("rewriteTo", Text, At("rewrite_to")),
    optional("triggers", List(&Map), By("triggers", rewrite_triggers)),
];

const CACHE: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    optional("cacheByRegex", Text, At("cache_key_regex")),
    optional(
        "cacheResponseCodes",
        List(&Whole(0)),
        At("cache_response_codes"),
    ),
    optional("timeout", Whole(0), At("timeout")),
];

const TIMEOUT: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("value", Whole(0), At("timeout")),
];

const VALIDATION: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    optional("errorResponseCode", Whole(0), At("error_response_code")),
];

const MOCK: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    optional("code", Whole(0), At("code")),
    optional("body", Text, At("body")),
    optional(
        "headers",
        List(&Object(HEADER)),
        By("headers", header_values),
    ),
    optional("fromOASExamples", Map, At("from_oas_examples")),
];

const VIRTUAL: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("functionName", Text, At("response_function_name")),
    optional("path", Text, By("file", virtual_source)),
    optional("body", Text, By("blob", virtual_source)),
    optional("proxyOnError", Flag, At("proxy_on_error")),
    optional("requireSession", Flag, At("use_session")),
];

const PLUGIN: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("functionName", Text, At("func_name")),
    required("path", Text, At("plugin_path")),
];

const BREAKER: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("threshold", Number, At("threshold_percent")),
    required("sampleSize", Whole(0), At("samples")),
    required("coolDownPeriod", Whole(0), At("return_to_service_after")),
    required("halfOpenStateEnabled", Flag, Not("disable_half_open_state")),
];

const SIZE_LIMIT: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("value", Whole(0), At("size_limit")),
];

const RATE_LIMIT: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("rate", Number, At("rate")),
    required("per", Duration, Seconds("per")),
];

/// Projects the rules of every operation onto its path and method.
pub(super) fn project(
    projection: &mut Projection,
    extension: &Node<'_>,
    operations: &[Operation<'_>],
    faults: &mut DocumentFaults,
) {
    let node = extension
        .get("middleware", faults)
        .get("operations", &mut DocumentFaults::default());
    if !node.value().is_some_and(Value::is_object) {
        return;
    }
    let numbered = operations.iter().enumerate();
    let places: BTreeMap<&str, usize> = numbered.map(|(place, one)| (one.id, place)).collect();
    let place = |id: &str| places.get(id).copied();
    let mut named = node.members(OPERATIONS_MAX, faults);
    named.sort_by_cached_key(|(id, _)| place(id).unwrap_or(usize::MAX));
    for (id, rules) in &named {
        if !Shape::Map.fits(rules, faults) {
            continue;
        }
        let operation = place(id).and_then(|place| operations.get(place));
        if operation.is_none() {
            let reason = "no operation of paths has this operationId, so it has no effect";
            projection.warn(rules.path(), reason);
        }
        for (name, list, members) in KINDS {
            let rule = rules.get(name, faults);
            if rule.value().is_some() && Shape::Map.fits(&rule, faults) {
                add(
                    projection,
                    list,
                    entry(operation, &rule, members, faults),
                    &rule,
                );
            }
        }
        for plugin in plugins(rules, faults) {
            add(
                projection,
                "go_plugin",
                entry(operation, &plugin, PLUGIN, faults),
                &plugin,
            );
        }
    }
}

fn plugins<'v>(rules: &Node<'v>, faults: &mut DocumentFaults) -> Vec<Node<'v>> {
    let list = rules.get("postPlugins", faults);
    if Shape::List(&Shape::Map).fits(&list, faults) {
        return list.items(usize::MAX, faults);
    }
    Vec::new()
}

/// One entry of a list of paths; none without an operation that it is for, though it is checked.
fn entry(
    operation: Option<&Operation<'_>>,
    rule: &Node<'_>,
    members: &'static [Member],
    faults: &mut DocumentFaults,
) -> Option<Projection> {
    let mut entry = Projection::default();
    if let Some(operation) = operation {
        for (at, value) in [
            ("path", operation.path),
            ("method", operation.method.as_str()),
        ] {
            entry.origins.note(at, &operation.place, false, true);
            entry.set(at, Value::from(value));
        }
    }
    entry.members(rule, members, faults);
    operation.map(|_| entry)
}

fn add(projection: &mut Projection, list: &str, entry: Option<Projection>, rule: &Node<'_>) {
    if let Some(entry) = entry {
        projection.push(&format!("{LISTS}.{list}"), entry, rule.path());
    }
}

/// Orders operations as requests are matched: paths of more segments first, because patterns cover what lies below them;
/// of as many, those with fewer variable ones first (OpenAPI, "Paths Object"), then the longer ones.
pub(super) fn by_precedence(operations: &mut [Operation<'_>]) {
    operations.sort_by_key(|operation| {
        let path = operation.path;
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let variables = segments.clone().filter(|segment| segment.contains('{'));
        (
            Reverse(segments.count()),
            variables.count(),
            Reverse(path.len()),
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_means_most_precisely_comes_first() {
        let operation = |path: &'static str| Operation {
            id: path,
            path,
            method: "GET".to_owned(),
            place: String::new(),
        };
        let sorted = [
            "/pets/{id}/toys",
            "/pets/mine/",
            "/pets/all",
            "/pets/{id}",
            "/{kind}/{id}",
            "/animals",
            "/pets",
            "/{kind}",
            "/",
        ];
        let mut operations: Vec<_> = sorted.iter().rev().copied().map(operation).collect();
        by_precedence(&mut operations);
        let found: Vec<_> = operations.iter().map(|operation| operation.path).collect();
        assert_eq!(found, sorted);
    }
}
