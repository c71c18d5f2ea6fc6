//! Rules on every text file: no unfinished work, no place of one machine.

use crate::files::TextFile;
use crate::scan::Violation;

/// Folders of one machine, matched at the start of an absolute path.
const MACHINE_FOLDERS: [&str; 3] = ["work", "home", "root"];
/// Hosts that packages come from; the lock file alone names one.
const REGISTRY_HOSTS: [&str; 8] = [
    "crates.io",
    "pypi.org",
    "pythonhosted.org",
    "npmjs.org",
    "npmjs.com",
    "proxy.golang.org",
    "debian.org",
    "docker.io",
];
const UNFINISHED: [&str; 3] = ["TODO", "FIXME", "XXX"];
/// The lock files are written by cargo; this file spells the words that it looks for.
const EXEMPT: [&str; 4] = [
    "Cargo.lock",
    "tests/fuzz/Cargo.lock",
    "tests/architecture/texts.rs",
    "tests/architecture/samples.rs",
];

/// No marks of unfinished work, machine folders, or registry hosts.
pub(crate) fn clean_text(file: &TextFile) -> Vec<Violation> {
    if EXEMPT.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let numbered = file.text.lines().zip(1..);
    numbered
        .flat_map(|(line, number)| line_violations(&file.path, line, number))
        .collect()
}

/// No test is switched off.
pub(crate) fn ignored_tests(file: &TextFile) -> Vec<Violation> {
    let numbered = file.text.lines().zip(1..);
    let ignored = numbered.filter(|(line, _)| line.trim_start().starts_with("#[ignore"));
    ignored
        .map(|(_, number)| Violation::new(&file.path, number, "an ignored test"))
        .collect()
}

fn line_violations(path: &str, line: &str, number: usize) -> Vec<Violation> {
    let mut found = Vec::new();
    for word in UNFINISHED {
        if has_word(line, word) {
            found.push(Violation::new(
                path,
                number,
                format!("`{word}`: nothing is left unfinished"),
            ));
        }
    }
    for folder in MACHINE_FOLDERS {
        if names_folder(line, folder) {
            found.push(Violation::new(
                path,
                number,
                format!("`/{folder}/` is a place of one machine"),
            ));
        }
    }
    for host in REGISTRY_HOSTS {
        if line.contains(host) {
            found.push(Violation::new(
                path,
                number,
                format!("`{host}` is a registry host"),
            ));
        }
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .any(|part| part == word)
}

/// Whether `/folder` opens an absolute path in `line`.
fn names_folder(line: &str, folder: &str) -> bool {
    let wanted = format!("/{folder}");
    line.match_indices(&wanted).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line
            .get(start + wanted.len()..)
            .and_then(|text| text.chars().next());
        let opens =
            before.is_none_or(|letter| !letter.is_alphanumeric() && !"._-/})*".contains(letter));
        opens && after == Some('/')
    })
}
