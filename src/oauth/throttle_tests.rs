#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

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
fn the_table_is_bounded_and_who_failed_least_makes_room() {
    let throttle = Throttle::default();
    refuse(&throttle, "first", 0);
    for _ in 0..9 {
        throttle.failed(attempt("second", 1), at(0));
    }
    for number in 2..=PAIRS_MAX {
        throttle.failed(attempt(&number.to_string(), 1), at(0));
    }
    assert_sizes(&throttle, PAIRS_MAX);
    let is_refused = |identity| throttle.check(attempt(identity, 1), at(0)).is_err();
    assert!(is_refused("first"), "pushed out by pairs that failed once");
    throttle.failed(attempt("second", 1), at(0));
    assert!(is_refused("second"), "pushed out by pairs that failed once");
    // The pair that gave way begins anew, the one after it does not.
    for identity in ["2", "3"] {
        for _ in 0..9 {
            throttle.failed(attempt(identity, 1), at(0));
        }
    }
    assert!(!is_refused("2"), "the oldest that failed once gave way");
    assert_sizes(&throttle, PAIRS_MAX);
    throttle.failed(attempt("late", 1), at(61));
    assert_sizes(&throttle, 1);
}

/// What one more guess costs who lets others fail to have his own failures forgotten.
#[test]
fn a_pair_is_forgotten_only_after_all_others_failed_as_often() {
    const PAIRS: usize = 50;
    let mut pairs = Pairs::new(PAIRS);
    for _ in 0..9 {
        pairs.count(0, at(0));
    }
    let mut asked = 0;
    for key in (1..=PAIRS as u64).cycle() {
        if !pairs.failures.contains_key(&0) {
            break;
        }
        for _ in 0..9 {
            pairs.count(key, at(0));
            asked += 1;
        }
        assert!(asked < 1_000_000, "the pair is never forgotten");
    }
    assert!(asked >= 9 * (PAIRS - 1), "forgotten after {asked}");
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
}

#[test]
fn an_ipv6_network_is_one_address_and_an_ipv4_address_is_one_however_it_is_written() {
    let throttle = Throttle::default();
    let from = |address: &str| Attempt {
        address: address.parse().unwrap(),
        ..attempt("app", 1)
    };
    for last in 0..10 {
        throttle.failed(from(&format!("2001:db8::{last}")), at(0));
        throttle.failed(from("::ffff:10.9.9.9"), at(0));
    }
    for refused in ["2001:db8::ffff:1", "10.9.9.9"] {
        assert!(throttle.check(from(refused), at(0)).is_err(), "{refused}");
    }
    for other in ["2001:db8:0:1::1", "10.9.9.8"] {
        assert_eq!(throttle.check(from(other), at(0)), Ok(()), "{other}");
    }
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
        let places = pairs.queues.iter().map(VecDeque::len).sum::<usize>();
        assert!(places <= COMPACT_MIN, "{places} places");
        assert_eq!(places, pairs.places);
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
#[track_caller]
fn assert_sizes(throttle: &Throttle, expected: usize) {
    let pairs = throttle.pairs.lock();
    let queues = pairs.queues.iter().zip(1..);
    let standing = queues.map(|(queue, count)| {
        let places = queue.iter();
        places
            .filter(|place| stands(&pairs.failures, **place, count))
            .count()
    });
    assert_eq!(
        (pairs.failures.len(), standing.sum::<usize>()),
        (expected, expected)
    );
}
