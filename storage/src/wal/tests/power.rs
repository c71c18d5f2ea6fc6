//! Power cuts: at every disk operation of a script, and at random in random lives.

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Content, History, Op, check, live, open_any, survivals};
use crate::disk::sim::{SimMachine, Survival};

/// Touches every kind of record, several frames, rotation, deletion and a purge beyond the end.
fn script() -> Vec<Op> {
    let mut ops = vec![
        Op::Vote,
        Op::Append(3, 600),
        Op::Settle,
        Op::CommittedLazily,
        Op::Vote,
        Op::Settle,
    ];
    ops.extend([
        Op::Append(2, 10),
        Op::Truncate(3),
        Op::Append(4, 900),
        Op::Settle,
        Op::Purge(2),
        Op::Settle,
    ]);
    for _ in 0..3 {
        ops.extend([Op::Append(1, 40_000), Op::Settle, Op::Committed, Op::Settle]);
        ops.extend([
            Op::Append(2, 9_000),
            Op::Settle,
            Op::Purge(3),
            Op::Settle,
            Op::Vote,
            Op::Settle,
        ]);
    }
    ops.extend([
        Op::PurgeBeyond(10),
        Op::Settle,
        Op::Append(1, 1),
        Op::Settle,
    ]);
    ops
}

/// Counts the disk operations of the whole script.
fn script_operations() -> u64 {
    let machine = SimMachine::new();
    let mut history = History::new();
    live(&machine, &mut history, &script(), None);
    machine.operations()
}

#[test]
fn the_power_may_go_at_any_operation() {
    let operations = script_operations();
    assert!(operations > 100, "{operations}");
    for cut in 0..=operations {
        for survival in survivals(4) {
            let machine = SimMachine::new();
            let mut history = History::new();
            live(&machine, &mut history, &script(), Some(cut));
            machine.restart(survival);
            check(&machine, &mut history);
        }
    }
}

#[test]
fn the_power_may_go_again_while_the_log_is_opened() {
    let operations = script_operations();
    for cut in (1..operations).step_by(3) {
        for second in 0..5 {
            let machine = SimMachine::new();
            let mut history = History::new();
            live(&machine, &mut history, &script(), Some(cut));
            machine.restart(Survival::Random(cut));
            live(
                &machine,
                &mut history,
                &[Op::Vote, Op::Append(2, 700)],
                Some(second),
            );
            machine.restart(Survival::Random(cut + second));
            check(&machine, &mut history);
        }
    }
}

#[test]
fn two_torn_frames_at_one_place_never_mix() {
    for seed in 0..100 {
        let machine = SimMachine::new();
        let mut history = History::new();
        let fill = [
            Op::Append(1, 50_000),
            Op::Settle,
            Op::Append(1, 11_700),
            Op::Settle,
        ];
        live(&machine, &mut history, &fill, None);
        // The next entry is the first of the second segment; each time another one, of equal size, is torn there.
        for round in 0..4 {
            let rig = open_any(&machine).unwrap();
            history.judge(&Content::of(&rig).unwrap());
            rig.wal.settle().unwrap();
            // The frame is written and not synced; the first time the end of the old segment comes before it.
            machine.cut_after(if round == 0 { 3 } else { 1 });
            let _ = history.start(&rig, &Op::Append(1, 700));
            drop(rig);
            history.collect();
            assert!(machine.is_powerless());
            machine.restart(Survival::Random(seed * 4 + round));
        }
        check(&machine, &mut history);
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1..6_u64, 0..1200_usize).prop_map(|(count, bytes)| Op::Append(count, bytes)),
        1 => (1..3_u64, 5_000..40_000_usize).prop_map(|(count, bytes)| Op::Append(count, bytes)),
        2 => Just(Op::Vote),
        2 => Just(Op::CommittedLazily),
        1 => Just(Op::Committed),
        1 => (0..8_u64).prop_map(Op::Truncate),
        1 => (0..40_u64).prop_map(Op::Purge),
        1 => (0..5_u64).prop_map(Op::PurgeBeyond),
        2 => Just(Op::Settle),
    ]
}

/// How a life of the process ends.
#[derive(Debug, Clone)]
enum Ending {
    Cut(u64, u64),
    Closed,
    Killed(u64),
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        6 => (0..120_u64, any::<u64>()).prop_map(|(after, seed)| Ending::Cut(after, seed)),
        1 => Just(Ending::Closed),
        2 => (0..60_u64).prop_map(Ending::Killed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lives_of_any_kind_lose_nothing_that_was_acknowledged(
        lives in vec((vec(op(), 0..30), ending()), 1..6)
    ) {
        let machine = SimMachine::new();
        let mut history = History::new();
        for (ops, ending) in lives {
            match ending {
                Ending::Cut(after, seed) => {
                    live(&machine, &mut history, &ops, Some(after));
                    machine.restart(Survival::Random(seed));
                }
                Ending::Closed => live(&machine, &mut history, &ops, None),
                Ending::Killed(after) => {
                    // The disk stops answering, but what it was given stays in the cache.
                    live(&machine, &mut history, &ops, Some(after));
                    machine.kill();
                }
            }
        }
        check(&machine, &mut history);
        machine.restart(Survival::Nothing);
        check(&machine, &mut history);
    }
}
