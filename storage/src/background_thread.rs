//! Long work beside the serving: on a thread that leaves a busy core to whoever answers requests.

use std::io;
use std::thread::Builder;

/// The niceness of such a thread, as `nice(1)` counts: it gets a seventieth of a core that others want too.
const NICENESS: i32 = 19;

/// The niceness of a thread that others wait for in the end, but not at once: a quarter of a core that another wants too.
const NICENESS_OF_FOLLOWERS: i32 = 5;

/// Lets the present thread, and those that it starts from now on, follow behind whoever answers requests.
pub(crate) fn follow_behind() {
    // As below, a system that refuses lets the work disturb others.
    let _ = rustix::process::setpriority_process(None, NICENESS_OF_FOLLOWERS);
}

/// Does `work` on a named thread of its own and waits for it, on a thread that may block.
///
/// The kernel counts niceness by thread, and a thread cannot take its own back without privileges; that is why no
/// thread of a pool does such work.
///
/// # Errors
/// The system has no room for another thread, or `work` panicked.
pub(crate) fn run_behind<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let thread = Builder::new().name(name.to_owned()).spawn(|| {
        // A system that refuses lets the work disturb others; it must be done all the same.
        let _ = rustix::process::setpriority_process(None, NICENESS);
        work()
    })?;
    thread
        .join()
        .map_err(|_| io::Error::other("the thread panicked"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn the_work_is_nice_and_its_starter_is_not() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        assert_eq!(run_behind("test", niceness).unwrap(), NICENESS);
        assert_eq!(niceness(), before);
    }

    #[test]
    fn a_panic_is_an_error() {
        let error = run_behind("test", || panic!("on purpose")).unwrap_err();
        assert_eq!(error.to_string(), "the thread panicked");
    }
}
