//! A map whose copies share its parts: changing an entry of a copy copies one part, however many entries there are.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use ahash::RandomState;

/// How many entries a part holds on average before there are more parts.
const PART_ENTRIES: usize = 64;
/// How many times more parts there are then.
const GROWTH: usize = 4;
/// The most parts: copying the map costs a little for each.
const PARTS_MAX: usize = 1024;

type Part<K, V> = HashMap<K, V, RandomState>;

/// The map; empty ones hold no memory.
#[derive(Clone, Debug)]
pub(super) struct SharedMap<K, V> {
    /// None, or a power of [`GROWTH`].
    parts: Vec<Arc<Part<K, V>>>,
    entries: usize,
    hasher: RandomState,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self {
            parts: Vec::new(),
            entries: 0,
            hasher: RandomState::default(),
        }
    }
}

impl<K, V> SharedMap<K, V> {
    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// All values, in no particular order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(|part| part.values())
    }
}

impl<K: Hash + Eq + Clone, V: Clone> SharedMap<K, V> {
    pub(super) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.parts.get(self.part_of(key))?.get(key)
    }

    /// Puts a value; what stood under its key before comes back.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.make_room();
        let part = self.part_of(&key);
        let before = Arc::make_mut(self.parts.get_mut(part)?).insert(key, value);
        if before.is_none() {
            self.entries = self.entries.saturating_add(1);
        }
        before
    }

    /// Takes out what stands under a key; where nothing does, no part is copied.
    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let part = self.part_of(key);
        let part = self.parts.get_mut(part)?;
        if !part.contains_key(key) {
            return None;
        }
        self.entries = self.entries.saturating_sub(1);
        Arc::make_mut(part).remove(key)
    }

    /// Which part a key belongs to; from other bits of the hash than the part's own table uses.
    fn part_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        let bits = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        bits & self.parts.len().saturating_sub(1)
    }

    /// Sees to it that there is a part, and that parts stay small.
    fn make_room(&mut self) {
        let parts = self.parts.len();
        if parts >= PARTS_MAX || self.entries < parts.saturating_mul(PART_ENTRIES) {
            return;
        }
        let more = parts.saturating_mul(GROWTH).clamp(1, PARTS_MAX);
        let empty = || Arc::new(Part::with_hasher(self.hasher.clone()));
        let fewer = std::mem::replace(&mut self.parts, (0..more).map(|_| empty()).collect());
        for (key, value) in fewer.into_iter().flat_map(Arc::unwrap_or_clone) {
            let part = self.part_of(&key);
            if let Some(part) = self.parts.get_mut(part) {
                Arc::make_mut(part).insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    fn copied_parts<K, V>(left: &SharedMap<K, V>, right: &SharedMap<K, V>) -> usize {
        assert_eq!(left.parts.len(), right.parts.len());
        let pairs = left.parts.iter().zip(&right.parts);
        pairs
            .filter(|(one, other)| !Arc::ptr_eq(one, other))
            .count()
    }

    #[test]
    fn a_change_among_many_copies_one_small_part() {
        let mut map = SharedMap::default();
        for number in 0..10_000_u32 {
            map.insert(number, number);
        }
        let before = map.clone();
        assert_eq!(map.insert(17, 0), Some(17));
        assert_eq!(copied_parts(&before, &map), 1);
        assert_eq!((before.get(&17), map.get(&17)), (Some(&17), Some(&0)));
        let largest = map.parts.iter().map(|part| part.len()).max().unwrap();
        assert!(largest < 256, "{largest}");

        let mut other = before.clone();
        assert_eq!(other.remove(&20_000), None);
        assert_eq!(copied_parts(&before, &other), 0);
        assert_eq!(other.remove(&17), Some(17));
        assert_eq!(copied_parts(&before, &other), 1);
    }

    proptest! {
        #[test]
        fn it_is_a_map_and_copies_stay_as_they_were(
            steps in prop::collection::vec((0..600_u16, any::<Option<u8>>()), 0..2000)
        ) {
            let mut map = SharedMap::default();
            let mut expected = HashMap::new();
            let half = steps.len() / 2;
            let mut kept = None;
            for (at, (key, value)) in steps.into_iter().enumerate() {
                if at == half {
                    kept = Some((map.clone(), expected.clone()));
                }
                match value {
                    Some(value) => prop_assert_eq!(map.insert(key, value), expected.insert(key, value)),
                    None => prop_assert_eq!(map.remove(&key), expected.remove(&key)),
                }
            }
            for (map, expected) in kept.into_iter().chain([(map, expected)]) {
                prop_assert_eq!(map.values().count(), expected.len());
                prop_assert_eq!(map.is_empty(), expected.is_empty());
                for key in 0..600 {
                    prop_assert_eq!(map.get(&key), expected.get(&key));
                }
            }
        }
    }
}
