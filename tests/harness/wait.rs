//! Waiting for a condition, bounded.

use std::time::{Duration, Instant};

/// How long a test waits for what must happen soon; generous, because a busy machine is no failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks at `condition` until it yields a value; fails the test with `what` when `deadline` is over.
pub(crate) fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            began.elapsed() < deadline,
            "not within {deadline:?}: {what}"
        );
        std::thread::sleep(PAUSE);
    }
}

/// [`eventually`] for a plain condition, within the usual patience.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    eventually(what, PATIENCE, || condition().then_some(()));
}
