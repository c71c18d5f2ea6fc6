//! Rights to single paths (Tyk's `allowed_urls`): the patterns of sessions and policies, compiled once per node.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use raftgate_model::path_pattern::{
    LetterCase, MatchedPath, PathMatching, PathPattern, PatternTerms, PatternText,
};
use raftgate_model::session::AccessRight;

use super::refusal::Refusal;
use super::request::RequestView;
use super::stages::selected::Selected;

/// How much memory compiled patterns may take, in bytes. Beyond it, those used least go.
const PATTERNS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How much more each worker that matches them may take, in bytes: with the above some 4,096 ordinary ones.
const WORKER_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// How many patterns there is room for from the beginning.
const PATTERNS_EXPECTED: usize = 1024;

/// The memory that a compiled pattern may take, with what so many workers may take to match it.
#[derive(Clone)]
struct Bytes {
    workers: usize,
}

impl Weighter<PatternText, Arc<PathPattern>> for Bytes {
    fn weight(&self, text: &PatternText, pattern: &Arc<PathPattern>) -> u64 {
        let matching = pattern.thread_bytes_max().saturating_mul(self.workers);
        let bytes = pattern.bytes_max().saturating_add(text.as_str().len());
        u64::try_from(bytes.saturating_add(matching)).unwrap_or(u64::MAX)
    }
}

fn bytes_max(workers: usize) -> u64 {
    let workers = u64::try_from(workers).unwrap_or(u64::MAX);
    WORKER_BYTES_MAX
        .saturating_mul(workers)
        .saturating_add(PATTERNS_BYTES_MAX)
}

/// The compiled patterns of rights to single paths.
pub(crate) struct AllowedPaths {
    terms: PatternTerms,
    // Only requests whose rights name paths come here.
    compiled: Cache<PatternText, Arc<PathPattern>, Bytes>,
}

impl AllowedPaths {
    /// Patterns that are matched by so many workers.
    pub(super) fn new(matching: PathMatching, workers: usize) -> Self {
        Self {
            terms: PatternTerms {
                anchoring: matching.granting(),
                case: LetterCase::Matters,
            },
            compiled: Cache::with_weighter(
                PATTERNS_EXPECTED,
                bytes_max(workers),
                Bytes { workers },
            ),
        }
    }

    /// Whether a right that names paths grants this one, with this method.
    pub(crate) fn check(
        &self,
        right: &AccessRight,
        selected: &Selected,
        view: &RequestView<'_>,
    ) -> Result<(), Refusal> {
        let path = MatchedPath::new(view.path(), selected.listen_bytes, selected.rest_at);
        let granted = right.allowed_urls.iter().any(|url| {
            url.methods.contain(view.method())
                && self
                    .pattern(&url.path)
                    .is_some_and(|pattern| pattern.grants(&path))
        });
        if granted {
            Ok(())
        } else {
            Err(Refusal::NoRightToPath)
        }
    }

    fn pattern(&self, text: &PatternText) -> Option<Arc<PathPattern>> {
        if let Some(known) = self.compiled.get(text) {
            return Some(known);
        }
        let compiled = Arc::new(text.compile(self.terms).ok()?);
        self.compiled.insert(text.clone(), Arc::clone(&compiled));
        Some(compiled)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use raftgate_model::id::ApiId;
    use raftgate_model::policy::Policy;

    use super::*;

    const WORKERS: usize = 2;

    fn kept(pattern: impl Fn(usize) -> String, count: usize) -> AllowedPaths {
        let paths = AllowedPaths::new(PathMatching::Anchored, WORKERS);
        for number in 0..count {
            let text = PatternText::parse(&pattern(number)).unwrap();
            paths.pattern(&text).unwrap();
        }
        paths
    }

    #[test]
    fn thousands_of_patterns_stay_compiled() {
        let paths = kept(|number| format!("/orders/{number}"), 2000);
        let first = PatternText::parse("/orders/0").unwrap();
        let known = paths.pattern(&first).unwrap();
        assert!(Arc::ptr_eq(&known, &paths.pattern(&first).unwrap()));
        assert_eq!(paths.compiled.len(), 2000);
    }

    #[test]
    fn a_stored_pattern_that_cannot_be_compiled_covers_nothing() {
        let text = r#"{"id":"p","access_rights":{"a":{"allowed_urls":[{"url":"/a("}]}}}"#;
        let policy = Policy::from_stored(text).unwrap();
        let right = policy.access_rights.get(&ApiId::new("a").unwrap()).unwrap();
        let text = &right.allowed_urls.first().unwrap().path;
        assert!(
            AllowedPaths::new(PathMatching::Anchored, WORKERS)
                .pattern(text)
                .is_none()
        );
    }

    #[test]
    fn compiled_patterns_are_bounded_by_what_they_may_take() {
        let paths = kept(|number| format!(r"/\w{{3}}/{number}"), 600);
        assert!(paths.compiled.weight() <= bytes_max(WORKERS));
        assert!(paths.compiled.len() < 600);
    }
}
