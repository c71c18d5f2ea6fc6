//! The state's record of itself, and the answers it keeps for retried requests.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::id::{BootId, Incarnation, KeyId, Revision};
use crate::keyring::KeyCheck;
use crate::time::Timestamp;

/// How many answers the state keeps for one node at the most.
pub const ANSWERS_PER_BOOT_MAX: usize = 8192;

/// What the state knows of itself; changed by every log entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Names the cluster for its whole life, restores included; zero before it is founded.
    pub cluster: [u8; 16],
    /// This life of the log; tokens of another are looked up at once or refused.
    pub incarnation: Incarnation,
    /// Earlier incarnations whose tokens are still honoured, oldest first; shared, it rarely changes.
    pub ancestors: Arc<[Incarnation]>,
    /// The newest stamp of a batch; never goes back by itself.
    pub clock: Timestamp,
    /// How many commands have been applied.
    pub revision: Revision,
    /// The revision at which configuration (APIs and policies) last changed.
    pub config_revision: Revision,
    /// The newest revocation mark; grants younger than it need no look at the marks.
    pub newest_mark: Revision,
    /// The key of the ring that new tokens are minted with.
    pub active_key: KeyId,
    /// Every key that has been active, oldest first: a ring that holds another under one of the ids is another cluster's.
    pub keys: Arc<[KeyCheck]>,
}

impl Meta {
    /// Makes a key the active one and notes it among those that have been.
    pub fn activate(&mut self, key: KeyCheck) {
        self.active_key = key.id;
        let others = self.keys.iter().filter(|known| known.id != key.id);
        self.keys = others.copied().chain([key]).collect();
    }
}

/// The answers kept for the requests of one node's present start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BootWindow {
    /// The start that the answers belong to; requests of an earlier one are never run again.
    pub boot: BootId,
    /// Requests below this sequence are done; their answers are gone.
    pub floor: u64,
    /// Answers in ascending order of their sequence, at most [`ANSWERS_PER_BOOT_MAX`].
    pub answers: VecDeque<KeptAnswer>,
}

/// One kept answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The request's sequence inside its boot.
    pub sequence: u64,
    /// What it was answered.
    pub answer: Answer,
}

impl BootWindow {
    /// The window after `origin` said which requests it waits for no more.
    pub(crate) fn advanced(mut self, boot: BootId, done_below: u64) -> Self {
        if boot > self.boot {
            return Self {
                boot,
                floor: done_below,
                answers: VecDeque::new(),
            };
        }
        self.floor = self.floor.max(done_below);
        while self
            .answers
            .front()
            .is_some_and(|kept| kept.sequence < self.floor)
        {
            self.answers.pop_front();
        }
        self
    }

    /// The answer kept for a sequence.
    pub(crate) fn find(&self, sequence: u64) -> Option<&Answer> {
        let at = self
            .answers
            .binary_search_by_key(&sequence, |kept| kept.sequence)
            .ok()?;
        self.answers.get(at).map(|kept| &kept.answer)
    }

    /// Keeps an answer; the oldest gives way when there are too many, and the floor rises with it.
    pub(crate) fn keep(&mut self, sequence: u64, answer: Answer) {
        let at = self
            .answers
            .partition_point(|kept| kept.sequence < sequence);
        self.answers.insert(at, KeptAnswer { sequence, answer });
        while self.answers.len() > ANSWERS_PER_BOOT_MAX {
            if let Some(dropped) = self.answers.pop_front() {
                self.floor = dropped.sequence.saturating_add(1);
            }
        }
    }
}
