//! Panics as log lines and a count, whichever thread they happen in.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many panics this process has seen; written by the hook, read by the metrics.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Sends panics to the log instead of printing them; call it after logging has started.
///
/// What happens next is decided where the panic is caught: an HTTP worker answers 500, an actor starts again from state,
/// and a thread under a [`FatalGuard`](raftgate_storage::fatal::FatalGuard) ends the process.
pub fn install() {
    std::panic::set_hook(Box::new(log_panic));
}

/// How many panics there were since the hook was installed.
#[must_use]
pub fn panics_seen() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

fn log_panic(info: &PanicHookInfo<'_>) {
    PANICS.fetch_add(1, Ordering::Relaxed);
    let thread = std::thread::current();
    let location = info.location().map(ToString::to_string);
    // Captures only when RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        location = location.as_deref().unwrap_or("unknown"),
        reason = info.payload_as_str().unwrap_or("no message"),
        backtrace,
        "a thread panicked"
    );
}
