//! What one look at the definitions folder did, and what ends it before its time.

use std::io;
use std::path::PathBuf;

use raftgate_actors::registry::NotInForce;
use raftgate_cluster::error::ProposeError;
use raftgate_model::state::SourcePath;
use tracing::{error, info, warn};

use super::{ImportError, Imported};

/// What one look at the folder did; of a file with several policies each counts for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderReport {
    /// Files whose definition was brought into force.
    pub applied: usize,
    /// Files whose content was applied before, those among them that wait for another one's end too.
    pub unchanged: usize,
    /// Files that are gone, and what they made with them.
    pub removed: usize,
    /// Files whose change is stored, but was not in force on this node in time; it comes by itself.
    pub late: usize,
    /// Files that could not be applied, or are stored and cannot be served; the log says why.
    pub failed: usize,
}

impl FolderReport {
    /// Counts and logs a file that was applied or was not, unless no file can be.
    pub(super) fn count(
        &mut self,
        path: &SourcePath,
        imported: Result<Imported, ImportError>,
    ) -> Result<(), FolderError> {
        match imported {
            Ok(imported) => {
                log_applied(path, &imported);
                self.applied = self.applied.saturating_add(1);
                Ok(())
            }
            Err(reason) => self.fail(path, reason),
        }
    }

    /// Counts and logs a file that cannot be applied or is late, unless no file can be.
    pub(super) fn fail(
        &mut self,
        path: &SourcePath,
        reason: ImportError,
    ) -> Result<(), FolderError> {
        match reason {
            ImportError::Propose(error) if error.retry_after().is_some() => {
                Err(FolderError::NoWrites(error))
            }
            ImportError::NotInForce { reason, warnings } => {
                // The file counts as applied from now on: no later look has them to say.
                log_warnings(path, &warnings);
                self.not_in_force(path, &reason);
                Ok(())
            }
            reason => {
                self.failed = self.failed.saturating_add(1);
                error!(file = %path.0, %reason, "definition file not applied");
                Ok(())
            }
        }
    }

    /// Counts and logs a file whose change is stored and not in force; only what is late comes by itself.
    fn not_in_force(&mut self, path: &SourcePath, reason: &NotInForce) {
        match reason {
            NotInForce::Late => {
                self.late = self.late.saturating_add(1);
                warn!(file = %path.0, %reason, "definition file is late");
            }
            NotInForce::Stopped | NotInForce::Unservable(_) => {
                self.failed = self.failed.saturating_add(1);
                error!(file = %path.0, %reason, "definition file is stored, and not in force");
            }
        }
    }
}

/// Why a look at the folder came to nothing, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder cannot be read or holds too much; nothing was changed.
    #[error("the definitions folder {} cannot be read: {error}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The store takes no writes now, so that every further file would wait for nothing.
    #[error("the store takes no definitions now: {0}")]
    NoWrites(ProposeError),
}

fn log_applied(path: &SourcePath, imported: &Imported) {
    log_warnings(path, &imported.warnings);
    info!(file = %path.0, id = %imported.id, "definition file applied");
}

fn log_warnings(path: &SourcePath, warnings: &[String]) {
    for warning in warnings {
        warn!(file = %path.0, %warning, "part of a definition has no effect");
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
pub(super) mod tests;
