//! Stand-in: which target takes a turn whose own one does not.
//!
//! The turns of one that is out are shared among all others by their weights, so that none of them bears them all.

use raftgate_model::api::{Rotation, TargetPlace};

/// Whether a target takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does.
    Up,
    /// Only where no other one does.
    LastResort,
    /// It does not.
    Out,
}

/// 2^64 over the golden ratio: its multiples, cut to 64 bits, divide them evenly however many they are (Fibonacci hashing).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Who takes the turn of `own`, which is not up, in the `number`th such choice: another one that is, else itself as its own last
/// resort, else another one's. Each other target is looked at once.
pub(super) fn choose(
    rotation: &Rotation,
    own: (TargetPlace, Standing),
    number: u64,
    mut standing: impl FnMut(TargetPlace) -> Standing,
) -> Option<TargetPlace> {
    let (mut up, mut last_resort) = (Candidates::default(), Candidates::default());
    let (own, own_standing) = own;
    for (place, weight) in rotation.weights().filter(|(place, _)| *place != own) {
        match standing(place) {
            Standing::Up => up.add(place, weight),
            Standing::LastResort => last_resort.add(place, weight),
            Standing::Out => {}
        }
    }
    let point = number.wrapping_add(1).wrapping_mul(GOLDEN);
    up.at(point, rotation).or_else(|| match own_standing {
        Standing::LastResort => Some(own),
        Standing::Up | Standing::Out => last_resort.at(point, rotation),
    })
}

/// Some targets of a rotation, and their weights together.
#[derive(Debug, Default)]
struct Candidates {
    // One bit for each place.
    places: [u64; Rotation::TARGETS_MAX / 64],
    weight: u64,
}

impl Candidates {
    fn add(&mut self, place: TargetPlace, weight: u16) {
        if let Some(bits) = self.places.get_mut(place.index() / 64) {
            *bits |= 1 << (place.index() % 64);
            self.weight = self.weight.saturating_add(u64::from(weight));
        }
    }

    fn holds(&self, place: TargetPlace) -> bool {
        let bits = self.places.get(place.index() / 64);
        bits.is_some_and(|bits| (bits >> (place.index() % 64)) & 1 == 1)
    }

    /// The one on whose part of the whole weight `point` lies, which is a fraction of 2^64.
    fn at(&self, point: u64, rotation: &Rotation) -> Option<TargetPlace> {
        let along = (u128::from(point) * u128::from(self.weight)) >> 64;
        let mut before = 0_u128;
        let mut held = rotation.weights().filter(|(place, _)| self.holds(*place));
        let found = held.find(|(_, weight)| {
            before += u128::from(*weight);
            along < before
        });
        found.map(|(place, _)| place)
    }
}

#[cfg(test)]
#[path = "stand_in_tests.rs"]
mod tests;
