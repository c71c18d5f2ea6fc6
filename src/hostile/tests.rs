//! The kept corpus and random input, judged on every run.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::*;

/// Places of one document that are changed in one run: the large ones have thousands, and many of a kind.
const PLACES_MAX: usize = 120;
/// Random inputs per target and run; a fuzzer looks longer.
const CASES: u32 = 1_000;

/// What a fuzzer kept of a target: one input per line.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let path = folder.join(format!("{}.txt", target.name));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().map(|line| STANDARD.decode(line).unwrap());
    lines.collect()
}

fn judge(target: &Target, input: &[u8]) {
    let judged = std::panic::catch_unwind(|| (target.check)(input));
    let text = String::from_utf8_lossy(input);
    assert!(judged.is_ok(), "{}: {text:?}", target.name);
}

#[test]
fn the_kept_corpus_holds() {
    let broken = targets().filter(|target| {
        let inputs = corpus(target);
        assert!(inputs.len() >= 10, "{}: the corpus is gone", target.name);
        let holds = |input: &Vec<u8>| {
            judge(target, input);
            // What is nearly the same: cut short, doubled, one byte turned.
            judge(target, &input[..input.len() / 2]);
            judge(target, &input.repeat(2));
            let mut turned = input.clone();
            if let Some(byte) = turned.last_mut() {
                *byte ^= 1;
            }
            judge(target, &turned);
        };
        std::panic::catch_unwind(|| inputs.iter().for_each(holds)).is_err()
    });
    let names: Vec<&str> = broken.map(|target| target.name).collect();
    assert_eq!(names, [""; 0]);
}

#[test]
fn every_corpus_has_its_target() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(target(name.trim_end_matches(".txt")).is_some(), "{name}");
    }
}

/// Sequences of a target's words, between which bytes of any kind may stand.
fn sentences(target: &'static Target) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        12 => proptest::sample::select(target.words).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
        1 => "[ -~]{1,6}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

#[test]
fn random_sentences_hold() {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    for target in targets() {
        let outcome = TestRunner::new(config.clone()).run(&sentences(target), |input| {
            let judged = std::panic::catch_unwind(|| (target.check)(&input));
            judged.map_err(|_| TestCaseError::fail("an oracle was broken"))
        });
        if let Err(error) = outcome {
            panic!("{}: {error}", target.name);
        }
    }
}

/// Every place in a JSON value, as pointers.
fn places(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        serde_json::Value::Object(members) => {
            for (key, member) in members {
                places(member, &format!("{at}/{}", escaped(key)), found);
            }
        }
        serde_json::Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn documents_with_one_value_changed_hold() {
    let others = [
        "null",
        "true",
        "-1",
        "1e99",
        "\"\"",
        "\"x\"",
        "[]",
        "{}",
        "[{}]",
        "\"/\\u0000\"",
    ];
    let others = others.map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
    for name in [
        "definitions_json",
        "control_bodies",
        "oas_documents",
        "api_sets",
    ] {
        let target = target(name).unwrap();
        // Behind the first line of a target that wants something else there.
        let first_line: &[u8] = if name == "oas_documents" { b"\n" } else { b"" };
        let documents = corpus(target);
        let documents = documents.iter().filter_map(|input| {
            let document = input.strip_prefix(first_line)?;
            serde_json::from_slice::<serde_json::Value>(document).ok()
        });
        for document in documents.filter(|document| document.is_object() || document.is_array()) {
            let mut found = Vec::new();
            places(&document, "", &mut found);
            let step = found.len().div_ceil(PLACES_MAX);
            for (number, place) in found.iter().step_by(step).enumerate() {
                // One of them at each place: every kind of value meets every part of a document.
                let mut changed = document.clone();
                *changed.pointer_mut(place).unwrap() = others[number % others.len()].clone();
                judge(
                    target,
                    &[first_line, changed.to_string().as_bytes()].concat(),
                );
            }
        }
    }
}
