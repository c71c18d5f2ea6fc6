//! Definitions from outside, by the control listener or from the definitions folder: read, checked, sealed, proposed.

mod folder;
mod import;

pub use folder::{DefinitionsFolder, FolderReport};
pub use import::{ImportError, Imported, Importer};
