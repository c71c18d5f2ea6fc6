#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::json;

use super::*;
use crate::json::{FAULTS_MAX, Shape};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn places_know_their_path() {
    let document = object(json!({"a": {"b": [{"c": 1}, {"c": "x"}]}}));
    let mut faults = DocumentFaults::default();
    let items = Node::member(&document, "a", &mut faults)
        .get("b", &mut faults)
        .items(9, &mut faults);
    let numbers: Vec<_> = items
        .iter()
        .map(|item| item.get("c", &mut faults).whole(&mut faults))
        .collect();
    assert_eq!(numbers, [Some(1), None]);
    assert_eq!(
        faults.to_string(),
        "a.b[1].c: must be a whole number, not a string"
    );
}

#[test]
fn a_number_that_is_no_whole_one_is_told_what_it_is() {
    let pointed = "n: must be a whole number, not one with a decimal point or an exponent";
    let large = "n: must be a whole number, not one of that size";
    for (text, expected) in [
        ("1.5", pointed),
        ("-0.1", pointed),
        ("2.0", pointed),
        ("1e3", pointed),
        ("9223372036854775807", ""),
        ("-9223372036854775808", ""),
        ("9223372036854775808", large),
        ("18446744073709551615", large),
        ("-9223372036854775809", large),
        ("123456789012345678901234567890", large),
        ("1e300", large),
        ("\"1\"", "n: must be a whole number, not a string"),
    ] {
        let document = parse_object(&format!("{{\"n\": {text}}}"), 100).unwrap();
        let mut faults = DocumentFaults::default();
        let number = Node::member(&document, "n", &mut faults).whole(&mut faults);
        assert_eq!(faults.to_string(), expected, "{text}");
        assert_eq!(number.is_some(), expected.is_empty(), "{text}");
    }
}

#[test]
fn null_and_absence_are_the_same_and_no_fault() {
    let document = object(json!({"a": null}));
    let mut faults = DocumentFaults::default();
    for key in ["a", "b"] {
        let node = Node::member(&document, key, &mut faults);
        assert!(!node.is_set() && !node.flag(&mut faults));
        assert!(node.text(&mut faults).is_none() && node.whole(&mut faults).is_none());
        assert!(node.items(0, &mut faults).is_empty() && node.members(0, &mut faults).is_empty());
        assert!(
            node.get("deeper", &mut faults)
                .object(&mut faults)
                .is_none()
        );
    }
    assert!(faults.is_empty());
}

#[test]
fn case_is_disregarded_and_two_spellings_are_a_fault() {
    let document = object(json!({"Key": {"SUB": "x"}, "two": 1, "TWO": 2}));
    let mut faults = DocumentFaults::default();
    let text = Node::member(&document, "key", &mut faults).get("sub", &mut faults);
    assert_eq!(text.text(&mut faults), Some("x"));
    assert!(faults.is_empty());
    Node::member(&document, "two", &mut faults);
    assert_eq!(
        faults.to_string(),
        "two: is given twice, in different spellings"
    );
}

#[test]
fn too_many_entries_are_a_fault_and_none_of_them_is_read() {
    let document = object(json!({"list": [1, 2, 3], "map": {"a": 1, "b": 2}}));
    let mut faults = DocumentFaults::default();
    assert!(
        Node::member(&document, "list", &mut faults)
            .items(2, &mut faults)
            .is_empty()
    );
    assert!(
        Node::member(&document, "map", &mut faults)
            .members(1, &mut faults)
            .is_empty()
    );
    assert_eq!(
        faults.to_string(),
        "list: has 3 entries, at most 2 are allowed; map: has 2 entries, at most 1 are allowed"
    );
}

#[test]
fn what_a_broken_text_holds_is_not_repeated() {
    for text in ["{\"secret\": s3cret}", "{\"secret\": \"s3cret", "s3cret"] {
        let faults = parse_object(text, 100).unwrap_err().to_string();
        assert!(
            faults.starts_with("line 1 column ") && !faults.contains("s3cret"),
            "{faults}"
        );
    }
}

#[test]
fn a_key_that_stands_twice_is_a_fault_at_its_path_at_any_depth() {
    let long = format!("{{\"{0}\":1,\"{0}\":2}}", "k".repeat(1000));
    let deep = format!("{}{{\"a\":1,\"a\":2}}{}", "[".repeat(100), "]".repeat(100));
    let (shown, place) = ("k".repeat(64), "[0]".repeat(100));
    for (text, path, again) in [
        (r#"{"id":"s3cret","id":"s3cret"}"#, "id", 19),
        (r#"{"a":[{},{"b":{"c":"s3cret","c":2}}]}"#, "a[1].b.c", 31),
        (r#"{"a":{"b":1},"c":{"a":1,"b":2},"a":3}"#, "a", 34),
        ("{\"a\\nb\":1,\"a\\nb\":2}", "a\\nb", 16),
        (&long, &shown, 2008),
        (&deep, &format!("{place}.a"), 110),
    ] {
        let faults = parse_value(text, 3000).unwrap_err().to_string();
        let said =
            format!("{path}: this key stands twice in one object, again at line 1 column {again}");
        assert_eq!(faults, said);
    }
    let text = r#"{"z":[1,-2,2.5,"x",true,null,{"b":1,"B":1}],"a":{}}"#;
    let object = parse_object(text, 100).unwrap();
    assert_eq!(Value::Object(object).to_string(), text);
    let faults = parse_object(r#"{"a":1}{"a":1}"#, 100)
        .unwrap_err()
        .to_string();
    assert_eq!(faults, "line 1 column 8: malformed JSON");
}

#[test]
fn the_list_of_faults_is_bounded() {
    let mut faults = DocumentFaults::default();
    for number in 0..10 * FAULTS_MAX {
        faults.add(number.to_string(), "is wrong");
    }
    assert_eq!(faults.all().len(), FAULTS_MAX);
    assert_eq!(DocumentFaults::default().or(1), Ok(1));
}

#[test]
fn a_path_says_a_long_name_in_part() {
    let name = "\u{e9}".repeat(300_000);
    let document = object(json!({"a": {name: [1, "x"]}}));
    let mut faults = DocumentFaults::default();
    let shape = Shape::Map(&Shape::List(&Shape::Text));
    shape.check(&Node::member(&document, "a", &mut faults), &mut faults);
    let expected = format!("a.{}\u{2026}[0]", "\u{e9}".repeat(128));
    let paths: Vec<&str> = faults
        .all()
        .iter()
        .map(|fault| fault.path.as_str())
        .collect();
    assert_eq!(paths, [expected.as_str()]);
}

#[test]
fn places_without_a_bound_are_looked_at_one_after_the_other() {
    let document = object(json!({"a": vec![0; 500_000]}));
    let mut faults = DocumentFaults::default();
    let place = Node::member(&document, "a", &mut faults);
    let mut items = place.each_item(&mut faults);
    assert_eq!(items.next().unwrap().path(), "a[0]");
    Shape::List(&Shape::Text).check(&place, &mut faults);
    assert_eq!(faults.all().len(), FAULTS_MAX);
}
