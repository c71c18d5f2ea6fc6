//! The queue: at least once, three attempts, bounded.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::world::World;
use crate::answer::{NotificationRef, Refusal, Reply};
use crate::command::{AttemptOutcome, Command, NotificationAttempt, NotifyTerms, Redelivery};
use crate::id::ApiId;
use crate::state::record::{
    AttemptFailure, FailureReason, Notification, NotificationKind, NotificationState, Outbox,
};
use crate::state::{NotificationKey, ReadState, Record, RecordKey};
use crate::testing::Scenario;
use crate::time::Ttl;

fn place(sequence: u64) -> NotificationKey {
    NotificationKey {
        api: ApiId::new("orders").unwrap(),
        sequence,
    }
}

pub(super) fn message(world: &World, sequence: u64) -> Option<Notification> {
    match world.state.get(&RecordKey::Notification(place(sequence))) {
        Some(Record::Notification(message)) => Some((*message).clone()),
        _ => None,
    }
}

pub(super) fn outbox(world: &World) -> Outbox {
    match world
        .state
        .get(&RecordKey::Outbox(ApiId::new("orders").unwrap()))
    {
        Some(Record::Outbox(outbox)) => (*outbox).clone(),
        _ => Outbox::default(),
    }
}

pub(super) fn notified_tokens(world: &mut World) -> crate::answer::Issued {
    let code = world.code();
    let mut redeem = world.redeem(code);
    redeem.notify = World::terms();
    world.issued(Command::RedeemCode(redeem))
}

pub(super) fn attempt(world: &World, sequence: u64, outcome: AttemptOutcome) -> Command {
    let id = message(world, sequence).unwrap().id;
    let notification = NotificationRef {
        key: place(sequence),
        id,
    };
    Command::NotificationAttempted(NotificationAttempt {
        notification,
        outcome,
    })
}

pub(super) fn failed() -> AttemptOutcome {
    AttemptOutcome::Failed {
        failure: AttemptFailure::Status(500),
        attempts_max: 3,
        retry_after: Ttl::from_s(10),
    }
}

#[test]
fn a_message_is_queued_in_the_entry_of_its_token() {
    let mut world = World::new();
    let tokens = notified_tokens(&mut world);
    let queued = message(&world, 0).unwrap();
    assert_eq!(queued.kind, NotificationKind::New);
    assert_eq!(queued.access, Some(tokens.access));
    assert_eq!(queued.refresh, tokens.refresh);
    assert!(queued.code.is_some() && queued.old_refresh.is_none());
    assert_eq!(
        outbox(&world),
        Outbox {
            next_sequence: 1,
            queued: 1,
            queued_bytes: queued.size_bytes(),
            ..Outbox::default()
        }
    );
}

#[test]
fn a_retried_exchange_queues_no_second_message() {
    let mut world = World::new();
    let code = world.code();
    for _ in 0..2 {
        let mut redeem = world.redeem(code);
        redeem.notify = World::terms();
        world.issued(Command::RedeemCode(redeem));
    }
    assert_eq!(outbox(&world).queued, 1);
}

#[test]
fn a_delivered_message_leaves_the_queue() {
    let mut world = World::new();
    notified_tokens(&mut world);
    let delivered = attempt(&world, 0, AttemptOutcome::Delivered);
    world.done(delivered);
    assert!(message(&world, 0).is_none());
    let counted = outbox(&world);
    assert_eq!((counted.queued, counted.queued_bytes), (0, 0));
}

#[test]
fn three_failures_give_a_message_up_and_it_stays_listed_d27() {
    let mut world = World::new();
    notified_tokens(&mut world);
    for tried in 1..=3_u32 {
        let command = attempt(&world, 0, failed());
        world.done(command);
        let now = message(&world, 0).unwrap();
        assert_eq!(now.attempts, tried);
        match (tried, now.state) {
            (3, NotificationState::Failed { reason, .. }) => {
                assert_eq!(reason, FailureReason::Attempts);
            }
            (1 | 2, NotificationState::Queued { next_attempt_at }) => {
                assert_eq!(next_attempt_at, world.now.plus(Ttl::from_s(10)));
            }
            other => panic!("{other:?}"),
        }
    }
    let counted = outbox(&world);
    assert_eq!(
        (counted.queued, counted.failed_listed, counted.failed_total),
        (0, 1, 1)
    );
}

#[test]
fn a_failed_message_is_redelivered_with_all_its_attempts() {
    let mut world = World::new();
    notified_tokens(&mut world);
    for _ in 0..3 {
        let command = attempt(&world, 0, failed());
        world.done(command);
    }
    let wish = redelivery(&world, 0);
    assert_eq!(world.done(wish.clone()), Reply::Done);
    assert_eq!(message(&world, 0).unwrap().attempts, 0);
    assert_eq!(world.refused(wish), Refusal::NotFailed);
    assert_eq!(outbox(&world).queued, 1);
}

pub(super) fn redelivery(world: &World, sequence: u64) -> Command {
    Command::RedeliverNotification(Redelivery {
        notification: NotificationRef {
            key: place(sequence),
            id: message(world, sequence).unwrap().id,
        },
        terms: World::terms().unwrap(),
    })
}

#[test]
fn redelivery_does_not_fill_a_queue_beyond_its_bounds() {
    let mut world = World::new();
    for _ in 0..4 {
        notified_tokens(&mut world);
    }
    let before = outbox(&world);
    assert_eq!(before.queued, 3);
    let wish = redelivery(&world, 0);
    assert_eq!(world.refused(wish.clone()), Refusal::QueueFull);
    assert_eq!(outbox(&world), before);
    let delivered = attempt(&world, 1, AttemptOutcome::Delivered);
    world.done(delivered);
    world.done(wish);
    // It is the oldest again, and the first to give way.
    notified_tokens(&mut world);
    assert!(is_overflow(&message(&world, 0).unwrap()));
    assert_eq!(outbox(&world).queued, 3);
}

pub(super) fn is_overflow(message: &Notification) -> bool {
    let NotificationState::Failed { reason, .. } = message.state else {
        return false;
    };
    reason == FailureReason::Overflow
}

/// Changes the counters as if many more messages had been there.
pub(super) fn recount(world: &mut World, change: impl FnOnce(&mut Outbox)) {
    let mut counted = outbox(world);
    change(&mut counted);
    let key = RecordKey::Outbox(ApiId::new("orders").unwrap());
    world.state.insert(key, Record::Outbox(Arc::new(counted)));
}

#[test]
fn a_queue_is_full_at_16_mebibytes_as_well() {
    let mut world = World::new();
    notified_tokens(&mut world);
    let size = message(&world, 0).unwrap().size_bytes();
    recount(&mut world, |outbox| {
        outbox.queued_bytes = 16 * 1024 * 1024 - size;
    });
    notified_tokens(&mut world);
    assert_eq!(outbox(&world).queued, 2, "just full");
    notified_tokens(&mut world);
    assert!(is_overflow(&message(&world, 0).unwrap()));
    let counted = outbox(&world);
    assert_eq!(
        (counted.queued, counted.queued_bytes),
        (2, 16 * 1024 * 1024)
    );
}

#[test]
fn ten_thousand_failures_are_listed_and_further_ones_counted() {
    let mut world = World::new();
    notified_tokens(&mut world);
    notified_tokens(&mut world);
    recount(&mut world, |outbox| {
        outbox.failed_listed = 9_999;
        outbox.failed_total = 9_999;
    });
    for sequence in 0..2 {
        for _ in 0..3 {
            let command = attempt(&world, sequence, failed());
            world.done(command);
        }
    }
    assert!(message(&world, 0).is_some(), "the ten thousandth is listed");
    assert!(message(&world, 1).is_none(), "the next one is not");
    let counted = outbox(&world);
    assert_eq!(
        (counted.failed_listed, counted.failed_total, counted.queued),
        (10_000, 10_001, 0)
    );
}

#[test]
fn a_queue_over_a_lowered_bound_shrinks_with_each_message_and_not_at_once() {
    let mut world = World::new();
    let terms = |queued_max| Some(NotifyTerms { queued_max });
    for _ in 0..200 {
        let code = world.code();
        let mut redeem = world.redeem(code);
        redeem.notify = terms(1000);
        world.issued(Command::RedeemCode(redeem));
    }
    for expected in [137, 74, 11, 3, 3] {
        notified_tokens(&mut world);
        assert_eq!(outbox(&world).queued, expected);
    }
}

#[test]
fn the_counters_are_right_whatever_happened() {
    for seed in 0..16 {
        let mut scenario = Scenario::new(seed);
        for _ in 0..150 {
            scenario.next_batch();
        }
        let (mut counted, mut found) = (BTreeMap::new(), BTreeMap::new());
        for (key, record) in scenario.state().iter() {
            match (key, record) {
                (RecordKey::Outbox(api), Record::Outbox(outbox)) => {
                    counted.insert(api.clone(), (**outbox).clone());
                }
                (RecordKey::Notification(place), Record::Notification(message)) => {
                    let sums: &mut (u64, u64, u64, u64) = found
                        .entry(place.api.clone())
                        .or_insert((0, 0, 0, u64::MAX));
                    match message.state {
                        NotificationState::Queued { .. } => {
                            sums.0 += 1;
                            sums.1 += message.size_bytes();
                            sums.3 = sums.3.min(place.sequence);
                        }
                        NotificationState::Failed { .. } => sums.2 += 1,
                    }
                }
                _ => {}
            }
        }
        for (api, outbox) in counted {
            let sums = found.remove(&api).unwrap_or((0, 0, 0, u64::MAX));
            let seen = (outbox.queued, outbox.queued_bytes, outbox.failed_listed);
            assert_eq!(seen, (sums.0, sums.1, sums.2), "seed {seed}, API {api}");
            assert!(outbox.head <= sums.3, "seed {seed}, API {api}");
            assert!(outbox.queued <= 4);
        }
        assert!(found.is_empty());
    }
}

#[test]
fn a_full_queue_gives_up_its_oldest_and_issuing_goes_on() {
    let mut world = World::new();
    for _ in 0..5 {
        notified_tokens(&mut world);
    }
    for sequence in 0..2 {
        let NotificationState::Failed { reason, .. } = message(&world, sequence).unwrap().state
        else {
            panic!("message {sequence} still waits");
        };
        assert_eq!(reason, FailureReason::Overflow);
    }
    let counted = outbox(&world);
    assert_eq!(
        (counted.queued, counted.failed_total, counted.head),
        (3, 2, 2)
    );
}

#[test]
fn a_late_report_of_a_message_that_is_gone_is_refused_and_changes_nothing() {
    let mut world = World::new();
    notified_tokens(&mut world);
    let report = attempt(&world, 0, AttemptOutcome::Delivered);
    world.done(report.clone());
    assert_eq!(world.refused(report), Refusal::UnknownNotification);
    assert_eq!(outbox(&world).queued, 0);
}
