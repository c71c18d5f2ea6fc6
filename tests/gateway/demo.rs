//! The demo from outside: the whole tour, and nothing left behind.

use tempfile::TempDir;

use crate::harness::run;

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
