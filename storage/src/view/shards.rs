//! A map in many parts, each behind its own lock, that can be walked at one point in time while it changes.

use std::hash::Hash;

use ahash::RandomState;
use parking_lot::RwLock;
use std::collections::HashMap;

type Map<K, V> = HashMap<K, V, RandomState>;

/// One part of the map.
#[derive(Debug)]
struct Shard<K, V> {
    map: Map<K, V>,
    /// While a walk has not come by: what stood under the keys that were changed since it began.
    saved: Option<Box<Map<K, Option<V>>>>,
}

/// The map. Readers take one part's lock for one lookup; one writer at a time.
#[derive(Debug)]
pub(super) struct Sharded<K, V> {
    shards: Box<[RwLock<Shard<K, V>>]>,
    hasher: RandomState,
}

impl<K: Hash + Eq + Clone, V: Clone> Sharded<K, V> {
    /// An empty map of so many parts.
    ///
    /// More parts make shorter pauses, when one grows or is walked.
    pub(super) fn new(parts: usize) -> Self {
        let hasher = RandomState::new();
        let shards = (0..parts.max(1))
            .map(|_| {
                RwLock::new(Shard {
                    map: HashMap::with_hasher(hasher.clone()),
                    saved: None,
                })
            })
            .collect();
        Self { shards, hasher }
    }

    /// How many parts there are.
    #[cfg(test)]
    pub(super) fn parts(&self) -> usize {
        self.shards.len()
    }

    /// Which part a key belongs to; from other bits of the hash than the part's own table uses.
    pub(super) fn part_of(&self, key: &K) -> usize {
        let bits = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        bits.checked_rem(self.shards.len()).unwrap_or_default()
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let shard = self.shards.get(self.part_of(key))?.read();
        shard.map.get(key).cloned()
    }

    /// Puts or removes what stands under a key.
    pub(super) fn set(&self, key: K, value: Option<V>) {
        let Some(shard) = self.shards.get(self.part_of(&key)) else {
            return;
        };
        let mut shard = shard.write();
        let shard = &mut *shard;
        let saved = shard.saved.as_mut().map(|saved| saved.entry(key.clone()));
        let before = match value {
            Some(value) => shard.map.insert(key, value),
            None => shard.map.remove(&key),
        };
        if let Some(saved) = saved {
            saved.or_insert(before);
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.read().map.len())
            .fold(0, usize::saturating_add)
    }

    /// Makes room for about so many entries in all.
    pub(super) fn reserve(&self, entries: usize) {
        let each = entries.div_ceil(self.shards.len().max(1));
        for shard in &self.shards {
            shard.write().map.reserve(each);
        }
    }

    /// Begins a walk: from now on each part remembers what it held at this moment.
    ///
    /// Nobody may write meanwhile, or the parts would remember different moments.
    pub(super) fn begin_walk(&self) {
        for shard in &self.shards {
            shard.write().saved = Some(Box::default());
        }
    }

    /// The entries of one part as they were when the walk began; the part forgets the walk.
    pub(super) fn walk(&self, part: usize) -> Vec<(K, V)> {
        let Some(shard) = self.shards.get(part) else {
            return Vec::new();
        };
        let (mut entries, saved) = {
            let mut shard = shard.write();
            let saved = shard.saved.take().unwrap_or_default();
            let present = shard.map.iter();
            let entries: Vec<_> = present.map(|(key, v)| (key.clone(), v.clone())).collect();
            (entries, saved)
        };
        if !saved.is_empty() {
            entries.retain(|(key, _)| !saved.contains_key(key));
            let changed = saved.into_iter();
            entries.extend(changed.filter_map(|(key, before)| before.map(|before| (key, before))));
        }
        entries
    }

    /// Ends a walk that did not come by every part.
    pub(super) fn end_walk(&self) {
        for shard in &self.shards {
            shard.write().saved = None;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use std::collections::BTreeMap;

    use super::*;

    fn walked(map: &Sharded<u32, u32>) -> BTreeMap<u32, u32> {
        (0..map.parts()).flat_map(|part| map.walk(part)).collect()
    }

    #[test]
    fn a_walk_yields_the_moment_of_its_beginning() {
        let map = Sharded::new(8);
        for key in 0..100 {
            map.set(key, Some(key));
        }
        map.begin_walk();
        let expected: BTreeMap<_, _> = (0..100).map(|key| (key, key)).collect();
        let mut found = BTreeMap::new();
        for part in 0..map.parts() {
            for key in 0..50 {
                map.set(key, Some(1000 + u32::try_from(part).unwrap()));
            }
            map.set(60, None);
            map.set(60, Some(7));
            map.set(70, None);
            map.set(200, Some(1));
            found.extend(map.walk(part));
        }
        assert_eq!(found, expected);
        assert_eq!(map.len(), 100);
        map.begin_walk();
        let now = walked(&map);
        assert_eq!(now.get(&0), Some(&1007));
        assert_eq!(now.get(&70), None);
        assert_eq!(now.get(&200), Some(&1));
    }

    #[test]
    fn an_abandoned_walk_leaves_nothing_behind() {
        let map = Sharded::new(2);
        map.set(1, Some(1));
        map.begin_walk();
        map.set(1, Some(2));
        map.end_walk();
        map.begin_walk();
        assert_eq!(walked(&map), BTreeMap::from([(1, 2)]));
    }

    #[test]
    fn entries_spread_over_all_parts() {
        let map = Sharded::new(64);
        for key in 0..64_000_u32 {
            map.set(key, Some(key));
        }
        for part in 0..64 {
            let held = map.walk(part).len();
            assert!((700..1300).contains(&held), "part {part} holds {held}");
        }
    }
}
