//! The definitions folder: each file one definition, applied when its content differs from what was last applied from it.
//!
//! The store remembers what came from which file, so a restart undoes nothing that the control API changed since.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::api::ClassicDocument;
use raftgate_model::command::{Command, SourceMark};
use raftgate_model::state::SourcePath;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tracing::{error, info, warn};

use super::{ImportError, Importer};

/// The largest definition file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How many files one look at the store brings.
const PAGE: usize = 1000;
/// The most files of one folder.
const FILES_MAX: usize = 20_000;

/// What one look at the folder did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderReport {
    /// Files whose definition was brought into force.
    pub applied: usize,
    /// Files whose definition was in force already.
    pub unchanged: usize,
    /// Files that are gone, and what they made with them.
    pub removed: usize,
    /// Files that could not be applied; the log says why.
    pub failed: usize,
}

/// Applies the files of a folder.
pub struct DefinitionsFolder {
    path: PathBuf,
    importer: Importer,
    cluster: ClusterHandle,
}

/// A file's content and its hash.
struct File {
    content: Vec<u8>,
    content_hash: [u8; 32],
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

    /// Looks at every file once and applies what changed; policies first, for clients and sessions name them.
    ///
    /// # Errors
    /// The folder cannot be read; a file that cannot be applied is counted and logged.
    pub async fn apply(&self) -> io::Result<FolderReport> {
        let files = self.read()?;
        let mut report = FolderReport::default();
        for (path, file) in &files {
            match self.apply_file(path, file).await {
                Ok(true) => report.applied = report.applied.saturating_add(1),
                Ok(false) => report.unchanged = report.unchanged.saturating_add(1),
                Err(reason) => {
                    report.failed = report.failed.saturating_add(1);
                    error!(file = %path.0, %reason, "definition file not applied");
                }
            }
        }
        let mut after = None;
        loop {
            let known = self.cluster.view().sources(after.as_ref(), PAGE);
            for path in known.iter().filter(|path| !files.contains_key(path)) {
                self.remove(path.clone(), &mut report).await;
            }
            match known.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        Ok(report)
    }

    async fn remove(&self, path: SourcePath, report: &mut FolderReport) {
        match self
            .importer
            .commit(Command::RemoveSource(path.clone()))
            .await
        {
            Ok(_) => {
                info!(file = %path.0, "definition file is gone, and what it made");
                report.removed = report.removed.saturating_add(1);
            }
            Err(reason) => {
                report.failed = report.failed.saturating_add(1);
                error!(file = %path.0, %reason, "what a removed definition file made is still there");
            }
        }
    }

    /// Brings one file's definition into force; tells whether it was not before.
    async fn apply_file(&self, path: &SourcePath, file: &File) -> Result<bool, ImportError> {
        let last = self.cluster.view().source(path);
        if last.is_some_and(|last| last.content_hash == file.content_hash) {
            return Ok(false);
        }
        let mark = SourceMark {
            path: path.clone(),
            content_hash: file.content_hash,
        };
        let imported = match read_definition(path, &file.content)? {
            Definition::Classic(document) => self.importer.put_api(document, Some(mark)).await?,
            Definition::Policy(text) => self.importer.put_policy(&text, Some(mark)).await?,
        };
        for warning in &imported.warnings {
            warn!(file = %path.0, %warning, "part of a definition has no effect");
        }
        info!(file = %path.0, id = %imported.id, "definition file applied");
        Ok(true)
    }

    fn read(&self) -> io::Result<BTreeMap<SourcePath, File>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Some(name) = definition_name(&entry.path()) else {
                continue;
            };
            if files.len() >= FILES_MAX {
                warn!(
                    files_max = FILES_MAX,
                    "the definitions folder holds more files than are read"
                );
                break;
            }
            match read_file(&entry.path()) {
                Ok(file) => drop(files.insert(name, file)),
                Err(reason) => error!(file = %name.0, %reason, "definition file cannot be read"),
            }
        }
        Ok(files)
    }
}

/// What a definition file holds.
pub(super) enum Definition {
    /// A Classic API definition.
    Classic(ClassicDocument),
    /// A policy, as JSON text.
    Policy(String),
}

/// The name of a file that can hold a definition; hidden files and other endings are passed over.
fn definition_name(path: &Path) -> Option<SourcePath> {
    let name = path.file_name()?.to_str()?;
    let ending = path.extension()?.to_str()?;
    let is_definition = ["json", "yaml", "yml"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known));
    (is_definition && !name.starts_with('.')).then(|| SourcePath(name.into()))
}

fn read_file(path: &Path) -> io::Result<File> {
    let length = fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "{length} bytes are more than {FILE_BYTES_MAX}"
        )));
    }
    let content = fs::read(path)?;
    let content_hash = Sha256::digest(&content).into();
    Ok(File {
        content,
        content_hash,
    })
}

/// Takes a file's text apart far enough to tell what it is.
pub(super) fn read_definition(
    path: &SourcePath,
    content: &[u8],
) -> Result<Definition, ImportError> {
    let text =
        std::str::from_utf8(content).map_err(|_| ImportError::Kind("the file is not UTF-8"))?;
    let is_json = path.0.to_ascii_lowercase().ends_with(".json");
    let (value, text) = if is_json {
        let value =
            serde_json::from_str(text).map_err(|error| ImportError::Syntax(error.to_string()))?;
        (value, text.to_owned())
    } else {
        let value: Value =
            serde_saphyr::from_str(text).map_err(|error| ImportError::Syntax(error.to_string()))?;
        let text = value.to_string();
        (value, text)
    };
    let has = |key: &str| value.get(key).is_some();
    if has("openapi") || has("x-tyk-api-gateway") {
        return Err(ImportError::Kind(
            "OAS definitions are not supported yet, only Classic ones",
        ));
    }
    if has("proxy") || has("api_definition") {
        return Ok(Definition::Classic(ClassicDocument::parse(&text)?));
    }
    if has("access_rights") {
        return Ok(Definition::Policy(text));
    }
    Err(ImportError::Kind(
        "neither an API definition (no proxy) nor a policy (no access_rights)",
    ))
}
