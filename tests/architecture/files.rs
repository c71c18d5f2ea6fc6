//! The repository's files: every text, and the production sources among them.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::scan::Source;

/// Folders that hold production code, relative to the repository root.
pub(crate) const PRODUCTION_ROOTS: [&str; 5] = [
    "src",
    "actors/src",
    "cluster/src",
    "storage/src",
    "storage/model/src",
];

/// Folders that are no part of the sources.
const SKIPPED: [&str; 4] = ["target", ".git", "raftgate-data", "__pycache__"];

/// A file of the repository; `path` is relative to its root and uses `/`.
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

static TEXT_FILES: LazyLock<Vec<TextFile>> = LazyLock::new(read_text_files);
static PRODUCTION_SOURCES: LazyLock<Vec<Source>> = LazyLock::new(parse_production_sources);

/// Every text file of the repository, in order of its path; build output and data are left out.
pub(crate) fn text_files() -> &'static [TextFile] {
    &TEXT_FILES
}

/// Every production source: Rust files below [`PRODUCTION_ROOTS`] that no `#[cfg(test)]` declares.
pub(crate) fn production_sources() -> &'static [Source] {
    &PRODUCTION_SOURCES
}

fn read_text_files() -> Vec<TextFile> {
    let mut paths = Vec::new();
    collect(root(), &mut paths);
    paths.sort();
    let texts = paths.into_iter().filter_map(|path| {
        let text = String::from_utf8(std::fs::read(&path).unwrap()).ok()?;
        let path = relative(&path);
        Some(TextFile { path, text })
    });
    texts.collect()
}

fn parse_production_sources() -> Vec<Source> {
    let files = text_files()
        .iter()
        .filter(|file| is_rust_below_roots(&file.path));
    let sources = files.map(|file| Source::parse(&file.path, &file.text).unwrap());
    without_test_files(sources.collect())
}

/// Leaves out files that exist for tests only, and what stands in the folders of such modules.
pub(crate) fn without_test_files(sources: Vec<Source>) -> Vec<Source> {
    let places: Vec<String> = sources
        .iter()
        .flat_map(|source| source.test_modules.iter().cloned())
        .collect();
    let for_tests = |path: &str| {
        places
            .iter()
            .any(|place| path == place || is_below(path, folder_of(place)))
    };
    sources
        .into_iter()
        .filter(|source| !for_tests(&source.path))
        .collect()
}

/// The folder of a module: the place itself, or the one around its `mod.rs`.
fn folder_of(place: &str) -> &str {
    place.strip_suffix("/mod.rs").unwrap_or(place)
}

fn is_rust_below_roots(path: &str) -> bool {
    path.ends_with(".rs") && PRODUCTION_ROOTS.iter().any(|root| is_below(path, root))
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap();
    path.to_string_lossy().replace('\\', "/")
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let skipped = SKIPPED.iter().any(|name| entry.file_name() == *name);
        if kind.is_dir() && !skipped {
            collect(&entry.path(), out);
        } else if kind.is_file() && !skipped {
            out.push(entry.path());
        }
    }
}
