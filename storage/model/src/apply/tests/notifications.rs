//! The queue: at least once, three attempts, bounded.

use super::world::World;
use crate::answer::{NotificationRef, Refusal, Reply};
use crate::command::{AttemptOutcome, Command, NotificationAttempt};
use crate::id::ApiId;
use crate::state::record::{
    AttemptFailure, FailureReason, Notification, NotificationKind, NotificationState, Outbox,
};
use crate::state::{NotificationKey, ReadState, Record, RecordKey};
use crate::time::Ttl;

fn place(sequence: u64) -> NotificationKey {
    NotificationKey {
        api: ApiId::new("orders").unwrap(),
        sequence,
    }
}

fn message(world: &World, sequence: u64) -> Option<Notification> {
    match world.state.get(&RecordKey::Notification(place(sequence))) {
        Some(Record::Notification(message)) => Some((*message).clone()),
        _ => None,
    }
}

fn outbox(world: &World) -> Outbox {
    match world
        .state
        .get(&RecordKey::Outbox(ApiId::new("orders").unwrap()))
    {
        Some(Record::Outbox(outbox)) => (*outbox).clone(),
        _ => Outbox::default(),
    }
}

fn notified_tokens(world: &mut World) -> crate::answer::Issued {
    let code = world.code();
    let mut redeem = world.redeem(code);
    redeem.notify = World::terms();
    world.issued(Command::RedeemCode(redeem))
}

fn attempt(world: &World, sequence: u64, outcome: AttemptOutcome) -> Command {
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

fn failed() -> AttemptOutcome {
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
    assert_eq!(outbox(&world).queued, 0);
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
    let which = NotificationRef {
        key: place(0),
        id: message(&world, 0).unwrap().id,
    };
    assert_eq!(
        world.done(Command::RedeliverNotification(which.clone())),
        Reply::Done
    );
    assert_eq!(message(&world, 0).unwrap().attempts, 0);
    assert_eq!(
        world.refused(Command::RedeliverNotification(which)),
        Refusal::NotFailed
    );
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
