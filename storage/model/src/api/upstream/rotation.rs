//! Several targets that take turns: Tyk's `target_list`, whose repetitions are weights.

use std::sync::Arc;

use crate::api::target::Target;
use crate::json::{DocumentFaults, Node};

/// The most turns of one round.
const TURNS_MAX: usize = 10_000;
/// The most different targets.
const TARGETS_MAX: usize = 256;

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
    turns: Arc<[TargetPlace]>,
}

impl Rotation {
    /// A round of these targets, one that stands several times with as many turns; `None` of none, or of too many.
    #[must_use]
    pub fn new(list: Vec<Target>) -> Option<Self> {
        let mut targets: Vec<Target> = Vec::new();
        let mut turns = Vec::with_capacity(list.len());
        for target in list {
            let known = targets.iter().position(|known| *known == target);
            let place = known.unwrap_or(targets.len());
            if known.is_none() {
                if place == TARGETS_MAX {
                    return None;
                }
                targets.push(target);
            }
            turns.push(TargetPlace(u16::try_from(place).ok()?));
        }
        let fits = !turns.is_empty() && turns.len() <= TURNS_MAX;
        fits.then(|| Self {
            targets: targets.into(),
            turns: turns.into(),
        })
    }

    /// The different targets, at least one.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The different targets with their places, in the order of these.
    pub fn places(&self) -> impl ExactSizeIterator<Item = (TargetPlace, &Target)> {
        // No more than can be numbered were taken in.
        let place = |index| TargetPlace(u16::try_from(index).unwrap_or(u16::MAX));
        let numbered = self.targets.iter().enumerate();
        numbered.map(move |(index, target)| (place(index), target))
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
            let reason = format!("names more than {TARGETS_MAX} different targets");
            faults.add(node.path(), reason);
        }
        rotation
    }
}

/// A target without a scheme is one of HTTP (Tyk).
pub(super) fn with_scheme(text: &str) -> String {
    if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    }
}
