//! Where each notification stands: in line for its next attempt, or failed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use ahash::RandomState;
use raftgate_model::id::{ApiId, NotificationId};
use raftgate_model::state::NotificationKey;
use raftgate_model::state::record::{Notification, NotificationState};
use raftgate_model::time::Timestamp;

/// Which notifications a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationFilter {
    /// Those that wait and those that failed.
    All,
    /// Those that wait for an attempt.
    Queued,
    /// Those that were given up.
    Failed,
}

/// Where a waiting notification stands in its API's line: the time of its next attempt and its sequence.
pub type QueuePlace = (Timestamp, u64);

/// What the queues of all APIs hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotificationTotals {
    /// How many notifications wait for an attempt.
    pub queued: usize,
    /// How many were given up and are still listed.
    pub failed: usize,
    /// When the oldest one that waits was queued.
    pub oldest_queued_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Queue {
    /// The messages that wait, in the order in which they were queued.
    queued: BTreeSet<u64>,
    /// Those that were given up.
    failed: BTreeSet<u64>,
    /// The waiting ones by the time of their next attempt.
    waiting: BTreeSet<QueuePlace>,
}

/// The queues of all APIs.
#[derive(Debug, Default)]
pub(super) struct Queues {
    by_api: BTreeMap<ApiId, Queue>,
    by_id: HashMap<NotificationId, NotificationKey, RandomState>,
}

impl Queues {
    pub(super) fn add(&mut self, key: &NotificationKey, message: &Notification) {
        let queue = self.by_api.entry(key.api.clone()).or_default();
        match next_attempt(message) {
            Some(at) => {
                queue.queued.insert(key.sequence);
                queue.waiting.insert((at, key.sequence));
            }
            None => {
                queue.failed.insert(key.sequence);
            }
        }
        self.by_id.insert(message.id, key.clone());
    }

    pub(super) fn remove(&mut self, key: &NotificationKey, message: &Notification) {
        // Its id is that of its token, and another message may have come to bear it.
        if self.by_id.get(&message.id) == Some(key) {
            self.by_id.remove(&message.id);
        }
        let Some(queue) = self.by_api.get_mut(&key.api) else {
            return;
        };
        match next_attempt(message) {
            Some(at) => {
                queue.queued.remove(&key.sequence);
                queue.waiting.remove(&(at, key.sequence));
            }
            None => {
                queue.failed.remove(&key.sequence);
            }
        }
        if queue.queued.is_empty() && queue.failed.is_empty() {
            self.by_api.remove(&key.api);
        }
    }

    pub(super) fn find(&self, id: &NotificationId) -> Option<NotificationKey> {
        self.by_id.get(id).cloned()
    }

    /// The first message of an API that waits, from a sequence on.
    pub(super) fn first_queued(&self, api: &ApiId, from: u64) -> Option<u64> {
        let queue = self.by_api.get(api)?;
        queue.queued.range(from..).next().copied()
    }

    /// The APIs that have messages, those that are gone included, from one on in order.
    pub(super) fn apis(&self, from: Option<&ApiId>) -> Vec<ApiId> {
        let start = from.map_or(Bound::Unbounded, Bound::Included);
        let apis = self.by_api.range::<ApiId, _>((start, Bound::Unbounded));
        apis.map(|(api, _)| api.clone()).collect()
    }

    /// The APIs with a message whose attempt is due, in order.
    pub(super) fn apis_due(&self, now: Timestamp) -> Vec<ApiId> {
        self.by_api
            .iter()
            .filter(|(_, queue)| queue.waiting.first().is_some_and(|(at, _)| *at <= now))
            .map(|(api, _)| api.clone())
            .collect()
    }

    /// The places of one API's messages whose attempt is due, after a place.
    pub(super) fn places_due(
        &self,
        api: &ApiId,
        now: Timestamp,
        after: Option<QueuePlace>,
        limit: usize,
    ) -> Vec<QueuePlace> {
        let Some(queue) = self.by_api.get(api) else {
            return Vec::new();
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let places = queue.waiting.range((start, Bound::Unbounded));
        let due = places.take_while(|(at, _)| *at <= now);
        due.take(limit).copied().collect()
    }

    /// When the next attempt of any API becomes due, those aside that are due already.
    pub(super) fn next_due_after(&self, now: Timestamp) -> Option<Timestamp> {
        let later = (Bound::Excluded((now, u64::MAX)), Bound::Unbounded);
        let queues = self.by_api.values();
        queues
            .filter_map(|queue| queue.waiting.range(later).next().map(|(at, _)| *at))
            .min()
    }

    /// How many messages wait and how many failed, with the first that waits of each API.
    pub(super) fn count(&self) -> (NotificationTotals, Vec<NotificationKey>) {
        let mut totals = NotificationTotals::default();
        let mut firsts = Vec::new();
        for (api, queue) in &self.by_api {
            totals.queued = totals.queued.saturating_add(queue.queued.len());
            totals.failed = totals.failed.saturating_add(queue.failed.len());
            firsts.extend(queue.queued.first().map(|sequence| NotificationKey {
                api: api.clone(),
                sequence: *sequence,
            }));
        }
        (totals, firsts)
    }

    /// The messages of one API after a sequence, in the order in which they were queued.
    pub(super) fn list(
        &self,
        api: &ApiId,
        filter: NotificationFilter,
        after: Option<u64>,
        limit: usize,
    ) -> Vec<NotificationKey> {
        let Some(queue) = self.by_api.get(api) else {
            return Vec::new();
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = |all: &BTreeSet<u64>| -> Vec<u64> {
            let rest = all.range((start, Bound::Unbounded));
            rest.take(limit).copied().collect()
        };
        let sequences = match filter {
            NotificationFilter::Queued => page(&queue.queued),
            NotificationFilter::Failed => page(&queue.failed),
            NotificationFilter::All => {
                let mut both = page(&queue.queued);
                both.extend(page(&queue.failed));
                both.sort_unstable();
                both.truncate(limit);
                both
            }
        };
        let key = |sequence| NotificationKey {
            api: api.clone(),
            sequence,
        };
        sequences.into_iter().map(key).collect()
    }
}

fn next_attempt(message: &Notification) -> Option<Timestamp> {
    match message.state {
        NotificationState::Queued { next_attempt_at } => Some(next_attempt_at),
        NotificationState::Failed { .. } => None,
    }
}
