//! What can be wrong with a configuration; all of it is found in one go and told together.

use std::fmt;
use std::path::PathBuf;

use super::origin::Origin;

/// The most errors that are printed; what a wrong file says beyond that repeats itself.
const SHOWN_MAX: usize = 50;

/// One thing that is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration file: {reason}", path.display())]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: not valid TOML: {reason}", path.display())]
    Syntax {
        /// The file as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What the parser expected.
        reason: String,
    },
    /// Nothing of this name exists.
    #[error("{origin}: {key}: unknown key; the nearest known key is {nearest}")]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// The full path of the key.
        key: String,
        /// The full path of the known key that looks most like it.
        nearest: String,
    },
    /// No variable of this name is read.
    #[error(
        "environment variable {variable}: unknown variable; the nearest known variable is {nearest}"
    )]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The known variable that looks most like it.
        nearest: String,
    },
    /// The value is not one of those allowed.
    #[error("{origin}: {key}: {value} is not allowed; expected {allowed}")]
    Invalid {
        /// Where it stands.
        origin: Origin,
        /// The full path of the key.
        key: String,
        /// The value as it may be shown; never that of a secret.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// Two settings exclude or need each other.
    #[error("{origin}: {key}: {reason}")]
    Conflict {
        /// Where one of the two stands.
        origin: Origin,
        /// The full path of that one.
        key: String,
        /// Which other one, and what to do.
        reason: String,
    },
}

/// All that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors as a result: `Ok` when there are none.
    ///
    /// # Errors
    /// There is at least one error.
    pub fn none(errors: Vec<ConfigError>) -> Result<(), Self> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self(errors))
        }
    }

    /// The errors, in the order in which they were found.
    #[must_use]
    pub fn as_slice(&self) -> &[ConfigError] {
        &self.0
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().take(SHOWN_MAX).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        match self.0.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for ConfigErrors {}
