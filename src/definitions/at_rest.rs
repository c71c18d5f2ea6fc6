//! Files of several policies that were applied whole: a look does not read them again while nothing of them changed.
//!
//! The store remembers the policies of such a file and not the file itself, so that a node reads each once after its start.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use raftgate_model::state::SourcePath;

/// What a policy of a file was applied from: its place and the hash of its text.
pub(super) type AppliedPolicy = (SourcePath, [u8; 32]);

/// A file, all of whose policies are right and were applied.
#[derive(Debug)]
struct Whole {
    content_hash: [u8; 32],
    policies: Vec<AppliedPolicy>,
}

/// The files of several policies that are at rest.
#[derive(Debug, Default)]
pub(super) struct AtRest(Mutex<BTreeMap<SourcePath, Whole>>);

impl AtRest {
    /// Notes that a file was applied whole.
    pub(super) fn note(
        &self,
        file: SourcePath,
        content_hash: [u8; 32],
        policies: Vec<AppliedPolicy>,
    ) {
        let whole = Whole {
            content_hash,
            policies,
        };
        self.0.lock().insert(file, whole);
    }

    /// Whether a file holds what was noted, and `is_in_force` says of each of its policies that nothing is to be done for it.
    pub(super) fn holds(
        &self,
        file: &SourcePath,
        content_hash: [u8; 32],
        is_in_force: impl Fn(&AppliedPolicy) -> bool,
    ) -> bool {
        let known = self.0.lock();
        let whole = known.get(file);
        whole.is_some_and(|whole| {
            whole.content_hash == content_hash && whole.policies.iter().all(is_in_force)
        })
    }

    /// The places of the policies of a file that holds what was noted.
    pub(super) fn places(&self, file: &SourcePath, content_hash: [u8; 32]) -> Vec<SourcePath> {
        let known = self.0.lock();
        let whole = known.get(file);
        let whole = whole.filter(|whole| whole.content_hash == content_hash);
        let policies = whole.map(|whole| whole.policies.iter());
        policies
            .into_iter()
            .flatten()
            .map(|(place, _)| place.clone())
            .collect()
    }

    /// Forgets the files that hold something else by now, or are gone.
    pub(super) fn retain(&self, is_at_rest: impl Fn(&SourcePath) -> bool) {
        self.0.lock().retain(|file, _| is_at_rest(file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_at_rest_with_its_content_and_all_of_its_policies() {
        let path = |text: &str| SourcePath(text.into());
        let (file, policy) = (path("p.json"), (path("p.json/x"), [1; 32]));
        let known = AtRest::default();
        assert!(!known.holds(&file, [7; 32], |_| true));
        known.note(file.clone(), [7; 32], vec![policy.clone()]);
        assert!(known.holds(&file, [7; 32], |asked| *asked == policy));
        assert_eq!(known.places(&file, [7; 32]), [path("p.json/x")]);
        assert!(!known.holds(&file, [7; 32], |_| false));
        assert!(!known.holds(&file, [8; 32], |_| true));
        assert_eq!(known.places(&file, [8; 32]), []);
        known.retain(|kept| *kept != file);
        assert!(!known.holds(&file, [7; 32], |_| true));
    }
}
