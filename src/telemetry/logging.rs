//! Structured logs on standard error, as text or JSON.

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

use super::log_queue::{LogQueue, LogWriter};
use crate::config::log::{LogFormat, LogSettings};

/// The most bytes of lines that wait to be written. As many again may be with the writer.
const QUEUED_BYTES_MAX: usize = 1024 * 1024;

/// The queue of this process, from which the metrics learn what was dropped.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// The target of the one event per proxied request; `[log] access` alone turns it on and off.
pub const ACCESS_TARGET: &str = "access";

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is none, which configuration has ruled out before.
    #[error("log.level: {0}")]
    Filter(#[from] ParseError),
    /// Something in this process logs already.
    #[error("logging was started twice")]
    Twice(#[from] SetGlobalDefaultError),
    /// The system has no room for the thread that writes.
    #[error("cannot start the thread that writes the log: {0}")]
    Thread(io::Error),
}

/// Starts logging to standard error, for the whole process and once.
///
/// Nobody who logs waits for whoever reads: lines that find no room are dropped and counted. What is logged until the writer
/// is dropped is written, and so are the last words of a process that ends itself.
///
/// # Errors
/// Logging has been started before, the level is none, or there is no room for a thread.
pub fn start(settings: &LogSettings) -> Result<LogWriter, LoggingError> {
    let filter = filter(settings)?;
    let ansi = settings.format == LogFormat::Text && io::stderr().is_terminal();
    let writer = LogQueue::start(QUEUED_BYTES_MAX, io::stderr()).map_err(LoggingError::Thread)?;
    let queue = writer.queue();
    match settings.format {
        LogFormat::Text => {
            tracing::subscriber::set_global_default(text(filter, ansi, queue.clone()))?;
        }
        LogFormat::Json => {
            tracing::subscriber::set_global_default(json(filter, queue.clone()))?;
        }
    }
    // The subscriber can be set once only, and so can this.
    let _ = QUEUE.set(queue);
    Ok(writer)
}

/// How many lines were not written, because nobody read the others or because writing failed.
#[must_use]
pub fn lines_dropped() -> u64 {
    QUEUE.get().map_or(0, LogQueue::lines_dropped)
}

/// Libraries whose ordinary messages say nothing to an operator; a filter that names them says otherwise.
///
/// To `actix_http::h1` every head that a client garbles is an error; what goes wrong on our side is logged where it does.
const QUIET: &str = "openraft=warn,actix_server=warn,sled=warn,actix_http::h1=off";

fn filter(settings: &LogSettings) -> Result<EnvFilter, ParseError> {
    let access = if settings.access { "info" } else { "off" };
    EnvFilter::builder().parse(format!(
        "{QUIET},{},{ACCESS_TARGET}={access}",
        settings.filter
    ))
}

fn text<W>(filter: EnvFilter, ansi: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .with_writer(writer)
        .finish()
}

fn json<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(writer)
        .finish()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking where it went wrong"
    )]

    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter_text: &str, format: LogFormat, access: bool, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let make = move || writer.clone();
        let settings = LogSettings {
            filter: filter_text.to_owned(),
            format,
            access,
        };
        let filter = filter(&settings).unwrap();
        match format {
            LogFormat::Text => tracing::subscriber::with_default(text(filter, false, make), log),
            LogFormat::Json => tracing::subscriber::with_default(json(filter, make), log),
        }
        String::from_utf8(lines.0.lock().clone()).unwrap()
    }

    #[test]
    fn text_lines_carry_level_target_message_and_fields() {
        let line = logged("info", LogFormat::Text, false, || {
            tracing::info!(api = "a1", "published");
            tracing::debug!("unseen");
        });
        assert!(line.contains(" INFO "), "{line}");
        assert!(line.ends_with("published api=\"a1\"\n"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }

    #[test]
    fn json_lines_are_one_object_each() {
        let line = logged("info", LogFormat::Json, false, || {
            tracing::warn!(api = "a\n1", attempts = 3, "sink is slow");
        });
        assert_eq!(line.lines().count(), 1, "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["level"], "WARN");
        assert_eq!(object["message"], "sink is slow");
        assert_eq!(object["api"], "a\n1");
        assert_eq!(object["attempts"], 3);
        assert!(object["timestamp"].is_string());
    }

    #[test]
    fn levels_by_module_are_obeyed() {
        let lines = logged("warn,raftgate::proxy=debug", LogFormat::Text, false, || {
            tracing::debug!(target: "raftgate::proxy", "near");
            tracing::info!(target: "raftgate::oauth", "far");
        });
        assert!(lines.contains("near") && !lines.contains("far"), "{lines}");
    }

    #[test]
    fn the_access_switch_alone_decides_about_requests() {
        let log = || tracing::info!(target: ACCESS_TARGET, "GET /");
        assert_eq!(logged("trace", LogFormat::Text, false, log), "");
        assert!(logged("error", LogFormat::Text, true, log).contains("GET /"));
    }
}
