#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking where it went wrong"
)]

use super::*;

const BOUNDS: Bounds = Bounds {
    commands: 100,
    bytes: 1000,
};

fn tokens(api: &str) -> Lane {
    Lane::Tokens(ApiId::new(api).unwrap())
}

fn queue(items: &[(Lane, &'static str)]) -> CommandQueue<&'static str> {
    let mut queue = CommandQueue::new(BOUNDS);
    for (lane, item) in items {
        queue.push(lane, *item, 10).unwrap();
    }
    queue
}

#[test]
fn earlier_lanes_go_first_whatever_came_first() {
    let mut queue = queue(&[
        (Lane::Sweep, "sweep"),
        (tokens("a"), "token"),
        (Lane::Administration, "put"),
        (Lane::Revocation, "revoke"),
        (Lane::Administration, "delete"),
    ]);
    assert_eq!(
        queue.take(BOUNDS),
        ["revoke", "put", "delete", "token", "sweep"]
    );
    assert_eq!((queue.len(), queue.bytes()), (0, 0));
}

#[test]
fn apis_take_turns_and_keep_their_own_order() {
    let mut queue = queue(&[
        (tokens("busy"), "b1"),
        (tokens("busy"), "b2"),
        (tokens("busy"), "b3"),
        (tokens("calm"), "c1"),
        (tokens("third"), "t1"),
        (tokens("third"), "t2"),
    ]);
    let two = Bounds {
        commands: 2,
        ..BOUNDS
    };
    assert_eq!(queue.take(two), ["b1", "c1"]);
    queue.push(&tokens("calm"), "c2", 10).unwrap();
    assert_eq!(queue.take(BOUNDS), ["t1", "b2", "c2", "t2", "b3"]);
    queue.push(&tokens("calm"), "c3", 10).unwrap();
    assert_eq!(queue.take(BOUNDS), ["c3"]);
}

#[test]
fn a_batch_ends_before_its_bytes_are_exceeded() {
    let mut queue = CommandQueue::new(BOUNDS);
    for (item, bytes) in [("a", 40), ("b", 50), ("c", 20), ("d", 5)] {
        queue.push(&Lane::Administration, item, bytes).unwrap();
    }
    let small = Bounds {
        commands: 9,
        bytes: 100,
    };
    assert_eq!(queue.take(small), ["a", "b"]);
    assert_eq!(queue.bytes(), 25);
    let tiny = Bounds {
        commands: 9,
        bytes: 1,
    };
    assert_eq!(queue.take(tiny), ["c"], "one goes however large");
}

#[test]
fn what_does_not_fit_is_turned_away() {
    let mut queue = CommandQueue::new(Bounds {
        commands: 3,
        bytes: 100,
    });
    queue.push(&Lane::Sweep, 1, 90).unwrap();
    assert_eq!(queue.push(&Lane::Revocation, 2, 11), Err(Full));
    queue.push(&Lane::Revocation, 2, 5).unwrap();
    queue.push(&tokens("a"), 3, 5).unwrap();
    assert_eq!(queue.push(&Lane::Revocation, 4, 0), Err(Full));
    assert_eq!(queue.take(BOUNDS), [2, 3, 1]);
    queue.push(&Lane::Revocation, 4, 100).unwrap();
}

#[test]
fn what_leaves_early_gives_its_room_back_and_no_turn_is_lost() {
    let mut queue = queue(&[
        (tokens("a"), "old a"),
        (tokens("b"), "b"),
        (Lane::Revocation, "old r"),
    ]);
    let left = queue.take_where(|item| item.starts_with("old"));
    assert_eq!(left, ["old r", "old a"]);
    assert_eq!((queue.len(), queue.bytes()), (1, 10));
    queue.push(&tokens("a"), "a", 10).unwrap();
    let mut next = queue.take(BOUNDS);
    next.sort_unstable();
    assert_eq!(next, ["a", "b"]);
    assert_eq!(queue.take(BOUNDS), [""; 0]);
}

#[test]
fn apis_that_come_and_go_leave_nothing_behind() {
    let mut queue = CommandQueue::new(BOUNDS);
    for number in 0..10 * IDLE_APIS_MAX {
        queue
            .push(&tokens(&format!("api-{number}")), number, 1)
            .unwrap();
        assert_eq!(queue.take(BOUNDS), [number]);
    }
    assert!(queue.tokens.by_api.len() <= IDLE_APIS_MAX);
    assert!(queue.tokens.turns.is_empty());
}
