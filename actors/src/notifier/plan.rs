//! Which messages of one API are sent next: pure, so that order and bounds are tested without a clock.

use std::collections::HashSet;
use std::sync::Arc;

use raftgate_model::id::{ApiId, FamilyId};
use raftgate_model::state::NotificationKey;
use raftgate_model::state::record::{Notification, NotificationState};
use raftgate_model::time::Timestamp;
use raftgate_storage::view::View;

/// How many places of a queue are read at a time.
const PAGE: usize = 64;
/// How many messages of a queue are looked at to find some that may be sent: only messages that wait for an earlier one
/// of their family stand before those.
const LOOKS_MAX: usize = 1024;

/// A queued message and its place.
pub(super) type Waiting = (NotificationKey, Arc<Notification>);

/// The messages of one API that are due, the earliest first; read a page at a time, as far as they are asked for.
pub(super) fn waiting<'a>(
    view: &'a View,
    api: &'a ApiId,
    now: Timestamp,
) -> impl Iterator<Item = Waiting> + 'a {
    let mut after = None;
    let mut page = Vec::new().into_iter();
    let places = std::iter::from_fn(move || {
        if page.as_slice().is_empty() {
            page = view.notifications_due(api, now, after, PAGE).into_iter();
        }
        after = page.next();
        after
    });
    let messages = places.take(LOOKS_MAX).map(move |(_, sequence)| {
        let api = api.clone();
        let key = NotificationKey { api, sequence };
        view.notification(&key).map(|message| (key, message))
    });
    // A place whose message is gone by now says nothing.
    messages.flatten()
}

/// Picks the messages to send now, oldest first.
///
/// First attempts of one token family go in order: a message waits until the one before it has been tried. A message that
/// waits for its retry holds nothing back.
pub(super) fn due(
    waiting: impl IntoIterator<Item = Waiting>,
    in_flight: &HashSet<u64>,
    allowance: usize,
    now: Timestamp,
) -> Vec<Waiting> {
    let mut untried: HashSet<FamilyId> = HashSet::new();
    let mut picked = Vec::new();
    for (key, message) in waiting {
        if picked.len().saturating_add(in_flight.len()) >= allowance {
            break;
        }
        let NotificationState::Queued { next_attempt_at } = message.state else {
            continue;
        };
        let first_in_family = match message.family {
            Some(family) if message.attempts == 0 => untried.insert(family),
            _ => true,
        };
        if first_in_family && next_attempt_at <= now && !in_flight.contains(&key.sequence) {
            picked.push((key, message));
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use raftgate_model::id::{ApiId, ClientId, NotificationId};
    use raftgate_model::state::record::NotificationKind;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(100);

    fn waiting(sequence: u64, family: Option<u8>, attempts: u32, next_s: u64) -> Waiting {
        let key = NotificationKey {
            api: ApiId::new("orders").unwrap(),
            sequence,
        };
        let message = Notification {
            id: NotificationId::from_bytes([1; 16]),
            client: ClientId::new("app").unwrap(),
            kind: NotificationKind::New,
            family: family.map(|byte| FamilyId::from_bytes([byte; 16])),
            code: None,
            access: None,
            refresh: None,
            old_refresh: None,
            created_at: Timestamp::ZERO,
            state: NotificationState::Queued {
                next_attempt_at: Timestamp::from_unix_s(next_s),
            },
            attempts,
            last_failure: None,
        };
        (key, Arc::new(message))
    }

    fn sequences(picked: &[Waiting]) -> Vec<u64> {
        picked.iter().map(|(key, _)| key.sequence).collect()
    }

    #[test]
    fn first_attempts_of_a_family_go_one_after_the_other() {
        let queue = || {
            [
                waiting(1, Some(7), 0, 0),
                waiting(2, Some(7), 0, 0),
                waiting(3, Some(8), 0, 0),
            ]
        };
        assert_eq!(sequences(&due(queue(), &HashSet::new(), 16, NOW)), [1, 3]);
        let sending = HashSet::from([1]);
        assert_eq!(
            sequences(&due(queue(), &sending, 16, NOW)),
            [3],
            "1 is on its way, 2 waits"
        );
    }

    #[test]
    fn a_message_that_waits_for_its_retry_holds_nothing_back() {
        let queue = [waiting(1, Some(7), 1, 200), waiting(2, Some(7), 0, 0)];
        assert_eq!(sequences(&due(queue, &HashSet::new(), 16, NOW)), [2]);
    }

    #[test]
    fn no_more_than_the_allowance_is_on_its_way() {
        let queue = || (0..40).map(|sequence| waiting(sequence, None, 0, 0));
        assert_eq!(due(queue(), &HashSet::new(), 16, NOW).len(), 16);
        let sending: HashSet<u64> = (0..10).collect();
        assert_eq!(
            sequences(&due(queue(), &sending, 16, NOW)),
            [10, 11, 12, 13, 14, 15]
        );
        assert!(due(queue(), &HashSet::new(), 0, NOW).is_empty());
    }

    #[test]
    fn no_more_of_a_long_queue_is_looked_at_than_is_sent() {
        let mut looked_at = 0;
        let queue = (0..10_000).map(|sequence| waiting(sequence, None, 0, 0));
        let queue = queue.inspect(|_| looked_at += 1);
        assert_eq!(due(queue, &HashSet::new(), 16, NOW).len(), 16);
        assert!(looked_at <= 17, "{looked_at}");
    }

    #[test]
    fn nothing_is_sent_before_its_time() {
        assert!(due([waiting(1, None, 1, 101)], &HashSet::new(), 16, NOW).is_empty());
        assert_eq!(
            due([waiting(1, None, 1, 100)], &HashSet::new(), 16, NOW).len(),
            1
        );
    }
}
