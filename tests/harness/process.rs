//! The binary as a child process: its output is kept, its end is bounded, and nothing outlives the test.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::wait::{PATIENCE, eventually};

/// Where the binary is.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_raftgate");
/// Lines of output that are kept, the newest ones.
const KEPT_LINES: usize = 4_000;

/// Lines that a child wrote; shared with the thread that reads them.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<VecDeque<String>>>);

impl Lines {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap();
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The first kept line that `pick` turns into a value.
    pub(crate) fn find<T>(&self, pick: impl FnMut(&String) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap().iter().find_map(pick)
    }

    /// All kept lines in one text.
    pub(crate) fn text(&self) -> String {
        let lines = self.0.lock().unwrap();
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Who reads a child's standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogReader {
    #[default]
    Test,
    /// The pipe stays open and fills up.
    Nobody,
}

/// A running child; dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts the binary in `folder`; of the environment only `PATH` and `environment` reach it.
    pub(crate) fn start(
        arguments: &[String],
        environment: &[(String, String)],
        folder: &Path,
    ) -> Self {
        let binary = Command::new(BINARY);
        Self::start_read_by(LogReader::Test, binary, arguments, environment, folder)
    }

    /// The same, with a say in whether anybody reads standard error, and in the command that becomes the binary.
    pub(crate) fn start_read_by(
        reader: LogReader,
        mut command: Command,
        arguments: &[String],
        environment: &[(String, String)],
        folder: &Path,
    ) -> Self {
        let mut child = command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "1")
            .envs(environment.iter().cloned())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (Lines::default(), Lines::default());
        let mut readers = vec![keep_lines(child.stdout.take().unwrap(), out.clone())];
        if reader == LogReader::Test {
            readers.push(keep_lines(child.stderr.take().unwrap(), err.clone()));
        }
        Self {
            child,
            out,
            err,
            readers,
        }
    }

    /// Its status if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What kills it from another thread while the child itself is borrowed.
    pub(crate) fn killer(&self) -> Killer {
        Killer(pid(&self.child))
    }

    /// Sends a signal; a child that has ended already is left alone.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            kill_process(pid(&self.child), signal).unwrap();
        }
    }

    /// Ends it at once, as a crash does: no handler runs.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended and all its output is read.
    pub(crate) fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let status = eventually("the process ends", deadline, || self.ended());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
    }
}

/// Kills a child that has not been waited for yet.
pub(crate) struct Killer(Pid);

impl Killer {
    /// Ends the child at once, as a crash does.
    pub(crate) fn kill(&self) {
        kill_process(self.0, Signal::KILL).unwrap();
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a child that has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let id = self.child.id();
            eprintln!(
                "--- process {id} wrote:\n{}{}---",
                self.out.text(),
                self.err.text()
            );
        }
    }
}

fn keep_lines(stream: impl Read + Send + 'static, lines: Lines) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        while stream
            .read_until(b'\n', &mut bytes)
            .is_ok_and(|count| count > 0)
        {
            lines.push(String::from_utf8_lossy(&bytes).trim_end().to_owned());
            bytes.clear();
        }
    })
}

/// What a command that ran to its end left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)], folder: &Path) -> Finished {
    let owned = |text: &&str| (*text).to_owned();
    let arguments: Vec<String> = arguments.iter().map(owned).collect();
    let pairs = environment
        .iter()
        .map(|(name, value)| (owned(name), owned(value)));
    let mut process = Process::start(&arguments, &pairs.collect::<Vec<_>>(), folder);
    let status = process.wait(PATIENCE);
    Finished {
        code: status.code(),
        out: process.out.text(),
        err: process.err.text(),
    }
}
