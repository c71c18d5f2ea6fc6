#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn read(message: Message, remove: Value, set: Value) -> (HeaderRules, Vec<String>) {
    let mut faults = DocumentFaults::default();
    let object: Map<String, Value> = [("remove".to_owned(), remove), ("set".to_owned(), set)]
        .into_iter()
        .collect();
    let remove = Node::member(&object, "remove", &mut faults);
    let set = Node::member(&object, "set", &mut faults);
    let rules = HeaderRules::read(&remove, &set, message, &mut faults);
    (
        rules,
        faults.all().iter().map(ToString::to_string).collect(),
    )
}

fn parts(value: &str) -> Vec<TemplatePart> {
    let (rules, faults) = read(Message::Request, json!([]), json!({"X": value}));
    assert_eq!(faults, Vec::<String>::new(), "{value}");
    rules.set.first().unwrap().1.parts().to_vec()
}

fn text(text: &str) -> TemplatePart {
    TemplatePart::Text(text.into())
}

#[test]
fn the_text_of_a_value_is_not_shown_for_debugging() {
    let (rules, _) = read(
        Message::Request,
        json!([]),
        json!({"Authorization": "Bearer hunter2 $tyk_meta.uid"}),
    );
    let shown = format!("{rules:?}");
    assert!(
        shown.contains("Authorization") && shown.contains("uid"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn values_are_text_with_variables_in_it() {
    use ContextVariable as Variable;
    let context = TemplatePart::Context;
    let meta = |name: &str| TemplatePart::Meta(name.into());
    assert_eq!(parts(""), []);
    assert_eq!(parts("  plain $5 "), [text("plain $5")]);
    assert_eq!(parts("$tyk_meta.uid"), [meta("uid")]);
    assert_eq!(
        parts("id=$tyk_meta.a-b_c.d, from $tyk_context.remote_addr!"),
        [
            text("id="),
            meta("a-b_c.d"),
            text(", from "),
            context(Variable::RemoteAddress),
            text("!")
        ]
    );
    assert_eq!(
        parts("$tyk_context.request_id$tyk_context.path"),
        [context(Variable::RequestId), context(Variable::Path)]
    );
    assert_eq!(
        parts("$tyk_context.headers_X_Own $tyk_context.cookies_sid"),
        [
            context(Variable::Header("X_Own".into())),
            text(" "),
            context(Variable::Cookie("sid".into()))
        ]
    );
}

#[test]
fn variables_that_nobody_fills_are_named() {
    for value in [
        "$tyk_context.jwt_claims_sub",
        "$tyk_context.headers_",
        "$tyk_context.",
        "$tyk_meta.",
        "$tyk_meta",
        "a $tyk_other.x",
        "$secret_env.token",
        "x $secret_env.token",
        "env://TOKEN",
        "secrets://name",
        "vault://engine/path",
        "consul://key",
    ] {
        let (rules, faults) = read(Message::Response, json!(null), json!({"X-A": value}));
        assert_eq!((rules.set.len(), faults.len()), (0, 1), "{value}");
        assert!(
            faults.first().unwrap().starts_with("set.X-A: "),
            "{faults:?}"
        );
    }
}

#[test]
fn nothing_can_be_smuggled_in_by_a_name_or_a_value() {
    for (name, value) in [
        ("X", "a\r\nB: c"),
        ("X", "a\nb"),
        ("X", "a\0b"),
        ("X", "\u{7f}"),
        ("X: y", "a"),
        ("X\r\nY", "a"),
        ("", "a"),
        ("\u{e4}", "a"),
    ] {
        let (rules, faults) = read(Message::Request, json!([name]), json!({name: value}));
        assert_eq!(rules.set, [], "{name} {value}");
        assert!(!faults.is_empty(), "{name:?} {value:?}");
    }
    let long = "v".repeat(4097);
    assert_eq!(
        read(Message::Request, json!([]), json!({"X": long}))
            .1
            .len(),
        1
    );
    assert_eq!(
        read(Message::Request, json!([]), json!({"X": 5})).1.len(),
        1
    );
}

#[test]
fn what_the_gateway_writes_can_be_neither_set_nor_removed() {
    for name in [
        "Connection",
        "content-length",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Keep-Alive",
        "Proxy-Authorization",
        "X-Request-Id",
    ] {
        for message in [Message::Request, Message::Response] {
            let (rules, faults) = read(message, json!([]), json!({name: "x"}));
            assert_eq!((rules.set.len(), faults.len()), (0, 1), "{name}");
        }
    }
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "x-request-id",
    ] {
        let (_, faults) = read(Message::Request, json!([name]), json!({}));
        assert_eq!(faults.len(), 1, "{name}");
    }
    // Of these nothing goes on in the first place.
    let hop = json!(["Connection", "Upgrade", "Proxy-Authorization"]);
    assert_eq!(
        read(Message::Request, hop, json!({})),
        (HeaderRules::default(), vec![])
    );
}

#[test]
fn the_host_is_a_fixed_one() {
    let host = |value: &str| read(Message::Request, json!([]), json!({"Host": value}));
    assert_eq!(host("up.example:8080").0.set.len(), 1);
    for value in ["", "$tyk_context.headers_Host", "a b", "a/b", "u@h"] {
        assert_eq!(host(value).1.len(), 1, "{value}");
    }
}

#[test]
fn later_rules_act_on_what_earlier_ones_leave() {
    let rules = |remove: Value, set: Value| read(Message::Request, remove, set).0;
    let first = rules(json!(["A"]), json!({"B": "1", "C": "1", "D": "1"}));
    let both = first.then(&rules(json!(["b"]), json!({"c": "2"})));
    assert_eq!(both.remove, [Box::from("a"), Box::from("b")]);
    let set: Vec<_> = both
        .set
        .iter()
        .map(|(name, value)| (name.as_ref(), value.literal().unwrap()))
        .collect();
    assert_eq!(set, [("D", "1"), ("c", "2")]);
    assert!(HeaderRules::default().is_empty() && !both.is_empty());
}

proptest! {
    #[test]
    fn no_value_panics(value in ".{0,40}|\\$tyk_[a-z.$_]{0,30}") {
        let _ = parse(&value);
    }
}
