#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use proptest::prelude::*;
use raftgate_model::api::Target;

use super::*;

/// A rotation of targets with these weights.
fn rotation(weights: &[u16]) -> Rotation {
    let target = |index: usize| Target::parse(&format!("http://t{index}/")).unwrap();
    let repeated = |(index, weight): (usize, &u16)| vec![target(index); usize::from(*weight)];
    let list = weights.iter().enumerate().flat_map(repeated);
    Rotation::new(list.collect()).unwrap()
}

fn reduced(rotation: &Rotation) -> Vec<usize> {
    rotation
        .weights()
        .map(|(_, weight)| weight.into())
        .collect()
}

/// How many turns each target gets in so many whole rounds, while some of them are out.
fn shares(rotation: &Rotation, rounds: usize, is_out: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut shares = vec![0; rotation.targets().len()];
    let mut number = 0;
    for own in rotation.turns().repeat(rounds) {
        let standing = |place: TargetPlace| match is_out(place.index()) {
            true => Standing::Out,
            false => Standing::Up,
        };
        let place = match standing(own) {
            Standing::Up => Some(own),
            stands => {
                number += 1;
                choose(rotation, (own, stands), number, standing)
            }
        };
        shares[place.unwrap().index()] += 1;
    }
    shares
}

fn weights() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(1..=40_u16, 2..=8)
}

proptest! {
    #[test]
    fn while_all_stand_shares_are_weights(weights in weights()) {
        let rotation = rotation(&weights);
        prop_assert_eq!(shares(&rotation, 1, |_| false), reduced(&rotation));
    }

    #[test]
    fn the_turns_of_one_that_is_out_are_shared_by_weight(weights in weights(), out in 0..8_usize) {
        let (rotation, out) = (rotation(&weights), out % weights.len());
        let weights = reduced(&rotation);
        let rounds = 2_000 / rotation.turns().len() + 1;
        let shares = shares(&rotation, rounds, |index| index == out);
        prop_assert_eq!(shares[out], 0);
        let left: usize = weights.iter().sum::<usize>() - weights[out];
        for (index, weight) in weights.iter().enumerate().filter(|(index, _)| *index != out) {
            let own = weight * rounds;
            let of_others = (weights[out] * rounds * weight) as f64 / left as f64;
            let got = (shares[index] - own) as f64;
            prop_assert!((got - of_others).abs() <= 5.0, "{index}: {got} of {of_others}, {weights:?}");
        }
    }

    #[test]
    fn each_target_is_looked_at_once_at_most(weights in weights(), own in 0..8_usize, out in any::<u8>()) {
        let rotation = rotation(&weights);
        let places: Vec<_> = rotation.places().map(|(place, _)| place).collect();
        let own = places[own % places.len()];
        let mut looks = vec![0; places.len()];
        let found = choose(&rotation, (own, Standing::Out), 0, |place| {
            looks[place.index()] += 1;
            match (out >> place.index()) & 1 {
                1 => Standing::Out,
                _ => Standing::Up,
            }
        });
        prop_assert_eq!(looks[own.index()], 0);
        prop_assert!(looks.iter().all(|looks| *looks <= 1), "{:?}", looks);
        prop_assert!(found != Some(own));
    }
}

#[test]
fn equal_halves_take_every_other_turn() {
    let halves = rotation(&[5_000, 5_000]);
    assert_eq!(halves.turns().len(), 2);
    let uneven = rotation(&[9_998, 2]);
    let turns: Vec<_> = uneven.turns().iter().map(|place| place.index()).collect();
    assert_eq!((turns.len(), turns[2_500]), (5_000, 1));
}

#[test]
fn no_neighbour_bears_what_one_that_is_out_leaves() {
    let rotation = rotation(&[1; 256]);
    let shares = shares(&rotation, 1_000, |index| index == 0);
    assert_eq!(shares[0], 0);
    let rest = &shares[1..];
    assert!(
        rest.iter().all(|share| (1_001..=1_010).contains(share)),
        "{rest:?}"
    );
}

#[test]
fn the_last_resort_is_taken_where_nobody_is_up() {
    let rotation = rotation(&[1, 1, 1]);
    let places: Vec<_> = rotation.places().map(|(place, _)| place).collect();
    let find = |own: Standing, others: [Standing; 2]| {
        let own = (places[0], own);
        choose(&rotation, own, 0, |place| others[place.index() - 1])
    };
    let (up, last, out) = (Standing::Up, Standing::LastResort, Standing::Out);
    assert_eq!(find(last, [out, up]), Some(places[2]));
    assert_eq!(find(out, [last, out]), Some(places[1]));
    assert_eq!(find(last, [last, out]), Some(places[0]), "turn by turn");
    assert_eq!(find(last, [out, out]), Some(places[0]));
    assert_eq!(find(out, [out, out]), None);
}
