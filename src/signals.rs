//! The signals of an operator: SIGTERM and SIGINT drain, SIGHUP reloads.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What an operator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Answer what is in flight, then end with status 0.
    Drain,
    /// Read the TLS files and the definitions folder again.
    Reload,
}

/// Listens to the process's signals, which no longer end the process from then on.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// Starts listening; inside a Tokio runtime.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal. Equal signals that come close together may count once; none is lost between calls.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            // When both wait, an end is more urgent than a reload.
            biased;
            _ = self.terminate.recv() => Signal::Drain,
            _ = self.interrupt.recv() => Signal::Drain,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use rustix::process::{Signal as Raised, getpid, kill_process};

    use super::*;

    /// One test for all, because signals go to the whole process and tests run side by side in it.
    #[tokio::test]
    async fn each_signal_says_what_is_asked() {
        let mut signals = Signals::listen().unwrap();
        for (raised, expected) in [
            (Raised::HUP, Signal::Reload),
            (Raised::TERM, Signal::Drain),
            (Raised::INT, Signal::Drain),
            (Raised::HUP, Signal::Reload),
        ] {
            kill_process(getpid(), raised).unwrap();
            assert_eq!(signals.next().await, expected, "{raised:?}");
        }
    }
}
