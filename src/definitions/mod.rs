//! Definitions from outside, by the control listener or from the definitions folder: read, checked, sealed, proposed.

mod check;
mod displaced;
mod file;
mod folder;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod import;
mod policy_files;
mod together;
mod watch;

pub use check::{DefinitionsCheck, Remark};
pub use file::yaml;
pub use folder::{DefinitionsFolder, FolderError, FolderReport};
pub use import::{ImportError, Imported, Importer};
pub use watch::{DefinitionsWatch, LookOn};
