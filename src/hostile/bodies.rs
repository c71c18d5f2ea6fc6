//! Documents that the control API takes, and the patterns in them.

use raftgate_model::api::ListenPath;
use raftgate_model::oauth::client::ClientRequest;
use raftgate_model::oauth::scope::Scope;
use raftgate_model::path_pattern::{Anchoring, LetterCase, MatchedPath, PatternTerms, PatternText};
use raftgate_model::policy::Policy;
use raftgate_model::session::SessionRules;

/// A body as each of the documents; what is kept of it reads the same again.
pub(super) fn control_bodies(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Err(faults) = ClientRequest::from_json(text, ";") {
        assert!(!faults.is_empty());
    }
    if let Err(faults) = Policy::from_json(text) {
        assert!(!faults.is_empty());
    }
    for allow_master_keys in [false, true] {
        if let Ok(rules) = SessionRules::from_json(text, allow_master_keys) {
            assert!(allow_master_keys || !rules.is_master(), "{text}");
            let again = SessionRules::from_json(rules.as_str(), allow_master_keys).unwrap();
            assert_eq!(again.as_str(), rules.as_str());
            assert_eq!(again.is_master(), rules.is_master());
        }
    }
    if let Ok(Some(scope)) = Scope::parse(text) {
        assert!(scope.tokens().all(|token| scope.contains(token)));
        assert!(scope.is_subset_of(&scope));
    }
}

/// The first line is a pattern, the second a path.
pub(super) fn path_patterns(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (pattern, path) = text.split_once('\n').unwrap_or((text, "/"));
    let Ok(pattern) = PatternText::parse(pattern) else {
        return;
    };
    let listen_path = ListenPath::parse("/api/").unwrap();
    let path = MatchedPath::new(path, &listen_path);
    let covers = |anchoring| {
        let terms = PatternTerms {
            anchoring,
            case: LetterCase::Matters,
        };
        pattern.compile(terms).unwrap().covers(&path)
    };
    let [segment, start, anywhere] =
        [Anchoring::Segment, Anchoring::Start, Anchoring::Anywhere].map(covers);
    // What is laxer covers what is stricter; a pattern that anchors itself says nothing of the slash before it.
    let anchors_itself = text.starts_with('^');
    assert!(!segment || start, "{text}");
    assert!(!start || anywhere || anchors_itself, "{text}");
}
