//! The files of a definitions folder, as they stand at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use raftgate_model::command::SourceMark;
use raftgate_model::state::SourcePath;
use tracing::error;

use super::file::{DefinitionFile, definition_name};
use super::policy_files::Kept;

/// A definition file and its name.
#[derive(Clone, Copy)]
pub(super) struct File<'f> {
    pub(super) path: &'f SourcePath,
    pub(super) content: &'f DefinitionFile,
}

impl File<'_> {
    /// What the store remembers of it.
    pub(super) fn mark(self) -> SourceMark {
        SourceMark {
            path: self.path.clone(),
            content_hash: self.content.content_hash,
        }
    }
}

/// What stands in the folder.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) files: BTreeMap<SourcePath, DefinitionFile>,
    /// Files that are there and cannot be read: what they made before stays.
    pub(super) unread: BTreeSet<SourcePath>,
}

impl Contents {
    /// Reads every definition file of a folder; one that cannot be read is named in the log.
    pub(super) fn read(folder: &Path, files_max: usize) -> io::Result<Self> {
        let mut contents = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(name) = definition_name(&path) else {
                continue;
            };
            if contents.files.len().saturating_add(contents.unread.len()) >= files_max {
                let reason = format!(
                    "it holds more than {files_max} definition files, and a part of them is not applied for the whole"
                );
                return Err(io::Error::other(reason));
            }
            match DefinitionFile::read(&path) {
                Ok(file) => drop(contents.files.insert(name, file)),
                Err(reason) => {
                    error!(file = %name.0, %reason, "definition file cannot be read");
                    contents.unread.insert(name);
                }
            }
        }
        Ok(contents)
    }

    fn holds(&self, path: &SourcePath) -> bool {
        self.files.contains_key(path) || self.unread.contains(path)
    }

    /// The definition files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &SourcePath> {
        self.files.keys().chain(&self.unread)
    }

    /// Whether what was made from here is to stay: it is a file that is there, or a policy that is kept.
    pub(super) fn still_hold(&self, path: &SourcePath, kept: &Kept) -> bool {
        (self.holds(path) && !kept.is_of_several(path)) || kept.holds(path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "{}").unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_of_too_many_files_is_refused_as_a_whole() {
        let folder = folder(&["a.json", "b.yaml", "notes.txt", ".hidden.json"]);
        let contents = Contents::read(folder.path(), 2).unwrap();
        assert_eq!((contents.files.len(), contents.unread.len()), (2, 0));
        fs::write(folder.path().join("c.yml"), "{}").unwrap();
        let reason = Contents::read(folder.path(), 2).err().unwrap().to_string();
        assert!(reason.contains("more than 2 definition files"), "{reason}");
    }

    #[test]
    fn files_that_cannot_be_read_count_and_are_there() {
        let folder = folder(&["a.json"]);
        let link = folder.path().join("b.json");
        std::os::unix::fs::symlink("nowhere", link).unwrap();
        let contents = Contents::read(folder.path(), 2).unwrap();
        for name in ["a.json", "b.json"] {
            assert!(contents.holds(&SourcePath(name.into())), "{name}");
        }
        assert!(Contents::read(folder.path(), 1).is_err());
    }
}
