//! The directory entries of a simulated folder: what is seen now, and what a power cut may bring back.

use std::collections::BTreeMap;

use super::Choices;

/// Entries by name; a change is durable only after [`Folder::sync`].
#[derive(Debug, Default)]
pub(super) struct Folder {
    now: BTreeMap<String, u64>,
    durable: BTreeMap<String, u64>,
    /// Per name, every state since the last sync, oldest first.
    unsynced: BTreeMap<String, Vec<Option<u64>>>,
}

impl Folder {
    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.now.get(name).copied()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.now.keys().cloned().collect()
    }

    pub(super) fn link(&mut self, name: &str, inode: u64) {
        self.now.insert(name.to_owned(), inode);
        self.unsynced
            .entry(name.to_owned())
            .or_default()
            .push(Some(inode));
    }

    pub(super) fn unlink(&mut self, name: &str) {
        self.now.remove(name);
        self.unsynced.entry(name.to_owned()).or_default().push(None);
    }

    pub(super) fn steal(&mut self, name: &str) {
        self.now.remove(name);
        self.durable.remove(name);
        self.unsynced.remove(name);
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.now);
        self.unsynced.clear();
    }

    /// Tells whether any present, durable or possible entry leads to the inode.
    pub(super) fn mentions(&self, inode: u64) -> bool {
        self.now.values().any(|id| *id == inode)
            || self.durable.values().any(|id| *id == inode)
            || self
                .unsynced
                .values()
                .flatten()
                .any(|id| *id == Some(inode))
    }

    pub(super) fn lose_power(&mut self, choices: &mut Choices) {
        for (name, states) in std::mem::take(&mut self.unsynced) {
            let chosen = choices.version(states.len());
            match chosen
                .checked_sub(1)
                .and_then(|position| states.get(position))
            {
                Some(Some(inode)) => {
                    self.durable.insert(name, *inode);
                }
                Some(None) => {
                    self.durable.remove(&name);
                }
                None => {}
            }
        }
        self.now.clone_from(&self.durable);
    }
}
