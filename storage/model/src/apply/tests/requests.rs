//! Request ids: the same request is carried out once, whatever happens on its way.

use super::world::{BOOT, NODE, World, api};
use crate::answer::{Answer, Reply};
use crate::command::{Batch, Command, Origin, Request};
use crate::id::BootId;
use crate::state::{ReadState, Record, RecordKey};

fn batch(world: &World, boot: BootId, done_below: u64, sequence: u64, command: Command) -> Batch {
    Batch {
        stamp: world.now,
        origins: vec![Origin {
            node: NODE,
            boot,
            done_below,
        }],
        requests: vec![Request {
            origin: 0,
            sequence,
            command,
        }],
    }
}

#[test]
fn a_repeated_request_gets_its_first_answer_and_runs_once() {
    let mut world = World::new();
    let put = Command::PutApi(api("x", "/x"));
    let first = world.apply(&batch(&world, BOOT, 0, 100, put.clone()));
    let delete = Command::DeleteApi(crate::id::ApiId::new("x").unwrap());
    world.apply(&batch(&world, BOOT, 0, 101, delete));
    let again = world.apply(&batch(&world, BOOT, 0, 100, put));
    assert_eq!(again.answers, first.answers);
    assert!(
        world
            .state
            .get(&RecordKey::Api(crate::id::ApiId::new("x").unwrap()))
            .is_none()
    );
}

#[test]
fn a_request_below_the_floor_is_unknown_and_does_not_run() {
    let mut world = World::new();
    world.apply(&batch(&world, BOOT, 50, 50, Command::Sweep(vec![])));
    let late = world.apply(&batch(&world, BOOT, 0, 49, Command::PutApi(api("x", "/x"))));
    assert_eq!(late.answers, [Answer::Unknown]);
    assert!(
        world
            .state
            .get(&RecordKey::Api(crate::id::ApiId::new("x").unwrap()))
            .is_none()
    );
}

#[test]
fn a_request_that_was_passed_over_still_runs() {
    let mut world = World::new();
    world.apply(&batch(&world, BOOT, 0, 200, Command::Sweep(vec![])));
    let late = world.apply(&batch(
        &world,
        BOOT,
        0,
        150,
        Command::PutApi(api("x", "/x")),
    ));
    assert_eq!(
        late.answers,
        [Answer::Done(Reply::Stored { existed: false })]
    );
}

#[test]
fn a_retired_boot_is_unknown() {
    let mut world = World::new();
    world.apply(&batch(&world, BootId(2), 0, 1, Command::Sweep(vec![])));
    let ghost = world.apply(&batch(
        &world,
        BOOT,
        0,
        300,
        Command::PutApi(api("x", "/x")),
    ));
    assert_eq!(ghost.answers, [Answer::Unknown]);
    let window = match world.state.get(&RecordKey::Boot(NODE)) {
        Some(Record::Boot(window)) => window,
        other => panic!("{other:?}"),
    };
    assert_eq!(window.boot, BootId(2));
}

#[test]
fn kept_answers_are_bounded() {
    let mut world = World::new();
    for round in 0..40_u64 {
        let requests = (0..256)
            .map(|at| Request {
                origin: 0,
                sequence: 1000 + round * 256 + at,
                command: Command::Sweep(vec![]),
            })
            .collect();
        let origin = Origin {
            node: NODE,
            boot: BOOT,
            done_below: 0,
        };
        world.apply(&Batch {
            stamp: world.now,
            origins: vec![origin],
            requests,
        });
    }
    let Some(Record::Boot(window)) = world.state.get(&RecordKey::Boot(NODE)) else {
        panic!("no window");
    };
    assert_eq!(window.answers.len(), 8192);
    assert_eq!(window.floor, 1000 + 40 * 256 - 8192);
}

#[test]
fn the_clock_never_goes_back() {
    let mut world = World::new();
    let before = world.now;
    world.pass(100);
    world.batch(vec![Command::Sweep(vec![])]);
    world.now = before;
    let tokens = world.client_credentials();
    assert_eq!(tokens.at, before.plus(crate::time::Ttl::from_s(100)));
}

#[test]
fn an_origin_out_of_range_changes_nothing() {
    let mut world = World::new();
    let request = Request {
        origin: 7,
        sequence: 1,
        command: Command::PutApi(api("x", "/x")),
    };
    let applied = world.apply(&Batch {
        stamp: world.now,
        origins: vec![],
        requests: vec![request],
    });
    assert_eq!(applied.answers, [Answer::Unknown]);
}
