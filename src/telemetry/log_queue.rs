//! The queue between those who log and where lines go: bounded, and waited for by nobody who has work to do.
//!
//! A pipe that nobody reads would otherwise stop every thread that has something to say, the gateway's workers among them.

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use raftgate_storage::fatal;
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// How long the end of the process waits for lines that are not written yet.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes lines without waiting; clones are the same queue.
#[derive(Clone)]
pub struct LogQueue(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    emptied: Condvar,
    bytes_max: usize,
    dropped: AtomicU64,
}

/// Whole lines on their way to the writer.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    lines: u64,
    is_writing: bool,
    has_ended: bool,
    // Nothing is written any more.
    writer_is_gone: bool,
}

impl Waiting {
    fn is_settled(&self) -> bool {
        self.bytes.is_empty() && !self.is_writing
    }
}

impl LogQueue {
    /// A queue of at most `bytes_max` bytes, and the thread that writes what is in it to `out`.
    ///
    /// # Errors
    /// The system has no room for another thread.
    pub fn start(bytes_max: usize, out: impl Write + Send + 'static) -> io::Result<LogWriter> {
        let queue = Self(Arc::new(Shared {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            bytes_max,
            dropped: AtomicU64::new(0),
        }));
        let shared = Arc::clone(&queue.0);
        let thread = Builder::new().name("log".to_owned()).spawn(move || {
            let _gone = WriterGone(&shared);
            shared.write_to(out);
        })?;
        Ok(LogWriter {
            queue,
            thread: Some(thread),
        })
    }

    /// How many lines found no room or could not be written.
    #[must_use]
    pub fn lines_dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Waits until every line is written, but not longer than `timeout`; tells whether it is so.
    fn flush(&self, timeout: Duration) -> bool {
        let mut waiting = self.0.waiting.lock();
        let unsettled = |waiting: &mut Waiting| !waiting.is_settled();
        let waited = self
            .0
            .emptied
            .wait_while_for(&mut waiting, unsettled, timeout);
        !waited.timed_out()
    }

    fn end(&self) {
        self.0.waiting.lock().has_ended = true;
        self.0.filled.notify_one();
    }

    /// Waits until the writer is gone, but not longer than `timeout`; tells whether it is.
    fn writer_goes_within(&self, timeout: Duration) -> bool {
        let mut waiting = self.0.waiting.lock();
        let is_there = |waiting: &mut Waiting| !waiting.writer_is_gone;
        let waited = self
            .0
            .emptied
            .wait_while_for(&mut waiting, is_there, timeout);
        !waited.timed_out()
    }
}

impl fmt::Debug for LogQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogQueue")
    }
}

impl Shared {
    fn push(&self, line: &[u8], urgency: Urgency) {
        let mut waiting = self.waiting.lock();
        let bytes = waiting.bytes.len().saturating_add(line.len());
        let is_full = bytes > self.bytes_max && urgency == Urgency::Ordinary;
        if waiting.has_ended || is_full {
            drop(waiting);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        waiting.lines = waiting.lines.saturating_add(1);
        drop(waiting);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Writes what waits, many lines at once when there are many, until the end.
    fn write_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            let Some(lines) = self.next(&mut batch) else {
                return;
            };
            // There is nobody left who could be told but the metric.
            if out.write_all(&batch).and_then(|()| out.flush()).is_err() {
                self.dropped.fetch_add(lines, Ordering::Relaxed);
            }
        }
    }

    /// Exchanges a written batch for the next one; `None` at the end.
    fn next(&self, batch: &mut Vec<u8>) -> Option<u64> {
        batch.clear();
        let mut waiting = self.waiting.lock();
        waiting.is_writing = false;
        if waiting.bytes.is_empty() {
            self.emptied.notify_all();
        }
        while waiting.bytes.is_empty() {
            if waiting.has_ended {
                return None;
            }
            self.filled.wait(&mut waiting);
        }
        waiting.is_writing = true;
        mem::swap(&mut waiting.bytes, batch);
        Some(mem::take(&mut waiting.lines))
    }
}

/// Says, however the writer's thread ends, that it has.
struct WriterGone<'a>(&'a Shared);

impl Drop for WriterGone<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().writer_is_gone = true;
        self.0.emptied.notify_all();
    }
}

/// The thread that writes; dropping it waits a moment for what is not written yet, and ends it.
#[derive(Debug)]
#[must_use = "when it is dropped, nothing is logged any more"]
pub struct LogWriter {
    queue: LogQueue,
    thread: Option<JoinHandle<()>>,
}

impl LogWriter {
    /// Where lines are handed in.
    #[must_use]
    pub fn queue(&self) -> LogQueue {
        self.queue.clone()
    }

    /// Writes text that is no line of the log behind all that was logged, and waits for it as long as the end does.
    pub fn say_last(&self, text: &str) {
        self.queue.0.push(text.as_bytes(), Urgency::LastWords);
        self.queue.flush(FLUSH_TIMEOUT);
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.queue.flush(FLUSH_TIMEOUT);
        self.queue.end();
        // One that hangs in a write, perhaps of a line that came in meanwhile, is left alone: the end of the process ends it.
        if self.queue.writer_goes_within(FLUSH_TIMEOUT)
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            queue: self,
            urgency: Urgency::Ordinary,
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        let urgency = if metadata.target() == fatal::LOG_TARGET {
            Urgency::LastWords
        } else {
            Urgency::Ordinary
        };
        Line {
            queue: self,
            urgency,
        }
    }
}

/// Whether whoever logs may go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    Ordinary,
    /// The process ends behind this line: it finds room in a full queue, and it and all before it must be out, or nobody
    /// learns why.
    LastWords,
}

/// Hands in one line with each write.
#[derive(Debug)]
pub struct Line<'a> {
    queue: &'a LogQueue,
    urgency: Urgency,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.0.push(line, self.urgency);
        if self.urgency == Urgency::LastWords {
            self.queue.flush(FLUSH_TIMEOUT);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "log_queue_tests.rs"]
mod tests;
