#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

fn dropping(names: &[&str]) -> Arc<HeaderEdits> {
    Arc::new(HeaderEdits {
        dropped: names.iter().copied().map(Box::from).collect(),
        set: Box::default(),
    })
}

#[test]
fn edits_that_do_nothing_are_empty() {
    assert!(AnswerEdits::default().is_empty());
    assert_eq!(lines_of(None), b"");
    let mut edits = AnswerEdits::default();
    edits.transform(dropping(&["x"]), Vec::new());
    assert!(!edits.is_empty());
}

#[test]
fn the_upstreams_cors_fields_stay_only_where_the_gateway_has_none() {
    let mut edits = AnswerEdits::default();
    assert!(!edits.drops(b"Access-Control-Allow-Origin"));
    edits.replace_cors(b"Vary: Origin\r\n");
    for name in ["Access-Control-Allow-Origin", "ACCESS-CONTROL-MAX-AGE"] {
        assert!(edits.drops(name.as_bytes()), "{name}");
    }
    assert!(!edits.drops(b"Vary") && !edits.drops(b"Access"));
    assert_eq!(edits.ours(), b"Vary: Origin\r\n");
    assert_eq!(edits.transformed(), b"");
}

#[test]
fn an_expiry_is_told_once_and_in_gos_words() {
    let mut edits = AnswerEdits::default();
    edits.say_expiry(Timestamp::from_unix_s(784_111_777));
    let line = std::str::from_utf8(edits.ours()).unwrap();
    assert_eq!(line, "x-tyk-api-expires: Sun, 06 Nov 1994 08:49:37 UTC\r\n");
    assert!(edits.drops(b"X-Tyk-Api-Expires"));
}

#[test]
fn dropped_fields_have_no_second_spelling() {
    let mut edits = AnswerEdits::default();
    edits.transform(dropping(&["x-own-name"]), b"X-Own-Name: 1\r\n".to_vec());
    for name in ["X-Own-Name", "x_own_name", "X_OWN-NAME"] {
        assert!(edits.drops(name.as_bytes()), "{name}");
    }
    assert!(!edits.drops(b"X-Own-Names") && !edits.drops(b"X.Own.Name"));
    assert_eq!(edits.transformed(), b"X-Own-Name: 1\r\n");
}
