//! Programs of others as children: bounded in time, their output shown when they fail, ended with the test.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::deployment::Deployment;
use crate::harness::{STYLES, eventually};

/// How long a flow may take; generous, because a busy machine is no failure.
pub(crate) const FLOW: Duration = Duration::from_secs(90);

/// A child that is killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end and fails the test with its output unless it succeeds.
#[track_caller]
fn run(command: &mut Command) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let output = [
        read(child.stdout.take().unwrap()),
        read(child.stderr.take().unwrap()),
    ];
    let mut child = Running(child);
    let what = format!("{command:?} ends");
    let status = eventually(&what, FLOW, || child.0.try_wait().unwrap());
    let output = output.map(|reader| reader.join().unwrap()).concat();
    assert!(
        status.success(),
        "{command:?} ended with {status}:\n{output}"
    );
}

fn read(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // An output that breaks off is shown as far as it came.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs one flow of a library against an API of each style; `command` gets the deployment and makes the program's start.
#[track_caller]
pub(crate) fn flow(name: &str, command: impl Fn(&Deployment) -> Command) {
    let deployment = Deployment::shared();
    for style in STYLES {
        let file = tempfile::Builder::new()
            .suffix(".json")
            .tempfile_in(deployment.folder())
            .unwrap();
        std::fs::write(file.path(), deployment.described(style).to_string()).unwrap();
        run(command(&deployment).arg(name).arg(file.path()));
    }
}
