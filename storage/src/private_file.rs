//! Small files that only their owner may read, written whole or not at all.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
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
/// One that another process is writing at the moment stays: its writer holds a lock on it.
///
/// # Errors
/// The folder cannot be read, or a draft not be opened or removed.
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
        if is_draft(&entry.file_name(), name) && remove_unless_held(&entry.path())? {
            removed = removed.saturating_add(1);
        }
    }
    Ok(removed)
}

/// Removes a draft that nobody holds; tells whether it did.
///
/// While the lock is held the name stays that of this file: its writer, should there be one after all, finds the lock taken
/// and takes another name.
fn remove_unless_held(draft: &Path) -> io::Result<bool> {
    // What is no file may block whoever opens it, and is no draft.
    if !fs::symlink_metadata(draft).is_ok_and(|found| found.is_file()) {
        return Ok(false);
    }
    let held = match File::open(draft) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match held.try_lock() {
        Ok(()) if names(draft, &held)? => fs::remove_file(draft).map(|()| true),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a path is still that of an open file.
fn names(path: &Path, file: &File) -> io::Result<bool> {
    let open = file.metadata()?;
    Ok(fs::symlink_metadata(path)
        .is_ok_and(|found| (found.dev(), found.ino()) == (open.dev(), open.ino())))
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
/// processes left behind are passed over, because a process of another container may have the same id. The file is locked, so
/// that [`remove_drafts`] leaves it alone as long as it is open.
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
            Ok(file) => {
                if is_kept(&draft, &file)? {
                    return Ok((draft, file));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!(
        "{DRAFTS_MAX} unfinished drafts stand beside it; remove the files that end in .new"
    )))
}

/// Locks a draft that was made this moment; somebody who removes what crashes left may have been quicker.
fn is_kept(draft: &Path, file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => names(draft, file),
        Err(TryLockError::WouldBlock) => Ok(false),
        // A file system without locks: what cannot be locked is not removed by others either.
        Err(TryLockError::Error(_)) => Ok(true),
    }
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
    fn a_draft_that_is_being_written_is_left_to_its_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        create_draft(&path).unwrap();
        let (held, mut file) = create_draft(&path).unwrap();
        assert_eq!(remove_drafts(&path).unwrap(), 1);
        file.write_all(b"whole").unwrap();
        assert_eq!(fs::read(&held).unwrap(), b"whole");
        drop(file);
        assert_eq!(remove_drafts(&path).unwrap(), 1);
        assert!(!held.exists());
    }

    #[test]
    fn whoever_removes_what_crashes_left_makes_no_write_fail() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    remove_drafts(&path).unwrap();
                }
            });
            let results: Vec<_> = (0..200)
                .map(|number: u32| write(&path, &number.to_be_bytes(), Existing::Replace))
                .collect();
            done.store(true, std::sync::atomic::Ordering::SeqCst);
            for (number, result) in results.into_iter().enumerate() {
                assert!(result.is_ok(), "{number}: {result:?}");
            }
        });
        assert_eq!(fs::read(&path).unwrap(), 199_u32.to_be_bytes());
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
