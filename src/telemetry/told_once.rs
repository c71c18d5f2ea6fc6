//! What the log was told already: a warning that every login or every key repeats says nothing more the second time.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;

use parking_lot::Mutex;

/// How many subjects are remembered; when there are more, all are forgotten and told of again.
const SUBJECTS_MAX: usize = 4096;

/// The subjects that the log was told of since the process started.
#[derive(Debug)]
pub struct ToldOnce<T>(Mutex<HashSet<T>>);

impl<T> Default for ToldOnce<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Eq + Hash> ToldOnce<T> {
    /// Whether this is the first time for a subject.
    pub fn is_first<Q>(&self, subject: &Q) -> bool
    where
        T: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = T> + ?Sized,
    {
        let mut told = self.0.lock();
        if told.contains(subject) {
            return false;
        }
        if told.len() >= SUBJECTS_MAX {
            told.clear();
        }
        told.insert(subject.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_is_told_of_once_until_there_are_too_many() {
        let told = ToldOnce::<String>::default();
        for number in 0..SUBJECTS_MAX {
            let subject = format!("api-{number}");
            assert!(told.is_first(subject.as_str()));
            assert!(!told.is_first(subject.as_str()));
        }
        assert!(told.is_first("one-more") && !told.is_first("one-more"));
        assert!(told.is_first("api-0"));
    }
}
