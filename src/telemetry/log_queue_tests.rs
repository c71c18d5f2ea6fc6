//! A writer that the tests hold up at will.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking where it went wrong, runs itself as a child, and tells it by a variable"
)]

use std::process::Command;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;
use crate::config::log::{LogFormat, LogSettings};
use crate::telemetry::logging;

/// Hands each write to the test and goes on when the test has taken it.
struct Handed(SyncSender<String>);

impl Write for Handed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.0.send(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A queue whose writer waits at every write until the test takes it.
fn held_up(bytes_max: usize) -> (LogWriter, Receiver<String>) {
    let (sender, written) = sync_channel(0);
    (LogQueue::start(bytes_max, Handed(sender)).unwrap(), written)
}

fn log(queue: &LogQueue, line: &str) {
    queue.make_writer().write_all(line.as_bytes()).unwrap();
}

#[test]
fn lines_come_out_whole_in_their_order_and_together() {
    let (writer, written) = held_up(1024);
    let queue = writer.queue();
    log(&queue, "first\n");
    // The writer is at work on the first one or about to be; the others gather meanwhile.
    log(&queue, "second\n");
    log(&queue, "third\n");
    let mut all = String::new();
    while all.len() < "first\nsecond\nthird\n".len() {
        all.push_str(&written.recv().unwrap());
    }
    assert_eq!(all, "first\nsecond\nthird\n");
    assert_eq!(queue.lines_dropped(), 0);
}

#[test]
fn nobody_waits_for_a_writer_that_hangs_and_what_finds_no_room_is_counted() {
    let (writer, written) = held_up(10);
    let queue = writer.queue();
    // At most one batch is with the writer and one waits: the rest is dropped, and this thread has not waited.
    for _ in 0..100 {
        log(&queue, "12345678\n");
    }
    let dropped = queue.lines_dropped();
    assert!((98..=99).contains(&dropped), "{dropped}");
    // When it goes on, so does the log.
    for _ in dropped..100 {
        assert_eq!(written.recv().unwrap(), "12345678\n");
    }
    log(&queue, "later\n");
    assert_eq!(written.recv().unwrap(), "later\n");
    assert_eq!(queue.lines_dropped(), dropped);
}

#[test]
fn a_line_longer_than_the_queue_is_dropped_and_not_cut() {
    let (writer, written) = held_up(10);
    let queue = writer.queue();
    log(&queue, "this line is too long\n");
    log(&queue, "short\n");
    assert_eq!(written.recv().unwrap(), "short\n");
    assert_eq!(queue.lines_dropped(), 1);
}

#[test]
fn last_words_find_room_in_a_full_queue() {
    let (writer, written) = held_up(10);
    let queue = writer.queue();
    for _ in 0..3 {
        log(&queue, "12345678\n");
    }
    let mut line = Line {
        queue: &queue,
        urgency: Urgency::LastWords,
    };
    line.write_all(b"why it ends\n").unwrap();
    let reader = std::thread::spawn(move || written.iter().collect::<String>());
    drop(writer);
    assert!(reader.join().unwrap().ends_with("why it ends\n"));
}

#[test]
fn a_writer_that_hangs_holds_up_neither_last_words_nor_the_end() {
    let (writer, written) = held_up(1024);
    let queue = writer.queue();
    // Settled, and then somebody logs once more before the end: it is this line that nobody takes.
    assert!(queue.flush(Duration::from_secs(60)));
    log(&queue, "never taken\n");
    queue.end();
    assert!(!queue.writer_goes_within(Duration::from_millis(1)));
    writer.say_last("nor this\n");
    drop(writer);
    drop(written);
    assert!(queue.writer_goes_within(Duration::from_secs(60)));
}

#[test]
fn what_is_said_last_stands_behind_all_lines() {
    let (writer, written) = held_up(10);
    let queue = writer.queue();
    let reader = std::thread::spawn(move || written.iter().collect::<String>());
    log(&queue, "logged\n");
    writer.say_last("error: why it fails\n");
    drop(writer);
    assert_eq!(reader.join().unwrap(), "logged\nerror: why it fails\n");
}

#[test]
fn lines_that_cannot_be_written_are_counted() {
    let (writer, written) = held_up(1024);
    let queue = writer.queue();
    drop(written);
    log(&queue, "lost\n");
    assert!(queue.flush(Duration::from_secs(60)));
    assert_eq!(queue.lines_dropped(), 1);
    drop(writer);
    log(&queue, "after the end\n");
    assert_eq!(queue.lines_dropped(), 2);
}

#[test]
fn the_end_waits_for_what_is_not_written_yet() {
    let (writer, written) = held_up(1024);
    let reader = std::thread::spawn(move || written.iter().collect::<String>());
    let queue = writer.queue();
    for number in 0..50 {
        log(&queue, &format!("{number}\n"));
    }
    drop(writer);
    // The end of the thread closed the channel: the reader has seen all there will ever be.
    assert_eq!(reader.join().unwrap().lines().count(), 50);
}

const CHILD: &str = "RAFTGATE_TEST_LAST_WORDS";
const NAME: &str = "telemetry::log_queue::tests::a_process_that_ends_itself_says_why";

/// Lines before the end: as few as a process that ends itself can write in the time that it takes for them on any machine.
const LED_TO_IT: usize = 20;

#[test]
fn a_process_that_ends_itself_says_why() {
    if std::env::var_os(CHILD).is_some() {
        let settings = LogSettings {
            filter: "info".to_owned(),
            format: LogFormat::Text,
            access: false,
        };
        let _writer = logging::start(&settings).unwrap();
        for number in 0..LED_TO_IT {
            tracing::info!(number, "what led to it");
        }
        fatal::end_process("doomed", "the test asked for it");
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(!child.status.success());
    assert_eq!(said.matches("what led to it").count(), LED_TO_IT);
    assert!(said.contains("the test asked for it"), "{said}");
}
