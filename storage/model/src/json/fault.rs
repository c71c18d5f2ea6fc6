//! What is wrong with a document, and where.

use std::fmt;

use crate::path_pattern::DOCUMENT_BYTES_MAX;

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
pub struct DocumentFaults {
    all: Vec<DocumentFault>,
    /// What the path patterns that were read so far may take once compiled; no fault while it is within its bound.
    patterns_bytes: usize,
}

impl DocumentFaults {
    /// One fault alone.
    pub(crate) fn one(path: impl Into<String>, problem: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(path, problem);
        faults
    }

    /// Adds a fault that is not among them; from [`FAULTS_MAX`] on further ones are dropped.
    pub(crate) fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        if self.all.len() < FAULTS_MAX {
            let (path, problem) = (path.into(), problem.into());
            let fault = DocumentFault { path, problem };
            if !self.all.contains(&fault) {
                self.all.push(fault);
            }
        }
    }

    /// Whether as many were found as are told.
    pub(crate) const fn is_full(&self) -> bool {
        self.all.len() >= FAULTS_MAX
    }

    /// Whether a fault was found at this very place.
    pub(crate) fn names(&self, path: &str) -> bool {
        self.all.iter().any(|fault| fault.path == path)
    }

    /// Accounts for a path pattern; the one that takes the document beyond its bound is a fault, and it alone.
    pub(crate) fn charge_patterns(&mut self, path: impl Into<String>, bytes: usize) {
        let within = self.patterns_bytes <= DOCUMENT_BYTES_MAX;
        self.patterns_bytes = self.patterns_bytes.saturating_add(bytes);
        if within && self.patterns_bytes > DOCUMENT_BYTES_MAX {
            self.add(
                path,
                "from here on the path patterns of this document are too large together: use fewer, or simpler ones",
            );
        }
    }

    /// The same faults of a document that stands at a place of another one.
    pub(crate) fn below(mut self, place: &str) -> Self {
        for fault in &mut self.all {
            let separator = if fault.path.is_empty() { "" } else { "." };
            fault.path = format!("{place}{separator}{}", fault.path);
        }
        self
    }

    /// The value, unless a fault was found.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.all.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// The faults in the order in which they were found.
    #[must_use]
    pub fn all(&self) -> &[DocumentFault] {
        &self.all
    }

    /// Whether no fault was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl fmt::Display for DocumentFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.all.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            fmt::Display::fmt(fault, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for DocumentFaults {}
