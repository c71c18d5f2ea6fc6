//! What compiled patterns take in memory, whatever paths they are matched against; in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failed test may panic, and a good one shows its figures with --nocapture"
)]

use raftgate_model::path_pattern::{
    Anchoring, LetterCase, MatchedPath, PathPattern, PatternTerms, PatternText,
};

/// What the process takes for other things meanwhile, in bytes.
const SLACK_BYTES: usize = 8 * 1024 * 1024;

/// The memory of this process that is in use, in bytes.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() * 1024
}

/// Paths that tell most states of an automaton apart which remembers where it saw an `a`.
fn paths() -> Vec<String> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b"ababab/c"[usize::try_from(state >> 61).unwrap()] as char
    };
    let mut path =
        |length: usize| format!("/x/{}", (0..length).map(|_| letter()).collect::<String>());
    (0..12).map(|_| path(400)).collect()
}

#[test]
fn matching_takes_no_more_than_is_stated() {
    let paths = paths();
    let listen_bytes = "/x".len();
    let terms = PatternTerms {
        anchoring: Anchoring::Segment,
        case: LetterCase::Matters,
    };
    let before = resident_bytes();
    let mut all: Vec<PathPattern> = Vec::new();
    let mut stated = 0;
    for (pattern, count) in [
        ("/orders/{id}/items/NUMBER", 600),
        ("/[ab/]*a[ab/]{10}NUMBER", 300),
        ("/.*a.{12}NUMBER", 200),
        ("/(?:.*a.{30}|.*b.{20})NUMBER", 60),
        ("/.*a[^c]{100}NUMBER", 40),
    ] {
        for number in 0..count {
            let text = pattern.replace("NUMBER", &number.to_string());
            let compiled = PatternText::parse(&text).unwrap().compile(terms).unwrap();
            for path in &paths {
                let _ = compiled.covers(&MatchedPath::new(path, listen_bytes, listen_bytes));
            }
            stated += compiled.bytes_max() + compiled.thread_bytes_max();
            all.push(compiled);
        }
        let taken = resident_bytes().saturating_sub(before);
        assert!(
            taken <= stated + SLACK_BYTES,
            "{pattern}: {taken} bytes are taken, {stated} are stated"
        );
        println!("{pattern}: {} KiB of {} KiB", taken / 1024, stated / 1024);
    }
    assert_eq!(all.len(), 1200);
}
