//! The OpenAPI part of a document: what has to be there, and the operations that its paths name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::shape::{self, Shape};
use crate::json::{DocumentFaults, Node};

/// The most paths of one document.
const PATHS_MAX: usize = 10_000;

/// The members of a path that are operations (OpenAPI, "Path Item Object").
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// An operation with an id.
#[derive(Debug)]
pub(super) struct Operation<'v> {
    /// The `operationId`.
    pub(super) id: &'v str,
    /// The path below the listen path, variable segments in braces.
    pub(super) path: &'v str,
    /// The method in upper case.
    pub(super) method: String,
    /// Where it stands in the document.
    pub(super) place: String,
}

/// Checks what every document needs, and returns the operations that have an id.
pub(super) fn read<'v>(
    document: &'v Map<String, Value>,
    faults: &mut DocumentFaults,
) -> Vec<Operation<'v>> {
    let is_3_1 = check_version(document, faults);
    let info = Node::member(document, "info", faults);
    if info.value().is_none() {
        missing(document, "info", "object", faults);
    } else if Shape::Map.fits(&info, faults) {
        for name in ["title", "version"] {
            let node = info.get(name, faults);
            if node.value().is_none() {
                shape::missing(&info, name, "string", faults);
            }
            Shape::Text.fits(&node, faults);
        }
    }
    let paths = Node::member(document, "paths", faults);
    let is_null = document.get("paths").is_some_and(Value::is_null);
    if paths.value().is_none() && (is_null || !is_3_1) {
        missing(document, "paths", "object", faults);
    }
    if !Shape::Map.fits(&paths, faults) {
        return Vec::new();
    }
    operations(&paths, faults)
}

/// Whether the document is of OpenAPI 3.1, where paths may be left out.
fn check_version(document: &Map<String, Value>, faults: &mut DocumentFaults) -> bool {
    let node = Node::member(document, "openapi", faults);
    if node.value().is_none() {
        missing(document, "openapi", "string", faults);
        return false;
    }
    let text = match Shape::Text.fits(&node, faults) {
        true => node.value().and_then(Value::as_str).unwrap_or_default(),
        false => return false,
    };
    let known = ["3.0", "3.1"].iter().any(|known| {
        let rest = text.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    if !known {
        faults.add(node.path(), "must be a version 3.0.x or 3.1.x of OpenAPI");
    }
    text.starts_with("3.1")
}

fn missing(document: &Map<String, Value>, name: &str, expected: &str, faults: &mut DocumentFaults) {
    let node = Node::member(document, name, faults);
    if document.get(name).is_some_and(Value::is_null) {
        shape::wrong_type(&node, expected, faults);
    } else {
        faults.add(node.path(), "is required");
    }
}

/// The ids of all operations; one that has none is given the path and the method.
pub(super) fn named(document: &mut Map<String, Value>) -> Vec<String> {
    let mut ids = Vec::new();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            let operation = item.get_mut(method).and_then(Value::as_object_mut);
            let Some(operation) = operation.filter(|_| path.starts_with('/')) else {
                continue;
            };
            let made = format!(
                "{}{}",
                path.trim_start_matches('/'),
                method.to_ascii_uppercase()
            );
            let id = operation
                .entry("operationId")
                .or_insert_with(|| Value::String(made));
            ids.extend(id.as_str().map(str::to_owned));
        }
    }
    ids
}

fn operations<'v>(paths: &Node<'v>, faults: &mut DocumentFaults) -> Vec<Operation<'v>> {
    let mut found: Vec<Operation<'v>> = Vec::new();
    let mut places = BTreeMap::new();
    for (path, item) in paths.members(PATHS_MAX, faults) {
        if path.starts_with("x-") {
            continue;
        }
        if !path.starts_with('/') {
            faults.add(item.path(), "a path begins with /");
            continue;
        }
        if !Shape::Map.fits(&item, faults) {
            continue;
        }
        for method in METHODS {
            let operation = item.get(method, faults);
            if operation.value().is_none() || !Shape::Map.fits(&operation, faults) {
                continue;
            }
            let id = operation.get("operationId", faults);
            let Some(text) = id.value().filter(|_| Shape::Text.fits(&id, faults)) else {
                continue;
            };
            let text = text.as_str().unwrap_or_default();
            if let Some(other) = places.insert(text, operation.path().to_owned()) {
                faults.add(id.path(), format!("is also the operationId of {other}"));
            }
            found.push(Operation {
                id: text,
                path,
                method: method.to_ascii_uppercase(),
                place: operation.path().to_owned(),
            });
        }
    }
    found
}
