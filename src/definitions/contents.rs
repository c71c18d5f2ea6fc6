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

/// How much a folder may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most files.
    pub(super) files: usize,
    /// The most bytes of files whose content is kept.
    pub(super) content_bytes: usize,
}

/// What stands in the folder.
#[derive(Default)]
pub(super) struct Contents {
    /// Files whose content is asked for.
    pub(super) files: BTreeMap<SourcePath, DefinitionFile>,
    /// Files whose content was applied before, and is not kept but for its hash.
    pub(super) unchanged: BTreeMap<SourcePath, [u8; 32]>,
    /// Files that are there and cannot be read: what they made before stays.
    pub(super) unread: BTreeSet<SourcePath>,
}

impl Contents {
    /// Reads every definition file of a folder, and keeps the content of those that `is_wanted` picks by its hash; one that
    /// cannot be read is named in the log.
    pub(super) fn read(
        folder: &Path,
        limits: Limits,
        is_wanted: impl Fn(&SourcePath, [u8; 32]) -> bool,
    ) -> io::Result<Self> {
        let mut contents = Self::default();
        let (mut files, mut content_bytes) = (0_usize, 0_usize);
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(name) = definition_name(&path) else {
                continue;
            };
            files = files.saturating_add(1);
            if files > limits.files {
                let reason = format!(
                    "it holds more than {} definition files, and a part of them is not applied for the whole",
                    limits.files
                );
                return Err(io::Error::other(reason));
            }
            match DefinitionFile::read(&path) {
                Ok(file) if is_wanted(&name, file.content_hash) => {
                    content_bytes = content_bytes.saturating_add(file.content.len());
                    contents.files.insert(name, file);
                }
                Ok(file) => {
                    contents.unchanged.insert(name, file.content_hash);
                }
                Err(reason) => {
                    error!(file = %name.0, %reason, "definition file cannot be read");
                    contents.unread.insert(name);
                }
            }
            if content_bytes > limits.content_bytes {
                let reason = format!(
                    "its new and changed files hold more than {} bytes together: bring them in parts",
                    limits.content_bytes
                );
                return Err(io::Error::other(reason));
            }
        }
        Ok(contents)
    }

    fn holds(&self, path: &SourcePath) -> bool {
        self.files.contains_key(path)
            || self.unchanged.contains_key(path)
            || self.unread.contains(path)
    }

    /// The definition files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &SourcePath> {
        let files = self.files.keys();
        files.chain(self.unchanged.keys()).chain(&self.unread)
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

    const ALL: fn(&SourcePath, [u8; 32]) -> bool = |_, _| true;

    /// So many files of any size.
    fn count(files: usize) -> Limits {
        Limits {
            files,
            content_bytes: usize::MAX,
        }
    }

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
        let contents = Contents::read(folder.path(), count(2), ALL).unwrap();
        assert_eq!((contents.files.len(), contents.unread.len()), (2, 0));
        fs::write(folder.path().join("c.yml"), "{}").unwrap();
        let read = Contents::read(folder.path(), count(2), ALL);
        let reason = read.err().unwrap().to_string();
        assert!(reason.contains("more than 2 definition files"), "{reason}");
    }

    #[test]
    fn files_that_cannot_be_read_count_and_are_there() {
        let folder = folder(&["a.json"]);
        let link = folder.path().join("b.json");
        std::os::unix::fs::symlink("nowhere", link).unwrap();
        let contents = Contents::read(folder.path(), count(2), ALL).unwrap();
        for name in ["a.json", "b.json"] {
            assert!(contents.holds(&SourcePath(name.into())), "{name}");
        }
        assert!(Contents::read(folder.path(), count(1), ALL).is_err());
    }

    #[test]
    fn only_what_is_asked_for_is_kept_and_bounded() {
        let folder = folder(&[]);
        for (name, bytes) in [("a.json", 600), ("b.json", 700), ("c.json", 800)] {
            fs::write(folder.path().join(name), "x".repeat(bytes)).unwrap();
        }
        let applied = DefinitionFile::read(&folder.path().join("b.json")).unwrap();
        let is_new = |_: &SourcePath, hash: [u8; 32]| hash != applied.content_hash;
        let bytes = |content_bytes| Limits {
            files: 3,
            content_bytes,
        };
        let contents = Contents::read(folder.path(), bytes(1400), is_new).unwrap();
        let unchanged = SourcePath("b.json".into());
        let hashes = BTreeMap::from([(unchanged.clone(), applied.content_hash)]);
        assert_eq!(contents.unchanged, hashes);
        let kept = contents.files.iter();
        let kept: Vec<_> = kept
            .map(|(path, file)| (&*path.0, file.content.len()))
            .collect();
        assert_eq!(kept, [("a.json", 600), ("c.json", 800)]);
        assert!(contents.holds(&unchanged) && contents.paths().count() == 3);

        let too_many = [
            (1399, Contents::read(folder.path(), bytes(1399), is_new)),
            (2099, Contents::read(folder.path(), bytes(2099), ALL)),
        ];
        for (bytes_max, read) in too_many {
            let reason = read.err().unwrap().to_string();
            let told = format!("more than {bytes_max} bytes");
            assert!(reason.contains(&told), "{reason}");
        }
    }
}
