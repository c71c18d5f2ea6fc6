//! The number of this start: larger than that of every earlier start of the node, so that no request is taken for one
//! of an earlier process.

use std::fs;
use std::io;
use std::path::Path;

use raftgate_model::id::BootId;
use raftgate_storage::private_file::{self, Existing};

/// The file in the data directory that holds the number of the last start.
const FILE: &str = "boot";

/// How far a lost number is jumped over: more starts than can stand in the log behind the applied state.
const LOST_STARTS: u64 = 1_000_000;

/// What the number of this start is, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// One more than the file or the state says.
    Counted(BootId),
    /// The file is missing or unreadable although the node has started before.
    Recovered(BootId),
}

/// Gives this start its number, durably, before the first request can carry it.
///
/// `applied` is the newest start of this node that the state knows. A lost file is made up for by a wide jump.
///
/// # Errors
/// The file cannot be read or written.
pub(crate) fn next(data_dir: &Path, applied: Option<BootId>) -> io::Result<BootId> {
    let path = data_dir.join(FILE);
    let text = match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let boot = match decide(text.as_deref(), applied) {
        Next::Counted(boot) => boot,
        Next::Recovered(boot) => {
            tracing::warn!(
                path = %path.display(),
                boot = boot.0,
                "the number of the last start is lost; going on with one that surely was not used"
            );
            boot
        }
    };
    private_file::write(&path, format!("{boot}\n").as_bytes(), Existing::Replace)?;
    Ok(boot)
}

/// Whether any start was ever counted here.
pub(crate) fn is_counted(data_dir: &Path) -> bool {
    // One that cannot be looked for counts as found: it makes a missing log an error rather than a new one.
    data_dir.join(FILE).try_exists().unwrap_or(true)
}

fn decide(file: Option<&[u8]>, applied: Option<BootId>) -> Next {
    let last = file
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.strip_suffix('\n'))
        .and_then(|text| text.parse::<u64>().ok());
    let applied = applied.map_or(0, |boot| boot.0);
    match last {
        Some(last) => Next::Counted(BootId(last.max(applied).saturating_add(1))),
        None if file.is_none() && applied == 0 => Next::Counted(BootId(1)),
        None => Next::Recovered(BootId(applied.saturating_add(LOST_STARTS))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    #[test]
    fn each_start_has_the_next_number() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(next(folder.path(), None).unwrap(), BootId(1));
        assert_eq!(next(folder.path(), None).unwrap(), BootId(2));
        assert_eq!(next(folder.path(), Some(BootId(2))).unwrap(), BootId(3));
        assert_eq!(next(folder.path(), Some(BootId(40))).unwrap(), BootId(41));
    }

    #[test]
    fn a_lost_or_damaged_number_is_jumped_over() {
        let known = Some(BootId(9));
        assert_eq!(decide(None, known), Next::Recovered(BootId(1_000_009)));
        for damaged in [&b""[..], b"12", b"x\n", b"\xff\n", b"-1\n"] {
            assert_eq!(
                decide(Some(damaged), known),
                Next::Recovered(BootId(1_000_009))
            );
        }
        assert_eq!(
            decide(Some(b"0x"), None),
            Next::Recovered(BootId(1_000_000))
        );
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(next(&folder.path().join("gone"), None).is_err());
    }
}
