//! The definitions folder: each file one definition, or several policies, applied when its content differs from what was
//! last applied from it.
//!
//! The store remembers what came from which file, so a restart undoes nothing that the control API changed since.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use raftgate_actors::registry::NotInForce;
use raftgate_cluster::error::ProposeError;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::command::{Command, PUT_APIS_MAX, SourceMark};
use raftgate_model::state::SourcePath;
use raftgate_model::state::record::{Made, SourceContent};
use tracing::{error, info, warn};

use super::displaced::Displaced;
use super::file::{Definition, DefinitionFile, definition_name, read_definition};
use super::policy_files::Kept;
use super::{ImportError, Imported, Importer};

/// How many files one look at the store brings.
const PAGE: usize = 1000;
/// The most files of one folder.
const FILES_MAX: usize = 20_000;
/// The pause before a folder is applied again that the store took no writes for.
const WRITES_AGAIN: Duration = Duration::from_secs(5);

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

/// A definition file and what it holds.
pub(super) type File<'f> = (&'f SourcePath, &'f DefinitionFile);
/// A file whose listen path was taken.
pub(super) type Refused<'f> = (File<'f>, ImportError);

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

/// Applies the files of a folder.
pub struct DefinitionsFolder {
    path: PathBuf,
    pub(super) importer: Importer,
    pub(super) cluster: ClusterHandle,
    /// What the log has of files whose definition another one has.
    pub(super) told: Mutex<Displaced>,
}

/// What stands in the folder.
#[derive(Default)]
pub(super) struct Contents {
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

    /// The definition files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &SourcePath> {
        self.files.keys().chain(&self.unread)
    }

    /// Whether what was made from here is to stay: it is a file that is there, or a policy that is kept.
    pub(super) fn still_hold(&self, path: &SourcePath, kept: &Kept) -> bool {
        (self.holds(path) && !kept.is_of_several(path)) || kept.holds(path)
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
            told: Mutex::default(),
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
        let (changed, mut displaced) = self.changed_and_displaced(&contents);
        report.unchanged = contents.files.len().saturating_sub(changed.len());
        let mut kept = Kept::of_files(contents.unread.iter().cloned());
        let mut refused = self.apply_files(&changed, &mut kept, &mut report).await?;
        // Before what displaced them goes, so that what they define is there all the time.
        let noted = (&mut kept, &mut report);
        refused.extend(self.apply_freed(&contents, &mut displaced, noted).await?);
        self.remove_missing((&contents, &kept), &mut report).await?;
        // What was in the way of these may have gone with its file, or moved away itself.
        let again: Vec<_> = refused.into_iter().map(|(file, _)| file).collect();
        let mut refused = self.apply_files(&again, &mut kept, &mut report).await?;
        let noted = (&mut kept, &mut report);
        refused.extend(self.apply_freed(&contents, &mut displaced, noted).await?);
        for ((path, _), reason) in refused {
            report.fail(path, reason)?;
        }
        report.failed = report.failed.saturating_add(contents.unread.len());
        self.tell_displaced(&contents, &kept);
        Ok(report)
    }

    /// The files that hold something else than what was last applied from them, and those that another one displaced.
    fn changed_and_displaced<'f>(&self, contents: &'f Contents) -> (Vec<File<'f>>, Vec<File<'f>>) {
        let (mut changed, mut displaced) = (Vec::new(), Vec::new());
        for (path, file) in &contents.files {
            match self.compare(path, file.content_hash) {
                SourceContent::Applied => {}
                SourceContent::Displaced => displaced.push((path, file)),
                SourceContent::Changed => changed.push((path, file)),
            }
        }
        (changed, displaced)
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
        (contents, kept): (&Contents, &Kept),
        report: &mut FolderReport,
    ) -> Result<(), FolderError> {
        let is_gone = |path: &&SourcePath| !contents.still_hold(path, kept);
        let mut after = None;
        loop {
            let known = self.cluster.view().sources(after.as_ref(), PAGE);
            for path in known.iter().filter(is_gone) {
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

    /// What a file, or a policy of one, holds beside what was last applied from it.
    pub(super) fn compare(&self, path: &SourcePath, content_hash: [u8; 32]) -> SourceContent {
        let last = self.cluster.view().source(path);
        last.map_or(SourceContent::Changed, |last| last.compare(content_hash))
    }

    /// Brings what files hold into force, many APIs with one command; those whose listen path was taken come back.
    pub(super) async fn apply_files<'f>(
        &self,
        files: &[File<'f>],
        kept: &mut Kept,
        report: &mut FolderReport,
    ) -> Result<Vec<Refused<'f>>, FolderError> {
        let mut refused = Vec::new();
        for part in files.chunks(PUT_APIS_MAX) {
            let mut apis = Vec::with_capacity(part.len());
            for &(path, file) in part {
                match self.read(path, file) {
                    Ok((Definition::Api(document), mark)) => {
                        match self.importer.check(document, Some(mark)) {
                            Ok(checked) => apis.push(((path, file), checked)),
                            Err(reason) => {
                                kept.keep_all_of(path);
                                report.fail(path, reason)?;
                            }
                        }
                    }
                    Ok((Definition::Policies(policies), _)) => {
                        self.apply_policies((path, policies), kept, report).await?;
                    }
                    Ok((Definition::Policy(text), mark)) => {
                        let imported = self.importer.put_policy(&text, Some(mark)).await;
                        if imported.is_err() {
                            kept.keep_all_of(path);
                        }
                        report.count(path, imported)?;
                    }
                    Err(reason) => {
                        kept.keep_all_of(path);
                        report.fail(path, reason)?;
                    }
                }
            }
            let outcome = self.importer.put_together(apis).await;
            for ((path, _), imported) in outcome.applied {
                report.count(path, Ok(imported))?;
            }
            for (file, reason) in outcome.refused {
                match reason {
                    ImportError::ListenPathTaken { .. } => refused.push((file, reason)),
                    reason => report.fail(file.0, reason)?,
                }
            }
        }
        Ok(refused)
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
pub(super) mod tests;
