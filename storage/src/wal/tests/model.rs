//! A model of the log and the judgement of what is found after a power cut.
//!
//! Records form one order. Whatever is found must be the state after some prefix of it that includes everything
//! which was acknowledged. That is the whole promise: nothing acknowledged is lost, nothing invented, order exact.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::Bytes;

use super::harness::{ID, Rig, config, payload};
use crate::disk::sim::{SimMachine, Survival};
use crate::wal::{Done, Durability, OpenMode, WalError};

#[derive(Debug, Clone)]
pub(super) enum Op {
    /// Appends so many entries of a size.
    Append(u64, usize),
    Vote,
    CommittedLazily,
    Committed,
    /// Truncates so many entries from the end.
    Truncate(u64),
    /// Purges so many entries from the start.
    Purge(u64),
    /// Purges so far beyond the last entry.
    PurgeBeyond(u64),
    /// Waits for everything before.
    Settle,
}

/// What the log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    vote: Option<Bytes>,
    committed: Option<Bytes>,
    purged: Option<(u64, Bytes)>,
    entries: BTreeMap<u64, Bytes>,
}

impl Content {
    pub(super) fn of(rig: &Rig) -> Result<Self, WalError> {
        let state = rig.wal.state();
        let entries = rig.wal.read(0..u64::MAX, usize::MAX)?;
        Ok(Self {
            vote: state.vote,
            committed: state.committed,
            purged: state.purged,
            entries: entries.into_iter().collect(),
        })
    }
}

/// The states after each record, and how many of the records are acknowledged.
pub(super) struct History {
    states: Vec<Content>,
    next: u64,
    counter: u64,
    acknowledged: usize,
    waiting: Vec<(usize, Receiver<Result<(), WalError>>)>,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            states: vec![Content::default()],
            next: 1,
            counter: 0,
            acknowledged: 0,
            waiting: Vec::new(),
        }
    }

    fn newest(&self) -> &Content {
        self.states.last().unwrap()
    }

    fn stamp(&mut self, name: &str) -> Bytes {
        self.counter += 1;
        Bytes::from(format!("{name} {}", self.counter))
    }

    fn record(&mut self, change: impl FnOnce(&mut Content)) {
        let mut state = self.newest().clone();
        change(&mut state);
        self.states.push(state);
    }

    /// Gives a callback whose success acknowledges everything up to now.
    fn done(&mut self) -> Done {
        let (sender, receiver) = sync_channel(1);
        self.waiting.push((self.states.len() - 1, receiver));
        Box::new(move |outcome| {
            let _ = sender.send(outcome);
        })
    }

    /// Starts one operation; an error means that the log is gone.
    pub(super) fn start(&mut self, rig: &Rig, op: &Op) -> Result<(), WalError> {
        match op {
            Op::Append(count, bytes) => {
                let mut entries = Vec::new();
                for index in self.next..self.next + count {
                    self.counter += 1;
                    let payload = Bytes::from(payload(self.counter, *bytes));
                    entries.push((index, payload.clone()));
                    self.record(|state| {
                        state.entries.insert(index, payload);
                    });
                }
                self.next += count;
                let done = self.done();
                rig.wal.append(entries, done)
            }
            Op::Vote => {
                let vote = self.stamp("vote");
                self.record(|state| state.vote = Some(vote.clone()));
                let done = self.done();
                rig.wal.save_vote(vote, done)
            }
            Op::Committed | Op::CommittedLazily => {
                let committed = self.stamp("committed");
                self.record(|state| state.committed = Some(committed.clone()));
                let durability = match op {
                    Op::Committed => Durability::Synced(self.done()),
                    _ => Durability::Lazy,
                };
                rig.wal.save_committed(committed, durability)
            }
            Op::Truncate(count) => {
                let live = self.newest().entries.len() as u64;
                let from = self.next - (*count).min(live);
                self.next = from;
                self.record(|state| {
                    state.entries.split_off(&from);
                });
                rig.wal.truncate(from, Durability::Lazy)
            }
            Op::Purge(count) => match self.newest().entries.keys().next().copied() {
                Some(first) if *count > 0 => {
                    self.purge(rig, (first + count - 1).min(self.next - 1))
                }
                _ => Ok(()),
            },
            Op::PurgeBeyond(distance) => {
                self.next += distance;
                self.purge(rig, self.next - 1)
            }
            Op::Settle => {
                let outcome = rig.wal.settle();
                if outcome.is_ok() {
                    self.acknowledged = self.states.len() - 1;
                }
                outcome
            }
        }
    }

    fn purge(&mut self, rig: &Rig, upto: u64) -> Result<(), WalError> {
        if self
            .newest()
            .purged
            .as_ref()
            .is_some_and(|(purged, _)| *purged >= upto)
        {
            return Ok(());
        }
        let mark = self.stamp("purged");
        self.record(|state| {
            state.entries = state.entries.split_off(&(upto + 1));
            state.purged = Some((upto, mark.clone()));
        });
        let done = self.done();
        rig.wal.purge(upto, mark, Durability::Synced(done))
    }

    /// Waits for all outcomes, for the log has ended or works on.
    pub(super) fn collect(&mut self) {
        for (position, receiver) in std::mem::take(&mut self.waiting) {
            if let Ok(Ok(())) = receiver.recv() {
                self.acknowledged = self.acknowledged.max(position);
            }
        }
    }

    /// Checks what was found after a cut, and goes on from there.
    pub(super) fn judge(&mut self, found: &Content) {
        let allowed = &self.states[self.acknowledged..];
        let Some(position) = allowed.iter().rposition(|state| state == found) else {
            panic!(
                "found {found:#?}\nwhich is none of the {} states from the acknowledged {:#?}",
                allowed.len(),
                allowed.first()
            );
        };
        self.states.drain(..self.acknowledged + position);
        self.states.truncate(1);
        self.acknowledged = 0;
        let state = &self.states[0];
        let last_entry = state.entries.keys().next_back().copied();
        let purged = state.purged.as_ref().map(|(upto, _)| *upto);
        self.next = last_entry.max(purged).map_or(1, |last| last + 1);
    }
}

/// Opens what a machine holds; a log that did not come to be before the cut is created.
pub(super) fn open_any(machine: &SimMachine) -> Result<Rig, WalError> {
    match Rig::reopen(machine) {
        Err(WalError::Missing { .. }) => Rig::open_with(machine, config(), OpenMode::Create(ID)),
        other => other,
    }
}

/// One life of the process: opens, works, loses power after so many disk operations.
pub(super) fn live(
    machine: &SimMachine,
    history: &mut History,
    ops: &[Op],
    cut_after: Option<u64>,
) {
    if let Some(count) = cut_after {
        machine.cut_after(count);
    }
    let opened = open_any(machine).and_then(|rig| Ok((Content::of(&rig)?, rig)));
    let (found, rig) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            assert!(machine.is_powerless(), "refused to open: {error}");
            return;
        }
    };
    history.judge(&found);
    for op in ops {
        if let Err(error) = history.start(&rig, op) {
            assert!(machine.is_powerless(), "{op:?}: {error}");
            break;
        }
    }
    drop(rig);
    history.collect();
    if !machine.is_powerless() {
        history.acknowledged = history.states.len() - 1;
    }
}

/// Opens after a cut that hit no operation any more and checks what is there.
pub(super) fn check(machine: &SimMachine, history: &mut History) {
    let rig = open_any(machine).unwrap();
    let found = Content::of(&rig).unwrap();
    history.judge(&found);
    drop(rig);
    let again = Rig::reopen(machine).unwrap();
    assert_eq!(Content::of(&again).unwrap(), found, "opening is idempotent");
}

/// The ways of surviving that enumerations go through.
pub(super) fn survivals(seeds: u64) -> Vec<Survival> {
    let mut all = vec![Survival::Nothing, Survival::Everything];
    all.extend((0..seeds).map(Survival::Random));
    all
}
