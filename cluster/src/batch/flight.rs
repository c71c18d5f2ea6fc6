//! A batch on its way, with everybody who waits for its answers.

use std::sync::Arc;

use raftgate_model::answer::{Answer, Reply};
use raftgate_model::command::Batch;
use raftgate_model::id::LogIndex;
use raftgate_storage::types::Proposal;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::ProposeError;

/// What stands around a command in an entry at the most, in bytes: origin, sequence and length.
const REQUEST_BYTES_MAX: usize = 32;

/// What stands around the commands of a batch at the most, in bytes: log id, stamp and origin.
const BATCH_HEAD_BYTES_MAX: usize = 256;

/// What a command that was carried out yields.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The log entry that carried it; it is applied on this node.
    pub index: LogIndex,
    /// What the state replied.
    pub reply: Reply,
}

/// What the caller of a proposal receives.
pub(crate) type ProposeResult = Result<Committed, ProposeError>;

/// One caller that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) answer: oneshot::Sender<ProposeResult>,
    pub(super) deadline: Instant,
}

impl Waiter {
    /// Answers; a caller that has gone away is no matter.
    pub(super) fn answer(self, result: ProposeResult) {
        let _ = self.answer.send(result);
    }
}

/// A batch that was formed, with its callers by position.
#[derive(Debug)]
pub(super) struct Flight {
    batch: Arc<Batch>,
    first_sequence: u64,
    waiters: Vec<Option<Waiter>>,
    bytes: usize,
    formed: Instant,
    submitted: bool,
}

impl Flight {
    /// A flight whose commands take so many bytes in the entry.
    pub(super) fn new(
        batch: Batch,
        waiters: Vec<Option<Waiter>>,
        command_bytes: usize,
        formed: Instant,
    ) -> Self {
        let around = batch.requests.len().saturating_mul(REQUEST_BYTES_MAX);
        Self {
            bytes: command_bytes
                .saturating_add(around)
                .saturating_add(BATCH_HEAD_BYTES_MAX),
            submitted: false,
            first_sequence: batch.requests.first().map_or(0, |first| first.sequence),
            batch: Arc::new(batch),
            waiters,
            formed,
        }
    }

    /// The first of its requests, which are consecutive.
    pub(super) fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// How long its entry is at the most, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it was never proposed: nothing of it can have been carried out.
    pub(super) const fn is_fresh(&self) -> bool {
        !self.submitted
    }

    /// When it was formed.
    pub(super) fn formed(&self) -> Instant {
        self.formed
    }

    /// The batch as it is proposed; again and again the same requests, which the state carries out once.
    pub(super) fn proposal(&self) -> Proposal {
        Proposal(Arc::clone(&self.batch))
    }

    /// Consensus took the proposal: from now on its outcome is unknown until it lands.
    pub(super) fn was_taken(&mut self) {
        self.submitted = true;
    }

    /// Hands out the answers.
    pub(super) fn land(self, index: LogIndex, answers: Vec<Answer>) {
        let answers = answers.into_iter().map(Some).chain(std::iter::repeat(None));
        for (waiter, answer) in self.waiters.into_iter().zip(answers) {
            let Some(waiter) = waiter else { continue };
            waiter.answer(match answer {
                Some(Answer::Done(reply)) => Ok(Committed { index, reply }),
                Some(Answer::Refused(refusal)) => Err(ProposeError::Refused(refusal)),
                Some(Answer::Unknown) | None => Err(ProposeError::Timeout),
            });
        }
    }

    /// Tells those whose time is over that the outcome is unknown, or why it was never proposed; false when nobody waits
    /// any more.
    pub(super) fn expire(&mut self, now: Instant, untaken: &ProposeError) -> bool {
        let mut waiting = false;
        for place in &mut self.waiters {
            if let Some(waiter) = place.take_if(|waiter| waiter.deadline <= now) {
                waiter.answer(Err(if self.submitted {
                    ProposeError::Timeout
                } else {
                    untaken.clone()
                }));
            }
            waiting |= place.is_some();
        }
        waiting
    }

    /// Tells everybody that the log takes nothing more; for what was never proposed.
    pub(super) fn turn_away(self) {
        self.answer_all(&ProposeError::StorageFull);
    }

    /// Tells everybody that consensus has ended: the outcome of what was proposed is unknown.
    pub(super) fn abandon(self) {
        let error = match self.submitted {
            true => ProposeError::Timeout,
            false => ProposeError::ShuttingDown,
        };
        self.answer_all(&error);
    }

    fn answer_all(self, error: &ProposeError) {
        for waiter in self.waiters.into_iter().flatten() {
            waiter.answer(Err(error.clone()));
        }
    }
}
