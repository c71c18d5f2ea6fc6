//! One document with everything in it, and the Classic definition that it stands for.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;

const OAS: &str = include_str!("whole_oas.json");
const CLASSIC: &str = include_str!("whole_classic.json");

fn projected() -> Projected {
    project(&OasDocument::parse(OAS).unwrap())
}

#[test]
fn every_field_has_its_place_in_the_classic_definition() {
    let projected = projected();
    assert_eq!(projected.faults.to_string(), "");
    let classic: Value = serde_json::from_str(CLASSIC).unwrap();
    let found = Value::Object(projected.classic);
    assert_eq!(found, classic, "{found:#}");
}

/// The paths of everything in a value that is neither an object nor an array, as faults name them.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(items) => {
            for (position, value) in items.iter().enumerate() {
                leaves(value, &format!("{path}[{position}]"), found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn every_field_is_told_by_a_path_of_the_document() {
    let projected = projected();
    let (mut classic, mut document) = (Vec::new(), Vec::new());
    leaves(&Value::Object(projected.classic.clone()), "", &mut classic);
    leaves(&serde_json::from_str(OAS).unwrap(), "", &mut document);
    assert!(classic.len() > 150, "{}", classic.len());
    let own = [
        "version_data.not_versioned",
        "version_data.versions.Default.name",
        "version_data.versions.Default.use_extended_paths",
        "auth_configs.authToken.disable_header",
    ];
    for path in classic.iter().filter(|path| !own.contains(&path.as_str())) {
        let origin = projected.origins.of(path);
        let stands = document.iter().any(|known| {
            let rest = known.strip_prefix(origin.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        assert!(stands || origin == "paths./pets.post", "{path}: {origin}");
    }
}
