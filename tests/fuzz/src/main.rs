//! One fuzzer for all targets: RAFTGATE_FUZZ_TARGET names the one whose inputs are looked for.
//!
//! With RAFTGATE_FUZZ_WORDS it writes the target's words there, as the dictionary that the fuzzer reads, and ends.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use raftgate::hostile::{Target, target, targets};

static CHOSEN: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("RAFTGATE_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let names: Vec<&str> = targets().map(|target| target.name).collect();
        eprintln!("no target {name:?}; there are: {}", names.join(" "));
        std::process::exit(2)
    })
});

/// Each word as hexadecimal bytes between quotes.
fn write_words(path: &str) {
    let mut text = String::new();
    for word in CHOSEN.words {
        let bytes: String = word.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        text.push_str(&format!("\"{bytes}\"\n"));
    }
    if let Err(error) = std::fs::write(path, text) {
        eprintln!("{path}: {error}");
        std::process::exit(1);
    }
    std::process::exit(0)
}

fuzz_target!(
    init: {
        if let Ok(path) = std::env::var("RAFTGATE_FUZZ_WORDS") {
            write_words(&path);
        }
    },
    |input: &[u8]| (CHOSEN.check)(input)
);
