//! Rights to single paths (Tyk's `allowed_urls`): the patterns of sessions and policies, compiled once per node.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use parking_lot::RwLock;
use raftgate_model::path_pattern::{
    LetterCase, MatchedPath, PathMatching, PathPattern, PatternTerms, PatternText,
};
use raftgate_model::session::AccessRight;

use super::refusal::Refusal;
use super::request::RequestView;
use super::stages::selected::Selected;

/// How many patterns are kept compiled; beyond it they are begun anew.
const PATTERNS_MAX: usize = 1024;

/// The compiled patterns of rights to single paths.
pub(crate) struct AllowedPaths {
    terms: PatternTerms,
    // Only requests whose rights name paths come here.
    compiled: RwLock<HashMap<PatternText, Arc<PathPattern>, RandomState>>,
}

impl AllowedPaths {
    pub(super) fn new(matching: PathMatching) -> Self {
        Self {
            terms: PatternTerms {
                anchoring: matching.granting(),
                case: LetterCase::Matters,
            },
            compiled: RwLock::default(),
        }
    }

    /// Whether a right that names paths covers this one, with this method.
    pub(crate) fn check(
        &self,
        right: &AccessRight,
        selected: &Selected,
        view: &RequestView<'_>,
    ) -> Result<(), Refusal> {
        let path = MatchedPath::split(view.path(), selected.listen_bytes, selected.rest_at);
        let covered = right.allowed_urls.iter().any(|url| {
            url.methods.contain(view.method())
                && self
                    .pattern(&url.path)
                    .is_some_and(|pattern| pattern.covers(&path))
        });
        if covered {
            Ok(())
        } else {
            Err(Refusal::NoRightToPath)
        }
    }

    fn pattern(&self, text: &PatternText) -> Option<Arc<PathPattern>> {
        if let Some(known) = self.compiled.read().get(text) {
            return Some(Arc::clone(known));
        }
        let compiled = Arc::new(text.compile(self.terms).ok()?);
        let mut all = self.compiled.write();
        if all.len() >= PATTERNS_MAX {
            all.clear();
        }
        all.insert(text.clone(), Arc::clone(&compiled));
        Some(compiled)
    }
}
