//! The definitions folder: each file one definition, applied when its content differs from what was last applied from it.
//!
//! The store remembers what came from which file, so a restart undoes nothing that the control API changed since.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use raftgate_actors::registry::NotInForce;
use raftgate_cluster::error::ProposeError;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::command::{Command, SourceMark};
use raftgate_model::state::SourcePath;
use raftgate_model::state::record::Made;
use tracing::{error, info, warn};

use super::file::{Definition, DefinitionFile, definition_name, read_definition};
use super::{ImportError, Imported, Importer};

/// How many files one look at the store brings.
const PAGE: usize = 1000;
/// The most files of one folder.
const FILES_MAX: usize = 20_000;
/// The pause before a folder is applied again that the store took no writes for.
const WRITES_AGAIN: Duration = Duration::from_secs(5);

/// What one look at the folder did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderReport {
    /// Files whose definition was brought into force.
    pub applied: usize,
    /// Files whose definition was in force already.
    pub unchanged: usize,
    /// Files that are gone, and what they made with them.
    pub removed: usize,
    /// Files whose change is stored, but was not in force on this node in time; it comes by itself.
    pub late: usize,
    /// Files that could not be applied, or are stored and cannot be served; the log says why.
    pub failed: usize,
}

impl FolderReport {
    /// Counts and logs a file that cannot be applied or is late, unless no file can be.
    fn fail(&mut self, path: &SourcePath, reason: ImportError) -> Result<(), FolderError> {
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
            NotInForce::Late(_) => {
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

/// Applies the files of a folder.
pub struct DefinitionsFolder {
    path: PathBuf,
    importer: Importer,
    cluster: ClusterHandle,
}

/// What stands in the folder.
#[derive(Default)]
struct Contents {
    files: BTreeMap<SourcePath, DefinitionFile>,
    /// Files that are there and cannot be read: what they made before stays.
    unread: BTreeSet<SourcePath>,
}

impl Contents {
    /// Reads every definition file of a folder; one that cannot be read is named in the log.
    fn read(folder: &Path, files_max: usize) -> io::Result<Self> {
        let mut contents = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(name) = definition_name(&path) else {
                continue;
            };
            if contents.files.len().saturating_add(contents.unread.len()) >= files_max {
                let reason = format!(
                    "it holds more than {files_max} definition files, and a part of them is not applied for the whole"
                );
                return Err(io::Error::other(reason));
            }
            match DefinitionFile::read(&path) {
                Ok(file) => drop(contents.files.insert(name, file)),
                Err(reason) => {
                    error!(file = %name.0, %reason, "definition file cannot be read");
                    contents.unread.insert(name);
                }
            }
        }
        Ok(contents)
    }

    fn holds(&self, path: &SourcePath) -> bool {
        self.files.contains_key(path) || self.unread.contains(path)
    }
}

impl DefinitionsFolder {
    /// The folder at a path.
    #[must_use]
    pub fn new(path: PathBuf, importer: Importer, cluster: ClusterHandle) -> Self {
        Self {
            path,
            importer,
            cluster,
        }
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at every file and applies what changed; a file that is there and cannot be read or understood changes nothing.
    ///
    /// # Errors
    /// See [`FolderError`]; a file that cannot be applied is none, but counted and logged.
    pub async fn apply(&self) -> Result<FolderReport, FolderError> {
        let contents =
            Contents::read(&self.path, FILES_MAX).map_err(|error| FolderError::Unreadable {
                path: self.path.clone(),
                error,
            })?;
        let mut report = FolderReport::default();
        // What is in the way of these may go with its file, or move away itself.
        let mut refused = Vec::new();
        for (path, file) in &contents.files {
            match self.apply_file(path, file).await {
                Ok(true) => report.applied = report.applied.saturating_add(1),
                Ok(false) => report.unchanged = report.unchanged.saturating_add(1),
                Err(ImportError::ListenPathTaken { .. }) => refused.push((path, file)),
                Err(reason) => report.fail(path, reason)?,
            }
        }
        self.remove_missing(&contents, &mut report).await?;
        self.apply_together(refused, &mut report).await?;
        report.failed = report.failed.saturating_add(contents.unread.len());
        Ok(report)
    }

    /// Looks at the folder again while it is in force, and logs what came of it; a store that takes no writes is waited for.
    pub async fn apply_or_log(&self) {
        loop {
            match self.apply().await {
                Ok(report) => return info!(?report, "definitions folder read again"),
                Err(error @ FolderError::Unreadable { .. }) => {
                    return error!(%error, "what was read before stays in force");
                }
                Err(error @ FolderError::NoWrites(_)) => {
                    warn!(%error, "definitions folder not applied yet");
                    tokio::time::sleep(WRITES_AGAIN).await;
                }
            }
        }
    }

    async fn remove_missing(
        &self,
        contents: &Contents,
        report: &mut FolderReport,
    ) -> Result<(), FolderError> {
        let mut after = None;
        loop {
            let known = self.cluster.view().sources(after.as_ref(), PAGE);
            for path in known.iter().filter(|path| !contents.holds(path)) {
                self.remove(path.clone(), report).await?;
            }
            match known.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    async fn remove(&self, path: SourcePath, report: &mut FolderReport) -> Result<(), FolderError> {
        match self
            .importer
            .commit(Command::RemoveSource(path.clone()), &[])
            .await
        {
            Ok(_) => {
                info!(file = %path.0, "definition file is gone, and what it made");
                report.removed = report.removed.saturating_add(1);
                Ok(())
            }
            Err(reason) => report.fail(&path, reason),
        }
    }

    /// Brings one file's definition into force; tells whether it was not before.
    async fn apply_file(
        &self,
        path: &SourcePath,
        file: &DefinitionFile,
    ) -> Result<bool, ImportError> {
        let last = self.cluster.view().source(path);
        if last
            .as_ref()
            .is_some_and(|last| last.content_hash == file.content_hash)
        {
            return Ok(false);
        }
        let imported = match self.read(path, file)? {
            (Definition::Api(document), mark) => {
                self.importer.put_api(document, Some(mark)).await?
            }
            (Definition::Policy(text), mark) => self.importer.put_policy(&text, Some(mark)).await?,
        };
        log_applied(path, &imported);
        Ok(true)
    }

    /// What a file holds; a definition that names no id keeps the one that its file was given before.
    fn read(
        &self,
        path: &SourcePath,
        file: &DefinitionFile,
    ) -> Result<(Definition, SourceMark), ImportError> {
        let mut definition = read_definition(path, &file.content)?;
        if let Definition::Api(document) = &mut definition
            && document.api_id().is_none()
            && let Some(last) = self.cluster.view().source(path)
            && let Made::Api(id) = &last.made
        {
            document.set_api_id(id);
        }
        let mark = SourceMark {
            path: path.clone(),
            content_hash: file.content_hash,
        };
        Ok((definition, mark))
    }

    /// Applies files whose listen paths were in each other's way, in one command as far as they fit.
    async fn apply_together(
        &self,
        files: Vec<(&SourcePath, &DefinitionFile)>,
        report: &mut FolderReport,
    ) -> Result<(), FolderError> {
        let mut set = Vec::new();
        for (path, file) in files {
            match self.read(path, file) {
                Ok((Definition::Api(document), mark)) => {
                    match self.importer.check(document, Some(mark)) {
                        Ok(checked) => set.push((path, checked)),
                        Err(reason) => report.fail(path, reason)?,
                    }
                }
                // Only APIs have listen paths.
                Ok((Definition::Policy(_), _)) => {}
                Err(reason) => report.fail(path, reason)?,
            }
        }
        let outcome = self.importer.put_together(set).await;
        for (path, imported) in outcome.applied {
            log_applied(path, &imported);
            report.applied = report.applied.saturating_add(1);
        }
        for (path, reason) in outcome.refused {
            report.fail(path, reason)?;
        }
        Ok(())
    }
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
#[path = "folder_tests.rs"]
mod tests;
