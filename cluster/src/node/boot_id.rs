//! The number of this start: larger than that of every earlier start of the node, so that no request is taken for one
//! of an earlier process.

use std::fs;
use std::io;
use std::path::Path;

use raftgate_model::id::BootId;
use raftgate_storage::data_dir::BOOT_FILE as FILE;
use raftgate_storage::private_file::{self, Existing};

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

/// What else is known of earlier starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Earlier {
    /// The newest start of this node that the state knows.
    pub(crate) applied: Option<BootId>,
    /// Whether the log holds entries, which may carry requests of starts that the state does not know yet.
    pub(crate) logged: bool,
}

/// Gives this start its number, durably, before the first request can carry it.
///
/// A lost or damaged file is made up for by a wide jump.
///
///
/// # Errors
/// The file cannot be read or written.
pub(crate) fn next(data_dir: &Path, earlier: Earlier) -> io::Result<BootId> {
    let path = data_dir.join(FILE);
    let text = match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let boot = match decide(text.as_deref(), earlier) {
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
    private_file::write(&path, line(boot).as_bytes(), Existing::Replace)?;
    Ok(boot)
}

/// The number and its complement: a changed digit must not pass for an earlier start.
fn line(boot: BootId) -> String {
    format!("{boot} {:016x}\n", !boot.0)
}

fn read(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (number, _) = text.split_once(' ')?;
    let number = number.parse().ok()?;
    (line(BootId(number)) == text).then_some(number)
}

/// Whether any start was ever counted here.
pub(crate) fn is_counted(data_dir: &Path) -> bool {
    // One that cannot be looked for counts as found: it makes a missing log an error rather than a new one.
    data_dir.join(FILE).try_exists().unwrap_or(true)
}

fn decide(file: Option<&[u8]>, earlier: Earlier) -> Next {
    let applied = earlier.applied.map_or(0, |boot| boot.0);
    match file.and_then(read) {
        Some(last) => Next::Counted(BootId(last.max(applied).saturating_add(1))),
        None if file.is_none() && applied == 0 && !earlier.logged => Next::Counted(BootId(1)),
        None => Next::Recovered(BootId(applied.saturating_add(LOST_STARTS))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    fn known(applied: u64) -> Earlier {
        Earlier {
            applied: Some(BootId(applied)),
            logged: true,
        }
    }

    #[test]
    fn each_start_has_the_next_number() {
        let folder = tempfile::tempdir().unwrap();
        let next = |earlier| next(folder.path(), earlier).unwrap();
        assert_eq!(next(Earlier::default()), BootId(1));
        assert_eq!(next(Earlier::default()), BootId(2));
        assert_eq!(next(known(2)), BootId(3));
        assert_eq!(next(known(40)), BootId(41));
    }

    #[test]
    fn a_lost_or_damaged_number_is_jumped_over() {
        let recovered = |number| Next::Recovered(BootId(number));
        assert_eq!(decide(None, known(9)), recovered(1_000_009));
        for damaged in [&b""[..], b"12", b"12\n", b"x\n", b"\xff\n", b"-1\n"] {
            assert_eq!(decide(Some(damaged), known(9)), recovered(1_000_009));
        }
        assert_eq!(
            decide(Some(b"0x"), Earlier::default()),
            recovered(1_000_000)
        );
        // The log may hold requests of starts that neither the file nor the state tells of.
        let unread = Earlier {
            applied: None,
            logged: true,
        };
        assert_eq!(decide(None, unread), recovered(1_000_000));
    }

    #[test]
    fn a_changed_digit_is_no_number() {
        let whole = line(BootId(12));
        assert_eq!(read(whole.as_bytes()), Some(12));
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone().into_bytes();
                changed[at] ^= 1 << bit;
                assert_eq!(read(&changed), None, "bit {bit} of byte {at}");
            }
            assert_eq!(read(&whole.as_bytes()[..at]), None, "cut to {at}");
        }
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(next(&folder.path().join("gone"), Earlier::default()).is_err());
    }
}
