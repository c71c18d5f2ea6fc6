//! The table of cases: each test that it names is there.

use crate::files::TextFile;
use crate::scan::Violation;

/// The table, and the folder of the tests that it names by file and function.
pub(crate) const TABLE: &str = "tests/gateway/CASES.md";
const FOLDER: &str = "tests/gateway/";

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

/// The names between backticks that have a file in front.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.split_once("::"))
}

fn has_test(files: &[TextFile], file: &str, test: &str) -> bool {
    let path = format!("{FOLDER}{file}.rs");
    let function = format!("#[test]\nfn {test}()");
    let mut of_path = files.iter().filter(|file| file.path == path);
    of_path.any(|file| file.text.contains(&function))
}
