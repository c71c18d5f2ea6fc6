//! Small files that only their owner may read, written whole or not at all.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How many drafts of one file may stand beside it, written at once or left by crashes.
const DRAFTS_MAX: usize = 64;

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced in one step.
    Replace,
    /// It stays, and the write fails with [`io::ErrorKind::AlreadyExists`].
    Keep,
}

/// Writes a file with mode 0600 that is complete and durable when this returns.
///
/// A crash leaves the old file, the new one, or none where there was none; never a part.
///
/// # Errors
/// The folder cannot be written, the disk is full, or the file exists and is to be kept.
pub fn write(path: &Path, bytes: &[u8], existing: Existing) -> io::Result<()> {
    let (draft, mut file) = create_draft(path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| match existing {
            Existing::Replace => fs::rename(&draft, path),
            // A rename would overwrite; a second name for the same file fails when the name is taken.
            Existing::Keep => fs::hard_link(&draft, path).and_then(|()| fs::remove_file(&draft)),
        });
    if let Err(error) = written {
        // What matters is the first error; a draft that cannot be removed either is as private as the file.
        let _ = fs::remove_file(&draft);
        return Err(error);
    }
    sync_folder(path)
}

/// Removes the drafts of a file that crashes left beside it, which hold what the file would; tells how many there were.
///
/// For its only writer: another one's draft would be taken away from under it, and its write would fail.
///
/// # Errors
/// The folder cannot be read, or a draft not be removed.
pub fn remove_drafts(path: &Path) -> io::Result<usize> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(0);
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut removed = 0_usize;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_draft(&entry.file_name(), name) {
            fs::remove_file(entry.path())?;
            removed = removed.saturating_add(1);
        }
    }
    Ok(removed)
}

/// Whether a name is one that [`create_draft`] gives to drafts of `name`.
fn is_draft(found: &OsStr, name: &OsStr) -> bool {
    let numbers = found
        .to_str()
        .zip(name.to_str())
        .and_then(|(found, name)| found.strip_prefix(name)?.strip_prefix('.'))
        .and_then(|rest| rest.strip_suffix(".new")?.split_once('-'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(process, attempt)| is_number(process) && is_number(attempt))
}

/// Creates a file beside the target under a name of this call alone.
///
/// With a name shared by several writers, one could put another's half-written draft in place. Names that crashed
/// processes left behind are passed over, because a process of another container may have the same id.
fn create_draft(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    for attempt in 0..DRAFTS_MAX {
        let mut draft = name.to_owned();
        draft.push(format!(".{}-{attempt}.new", std::process::id()));
        let draft = path.with_file_name(draft);
        let mut options = OpenOptions::new();
        match options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
        {
            Ok(file) => return Ok((draft, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!(
        "{DRAFTS_MAX} unfinished drafts stand beside it; remove the files that end in .new"
    )))
}

/// Makes the entry of a file or folder in the folder around it durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_file_is_whole_and_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write(&path, b"first", Existing::Keep).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        write(&path, b"second", Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_to_be_kept_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, b"mine").unwrap();
        let error = write(&path, b"other", Existing::Keep).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_draft_that_a_crash_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let leave_draft = || {
            let (draft, mut file) = create_draft(&path).unwrap();
            file.write_all(b"half").unwrap();
            draft
        };
        let (first, second) = (leave_draft(), leave_draft());
        assert_ne!(first, second);
        write(&path, b"whole", Existing::Keep).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read(&first).unwrap(), b"half");

        while create_draft(&path).is_ok() {}
        let error = write(&path, b"newer", Existing::Replace).unwrap_err();
        assert!(error.to_string().contains("remove the files"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn drafts_that_crashes_left_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write(&path, b"whole", Existing::Keep).unwrap();
        create_draft(&path).unwrap();
        fs::write(folder.path().join("secret.77-3.new"), b"another life").unwrap();
        let others = [
            "secret.new",
            "secret.7-x.new",
            "secrets.7-0.new",
            "secret.7-0",
        ];
        for name in others {
            fs::write(folder.path().join(name), b"not a draft").unwrap();
        }
        assert_eq!(remove_drafts(&path).unwrap(), 2);
        assert_eq!(remove_drafts(&path).unwrap(), 0);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1 + others.len()
        );
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/secret");
        let error = write(&path, b"", Existing::Replace).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(write(Path::new("/"), b"", Existing::Replace).is_err());
    }
}
