//! Which records of one kind the Registry knows, and what is new of them.

use std::collections::HashSet;
use std::hash::Hash;

use raftgate_model::id::Revision;
use raftgate_storage::view::Changed;

/// What is new of one kind of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News<K> {
    /// New ones, and new versions of those that were known.
    pub(super) changed: Vec<K>,
    /// Those that are there no more.
    pub(super) gone: Vec<K>,
}

/// The records of one kind that are known.
///
/// What is new is found without a look at what is not, unless something is gone: the state says what changed, and only how
/// many there are.
#[derive(Debug)]
pub(super) struct Known<K> {
    ids: HashSet<K>,
    newest: Option<Revision>,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self {
            ids: HashSet::new(),
            newest: None,
        }
    }
}

impl<K: Hash + Eq + Clone> Known<K> {
    /// Finds out what is new; `since` tells what changed after a revision, or everything.
    pub(super) fn catch_up(&mut self, since: impl Fn(Option<Revision>) -> Changed<K>) -> News<K> {
        let Changed {
            ids: changed,
            newest,
            count,
        } = since(self.newest);
        self.newest = newest;
        self.ids.extend(changed.iter().cloned());
        // Whatever is there is known by now: as many are known only if nothing is gone.
        if self.ids.len() == count {
            let gone = Vec::new();
            return News { changed, gone };
        }
        let present: HashSet<K> = since(None).ids.into_iter().collect();
        let gone: Vec<K> = self.ids.difference(&present).cloned().collect();
        self.ids.retain(|id| present.contains(id));
        News { changed, gone }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A state of few records, and how much of it was told.
    struct State {
        versions: Vec<(&'static str, u64)>,
        told: Cell<usize>,
    }

    impl State {
        fn since(&self, after: Option<Revision>) -> Changed<&'static str> {
            let newer = self.versions.iter();
            let newer = newer.filter(|(_, version)| Some(Revision(*version)) > after);
            let ids: Vec<_> = newer.map(|(id, _)| *id).collect();
            self.told.set(self.told.get() + ids.len());
            let newest = self.versions.iter().map(|(_, version)| Revision(*version));
            Changed {
                ids,
                newest: newest.max().max(after),
                count: self.versions.len(),
            }
        }

        /// What is new, how many records were told for it.
        fn news(&self, known: &mut Known<&'static str>) -> (News<&'static str>, usize) {
            self.told.set(0);
            let mut news = known.catch_up(|after| self.since(after));
            news.gone.sort_unstable();
            (news, self.told.get())
        }
    }

    fn news(changed: &[&'static str], gone: &[&'static str]) -> News<&'static str> {
        News {
            changed: changed.to_vec(),
            gone: gone.to_vec(),
        }
    }

    #[test]
    fn one_change_among_many_tells_of_one() {
        let mut known = Known::default();
        let mut state = State {
            versions: vec![("a", 1), ("b", 2), ("c", 3)],
            told: Cell::new(0),
        };
        assert_eq!(state.news(&mut known), (news(&["a", "b", "c"], &[]), 3));
        assert_eq!(state.news(&mut known), (news(&[], &[]), 0));
        state.versions = vec![("a", 1), ("b", 4), ("c", 3)];
        assert_eq!(state.news(&mut known), (news(&["b"], &[]), 1));
    }

    #[test]
    fn what_is_gone_is_told_though_others_came() {
        let mut known = Known::default();
        let mut state = State {
            versions: vec![("a", 1), ("b", 2), ("c", 3)],
            told: Cell::new(0),
        };
        state.news(&mut known);
        state.versions = vec![("b", 2), ("d", 5)];
        assert_eq!(state.news(&mut known).0, news(&["d"], &["a", "c"]));
        state.versions = vec![("a", 6), ("d", 5)];
        assert_eq!(state.news(&mut known).0, news(&["a"], &["b"]));
        assert_eq!(state.news(&mut known).0, news(&[], &[]));
        state.versions.clear();
        assert_eq!(state.news(&mut known).0, news(&[], &["a", "d"]));
    }
}
