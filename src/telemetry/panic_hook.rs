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

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::disallowed_methods,
        reason = "the hook is the process's own, so the test runs itself as a child, and tells it by a variable"
    )]

    use std::process::Command;

    use super::*;
    use crate::config::log::{LogFormat, LogSettings};
    use crate::telemetry::logging;

    const CHILD: &str = "RAFTGATE_TEST_PANIC_HOOK";
    const NAME: &str = "telemetry::panic_hook::tests::a_panic_is_logged_and_counted";

    #[test]
    fn a_panic_is_logged_and_counted() {
        if std::env::var_os(CHILD).is_some() {
            let _writer = logging::start(&LogSettings {
                filter: "error".to_owned(),
                format: LogFormat::Json,
                access: false,
            })
            .unwrap();
            install();
            let thread = std::thread::Builder::new().name("worker-7".to_owned());
            let thread = thread.spawn(|| panic!("on purpose")).unwrap();
            assert!(thread.join().is_err());
            assert_eq!(panics_seen(), 1);
            return;
        }
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}");
        let line = said.lines().find(|line| line.starts_with('{')).unwrap();
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| event.get(name).and_then(serde_json::Value::as_str);
        assert_eq!(field("level"), Some("ERROR"));
        assert_eq!(field("message"), Some("a thread panicked"));
        assert_eq!(field("thread"), Some("worker-7"));
        assert_eq!(field("reason"), Some("on purpose"));
        assert!(
            field("location")
                .unwrap()
                .starts_with("src/telemetry/panic_hook.rs:")
        );
    }
}
