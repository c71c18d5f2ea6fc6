//! Ending a node: once, in order, whoever asks and however often.

use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::watch;

/// How far a node is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It works.
    Running,
    /// It finishes what it has taken.
    Stopping,
    /// Nothing of it runs any more.
    Stopped,
}

/// The owner of a node's thread: asks it to end, and waits for it.
#[derive(Debug)]
pub(crate) struct Stop {
    phase: watch::Sender<Phase>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Stop {
    pub(crate) fn new(phase: watch::Sender<Phase>, thread: JoinHandle<()>) -> Self {
        Self {
            phase,
            thread: Mutex::new(Some(thread)),
        }
    }

    /// Asks the node to end.
    pub(crate) fn ask(&self) {
        self.phase.send_if_modified(|phase| match phase {
            Phase::Running => {
                *phase = Phase::Stopping;
                true
            }
            Phase::Stopping | Phase::Stopped => false,
        });
    }

    /// Returns once the node's thread has ended.
    pub(crate) async fn wait(&self) {
        // The sender lives in this value, so waiting cannot fail.
        let _ = self
            .phase
            .subscribe()
            .wait_for(|phase| *phase == Phase::Stopped)
            .await;
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // The thread's last act was to say that it stops; a panic would have ended the process.
            let _ = thread.join();
        }
    }
}

impl Drop for Stop {
    /// A node that nobody holds any more ends by itself, in the background.
    fn drop(&mut self) {
        self.ask();
    }
}
