//! One fuzzer for all targets: RAFTGATE_FUZZ_TARGET names the one whose inputs are looked for.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use raftgate::hostile::{TARGETS, Target, target};

static CHOSEN: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("RAFTGATE_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("no target {name:?}; there are: {}", names.join(" "));
        std::process::exit(2)
    })
});

fuzz_target!(|input: &[u8]| (CHOSEN.check)(input));
