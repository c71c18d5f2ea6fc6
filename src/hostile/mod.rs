//! Input that means harm: for every parser that meets the outside, what must hold whatever the bytes are.
//!
//! The same functions judge the kept corpus and random input in tests, and what a fuzzer finds (`tests/fuzz`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an oracle stops at the first breach"
)]

mod bodies;
mod callers;
mod documents;
mod messages;
mod redirects;
mod sets;
mod tokens;

/// A parser from outside, with what must hold of it.
pub struct Target {
    /// Its name, that of its corpus too.
    pub name: &'static str,
    /// Panics when something that must hold does not.
    pub check: fn(&[u8]),
    /// Pieces that inputs are made of.
    pub words: &'static [&'static str],
}

/// All of them.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    let parts = [messages::TARGETS, callers::TARGETS, documents::TARGETS];
    parts.into_iter().flatten()
}

/// The target with this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    targets().find(|target| target.name == name)
}

#[cfg(test)]
mod tests;
