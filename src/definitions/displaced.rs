//! Files, and policies of files, whose definition another file took over: they count again once that one is gone.
//!
//! A file that takes over stays while it is there, else two files with one id would alternate at every look.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use raftgate_model::state::SourcePath;
use raftgate_model::state::record::Made;
use tracing::warn;

use super::contents::File;
use super::folder::DefinitionsFolder;
use super::look::Look;
use super::policy_files::file_of;
use super::report::FolderError;

/// Each file that is displaced, and the one that has its definition.
pub(super) type Displaced = BTreeMap<SourcePath, SourcePath>;

/// Whose a definition is.
enum Owner {
    /// There is no such definition.
    Nobody,
    /// No file made it.
    NoFile,
    /// This file made it.
    File(SourcePath),
}

impl DefinitionsFolder {
    /// Applies the displaced files and policies whose definition no file that is there holds any more.
    pub(super) async fn apply_freed(&self, look: &mut Look<'_>) -> Result<(), FolderError> {
        if look.displaced.is_empty() && look.kept.displaced.is_empty() {
            return Ok(());
        }
        let held = self.held(look);
        let files = mem::take(&mut look.displaced);
        let policies = mem::take(&mut look.kept.displaced);
        let is_freed = |path: &SourcePath| self.is_freed(path, &held, look);
        let (freed, waiting): (Vec<File<'_>>, Vec<_>) =
            files.into_iter().partition(|file| is_freed(file.path));
        let (freed_policies, waiting_policies): (Vec<_>, Vec<_>) =
            policies.into_iter().partition(|(place, _)| is_freed(place));
        look.displaced = waiting;
        look.kept.displaced = waiting_policies;
        let applied = freed.len().saturating_add(freed_policies.len());
        look.report.unchanged = look.report.unchanged.saturating_sub(applied);
        for (place, entry) in &freed_policies {
            self.put_policy_of(place, entry, &mut look.report).await?;
        }
        self.apply_files(&freed, look).await
    }

    /// What the files that are there made, those aside that are displaced.
    fn held(&self, look: &Look<'_>) -> BTreeSet<Made> {
        let files = look.displaced.iter().map(|file| file.path);
        let policies = look.kept.displaced.iter().map(|(place, _)| place);
        let waiting: BTreeSet<_> = files.chain(policies).collect();
        let there = look.contents.paths().chain(look.kept.policies());
        let view = self.cluster.view();
        there
            .filter(|path| !waiting.contains(path))
            .filter_map(|path| Some(view.source(path)?.made.clone()))
            .collect()
    }

    /// Whether what a displaced file defines is nobody else's any more.
    ///
    /// What the control API deleted stays so while the file that made it last is there, and what it made itself is not replaced.
    fn is_freed(&self, path: &SourcePath, held: &BTreeSet<Made>, look: &Look<'_>) -> bool {
        let Some(last) = self.cluster.view().source(path) else {
            return true;
        };
        match self.owner(&last.made) {
            Owner::Nobody => !held.contains(&last.made),
            Owner::NoFile => false,
            Owner::File(owner) => !look.contents.still_hold(&owner, &look.kept),
        }
    }

    fn owner(&self, made: &Made) -> Owner {
        let view = self.cluster.view();
        let source = match made {
            Made::Api(id) => view.api(id).map(|api| api.source.clone()),
            Made::Policy(id) => view.policy(id).map(|policy| policy.source.clone()),
        };
        match source {
            None => Owner::Nobody,
            Some(None) => Owner::NoFile,
            Some(Some(owner)) => Owner::File(owner),
        }
    }

    /// Says which files are displaced and by which, each once while it is.
    pub(super) fn tell_displaced(&self, look: &Look<'_>) {
        let displaced = self.displaced(look);
        let mut told = self.told.lock();
        for (path, by) in &displaced {
            if told.get(path) != Some(by) {
                warn!(file = %path.0, by = %by.0, "definition is not in force, another file defines the same");
            }
        }
        *told = displaced;
    }

    /// The files and policies of files that are there, and whose definition another file has.
    pub(super) fn displaced(&self, look: &Look<'_>) -> Displaced {
        let there = look.contents.paths().chain(look.kept.policies());
        let displaced = there.filter_map(|path| {
            let last = self.cluster.view().source(path)?;
            match self.owner(&last.made) {
                // A file that came to hold several policies is not in its own way.
                Owner::File(by) if file_of(&by) != file_of(path) => Some((path.clone(), by)),
                _ => None,
            }
        });
        displaced.collect()
    }
}

#[cfg(test)]
#[path = "displaced_tests.rs"]
mod tests;
