//! The commands that wait, by lane: bounded, and in which order they leave. Pure.

use std::collections::{HashMap, VecDeque};

use raftgate_model::id::ApiId;

use super::Lane;

/// How many empty per-API queues are kept for the API's next command.
const IDLE_APIS_MAX: usize = 64;

/// Why nothing more can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Commands that wait in their lanes.
#[derive(Debug)]
pub(super) struct CommandQueue<T> {
    revocations: VecDeque<Slot<T>>,
    administration: VecDeque<Slot<T>>,
    tokens: TokenLanes<T>,
    sweeps: VecDeque<Slot<T>>,
    commands: usize,
    bytes: usize,
    bounds: Bounds,
}

/// A number of commands and a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) commands: usize,
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Slot<T> {
    item: T,
    bytes: usize,
}

impl<T> CommandQueue<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            revocations: VecDeque::new(),
            administration: VecDeque::new(),
            tokens: TokenLanes::new(),
            sweeps: VecDeque::new(),
            commands: 0,
            bytes: 0,
            bounds,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.commands
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets a command wait behind those of its lane.
    pub(super) fn push(&mut self, lane: &Lane, item: T, bytes: usize) -> Result<(), Full> {
        let after = self.bytes.saturating_add(bytes);
        if self.commands >= self.bounds.commands || after > self.bounds.bytes {
            return Err(Full);
        }
        self.commands = self.commands.saturating_add(1);
        self.bytes = after;
        let slot = Slot { item, bytes };
        match lane {
            Lane::Revocation => self.revocations.push_back(slot),
            Lane::Administration => self.administration.push_back(slot),
            Lane::Tokens(api) => self.tokens.push(api, slot),
            Lane::Sweep => self.sweeps.push_back(slot),
        }
        Ok(())
    }

    /// Takes what goes next, in order, up to the bounds; at least one command if any waits.
    pub(super) fn take(&mut self, bounds: Bounds) -> Vec<T> {
        let mut taken = Vec::with_capacity(self.commands.min(bounds.commands));
        let mut bytes = 0_usize;
        while taken.len() < bounds.commands {
            let Some(next) = self.next_bytes() else { break };
            bytes = bytes.saturating_add(next);
            if bytes > bounds.bytes && !taken.is_empty() {
                break;
            }
            let Some(item) = self.pop() else { break };
            taken.push(item);
        }
        taken
    }

    /// Takes out, in order, what `leaves` says.
    pub(super) fn take_where(&mut self, leaves: impl Fn(&T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for lane in [
            &mut self.revocations,
            &mut self.administration,
            &mut self.sweeps,
        ]
        .into_iter()
        .chain(self.tokens.by_api.values_mut())
        {
            let mut stays = VecDeque::with_capacity(lane.len());
            for slot in lane.drain(..) {
                if leaves(&slot.item) {
                    self.commands = self.commands.saturating_sub(1);
                    self.bytes = self.bytes.saturating_sub(slot.bytes);
                    taken.push(slot.item);
                } else {
                    stays.push_back(slot);
                }
            }
            *lane = stays;
        }
        taken
    }

    fn next_bytes(&mut self) -> Option<usize> {
        let slot = self
            .revocations
            .front()
            .or_else(|| self.administration.front())
            .or_else(|| self.tokens.front())
            .or_else(|| self.sweeps.front());
        slot.map(|slot| slot.bytes)
    }

    fn pop(&mut self) -> Option<T> {
        let slot = self
            .revocations
            .pop_front()
            .or_else(|| self.administration.pop_front())
            .or_else(|| self.tokens.pop())
            .or_else(|| self.sweeps.pop_front())?;
        self.commands = self.commands.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(slot.bytes);
        Some(slot.item)
    }
}

/// One queue per API; those with commands take turns.
#[derive(Debug)]
struct TokenLanes<T> {
    by_api: HashMap<ApiId, VecDeque<Slot<T>>, ahash::RandomState>,
    /// The APIs with commands, each once, the next one first; an API may have lost its commands meanwhile.
    turns: VecDeque<ApiId>,
}

impl<T> TokenLanes<T> {
    fn new() -> Self {
        Self {
            by_api: HashMap::default(),
            turns: VecDeque::new(),
        }
    }

    fn push(&mut self, api: &ApiId, slot: Slot<T>) {
        if let Some(queue) = self.by_api.get_mut(api) {
            if queue.is_empty() && !self.turns.contains(api) {
                self.turns.push_back(api.clone());
            }
            queue.push_back(slot);
            return;
        }
        if self.by_api.len() >= IDLE_APIS_MAX {
            self.by_api.retain(|_, queue| !queue.is_empty());
        }
        self.turns.push_back(api.clone());
        self.by_api.insert(api.clone(), VecDeque::from([slot]));
    }

    /// The next command, after forgetting the turns of APIs without any.
    fn front(&mut self) -> Option<&Slot<T>> {
        loop {
            let api = self.turns.front()?;
            if self.by_api.get(api).is_some_and(|queue| !queue.is_empty()) {
                break;
            }
            self.turns.pop_front();
        }
        self.by_api.get(self.turns.front()?)?.front()
    }

    fn pop(&mut self) -> Option<Slot<T>> {
        self.front()?;
        let api = self.turns.pop_front()?;
        let queue = self.by_api.get_mut(&api)?;
        let slot = queue.pop_front();
        if !queue.is_empty() {
            self.turns.push_back(api);
        }
        slot
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
