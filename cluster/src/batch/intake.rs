//! Where callers leave their commands and the batcher fetches them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raftgate_model::command::{BATCH_COMMANDS_MAX, Command};
use raftgate_storage::codec;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::flight::{ProposeResult, Waiter};
use super::queue::{Bounds, CommandQueue};
use super::{BATCH_BYTES_MAX, COMMAND_BYTES_MAX, Lane, QUEUE_BYTES_MAX, QUEUE_COMMANDS_MAX};
use crate::error::ProposeError;

/// How much longer than its deadline a caller waits for the batcher to say so.
///
/// The batcher tells apart what was proposed and what was not; this is for a batcher that is stuck.
const GRACE: Duration = Duration::from_millis(500);

/// The commands that wait, shared by callers and batcher.
#[derive(Debug)]
pub(crate) struct Intake {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug)]
struct State {
    queue: CommandQueue<Waiting>,
    phase: Phase,
    /// The batcher sleeps until something comes.
    asleep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Draining,
}

/// A command and who waits for it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) command: Command,
    /// What the command takes in an entry.
    pub(super) bytes: usize,
    pub(super) waiter: Waiter,
}

impl Intake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                queue: CommandQueue::new(Bounds {
                    commands: QUEUE_COMMANDS_MAX,
                    bytes: QUEUE_BYTES_MAX,
                }),
                phase: Phase::Open,
                asleep: false,
            }),
            wake: Notify::new(),
        })
    }

    /// Lets a command wait for a batch, and then for its answer.
    pub(crate) async fn propose(
        &self,
        lane: &Lane,
        command: Command,
        timeout: Duration,
    ) -> ProposeResult {
        let deadline = tokio::time::Instant::now() + timeout;
        let answer = self.enqueue(lane, command, deadline)?;
        match tokio::time::timeout_at(deadline + GRACE, answer).await {
            Ok(Ok(result)) => result,
            // The batcher is gone, or stuck: whether it proposed the command is not known.
            Ok(Err(_)) | Err(_) => Err(ProposeError::Timeout),
        }
    }

    fn enqueue(
        &self,
        lane: &Lane,
        command: Command,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<ProposeResult>, ProposeError> {
        let bytes = codec::command_bytes(&command);
        if bytes > COMMAND_BYTES_MAX {
            let bytes_max = COMMAND_BYTES_MAX;
            return Err(ProposeError::TooLarge { bytes, bytes_max });
        }
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter {
            answer: sender,
            deadline,
        };
        let mut state = self.state.lock();
        if state.phase == Phase::Draining {
            return Err(ProposeError::ShuttingDown);
        }
        let waiting = Waiting {
            command,
            bytes,
            waiter,
        };
        if state.queue.push(lane, waiting, bytes).is_err() {
            return Err(ProposeError::QueueFull);
        }
        let wakes = std::mem::take(&mut state.asleep);
        drop(state);
        if wakes {
            self.wake.notify_one();
        }
        Ok(receiver)
    }

    /// Takes the next batch's commands, without those whose callers have gone away.
    pub(super) fn take(&self) -> Vec<Waiting> {
        let bounds = Bounds {
            commands: BATCH_COMMANDS_MAX,
            bytes: BATCH_BYTES_MAX,
        };
        let mut taken = self.state.lock().queue.take(bounds);
        taken.retain(|waiting| !waiting.waiter.answer.is_closed());
        taken
    }

    /// Answers those whose time was over before anybody could take their command, with why.
    pub(super) fn expire(&self, now: Instant, untaken: &ProposeError) {
        let over =
            |waiting: &Waiting| waiting.waiter.deadline <= now || waiting.waiter.answer.is_closed();
        let expired = self.state.lock().queue.take_where(over);
        for waiting in expired {
            waiting.waiter.answer(Err(untaken.clone()));
        }
    }

    /// Returns once something waits, or nothing will any more.
    pub(super) async fn wait(&self) {
        {
            let mut state = self.state.lock();
            if state.queue.len() > 0 || state.phase == Phase::Draining {
                return;
            }
            state.asleep = true;
        }
        self.wake.notified().await;
    }

    /// Turns further commands away; what waits is still proposed.
    pub(crate) fn drain(&self) {
        self.state.lock().phase = Phase::Draining;
        self.wake.notify_one();
    }

    /// Turns away what waits and all that comes.
    pub(super) fn close(&self) {
        let turned_away = {
            let mut state = self.state.lock();
            state.phase = Phase::Draining;
            state.queue.take_where(|_| true)
        };
        for waiting in turned_away {
            waiting.waiter.answer(Err(ProposeError::ShuttingDown));
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.state.lock().phase == Phase::Draining
    }

    /// How many commands wait, and how many bytes they have.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.queue.len(), state.queue.bytes())
    }
}
