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

#[derive(Debug, Default)]
struct Queue {
    /// Every message, and whether it waits.
    places: BTreeMap<u64, bool>,
    /// The waiting ones by the time of their next attempt.
    waiting: BTreeSet<(Timestamp, u64)>,
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
        let next = next_attempt(message);
        queue.places.insert(key.sequence, next.is_some());
        if let Some(at) = next {
            queue.waiting.insert((at, key.sequence));
        }
        self.by_id.insert(message.id, key.clone());
    }

    pub(super) fn remove(&mut self, key: &NotificationKey, message: &Notification) {
        self.by_id.remove(&message.id);
        let Some(queue) = self.by_api.get_mut(&key.api) else {
            return;
        };
        queue.places.remove(&key.sequence);
        if let Some(at) = next_attempt(message) {
            queue.waiting.remove(&(at, key.sequence));
        }
        if queue.places.is_empty() {
            self.by_api.remove(&key.api);
        }
    }

    pub(super) fn find(&self, id: &NotificationId) -> Option<NotificationKey> {
        self.by_id.get(id).cloned()
    }

    /// Messages whose attempt is due, of each API at most `per_api`, in the order of their times.
    pub(super) fn due(&self, now: Timestamp, per_api: usize, limit: usize) -> Vec<NotificationKey> {
        self.by_api
            .iter()
            .flat_map(|(api, queue)| {
                let due = queue.waiting.iter().take_while(|(at, _)| *at <= now);
                due.take(per_api).map(|(_, sequence)| NotificationKey {
                    api: api.clone(),
                    sequence: *sequence,
                })
            })
            .take(limit)
            .collect()
    }

    /// When the next attempt of any API is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let queues = self.by_api.values();
        queues
            .filter_map(|queue| queue.waiting.first().map(|(at, _)| *at))
            .min()
    }

    /// The messages of one API after a place, in the order in which they were queued.
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
        queue
            .places
            .range((start, Bound::Unbounded))
            .filter(|(_, waits)| match filter {
                NotificationFilter::All => true,
                NotificationFilter::Queued => **waits,
                NotificationFilter::Failed => !**waits,
            })
            .take(limit)
            .map(|(sequence, _)| NotificationKey {
                api: api.clone(),
                sequence: *sequence,
            })
            .collect()
    }
}

fn next_attempt(message: &Notification) -> Option<Timestamp> {
    match message.state {
        NotificationState::Queued { next_attempt_at } => Some(next_attempt_at),
        NotificationState::Failed { .. } => None,
    }
}
