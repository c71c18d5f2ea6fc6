//! The bounds of a queue hold whatever happened to it before, and at the same cost.

use std::cell::Cell;

use super::notifications::{
    attempt, failed, is_overflow, message, notified_tokens, outbox, recount, redelivery,
};
use super::world::World;
use crate::answer::Answer;
use crate::apply::apply;
use crate::command::{AttemptOutcome, Command};
use crate::id::{ApiId, LogIndex};
use crate::state::{MemoryState, ReadState, Record, RecordKey};

/// A state that counts what is asked of it.
struct Counted<'a> {
    state: &'a MemoryState,
    reads: Cell<u64>,
}

impl ReadState for Counted<'_> {
    fn get(&self, key: &RecordKey) -> Option<Record> {
        self.reads.set(self.reads.get() + 1);
        self.state.get(key)
    }

    fn first_queued(&self, api: &ApiId, from: u64) -> Option<u64> {
        self.reads.set(self.reads.get() + 1);
        self.state.first_queued(api, from)
    }
}

/// Carries a command out, and tells how often it looked at the state.
fn reads(world: &mut World, command: Command) -> u64 {
    let before = world.state.clone();
    let counted = Counted {
        state: &before,
        reads: Cell::new(0),
    };
    let batch = world.batch_of(vec![command]);
    let expected = apply(&counted, LogIndex(world.index + 1), &batch);
    assert_eq!(world.apply(&batch), expected);
    counted.reads.get()
}

#[test]
fn a_message_that_stays_behind_neither_widens_the_queue_nor_costs_more() {
    let mut costs = Vec::new();
    for delivered_since in [1, 1_000_000] {
        let mut world = World::new();
        notified_tokens(&mut world);
        for _ in 0..3 {
            let command = attempt(&world, 0, failed());
            world.done(command);
        }
        recount(&mut world, |outbox| {
            outbox.next_sequence += delivered_since;
            outbox.head = outbox.next_sequence;
        });
        let again = redelivery(&world, 0);
        world.done(again);
        let mut cost = Vec::new();
        for queued in [2, 3, 3, 3] {
            let code = world.code();
            let mut redeem = world.redeem(code);
            redeem.notify = World::terms();
            cost.push(reads(&mut world, Command::RedeemCode(redeem)));
            assert_eq!(outbox(&world).queued, queued);
        }
        assert!(is_overflow(&message(&world, 0).unwrap()));
        let newest = outbox(&world).next_sequence - 1;
        let delivered = attempt(&world, newest, AttemptOutcome::Delivered);
        cost.push(reads(&mut world, delivered));
        costs.push(cost);
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[1].iter().all(|reads| *reads < 32), "{costs:?}");
}

#[test]
fn a_queue_gives_up_its_oldest_whatever_else_its_entry_did_to_it() {
    let mut world = World::new();
    for _ in 0..4 {
        notified_tokens(&mut world);
    }
    // 0 was given up, 1 to 3 wait. One entry: 1 leaves, 0 comes back, and two more are queued.
    let mut commands = vec![
        attempt(&world, 1, AttemptOutcome::Delivered),
        redelivery(&world, 0),
    ];
    for _ in 0..2 {
        let code = world.code();
        let mut redeem = world.redeem(code);
        redeem.notify = World::terms();
        commands.push(Command::RedeemCode(redeem));
    }
    let answers = world.batch(commands).answers;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Answer::Done(_)))
    );
    let waits = |sequence| message(&world, sequence).map(|message| !is_overflow(&message));
    assert_eq!(
        [0, 1, 2, 3, 4, 5].map(waits),
        [
            Some(false),
            None,
            Some(false),
            Some(true),
            Some(true),
            Some(true)
        ]
    );
    assert_eq!(outbox(&world).queued, 3);
}
