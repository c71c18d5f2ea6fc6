#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::{Map, Value, json};

use super::*;

fn node_of(value: Value) -> Map<String, Value> {
    [("paths".to_owned(), value)].into_iter().collect()
}

fn extended(value: Value) -> (PathAccess, Vec<String>, Vec<String>) {
    let object = node_of(value);
    let mut faults = DocumentFaults::default();
    let mut warnings = Vec::new();
    let paths = Node::member(&object, "paths", &mut faults);
    let access = PathAccess::read_extended(&paths, &mut warnings, &mut faults);
    let faults = faults
        .all()
        .iter()
        .map(|fault| fault.path.clone())
        .collect();
    let warnings = warnings.into_iter().map(|warning| warning.path).collect();
    (access, warnings, faults)
}

fn methods(rule: &PathRule) -> Vec<&str> {
    match &rule.methods {
        Methods::Any => vec!["*"],
        Methods::Listed(listed) => listed.iter().map(AsRef::as_ref).collect(),
    }
}

#[test]
fn entries_name_their_methods_in_either_way() {
    let (access, warnings, faults) = extended(json!({
        "ignored": [
            {"path": "/a", "method": "GET"},
            {"path": "/b", "method_actions": {"GET": {"action": "no_action", "code": 200}, "PUT": {}}},
            {"path": "/c", "ignore_case": true},
            {"path": "/off", "method": "GET", "disabled": true}
        ],
        "black_list": [{"path": "/x", "method": "POST"}],
        "internal": [{"path": "/y", "method": "GET"}]
    }));
    assert_eq!((warnings, faults), (vec![], vec![]));
    let ignored: Vec<_> = access.ignored.iter().map(methods).collect();
    assert_eq!(ignored, [vec!["GET"], vec!["GET", "PUT"], vec!["*"]]);
    assert_eq!(access.ignored.last().unwrap().case, LetterCase::Ignored);
    let blocked: Vec<_> = access
        .blocked
        .iter()
        .map(|rule| rule.pattern.as_str())
        .collect();
    assert_eq!(blocked, ["/x", "/y"]);
    assert!(access.allowed.is_empty() && !access.is_empty());
}

#[test]
fn simple_lists_hold_for_every_method() {
    let object = node_of(json!({"ignored": ["/i"], "white_list": ["/w", "/v"], "black_list": []}));
    let mut faults = DocumentFaults::default();
    let paths = Node::member(&object, "paths", &mut faults);
    let access = PathAccess::read_simple(&paths, &mut faults);
    assert!(faults.is_empty());
    assert_eq!(
        (
            access.ignored.len(),
            access.allowed.len(),
            access.blocked.len()
        ),
        (1, 2, 0)
    );
    assert_eq!(access.ignored.first().unwrap().methods, Methods::Any);
}

#[test]
fn a_canned_reply_refuses_the_definition_unless_the_path_is_refused_anyway() {
    let reply =
        json!([{"path": "/m", "method_actions": {"GET": {"action": "reply", "code": 200}}}]);
    for (list, warned, refused) in [
        ("white_list", 0, 1),
        ("ignored", 0, 1),
        ("black_list", 1, 0),
        ("internal", 1, 0),
    ] {
        let (_, warnings, faults) = extended(json!({list: reply.clone()}));
        assert_eq!((warnings.len(), faults.len()), (warned, refused), "{list}");
    }
}

#[test]
fn entries_that_say_no_path_are_named() {
    let (_, _, faults) = extended(json!({
        "white_list": [{"method": "GET"}, {"path": "("}, {"path": "/a", "method": "G T"}, "/text"],
        "ignored": {"path": "/a"}
    }));
    assert_eq!(
        faults,
        [
            "paths.white_list[0].path",
            "paths.white_list[1].path",
            "paths.white_list[2].method",
            "paths.white_list[3]",
            "paths.white_list[3].path",
            "paths.ignored",
        ]
    );
}
