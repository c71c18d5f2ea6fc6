//! Rules of single operations whose Classic form is more than the same value at another place.

use serde_json::{Map, Value};

use super::conversions::{items, text};
use super::projection::Projection;
use crate::json::{DocumentFaults, Node};

/// A template of a body; one that is given beats a file.
pub(super) fn template(
    node: &Node<'_>,
    mode: &'static str,
    projection: &mut Projection,
    _: &mut DocumentFaults,
) {
    source(
        node,
        mode,
        [
            "template_data.template_mode",
            "template_data.template_source",
        ],
        projection,
    );
}

/// A function of a virtual endpoint; one that is given beats a file.
pub(super) fn virtual_source(
    node: &Node<'_>,
    mode: &'static str,
    projection: &mut Projection,
    _: &mut DocumentFaults,
) {
    source(
        node,
        mode,
        ["function_source_type", "function_source_uri"],
        projection,
    );
}

fn source(
    node: &Node<'_>,
    mode: &str,
    [mode_at, source_at]: [&str; 2],
    projection: &mut Projection,
) {
    if let Some(Value::String(source)) = node.value().filter(|source| *source != "") {
        projection.make(mode_at, Value::from(mode), node);
        projection.make(source_at, Value::from(source.as_str()), node);
    }
}

/// Triggers of a rewrite: their rules by what they look at.
pub(super) fn rewrite_triggers(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    let mut triggers = Vec::new();
    for trigger in items(node) {
        let mut options = Map::new();
        for rule in items(&trigger.get("rules", faults)) {
            let looks_at = match text(&rule, "in") {
                "header" => "header_matches",
                "query" => "query_val_matches",
                "path" => "path_part_matches",
                "sessionMetadata" => "session_meta_matches",
                "requestContext" => "request_context_matches",
                "requestBody" => "payload_matches",
                _ => {
                    let reason = "must be header, query, path, sessionMetadata, requestContext or requestBody";
                    let place = rule.get("in", faults);
                    faults.add(place.path(), reason);
                    continue;
                }
            };
            let negate = rule.get("negate", faults).value() == Some(&Value::Bool(true));
            let matched = Map::from_iter([
                ("match_rx".to_owned(), Value::from(text(&rule, "pattern"))),
                ("reverse".to_owned(), Value::Bool(negate)),
            ]);
            if looks_at == "payload_matches" {
                options.insert(looks_at.to_owned(), Value::Object(matched));
            } else if let Value::Object(names) = options
                .entry(looks_at)
                .or_insert_with(|| Value::Object(Map::new()))
            {
                names.insert(text(&rule, "name").to_owned(), Value::Object(matched));
            }
        }
        triggers.push(Value::Object(Map::from_iter([
            ("on".to_owned(), Value::from(text(&trigger, "condition"))),
            ("options".to_owned(), Value::Object(options)),
            (
                "rewrite_to".to_owned(),
                Value::from(text(&trigger, "rewriteTo")),
            ),
        ])));
    }
    projection.make(at, Value::Array(triggers), node);
}
