//! The file that holds the control secret, read the same way by the node and by the commands that speak to it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use raftgate_model::secret::Secret;
use zeroize::Zeroizing;

use crate::config::typed::SECRET_BYTES_MAX;

/// The most bytes that are read; blanks and line ends around a secret are not part of it.
const FILE_BYTES_MAX: usize = 4096;
/// Rights of others than the file's owner.
const OTHERS: u32 = 0o077;

/// Why a file gives no control secret.
#[derive(Debug, thiserror::Error)]
pub enum ControlSecretError {
    /// It cannot be read.
    #[error("cannot read the control secret from {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What it holds cannot be a secret.
    #[error(
        "{} does not hold a control secret: expected one line of at most {SECRET_BYTES_MAX} visible ASCII characters",
        path.display()
    )]
    NoSecret {
        /// The file.
        path: PathBuf,
    },
}

/// Others than its owner have rights on the file: whoever reads it can do everything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the control secret in {} is open to others (mode {mode:04o}): take their rights away (chmod 600)", path.display())]
pub struct OpenToOthers {
    path: PathBuf,
    mode: u32,
}

/// A control secret and how well its file keeps it.
pub struct ControlSecretFile {
    /// The secret.
    pub secret: Secret,
    /// Worth a warning; no error, because mounted secrets often come that way.
    pub exposure: Option<OpenToOthers>,
}

impl ControlSecretFile {
    /// Reads the file; `None` when there is none, or nothing in it.
    ///
    /// # Errors
    /// It cannot be read, or what it holds cannot be a secret.
    pub fn find(path: &Path) -> Result<Option<Self>, ControlSecretError> {
        match bytes_of(path) {
            Ok((bytes, _)) if bytes.iter().all(u8::is_ascii_whitespace) => Ok(None),
            Ok((bytes, exposure)) => Self::from_bytes(path, &bytes, exposure).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(path, error)),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// There is none, it cannot be read, or what it holds cannot be a secret.
    pub fn read(path: &Path) -> Result<Self, ControlSecretError> {
        let (bytes, exposure) = bytes_of(path).map_err(|error| unreadable(path, error))?;
        Self::from_bytes(path, &bytes, exposure)
    }

    fn from_bytes(
        path: &Path,
        bytes: &[u8],
        exposure: Option<OpenToOthers>,
    ) -> Result<Self, ControlSecretError> {
        let text = std::str::from_utf8(bytes).unwrap_or_default().trim();
        let is_secret = (1..=SECRET_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if bytes.len() > FILE_BYTES_MAX || !is_secret {
            return Err(ControlSecretError::NoSecret {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            secret: Secret::from(text),
            exposure,
        })
    }
}

fn unreadable(path: &Path, error: io::Error) -> ControlSecretError {
    ControlSecretError::Unreadable {
        path: path.to_owned(),
        error,
    }
}

/// The file's bytes, one more than allowed if it is too long, wiped when dropped.
fn bytes_of(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, Option<OpenToOthers>)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mode = metadata.permissions().mode() & 0o7777;
    let exposure = (metadata.is_file() && mode & OTHERS != 0).then(|| OpenToOthers {
        path: path.to_owned(),
        mode,
    });
    // The room beyond the limit keeps the buffer from growing, which would leave unwiped copies behind.
    let limit = FILE_BYTES_MAX + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 64));
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok((bytes, exposure))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use std::fs::{self, Permissions};

    use super::*;

    fn read(content: &[u8], mode: u32) -> Result<ControlSecretFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        ControlSecretFile::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn blanks_and_line_ends_around_the_secret_are_not_part_of_it() {
        for content in ["s3cret", "s3cret\n", " s3cret\r\n\n", "\ts3cret "] {
            let file = read(content.as_bytes(), 0o600).ok().unwrap();
            assert_eq!(file.secret.expose(), "s3cret", "{content:?}");
            assert_eq!(file.exposure, None);
        }
        let longest = "x".repeat(SECRET_BYTES_MAX);
        assert!(read(longest.as_bytes(), 0o600).is_ok());
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_without_being_shown() {
        let long = [b'x'; SECRET_BYTES_MAX + 1];
        let mut padded = vec![b' '; FILE_BYTES_MAX];
        padded.extend_from_slice(b"hush");
        let wrong: [&[u8]; 7] = [
            b"",
            b" \n",
            b"two words",
            b"two\nlines",
            b"hush\xff",
            &long,
            &padded,
        ];
        for content in wrong {
            let said = read(content, 0o600).err().unwrap();
            assert!(said.contains("does not hold a control secret"), "{said}");
            assert!(!said.contains("two") && !said.contains("hush"), "{said}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_told_of() {
        for mode in [0o640, 0o604] {
            let exposure = read(b"s3cret", mode).ok().unwrap().exposure;
            let said = exposure.unwrap().to_string();
            assert!(said.contains(&format!("mode {mode:04o}")), "{said}");
        }
    }

    #[test]
    fn a_missing_or_empty_file_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.secret");
        fs::write(&path, "\n").unwrap();
        assert!(ControlSecretFile::find(&path).ok().unwrap().is_none());
        fs::remove_file(&path).unwrap();
        assert!(ControlSecretFile::find(&path).ok().unwrap().is_none());
        assert!(ControlSecretFile::read(&path).is_err());
        // A folder opens, and cannot be read.
        assert!(ControlSecretFile::find(folder.path()).is_err());
    }
}
