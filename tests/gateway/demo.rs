//! The demo from outside: the whole tour, and nothing left behind.

use std::time::Instant;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{PATIENCE, Process, run};

#[test]
fn the_tour_goes_through_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().to_str().unwrap();
    let finished = run(&["demo", "--once"], &[("TMPDIR", place)], folder.path());
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.out, finished.err);
    for words in [
        "Exchange the code for tokens",
        "  ok: shared secret, timestamp and signature are right",
        "Call the API with the revoked token",
        "  ok: the error is access_denied",
    ] {
        assert!(finished.out.contains(words), "{words}: {}", finished.out);
    }
    assert!(
        finished.out.ends_with("steps answered as they should.\n"),
        "{}",
        finished.out
    );
    assert!(!finished.out.contains('\u{1b}'), "no colour codes");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "the demo removes its data");
}

#[test]
fn an_end_that_is_asked_for_while_the_node_starts_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().to_str().unwrap().to_owned();
    let variables = [("TMPDIR".to_owned(), place)];
    let mut process = Process::start(&["demo".to_owned()], &variables, folder.path());
    let begun = || std::fs::read_dir(folder.path()).unwrap().next().is_some();
    // Asked as often as can be: the window between the folder and the node is short.
    let deadline = Instant::now() + PATIENCE;
    while !begun() {
        assert!(Instant::now() < deadline, "the demo makes no folder");
        assert_eq!(process.ended(), None);
    }
    process.signal(Signal::TERM);
    let status = process.wait(PATIENCE);
    assert_eq!(status.code(), Some(1), "it ended in order: {status}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
