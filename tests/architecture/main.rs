//! The rules of the architecture as tests: each reads the repository and names every breach.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod cases;
mod files;
mod manifests;
mod persisted;
mod rules;
mod samples;
mod scan;
mod texts;

use files::{PRODUCTION_ROOTS, production_sources, root, text_files};
use scan::{Source, Violation};

fn assert_none(violations: Vec<Violation>) {
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} found:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

fn assert_kept(rule: fn(&Source) -> Vec<Violation>) {
    assert_none(production_sources().iter().flat_map(rule).collect());
}

fn manifest(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    text.parse().unwrap()
}

#[test]
fn every_crate_is_scanned() {
    let sources = production_sources();
    for folder in PRODUCTION_ROOTS {
        let below = sources
            .iter()
            .filter(|source| source.path.starts_with(folder));
        assert!(below.count() > 0, "no source below {folder}");
    }
}

#[test]
fn files_functions_and_parameter_lists_are_small() {
    assert_kept(rules::sizes);
}

#[test]
fn every_file_has_a_header() {
    assert_kept(rules::header);
}

#[test]
fn files_are_named_after_what_they_hold() {
    let files = text_files();
    assert_none(
        files
            .iter()
            .flat_map(|file| rules::file_name(&file.path))
            .collect(),
    );
}

#[test]
fn the_data_plane_has_no_mailbox_store_or_consensus() {
    assert_kept(rules::data_plane);
}

#[test]
fn crates_know_only_what_they_may() {
    assert_kept(rules::knowledge);
}

#[test]
fn the_domain_crate_is_deterministic() {
    assert_kept(rules::pure_domain);
}

#[test]
fn queues_are_bounded() {
    assert_kept(rules::bounded_queues);
}

#[test]
fn only_the_clock_file_reads_time_and_randomness() {
    assert_kept(rules::clock_and_randomness);
}

#[test]
fn production_code_is_finished_and_does_not_panic() {
    assert_kept(rules::finished);
}

#[test]
fn texts_name_no_machine_and_leave_nothing_unfinished() {
    assert_none(text_files().iter().flat_map(texts::clean_text).collect());
}

#[test]
fn the_table_of_cases_names_every_test_and_none_that_is_not_there() {
    let files = text_files();
    let table = files.iter().find(|file| file.path == cases::TABLE).unwrap();
    assert!(table.text.matches("::").count() > 100, "the table is empty");
    assert_none(cases::absent_tests(table, files));
    assert_none(cases::unnamed_tests(table, files));
}

#[test]
fn no_member_of_a_persisted_type_has_moved() {
    let list = std::fs::read_to_string(root().join(persisted::LIST)).unwrap();
    assert_none(persisted::differences(production_sources(), &list));
}

#[test]
fn tests_are_not_ignored() {
    let files = text_files();
    let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
    assert_none(rust.flat_map(texts::ignored_tests).collect());
}

#[test]
fn crate_arrows_point_downward() {
    let found = manifests::ARROWS
        .iter()
        .flat_map(|(path, _)| manifests::arrows(path, &manifest(path)));
    assert_none(found.collect());
}

#[test]
fn every_workspace_member_has_its_arrows() {
    let root_manifest = manifest("Cargo.toml");
    let members = root_manifest
        .get("workspace")
        .and_then(|table| table.get("members"));
    assert_eq!(
        members.and_then(toml::Value::as_array).map(Vec::len),
        Some(manifests::ARROWS.len())
    );
}

#[test]
fn members_inherit_versions_and_lints() {
    let found = manifests::ARROWS
        .iter()
        .flat_map(|(path, _)| manifests::inherits(path, &manifest(path)));
    assert_none(found.collect());
}

#[test]
fn every_dependency_has_its_reason() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert_none(manifests::reasons("Cargo.toml", &text));
}

#[test]
fn every_dependency_is_named_in_code() {
    let found = manifests::ARROWS.iter().flat_map(|(path, _)| {
        let folder = path.strip_suffix("Cargo.toml").unwrap_or_default();
        let sources = format!("{folder}src/");
        // Benches of every crate and the black-box tests stand in folders of the root.
        let beside = [sources.as_str(), "tests/", "benches/"];
        let own_benches = format!("{folder}benches/");
        let rust = files::text_files().iter();
        let rust = rust.filter(|file| file.path.ends_with(".rs"));
        let text_below = |places: &[&str]| -> String {
            let within =
                |file: &&files::TextFile| places.iter().any(|place| file.path.starts_with(place));
            rust.clone()
                .filter(within)
                .map(|file| file.text.as_str())
                .collect()
        };
        let production = text_below(&[&sources]);
        let all = text_below(&[&beside[..], &[own_benches.as_str()]].concat());
        manifests::named_in_code(path, &manifest(path), (&production, &all))
    });
    assert_none(found.collect());
}

#[test]
fn the_domain_crate_is_built_with_the_listed_crates_only() {
    let listed = "tests/architecture/model_tree.txt";
    let golden = std::fs::read_to_string(root().join(listed)).unwrap();
    let tree = manifests::model_tree();
    let missing_in = |text: &str, line: &&str| !text.lines().any(|other| other == *line);
    let added: Vec<&str> = tree
        .lines()
        .filter(|line| missing_in(&golden, line))
        .collect();
    let gone: Vec<&str> = golden
        .lines()
        .filter(|line| missing_in(&tree, line))
        .collect();
    assert!(
        added.is_empty() && gone.is_empty(),
        "crates under raftgate-model: {added:?} are new, {gone:?} are gone; if that is meant, change {listed}"
    );
}
