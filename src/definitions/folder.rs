//! The definitions folder: each file one definition, or several policies, applied when its content differs from what was
//! last applied from it.
//!
//! The store remembers what came from which file, so a restart undoes nothing that the control API changed since.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::command::{Command, PUT_APIS_MAX};
use raftgate_model::policy::PolicySet;
use raftgate_model::state::SourcePath;
use raftgate_model::state::record::{Made, SourceContent};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::at_rest::AtRest;
use super::contents::{Contents, File, Limits};
use super::displaced::Displaced;
use super::file::{Definition, read_definition};
use super::import::Checked;
use super::look::{Look, Refused};
use super::report::{FolderError, FolderReport};
use super::{ImportError, Importer};

/// How many files one look at the store brings.
const PAGE: usize = 1000;
/// The most that one look takes up.
const LIMITS: Limits = Limits {
    files: 20_000,
    content_bytes: 512 * 1024 * 1024,
};
/// The pause before a folder is applied again that the store took no writes for.
const WRITES_AGAIN: Duration = Duration::from_secs(5);

/// Applies the files of a folder.
pub struct DefinitionsFolder {
    path: PathBuf,
    pub(super) importer: Importer,
    pub(super) cluster: ClusterHandle,
    /// Files of several policies that need not be read again.
    pub(super) at_rest: Arc<AtRest>,
    /// What the log has of files whose definition another one has.
    pub(super) told: Mutex<Displaced>,
}

/// What some files hold, in the order of the files.
#[derive(Default)]
struct FilesRead<'f> {
    apis: Vec<(File<'f>, Checked)>,
    policies: Vec<(File<'f>, PolicyFile)>,
}

/// What a file of policies holds.
enum PolicyFile {
    /// One, as JSON text.
    One(String),
    /// Several.
    Several(PolicySet),
}

impl DefinitionsFolder {
    /// The folder at a path.
    #[must_use]
    pub fn new(path: PathBuf, importer: Importer, cluster: ClusterHandle) -> Self {
        Self {
            path,
            importer,
            cluster,
            at_rest: Arc::default(),
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
        let contents = self.contents().await;
        let contents = contents.map_err(|error| FolderError::Unreadable {
            path: self.path.clone(),
            error,
        })?;
        let mut look = Look::at(&contents);
        let changed = self.changed(&mut look);
        self.apply_files(&changed, &mut look).await?;
        // Before what displaced them goes, so that what they define is there all the time.
        self.apply_freed(&mut look).await?;
        self.remove_missing(&mut look).await?;
        // What was in the way of these may have gone with its file, or moved away itself.
        let again = look.take_refused();
        if !again.is_empty() {
            self.apply_files(&again, &mut look).await?;
            self.apply_freed(&mut look).await?;
            // What those made before that are applied now.
            self.remove_missing(&mut look).await?;
        }
        look.give_up()?;
        self.tell_displaced(&look);
        Ok(look.report)
    }

    /// What stands in the folder, read on a thread for long work; the content of files that were applied before is not kept.
    pub(super) async fn contents(&self) -> io::Result<Contents> {
        let (path, cluster) = (self.path.clone(), self.cluster.clone());
        let at_rest = Arc::clone(&self.at_rest);
        let is_wanted = move |path: &SourcePath, content_hash| {
            let is_applied = |path: &SourcePath, content_hash| {
                compare(&cluster, path, content_hash) == SourceContent::Applied
            };
            !is_applied(path, content_hash)
                && !at_rest.holds(path, content_hash, |(place, hash)| is_applied(place, *hash))
        };
        let read = spawn_blocking(move || Contents::read(&path, LIMITS, is_wanted));
        read.await.map_err(io::Error::other)?
    }

    /// The files that hold something else than what was last applied from them; those that another one displaced wait.
    fn changed<'f>(&self, look: &mut Look<'f>) -> Vec<File<'f>> {
        let mut changed = Vec::new();
        for (path, content) in &look.contents.files {
            let file = File { path, content };
            match self.compare(path, content.content_hash) {
                SourceContent::Applied => {}
                SourceContent::Displaced => look.displaced.push(file),
                SourceContent::Changed => changed.push(file),
            }
        }
        look.report.unchanged = look.displaced.len();
        self.note_unchanged(look);
        changed
    }

    /// Counts what was applied before, and keeps the policies of files of several.
    fn note_unchanged(&self, look: &mut Look<'_>) {
        let unchanged = &look.contents.unchanged;
        self.at_rest.retain(|file| unchanged.contains_key(file));
        for (file, content_hash) in unchanged {
            let places = self.at_rest.places(file, *content_hash);
            let definitions = places.len().max(1);
            look.report.unchanged = look.report.unchanged.saturating_add(definitions);
            look.kept.keep_policies_of(file, places);
        }
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

    async fn remove_missing(&self, look: &mut Look<'_>) -> Result<(), FolderError> {
        let (contents, kept) = (look.contents, &look.kept);
        let is_gone = |path: &&SourcePath| !contents.still_hold(path, kept);
        let mut after = None;
        loop {
            let known = self.cluster.view().sources(after.as_ref(), PAGE);
            for path in known.iter().filter(is_gone) {
                self.remove(path.clone(), &mut look.report).await?;
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
        compare(&self.cluster, path, content_hash)
    }

    /// Brings what files hold into force, many APIs with one command; those whose listen path was taken wait.
    pub(super) async fn apply_files<'f>(
        &self,
        files: &[File<'f>],
        look: &mut Look<'f>,
    ) -> Result<(), FolderError> {
        for part in files.chunks(PUT_APIS_MAX) {
            let read = self.read_files(part, look).await?;
            for (file, policies) in read.policies {
                self.apply_policy_file(file, policies, look).await?;
            }
            self.apply_apis(read.apis, look).await?;
        }
        Ok(())
    }

    /// Reads and checks files; those that are wrong are told.
    async fn read_files<'f>(
        &self,
        files: &[File<'f>],
        look: &mut Look<'f>,
    ) -> Result<FilesRead<'f>, FolderError> {
        let mut read = FilesRead::default();
        for file in files {
            if let Err(reason) = self.read_into(&mut read, *file).await {
                look.note_wrong(*file, reason)?;
            }
        }
        Ok(read)
    }

    async fn read_into<'f>(
        &self,
        read: &mut FilesRead<'f>,
        file: File<'f>,
    ) -> Result<(), ImportError> {
        match self.read(file).await? {
            Definition::Api(document) => {
                let checked = self.importer.check(document, Some(file.mark())).await?;
                read.apis.push((file, checked));
            }
            Definition::Policy(text) => read.policies.push((file, PolicyFile::One(text))),
            Definition::Policies(set) => read.policies.push((file, PolicyFile::Several(set))),
        }
        Ok(())
    }

    /// What a file holds; a definition that names no id keeps the one that its file was given before.
    async fn read(&self, file: File<'_>) -> Result<Definition, ImportError> {
        let (path, content) = (file.path.clone(), file.content.content.clone());
        let read = move || read_definition(&path, &content);
        let mut definition = self.importer.work().run(read).await??;
        if let Definition::Api(document) = &mut definition
            && document.lacks_api_id()
            && let Some(last) = self.cluster.view().source(file.path)
            && let Made::Api(id) = &last.made
        {
            document.set_api_id(id);
        }
        Ok(definition)
    }

    async fn apply_policy_file(
        &self,
        file: File<'_>,
        policies: PolicyFile,
        look: &mut Look<'_>,
    ) -> Result<(), FolderError> {
        match policies {
            PolicyFile::One(text) => {
                let imported = self.importer.put_policy(&text, Some(file.mark())).await;
                if imported.is_err() {
                    look.kept.keep_all_of(file.path);
                }
                look.report.count(file.path, imported)
            }
            PolicyFile::Several(set) => self.apply_policies(file, set, look).await,
        }
    }

    async fn apply_apis<'f>(
        &self,
        apis: Vec<(File<'f>, Checked)>,
        look: &mut Look<'f>,
    ) -> Result<(), FolderError> {
        let outcome = self.importer.put_together(apis).await;
        for (file, imported) in outcome.applied {
            look.report.count(file.path, Ok(imported))?;
        }
        for (file, reason) in outcome.refused {
            look.kept.keep_all_of(file.path);
            match reason {
                ImportError::ListenPathTaken { .. } => look.refused.push(Refused { file, reason }),
                reason => look.report.fail(file.path, reason)?,
            }
        }
        Ok(())
    }
}

fn compare(cluster: &ClusterHandle, path: &SourcePath, content_hash: [u8; 32]) -> SourceContent {
    let last = cluster.view().source(path);
    last.map_or(SourceContent::Changed, |last| last.compare(content_hash))
}
