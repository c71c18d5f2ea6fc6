//! Files of several policies: each policy is applied, remembered and removed for itself.

use std::collections::BTreeSet;

use raftgate_model::command::SourceMark;
use raftgate_model::id::PolicyId;
use raftgate_model::policy::{PolicyEntry, PolicySet};
use raftgate_model::state::SourcePath;
use raftgate_model::state::record::SourceContent;
use sha2::{Digest, Sha256};

use super::ImportError;
use super::contents::File;
use super::folder::DefinitionsFolder;
use super::look::Look;
use super::report::{FolderError, FolderReport};

/// Between a file and the policy in it, where the store names a policy's place; no name of a file holds it.
const SEPARATOR: char = '/';

/// What a look at the folder leaves of the policies that files of several made.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The policies among them that another file took over.
    pub(super) displaced: Vec<(SourcePath, PolicyEntry)>,
    /// The policies that are still in their files.
    policies: BTreeSet<SourcePath>,
    /// Files that are wrong, if only in part: nothing goes that they made.
    unclear: BTreeSet<SourcePath>,
    /// Files of several policies; what they made while they held one definition goes.
    of_several: BTreeSet<SourcePath>,
}

impl Kept {
    /// Everything that these files made.
    pub(super) fn of_files(files: impl IntoIterator<Item = SourcePath>) -> Self {
        Self {
            unclear: files.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Keeps everything that a file made.
    pub(super) fn keep_all_of(&mut self, file: &SourcePath) {
        self.unclear.insert(file.clone());
    }

    /// Keeps the policies of a file of several that is unchanged; none for a file that is of another kind.
    pub(super) fn keep_policies_of(&mut self, file: &SourcePath, places: Vec<SourcePath>) {
        if !places.is_empty() {
            self.of_several.insert(file.clone());
            self.policies.extend(places);
        }
    }

    /// Lets a file that is applied once more say anew what goes of what it made.
    pub(super) fn judge_again(&mut self, file: &SourcePath) {
        self.unclear.remove(file);
    }

    /// Whether a file holds several policies, all of them right, and nothing for itself.
    pub(super) fn is_of_several(&self, file: &SourcePath) -> bool {
        self.of_several.contains(file) && !self.unclear.contains(file)
    }

    /// The places of the policies that are still in their files.
    pub(super) fn policies(&self) -> impl Iterator<Item = &SourcePath> {
        self.policies.iter()
    }

    /// Whether the policy at this place stays.
    pub(super) fn holds(&self, place: &SourcePath) -> bool {
        let file = place.0.split_once(SEPARATOR).map(|(file, _)| file);
        let is_unclear = file.is_some_and(|file| self.unclear.contains(&SourcePath(file.into())));
        is_unclear || self.policies.contains(place)
    }
}

/// What the store calls the place of a policy in a file of several.
fn place_of(file: &SourcePath, id: &PolicyId) -> SourcePath {
    SourcePath(format!("{}{SEPARATOR}{id}", file.0).into())
}

/// The file that a definition stands in, by the place that the store has of it.
pub(super) fn file_of(place: &SourcePath) -> &str {
    let file = place.0.split_once(SEPARATOR).map(|(file, _)| file);
    file.unwrap_or(&place.0)
}

fn policy_hash(entry: &PolicyEntry) -> [u8; 32] {
    Sha256::digest(entry.text.as_bytes()).into()
}

impl DefinitionsFolder {
    /// Brings the policies of a file into force; one that is wrong is told and leaves the others.
    pub(super) async fn apply_policies(
        &self,
        file: File<'_>,
        policies: PolicySet,
        look: &mut Look<'_>,
    ) -> Result<(), FolderError> {
        let (file, content_hash) = (file.path, file.content.content_hash);
        let is_right = policies.entries.iter().all(Result::is_ok);
        let mut applied = Vec::new();
        look.kept.of_several.insert(file.clone());
        for entry in policies.entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(faults) => {
                    look.kept.keep_all_of(file);
                    look.report.fail(file, ImportError::PolicyFaults(faults))?;
                    continue;
                }
            };
            let place = place_of(file, &entry.id);
            applied.push((place.clone(), policy_hash(&entry)));
            look.kept.policies.insert(place.clone());
            self.apply_policy(place, entry, look).await?;
        }
        // One that is wrong is told at every look.
        if is_right {
            self.at_rest.note(file.clone(), content_hash, applied);
        }
        Ok(())
    }

    /// Brings one policy into force, unless it was not changed in its file; one that another file took over waits.
    async fn apply_policy(
        &self,
        place: SourcePath,
        entry: PolicyEntry,
        look: &mut Look<'_>,
    ) -> Result<(), FolderError> {
        match self.compare(&place, policy_hash(&entry)) {
            SourceContent::Changed => {
                return self.put_policy_of(&place, &entry, &mut look.report).await;
            }
            SourceContent::Displaced => look.kept.displaced.push((place, entry)),
            SourceContent::Applied => {}
        }
        look.report.unchanged = look.report.unchanged.saturating_add(1);
        Ok(())
    }

    /// Brings one policy of a file into force.
    pub(super) async fn put_policy_of(
        &self,
        place: &SourcePath,
        entry: &PolicyEntry,
        report: &mut FolderReport,
    ) -> Result<(), FolderError> {
        let mark = SourceMark {
            path: place.clone(),
            content_hash: policy_hash(entry),
        };
        let mut imported = self.importer.put_policy(&entry.text, Some(mark)).await;
        if let Ok(imported) = &mut imported {
            // All of them: the text alone does not tell what stood beside it in the file.
            let warnings = entry.policy.warnings.iter();
            imported.warnings = warnings.map(ToString::to_string).collect();
        }
        report.count(place, imported)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use super::*;

    #[test]
    fn a_policy_stays_while_its_file_has_it_or_is_wrong() {
        let path = |text: &str| SourcePath(text.into());
        let id = PolicyId::new("a/b").unwrap();
        assert_eq!(place_of(&path("p.json"), &id), path("p.json/a/b"));
        let mut kept = Kept::of_files([path("unread.json")]);
        kept.policies.insert(path("p.json/a/b"));
        for (place, stays) in [
            ("p.json/a/b", true),
            ("p.json/a", false),
            ("p.json", false),
            ("unread.json/x", true),
            ("unread.json", false),
        ] {
            assert_eq!(kept.holds(&path(place)), stays, "{place}");
        }
        kept.of_several.insert(path("p.json"));
        assert!(kept.is_of_several(&path("p.json")));
        kept.keep_all_of(&path("p.json"));
        assert!(!kept.is_of_several(&path("p.json")));
        assert!(kept.holds(&path("p.json/a")) && !kept.holds(&path("q.json/a")));
        kept.judge_again(&path("p.json"));
        assert!(!kept.holds(&path("p.json/a")) && kept.holds(&path("p.json/a/b")));
    }
}
