#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use proptest::prelude::*;

use super::*;

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap().unwrap()
}

#[test]
fn an_empty_scope_counts_as_not_sent() {
    assert_eq!(Scope::parse(""), Ok(None));
}

#[test]
fn the_order_of_the_request_is_kept_and_repetitions_fall_out() {
    let scope = scope("write read write openid read");
    assert_eq!(scope.as_str(), "write read openid");
    assert!(scope.contains("read") && !scope.contains("rea"));
}

#[test]
fn syntax_outside_rfc_6749_section_3_3_is_refused() {
    for wrong in [
        " ", "a  b", " a", "a ", "a\tb", "a\"b", "a\\b", "a\u{7f}", "\u{e4}", "a\nb", "a\0",
    ] {
        assert_eq!(Scope::parse(wrong), Err(InvalidScope::Syntax), "{wrong:?}");
    }
    for right in [
        "!",
        "#",
        "[",
        "]",
        "~",
        "https://x.example/read",
        "a:b/c.d-e_f",
    ] {
        assert!(Scope::parse(right).unwrap().is_some(), "{right}");
    }
}

#[test]
fn bounds_hold_on_the_byte_and_on_the_token() {
    assert!(Scope::parse(&"a".repeat(SCOPE_BYTES_MAX)).is_ok());
    assert_eq!(
        Scope::parse(&"a".repeat(SCOPE_BYTES_MAX + 1)),
        Err(InvalidScope::TooLong)
    );
    let tokens = |count: usize| {
        (0..count)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(Scope::parse(&tokens(SCOPE_TOKENS_MAX)).is_ok());
    assert_eq!(
        Scope::parse(&tokens(SCOPE_TOKENS_MAX + 1)),
        Err(InvalidScope::TooManyTokens)
    );
}

#[test]
fn a_refresh_may_narrow_and_never_widen() {
    let granted = scope("read write admin");
    for (asked, allowed) in [
        ("read", true),
        ("admin read", true),
        ("read write admin", true),
        ("read x", false),
    ] {
        assert_eq!(scope(asked).is_subset_of(&granted), allowed, "{asked}");
    }
}

#[test]
fn a_stored_scope_is_checked_when_it_is_read_back() {
    assert_eq!(serde_json::to_string(&scope("a b")).unwrap(), "\"a b\"");
    assert_eq!(
        serde_json::from_str::<Scope>("\"a b\"").unwrap(),
        scope("a b")
    );
    assert!(serde_json::from_str::<Scope>("\"\"").is_err());
    assert!(serde_json::from_str::<Scope>("\"a  b\"").is_err());
}

proptest! {
    #[test]
    fn no_text_panics_and_an_accepted_one_reads_the_same_again(text in any::<String>()) {
        if let Ok(Some(scope)) = Scope::parse(&text) {
            prop_assert_eq!(Scope::parse(scope.as_str()), Ok(Some(scope.clone())));
            prop_assert!(scope.is_subset_of(&scope));
        }
    }
}

#[test]
fn declared_scopes_cover_what_they_name_and_nothing_else() {
    let declared = DeclaredScopes::new(["write", "read", "read"])
        .unwrap()
        .unwrap();
    for covered in ["read", "write", "write read"] {
        assert!(declared.cover(&scope(covered)), "{covered}");
    }
    for foreign in ["rea", "reader", "Read", "read admin", "admin"] {
        assert!(!declared.cover(&scope(foreign)), "{foreign}");
    }
    assert_eq!(DeclaredScopes::new([]), Ok(None));
    for wrong in ["", "two words", "a\"b", "\u{e4}"] {
        assert_eq!(DeclaredScopes::new([wrong]), Err(InvalidScope::Syntax));
    }
    let long = "x".repeat(SCOPE_BYTES_MAX + 1);
    assert_eq!(DeclaredScopes::new([&*long]), Err(InvalidScope::TooLong));
}
