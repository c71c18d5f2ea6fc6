//! Where a passphrase comes from: a file, the environment, or somebody at a terminal; never an argument.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use raftgate_model::secret::Secret;
use zeroize::Zeroizing;

use crate::config::environment::Environment;

/// The longest passphrase file, in bytes.
const FILE_BYTES_MAX: u64 = 4096;

/// What is asked on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// The passphrase.
    First,
    /// The same again, since nobody sees what is typed.
    Again,
}

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassphraseError {
    /// The file cannot be read.
    #[error("cannot read the passphrase from {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file or the variable is empty, or longer than a passphrase is.
    #[error("{0} does not hold a passphrase: expected 1 to {FILE_BYTES_MAX} bytes of text")]
    NoPassphrase(String),
    /// Nobody can be asked.
    #[error(
        "cannot ask for the passphrase: {0}; set RAFTGATE_KEYS_PASSPHRASE or --passphrase-file"
    )]
    NobodyToAsk(io::Error),
}

/// Finds the passphrase: in the file, else in the environment, else by asking.
pub(super) fn find(
    file: Option<&Path>,
    environment: &Environment,
    ask: &dyn Fn() -> io::Result<String>,
) -> Result<Secret, PassphraseError> {
    let (text, source) = match (file, environment.keys_passphrase()) {
        (Some(path), _) => (read(path)?, path.display().to_string()),
        (None, Some(text)) => (text.clone(), "RAFTGATE_KEYS_PASSPHRASE".to_owned()),
        (None, None) => {
            let text = ask().map_err(PassphraseError::NobodyToAsk)?;
            (Zeroizing::new(text), "what was typed".to_owned())
        }
    };
    let passphrase = text.trim_end_matches(['\r', '\n']);
    let length = u64::try_from(passphrase.len()).unwrap_or(u64::MAX);
    if (1..=FILE_BYTES_MAX).contains(&length) {
        Ok(Secret::from(passphrase))
    } else {
        Err(PassphraseError::NoPassphrase(source))
    }
}

/// Asks twice and takes only what was typed the same both times.
pub(super) fn ask_twice(ask: &dyn Fn(Question) -> io::Result<String>) -> io::Result<String> {
    let first = Zeroizing::new(ask(Question::First)?);
    let again = Zeroizing::new(ask(Question::Again)?);
    if first == again {
        Ok(first.to_string())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the two passphrases differ",
        ))
    }
}

/// Asks on the terminal that controls the process, without showing what is typed.
pub(super) fn ask_on_terminal(question: Question) -> io::Result<String> {
    rpassword::prompt_password(match question {
        Question::First => "Passphrase: ",
        Question::Again => "The same again: ",
    })
}

fn read(path: &Path) -> Result<Zeroizing<String>, PassphraseError> {
    // Room for all of it from the start: growing would leave unwiped copies behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * 4096));
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 3).read_to_string(&mut text))
        .map_err(|error| PassphraseError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
    Ok(text)
}
