//! The table of cases: each test that it names is there, and each test of the folder is named.

use std::collections::HashSet;

use crate::files::TextFile;
use crate::scan::Violation;

/// The table, and the folder of the tests that it names by file and function.
pub(crate) const TABLE: &str = "tests/gateway/CASES.md";
const FOLDER: &str = "tests/gateway/";
/// What stands for all tests of a file.
const ALL: &str = "*";

/// Every `file::test` in the table that no file has.
pub(crate) fn absent_tests(table: &TextFile, files: &[TextFile]) -> Vec<Violation> {
    let numbered = table.text.lines().zip(1..);
    numbered
        .flat_map(|(line, number)| named(line).map(move |named| (named, number)))
        .filter(|((file, test), _)| !has_test(files, file, test))
        .map(|((file, test), number)| {
            Violation::new(&table.path, number, format!("there is no {file}::{test}"))
        })
        .collect()
}

/// Every test of the folder that the table names neither by itself nor with all others of its file.
pub(crate) fn unnamed_tests(table: &TextFile, files: &[TextFile]) -> Vec<Violation> {
    let named: HashSet<_> = table.text.lines().flat_map(named).collect();
    let tests = files.iter().flat_map(|file| {
        let name = file_name(file).unwrap_or_default();
        tests(file).map(move |(test, line)| (file, name, test, line))
    });
    tests
        .filter(|(_, name, test, _)| {
            !named.contains(&(name, test)) && !named.contains(&(name, ALL))
        })
        .map(|(file, name, test, line)| {
            let message = format!("{TABLE} does not name {name}::{test}");
            Violation::new(&file.path, line, message)
        })
        .collect()
}

/// The name by which the table knows a file of the folder.
fn file_name(file: &TextFile) -> Option<&str> {
    file.path.strip_prefix(FOLDER)?.strip_suffix(".rs")
}

/// The tests of a file of the folder, with their lines.
fn tests(file: &TextFile) -> impl Iterator<Item = (&str, usize)> {
    let lines = file_name(file).map_or("", |_| file.text.as_str()).lines();
    let pairs = lines.clone().zip(lines.skip(1)).zip(2..);
    pairs.filter_map(|((attribute, function), line)| {
        let test = function.strip_prefix("fn ")?.split_once('(')?.0;
        (attribute == "#[test]").then_some((test, line))
    })
}

/// The names between backticks that have a file in front.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.split_once("::"))
}

fn has_test(files: &[TextFile], file: &str, test: &str) -> bool {
    let mut of_name = files.iter().filter(|found| file_name(found) == Some(file));
    of_name.any(|found| tests(found).any(|(name, _)| test == ALL || test == name))
}
