//! Where copies stand: each filling begins a folder of its own, because an open database cannot be emptied quickly.

use std::path::{Path, PathBuf};

use raftgate_model::state::{Record, RecordKey};

use super::store::{CopyError, CopyPosition, Store};
use crate::private_file::sync_folder;
use crate::snapshot::Progress;

/// Stands in the folder until the node's first copy has its first changes, or could not be given them: without it a copy that
/// is not there is lost.
const UNWRITTEN: &str = "unwritten";

/// The folder of the copies; at most one of them is whole.
#[derive(Clone, Debug)]
pub(crate) struct CopyFolder {
    path: PathBuf,
}

/// A copy that was loaded and is ready to go on.
pub(crate) struct OpenCopy {
    pub(super) store: Store,
    pub(super) number: u64,
}

impl CopyFolder {
    /// The folder at a path, which need not exist.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn io_error(&self, action: &'static str) -> impl Fn(std::io::Error) -> CopyError {
        let path = self.path.clone();
        move |error| CopyError::Io {
            action,
            path: path.clone(),
            error,
        }
    }

    pub(super) fn path_of(&self, number: u64) -> PathBuf {
        self.path.join(number.to_string())
    }

    /// The numbers of the copies that were begun, the newest last.
    fn numbers(&self) -> Result<Vec<u64>, CopyError> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.io_error("list")(error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(self.io_error("list"))?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Notes durably that a node begins here: until its first changes are written it has no copy, and lacks none.
    pub(crate) fn note_unwritten(&self) -> Result<(), CopyError> {
        self.make()?;
        let note = self.path.join(UNWRITTEN);
        std::fs::File::create(&note)
            .and_then(|file| file.sync_all())
            .and_then(|()| sync_folder(&note))
            .map_err(self.io_error("note the beginning of a node in"))
    }

    /// Whether the node stopped before the first changes were written.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.path.join(UNWRITTEN).is_file()
    }

    /// Takes the note away durably: a copy has changes, or should have had them.
    pub(super) fn note_written(&self) -> Result<(), CopyError> {
        let note = self.path.join(UNWRITTEN);
        match std::fs::remove_file(&note).and_then(|()| sync_folder(&note)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.io_error("note the first changes in")(error))
            }
            _ => Ok(()),
        }
    }

    fn make(&self) -> Result<(), CopyError> {
        if !self.path.is_dir() {
            std::fs::create_dir(&self.path).map_err(self.io_error("create"))?;
            sync_folder(&self.path).map_err(self.io_error("create"))?;
        }
        Ok(())
    }

    /// Opens the newest copy and reads all of it; `None` when there is none.
    pub(crate) fn load(
        &self,
        put: impl FnMut(&RecordKey, Record),
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<(OpenCopy, CopyPosition)>, CopyError> {
        let Some(number) = self.numbers()?.pop() else {
            return Ok(None);
        };
        let store = Store::open(&self.path_of(number))?;
        let position = store.load(put, progress)?;
        Ok(Some((OpenCopy { store, number }, position)))
    }

    /// Begins a copy that is empty; older ones are removed.
    pub(super) fn begin(&self) -> Result<OpenCopy, CopyError> {
        let numbers = self.numbers()?;
        let number = numbers.last().map_or(1, |last| last.saturating_add(1));
        for old in numbers {
            self.remove(&self.path_of(old))?;
        }
        self.make()?;
        let store = Store::open(&self.path_of(number))?;
        Ok(OpenCopy { store, number })
    }

    /// Removes copies that a newer one replaced.
    pub(super) fn remove_older(&self, than: u64) -> Result<(), CopyError> {
        for old in self.numbers()?.into_iter().filter(|number| *number < than) {
            self.remove(&self.path_of(old))?;
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), CopyError> {
        std::fs::remove_dir_all(path).map_err(self.io_error("remove a copy in"))
    }
}
