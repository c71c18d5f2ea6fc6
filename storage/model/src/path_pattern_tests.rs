#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn terms(anchoring: Anchoring) -> PatternTerms {
    PatternTerms {
        anchoring,
        case: LetterCase::Matters,
    }
}

/// A request's path to an API at this listen path, or whatever else it is.
fn matched<'p>(path: &'p str, listen_path: &str) -> MatchedPath<'p> {
    let rest_at = path
        .strip_prefix(listen_path)
        .map_or(0, |_| listen_path.len());
    MatchedPath::new(path, rest_at, rest_at)
}

fn covers(pattern: &str, anchoring: Anchoring, path: &str) -> bool {
    PatternText::parse(pattern)
        .unwrap()
        .compile(terms(anchoring))
        .unwrap()
        .covers(&matched(path, "/test"))
}

#[track_caller]
fn check(anchoring: Anchoring, pattern: &str, covered: &[&str], not_covered: &[&str]) {
    for path in covered {
        assert!(covers(pattern, anchoring, path), "{pattern} and {path}");
    }
    for path in not_covered {
        assert!(!covers(pattern, anchoring, path), "{pattern} and {path}");
    }
}

#[test]
fn a_pattern_covers_a_path_from_its_beginning_to_the_end_of_a_segment() {
    let pass = ["/test/a", "/test/a/", "/test/a/b", "/test/a;v=1", "/a"];
    let fail = ["/test/ab", "/test/x/a", "/test/", "/test", "/test/a.b"];
    for pattern in ["/a", "^/a", "a", "^a", "(/a)", "/a|/c"] {
        check(Anchoring::Segment, pattern, &pass, &fail);
    }
    check(
        Anchoring::Segment,
        "/a$",
        &["/test/a"],
        &["/test/a/", "/test/a/b"],
    );
    check(
        Anchoring::Segment,
        "/a/",
        &["/test/a/", "/test/a/b"],
        &["/test/a"],
    );
    check(
        Anchoring::Segment,
        "/",
        &["/test", "/test/", "/test/a"],
        &[],
    );
    check(
        Anchoring::Segment,
        "/test/a",
        &["/test/a", "/test/test/a"],
        &["/test/b"],
    );
}

#[test]
fn what_refuses_is_not_evaded_by_a_suffix() {
    let pass = [
        "/test/a",
        "/test/a/b",
        "/test/ab",
        "/test/a.json",
        "/test/a;x",
    ];
    check(Anchoring::Start, "/a", &pass, &["/test/x/a", "/test/b"]);
}

#[test]
fn unanchored_patterns_match_anywhere_as_in_tyk() {
    let pass = ["/test/a", "/test/x/ab", "/test/bar"];
    check(Anchoring::Anywhere, "a", &pass, &["/x/y"]);
    check(
        Anchoring::Anywhere,
        "^/a",
        &["/test/a", "/ab"],
        &["/test/x/a"],
    );
    check(Anchoring::Anywhere, "/b|/c", &["/test/x/c"], &["/test/x"]);
}

#[test]
fn braces_and_stars_stand_for_segments() {
    let segment = Anchoring::Segment;
    check(
        segment,
        "/u/{id}",
        &["/test/u/1", "/test/u/a.b/c"],
        &["/test/u", "/test/u/"],
    );
    check(segment, "/u/{id}$", &["/test/u/1"], &["/test/u/1/x"]);
    check(
        segment,
        "/u/{id:[0-9]{2}}",
        &["/test/u/12"],
        &["/test/u/1x", "/test/u/123"],
    );
    check(segment, "/[0-9]{2,3}", &["/test/123"], &["/test/1"]);
    check(
        segment,
        "/a/*/c",
        &["/test/a/b/c"],
        &["/test/a/c", "/test/a/b/b/c"],
    );
    check(
        segment,
        "/a/*",
        &["/test/a/", "/test/a/b/c"],
        &["/test/a", "/test/b"],
    );
    check(segment, r"/\{x\}", &["/test/%7bx%7D"], &["/test/x"]);
    check(
        segment,
        "/[{]x[/*]",
        &["/test/{x/", "/test/{x*"],
        &["/test/x"],
    );
}

#[test]
fn case_can_be_ignored() {
    let ignoring = PatternTerms {
        case: LetterCase::Ignored,
        ..terms(Anchoring::Segment)
    };
    let path = matched("/ADMIN/x", "");
    let pattern = PatternText::parse("/Admin").unwrap();
    assert!(pattern.compile(ignoring).unwrap().covers(&path));
    assert!(!covers("/Admin", Anchoring::Segment, "/ADMIN/x"));
}

#[test]
fn one_resource_has_one_spelling() {
    for path in [
        "/test/%61dmin",
        "/test//admin",
        "/test/%2Fadmin",
        "/test/\\admin",
        "/test/%5cadmin/",
        "/test/admin%2fx",
    ] {
        assert!(covers("/admin", Anchoring::Segment, path), "{path}");
    }
    // Undone once: what is encoded twice is another name.
    assert!(!covers("/admin", Anchoring::Segment, "/test/%2561dmin"));
    assert!(covers("/{any}$", Anchoring::Segment, "/test/%ff%fe"));
    assert!(covers("/%zz", Anchoring::Segment, "/test/%zz"));
    assert!(!covers("/f/{name}$", Anchoring::Segment, "/test/f/a%2Fb"));
}

fn grants(pattern: &str, path: &str) -> bool {
    let pattern = PatternText::parse(pattern).unwrap();
    let compiled = pattern.compile(terms(Anchoring::Segment)).unwrap();
    compiled.grants(&matched(path, "/test"))
}

#[test]
fn parameters_of_a_segment_evade_nothing() {
    for path in [
        "/test/;x/a/b",
        "/test/a;x/b",
        "/test/a%3bx/b;y=z",
        "/test;x/a/b",
        "/test/;x=c%2fd/a/b",
        "/test/;x=%2f/a;/b",
        "/test/;x\\a/b",
        "/;x/a/b",
    ] {
        for anchoring in [Anchoring::Segment, Anchoring::Start, Anchoring::Anywhere] {
            assert!(covers("/a/b", anchoring, path), "{path} {anchoring:?}");
        }
    }
    assert!(!covers("/a/b", Anchoring::Start, "/test/a%253bx/b"));
    assert!(!covers("/a/b", Anchoring::Start, "/test/c;/a/b"));
}

#[test]
fn parameters_of_a_segment_open_nothing() {
    for path in ["/test/a.css", "/test/a.css;v=1.css"] {
        assert!(grants(r"/[^/]*\.css$", path), "{path}");
    }
    for path in ["/test/admin;x.css", "/test/admin%3Bx.css"] {
        assert!(!grants(r"/[^/]*\.css$", path), "{path}");
    }
    assert!(!grants("/;x", "/test/a/b"));
    assert!(grants("/a", "/test/a;x/b") && grants("/a;v=1", "/test/a;v=1"));
    assert!(!grants("/a/b", "/test/;x/a/b"));
}

#[test]
fn the_path_behind_the_root_is_the_path() {
    for (sent, seen) in [("", "/"), ("/", "/"), ("/a%20b", "/a b"), ("/a", "/a")] {
        let matched = matched(sent, "");
        assert_eq!((matched.full(), matched.behind_listen_path()), (seen, seen));
    }
}

#[test]
fn bad_patterns_are_refused() {
    let invalid = |text: &str| PatternText::parse(text).unwrap_err();
    assert_eq!(invalid(""), InvalidPattern::Empty);
    assert_eq!(invalid(&"a".repeat(1025)), InvalidPattern::TooLong);
    assert_eq!(invalid("/{id"), InvalidPattern::Brace);
    assert_eq!(invalid("/{{id}"), InvalidPattern::Brace);
    assert_eq!(invalid(r"/\w{1000}"), InvalidPattern::TooLarge);
    assert_eq!(invalid("/(((a{100}){100}){100})"), InvalidPattern::TooLarge);
    for text in [
        "/a)|(.*", "(", "[", "*", r"\1", "(?=a)", r"(?!a)", "a{2,1}", "(?x)/a #", "\\", "/}*)",
    ] {
        let InvalidPattern::Syntax(said) = invalid(text) else {
            panic!("{text} is refused for another reason");
        };
        assert!(!said.is_empty() && !said.contains('\n'), "{said}");
    }
    assert!(matches!(
        invalid(&"(".repeat(500)),
        InvalidPattern::Syntax(_)
    ));
}

#[test]
fn a_bad_pattern_in_a_document_is_a_fault_with_its_path() {
    let document = json!({"good": "/a", "bad": "(", "number": 1, "list": ["GET", 1, "GE T", ""]});
    let object = document.as_object().unwrap();
    let mut faults = DocumentFaults::default();
    let mut read = |key: &str| {
        let node = Node::member(object, key, &mut faults);
        PatternText::read(&node, PatternOrigin::Given, &mut faults).is_some()
    };
    assert!(read("good"));
    assert!(!read("bad") && !read("number") && !read("none"));
    let list = Node::member(object, "list", &mut faults);
    let methods = Methods::read(&list, &mut faults);
    assert!(methods.contain(b"get") && !methods.contain(b"POST") && Methods::Any.contain(b"X"));
    let places: Vec<&str> = faults
        .all()
        .iter()
        .map(|fault| fault.path.as_str())
        .collect();
    assert_eq!(places, ["bad", "number", "none", "list[1]", "list[2]"]);
}

/// As many patterns as take `parts` of what a document may hold, all of one size class.
fn allow_list(parts: usize, pattern: &str) -> serde_json::Value {
    let bytes = PatternText::measured(pattern).unwrap().1;
    let count = DOCUMENT_BYTES_MAX / bytes * parts / 2;
    let list = (0..count).map(|_| json!(pattern));
    json!(list.collect::<Vec<_>>())
}

fn read_all(list: &serde_json::Value) -> DocumentFaults {
    let mut faults = DocumentFaults::default();
    let object = json!({ "list": list });
    let node = Node::member(object.as_object().unwrap(), "list", &mut faults);
    for item in node.items(usize::MAX, &mut faults) {
        PatternText::read(&item, PatternOrigin::Given, &mut faults);
    }
    faults
}

#[test]
fn the_patterns_of_one_document_are_bounded_together() {
    for pattern in ["/a/{id}", r"/\w+/\w+"] {
        assert!(read_all(&allow_list(2, pattern)).is_empty(), "{pattern}");
        let list = allow_list(3, pattern);
        let faults = read_all(&list);
        let [fault] = faults.all() else {
            panic!("{faults}");
        };
        let first_too_many = DOCUMENT_BYTES_MAX / PatternText::measured(pattern).unwrap().1;
        assert_eq!(fault.path, format!("list[{first_too_many}]"));
        assert!(fault.problem.contains("too large together"), "{fault}");
    }
}

#[test]
fn what_a_pattern_may_take_is_told_by_classes() {
    let bytes = |text: &str| {
        let pattern = PatternText::parse(text).unwrap();
        pattern
            .compile(terms(Anchoring::Segment))
            .unwrap()
            .bytes_max()
    };
    assert_eq!(bytes("/orders/{id}"), SizeClass::ALL[0].bytes_max());
    assert!(bytes(r"/\w{3}") > bytes(r"/\w"));
}

proptest! {
    #[test]
    fn a_plain_path_is_read_in_one_way_alone(path in "(/[ab6%;.\\\\]{0,3}){1,4}") {
        let matched = MatchedPath::new(&path, 0, 0);
        let is_read_otherwise = matched.readings_of_all().any(|reading| reading != path);
        prop_assert!(!(MatchedPath::is_plain(&path) && is_read_otherwise), "{path}");
    }

    #[test]
    fn no_pattern_and_no_path_panics(
        pattern in r"[-/a-c*{}:0-9,\\\[\]()|^$.+?]{0,24}",
        path in "/[ -~]{0,30}",
    ) {
        for anchoring in [Anchoring::Segment, Anchoring::Start, Anchoring::Anywhere] {
            if let Ok(pattern) = PatternText::parse(&pattern) {
                let pattern = pattern.compile(terms(anchoring)).unwrap();
                let _ = pattern.covers(&matched(&path, "/a"));
            }
        }
    }

    #[test]
    fn parameters_widen_no_grant_and_narrow_no_block(
        pattern in r"(\^)?(/[a-c]{1,2}|/\{x\}|/\*|\.\*){1,3}\$?",
        segments in prop::collection::vec(("[a-c]{0,2}", prop::option::of("(;|%3b)[a-c=.]{0,3}")), 1..5),
    ) {
        let bare: String = segments.iter().map(|(name, _)| format!("/{name}")).collect();
        let sent: String = segments
            .iter()
            .map(|(name, parameters)| format!("/{name}{}", parameters.as_deref().unwrap_or("")))
            .collect();
        prop_assume!(PatternText::parse(&pattern).is_ok());
        for anchoring in [Anchoring::Segment, Anchoring::Start, Anchoring::Anywhere] {
            prop_assert!(!covers(&pattern, anchoring, &bare) || covers(&pattern, anchoring, &sent));
        }
        prop_assert!(!grants(&pattern, &sent) || grants(&pattern, &bare));
    }

    #[test]
    fn what_covers_up_to_a_segment_covers_from_the_start_too(
        pattern in "[/a-c*{}]{1,10}",
        path in "/[a-c/]{0,12}",
    ) {
        if PatternText::parse(&pattern).is_ok() {
            prop_assert!(
                !covers(&pattern, Anchoring::Segment, &path) || covers(&pattern, Anchoring::Start, &path)
            );
        }
    }
}
