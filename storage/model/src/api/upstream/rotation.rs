//! Several targets that take turns: Tyk's `target_list`, whose repetitions are weights.
//!
//! Who has several turns has them spread over the round, and not one after the other: an upstream of half the weight gets every
//! other request.

use std::sync::Arc;

use crate::api::common_divisor::common_divisor;
use crate::api::target::Target;
use crate::json::{DocumentFaults, Node};

/// The most turns of one round.
const TURNS_MAX: usize = 10_000;

/// A target by its place in a [`Rotation`], which alone names places; the default is the first one, which every rotation has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetPlace(u16);

impl TargetPlace {
    /// The place in a list that keeps something of each target, in the order of [`Rotation::places`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Targets, and the order in which they take turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    targets: Arc<[Target]>,
    // In the order of the targets, and without a common divisor.
    weights: Arc<[u16]>,
    turns: Arc<[TargetPlace]>,
}

impl Rotation {
    /// The most different targets.
    pub const TARGETS_MAX: usize = 256;

    /// A round of these targets, in the order in which they are first named; one that stands several times has its weight in
    /// turns. `None` of none, or of too many.
    #[must_use]
    pub fn new(list: Vec<Target>) -> Option<Self> {
        if list.is_empty() || list.len() > TURNS_MAX {
            return None;
        }
        let mut targets: Vec<Target> = Vec::new();
        let mut weights: Vec<u16> = Vec::new();
        for target in list {
            let known = targets.iter().position(|known| *known == target);
            match known.and_then(|place| weights.get_mut(place)) {
                Some(weight) => *weight = weight.saturating_add(1),
                None if targets.len() == Self::TARGETS_MAX => return None,
                None => {
                    targets.push(target);
                    weights.push(1);
                }
            }
        }
        let divisor = weights
            .iter()
            .copied()
            .map(u64::from)
            .fold(0, common_divisor);
        // No greater than the smallest of them, and zero where there is none.
        let divisor = u16::try_from(divisor).unwrap_or(1).max(1);
        for weight in &mut weights {
            *weight /= divisor;
        }
        Some(Self {
            targets: targets.into(),
            turns: interleaved(&weights),
            weights: weights.into(),
        })
    }

    /// The different targets, at least one.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The different targets with their places, in the order of these.
    pub fn places(&self) -> impl ExactSizeIterator<Item = (TargetPlace, &Target)> {
        let numbered = self.targets.iter().enumerate();
        numbered.map(|(index, target)| (place(index), target))
    }

    /// How many turns of a round each target has, in the order of the places.
    pub fn weights(&self) -> impl ExactSizeIterator<Item = (TargetPlace, u16)> {
        let numbered = self.weights.iter().enumerate();
        numbered.map(|(index, weight)| (place(index), *weight))
    }

    /// The target at a place.
    #[must_use]
    pub fn target(&self, place: TargetPlace) -> Option<&Target> {
        self.targets.get(place.index())
    }

    /// The places in the order of their turns, at least one.
    #[must_use]
    pub fn turns(&self) -> &[TargetPlace] {
        &self.turns
    }

    /// The first target, which stands for all of them where one is named.
    #[must_use]
    pub fn first(&self) -> Option<&Target> {
        self.targets.first()
    }

    /// Reads `proxy.target_list`, if `proxy.enable_load_balancing` is set.
    pub(super) fn read(proxy: &Node<'_>, faults: &mut DocumentFaults) -> Option<Self> {
        if !proxy.get("enable_load_balancing", faults).flag(faults) {
            return None;
        }
        let node = proxy.get("target_list", faults);
        let items = node.items(TURNS_MAX, faults);
        if items.is_empty() {
            let reason = "must name a target, for proxy.enable_load_balancing is set; a target of weight 0 is none";
            faults.add(node.path(), reason);
            return None;
        }
        let known_before = faults.all().len();
        let mut list = Vec::with_capacity(items.len());
        for item in &items {
            // `null` is as little a target as an empty text.
            let text = match item.value() {
                Some(_) => item.text(faults),
                None => Some(""),
            };
            let Some(text) = text else {
                continue;
            };
            match Target::parse(&with_scheme(text)) {
                Ok(target) => list.push(target),
                Err(error) => faults.add(item.path(), error.to_string()),
            }
        }
        let rotation = Self::new(list);
        if rotation.is_none() && faults.all().len() == known_before {
            let most = Self::TARGETS_MAX;
            let reason = format!("names more than {most} different targets");
            faults.add(node.path(), reason);
        }
        rotation
    }
}

/// The place with this number.
fn place(index: usize) -> TargetPlace {
    // No more than can be numbered are taken in.
    TargetPlace(u16::try_from(index).unwrap_or(u16::MAX))
}

/// The places in the order of their turns: those of each spread evenly over the round, and in the order of the places where
/// several would come at once.
fn interleaved(weights: &[u16]) -> Arc<[TargetPlace]> {
    struct Turn {
        place: TargetPlace,
        /// It stands in the middle of its part of the round, `odd / (2 * weight)` of the way.
        odd: u32,
        weight: u32,
    }
    let turns_of = |(index, weight): (usize, &u16)| {
        let (place, weight) = (place(index), u32::from(*weight));
        (0..weight).map(move |number| Turn {
            place,
            odd: number.saturating_mul(2).saturating_add(1),
            weight,
        })
    };
    let mut turns: Vec<Turn> = weights.iter().enumerate().flat_map(turns_of).collect();
    // A round is short enough for these products.
    turns.sort_by(|one, other| {
        let along = |turn: &Turn, by: &Turn| turn.odd.saturating_mul(by.weight);
        along(one, other).cmp(&along(other, one))
    });
    turns.iter().map(|turn| turn.place).collect()
}

/// A target without a scheme is one of HTTP (Tyk).
pub(super) fn with_scheme(text: &str) -> String {
    if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    }
}
