//! Definitions from outside, by the control listener or from the definitions folder: read, checked, sealed, proposed.

mod at_rest;
mod check;
mod contents;
mod displaced;
mod file;
mod folder;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod import;
mod look;
mod policy_files;
mod report;
mod together;
mod watch;

pub use check::{DefinitionsCheck, Remark};
pub use file::yaml;
pub use folder::DefinitionsFolder;
pub use import::{ImportError, Imported, Importer};
pub use report::{FolderError, FolderReport};
pub use watch::{DefinitionsWatch, LookOn};
