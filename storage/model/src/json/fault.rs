//! What is wrong with a document, and where.

use std::fmt;

/// The most faults that one document is answered with; more would only hide the first ones.
pub const FAULTS_MAX: usize = 50;

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFault {
    /// The JSON path of the place, or `line L column C` where the text is not JSON.
    pub path: String,
    /// What is wrong there, and what is allowed.
    pub problem: String,
}

impl fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.problem);
        }
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Everything that is wrong with a document; empty only while it is being collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentFaults(Vec<DocumentFault>);

impl DocumentFaults {
    /// One fault alone.
    pub(crate) fn one(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self(vec![DocumentFault {
            path: path.into(),
            problem: problem.into(),
        }])
    }

    /// Adds a fault; from [`FAULTS_MAX`] on further ones are dropped.
    pub(crate) fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(DocumentFault {
                path: path.into(),
                problem: problem.into(),
            });
        }
    }

    /// The value, unless a fault was found.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// The faults in the order in which they were found.
    #[must_use]
    pub fn all(&self) -> &[DocumentFault] {
        &self.0
    }

    /// Whether no fault was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for DocumentFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            fmt::Display::fmt(fault, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for DocumentFaults {}
