use std::net::Ipv4Addr;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_s(1000 + seconds)
}

fn attempt(identity: &str, last: u8) -> Attempt<'_> {
    Attempt {
        kind: "client",
        identity,
        address: Ipv4Addr::new(10, 0, 0, last).into(),
        standing: Standing::Known,
    }
}

#[test]
fn the_eleventh_try_inside_a_minute_is_refused_and_the_window_ends() {
    let throttle = Throttle::default();
    for _ in 0..10 {
        assert_eq!(throttle.check(attempt("app", 1), at(0)), Ok(()));
        throttle.failed(attempt("app", 1), at(0));
    }
    let refused = throttle.check(attempt("app", 1), at(20));
    assert_eq!(
        refused,
        Err(TooManyFailures {
            retry_after: Ttl::from_s(40)
        })
    );
    assert_eq!(throttle.check(attempt("app", 1), at(60)), Ok(()));
    throttle.failed(attempt("app", 1), at(60));
    assert_eq!(throttle.check(attempt("app", 1), at(61)), Ok(()));
}

#[test]
fn other_identities_addresses_and_kinds_are_not_held_up() {
    let throttle = Throttle::default();
    for _ in 0..10 {
        throttle.failed(attempt("app", 1), at(0));
    }
    assert_eq!(throttle.check(attempt("other", 1), at(0)), Ok(()));
    assert_eq!(throttle.check(attempt("app", 2), at(0)), Ok(()));
    let control = Attempt {
        kind: "control",
        ..attempt("app", 1)
    };
    assert_eq!(throttle.check(control, at(0)), Ok(()));
}

fn refuse(throttle: &Throttle, identity: &str, seconds: u64) {
    for _ in 0..10 {
        throttle.failed(attempt(identity, 1), at(seconds));
    }
    assert!(throttle.check(attempt(identity, 1), at(seconds)).is_err());
}

#[test]
fn the_table_is_bounded_and_the_oldest_pair_that_may_still_try_makes_room() {
    let throttle = Throttle::default();
    refuse(&throttle, "first", 0);
    for _ in 0..9 {
        throttle.failed(attempt("second", 1), at(0));
    }
    for number in 2..PAIRS_MAX {
        throttle.failed(attempt(&number.to_string(), 1), at(0));
    }
    assert_sizes(&throttle, PAIRS_MAX);
    throttle.failed(attempt("one more", 1), at(0));
    let is_refused = |identity| throttle.check(attempt(identity, 1), at(0)).is_err();
    assert!(
        is_refused("first"),
        "pushed out by pairs that may still try"
    );
    throttle.failed(attempt("second", 1), at(0));
    assert!(
        !is_refused("second"),
        "it gave way, so its count began anew"
    );
    assert_sizes(&throttle, PAIRS_MAX);
    throttle.failed(attempt("late", 1), at(61));
    assert_sizes(&throttle, 1);
}

#[test]
fn where_all_are_refused_the_first_of_them_makes_room() {
    let mut pairs = Pairs::new(3);
    for key in [1, 2, 3, 4] {
        for _ in 0..10 {
            pairs.count(key, at(0));
        }
    }
    let mut left: Vec<_> = pairs.failures.keys().copied().collect();
    left.sort_unstable();
    assert_eq!(left, [2, 3, 4]);
    assert_eq!((pairs.trying.len(), pairs.refused.len()), (1, 3));
}

fn unknown(identity: &str) -> Attempt<'_> {
    Attempt {
        standing: Standing::Unknown,
        ..attempt(identity, 1)
    }
}

#[test]
fn names_that_nobody_has_push_out_nobody() {
    let throttle = Throttle::default();
    refuse(&throttle, "app", 0);
    for number in 0..=UNKNOWN_PAIRS_MAX {
        let name = number.to_string();
        throttle.failed(unknown(&name), at(0));
    }
    assert_eq!(throttle.unknown.lock().failures.len(), UNKNOWN_PAIRS_MAX);
    assert_sizes(&throttle, 1);
    for _ in 0..10 {
        assert_eq!(throttle.check(unknown("nobody"), at(0)), Ok(()));
        throttle.failed(unknown("nobody"), at(0));
    }
    assert!(throttle.check(unknown("nobody"), at(0)).is_err());
}

#[test]
fn queues_stay_bounded_whatever_comes() {
    let mut pairs = Pairs::new(8);
    for round in 0..1000_u64 {
        let key = round % 40;
        let seconds = if round % 3 == 0 { 0 } else { round / 10 };
        for _ in 0..=(round % 12) {
            pairs.count(key, at(seconds));
        }
        assert!(pairs.failures.len() <= 8);
        assert!(pairs.trying.len() <= COMPACT_MIN && pairs.refused.len() <= COMPACT_MIN);
    }
}

#[test]
fn a_clock_that_was_set_back_leaves_no_pair_twice() {
    let throttle = Throttle::default();
    throttle.failed(attempt("ahead", 1), at(1000));
    for seconds in [0, 61, 122] {
        throttle.failed(attempt("app", 1), at(seconds));
    }
    assert_sizes(&throttle, 2);
    throttle.failed(attempt("app", 1), at(1060));
    assert_sizes(&throttle, 1);
}

/// How many pairs are remembered, each of which stands in the queue that it belongs to.
fn assert_sizes(throttle: &Throttle, expected: usize) {
    let pairs = throttle.known.lock();
    let standing = |queue: &VecDeque<Place>, refused| {
        let places = queue.iter();
        places
            .filter(|place| stands(&pairs.failures, **place, refused))
            .count()
    };
    let queued = standing(&pairs.trying, false) + standing(&pairs.refused, true);
    assert_eq!((pairs.failures.len(), queued), (expected, expected));
}
