//! How threads whose work decides durability end the process, instead of dying alone.
//!
//! Panics unwind in workers and actors, which start again from state. A log writer, a Raft task or the apply loop that
//! unwinds has stopped in the middle of a promise: nothing may be acknowledged after it, so the process goes with it.

use std::io;
use std::thread::{Builder, JoinHandle};

/// The target of the last line of a process that ends itself: whoever writes logs must have it out before going on.
pub const LOG_TARGET: &str = "raftgate_storage::fatal";

/// Ends the process if the thread or task that holds it unwinds.
///
/// Keep it in a variable from the first line of the thread's or future's body to its last.
#[derive(Debug)]
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct FatalGuard {
    what: &'static str,
}

impl FatalGuard {
    /// A guard for the thread or task called `what`.
    pub fn new(what: &'static str) -> Self {
        Self { what }
    }
}

impl Drop for FatalGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            end_process(self.what, "it panicked");
        }
    }
}

/// Starts a named thread that the process does not outlive when it panics.
///
/// # Errors
/// The system has no room for another thread.
pub fn spawn_fatal_thread(
    what: &'static str,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name(what.to_owned()).spawn(move || {
        let _guard = FatalGuard::new(what);
        body();
    })
}

/// Logs why the node cannot go on and ends the process at once, without running destructors.
///
/// Nothing is flushed on purpose: what is not yet durable must not become so after a failed write.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that aborts: going on could break a promise"
)]
pub fn end_process(what: &str, reason: &str) -> ! {
    tracing::error!(target: LOG_TARGET, thread = what, reason, "ending the process");
    std::process::abort()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::disallowed_methods,
        reason = "the test runs itself as a child that dies, and tells the child by a variable"
    )]

    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, ExitStatus};

    use super::*;

    const ROLE: &str = "RAFTGATE_TEST_FATAL_ROLE";

    fn run_child(role: &str) -> ExitStatus {
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "fatal::tests::only_a_panic_of_a_fatal_thread_ends_the_process",
            ])
            .env(ROLE, role)
            .output()
            .unwrap()
            .status
    }

    #[test]
    fn only_a_panic_of_a_fatal_thread_ends_the_process() {
        const ABORTED: Option<i32> = Some(6);
        match std::env::var(ROLE).as_deref() {
            Ok("panics") => {
                let thread = spawn_fatal_thread("doomed", || panic!("on purpose")).unwrap();
                let _ = thread.join();
            }
            Ok("returns") => spawn_fatal_thread("well", || ()).unwrap().join().unwrap(),
            Ok("ordinary") => {
                let thread = std::thread::spawn(|| panic!("on purpose"));
                assert!(thread.join().is_err());
            }
            _ => {
                assert_eq!(run_child("panics").signal(), ABORTED);
                assert!(run_child("returns").success());
                assert!(run_child("ordinary").success());
            }
        }
    }
}
