//! Rules that hold for single paths of an API: where they hold, and which paths are open, closed or free of a credential.

use super::unsupported::ImportWarning;
use crate::json::{DocumentFaults, Node};
use crate::path_pattern::{LetterCase, Methods, PatternOrigin, PatternText};

/// The most entries of one list.
const ENTRIES_MAX: usize = 1024;
/// The most methods that one entry may name.
const METHODS_MAX: usize = 64;

/// Where a rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// Its paths.
    pub pattern: PatternText,
    /// Whether their case matters.
    pub case: LetterCase,
    /// Its methods.
    pub methods: Methods,
}

/// A rule and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathEntry<T> {
    /// Where it holds.
    pub at: PathRule,
    /// What holds there.
    pub value: T,
}

/// The lists of paths of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathAccess {
    /// Paths that are never served (`black_list`, and `internal` ones, which nothing here calls).
    pub blocked: Vec<PathRule>,
    /// The only paths that are served, if any are listed (`white_list`).
    pub allowed: Vec<PathRule>,
    /// Paths that need no credential (`ignored`).
    pub ignored: Vec<PathRule>,
}

impl PathAccess {
    /// Whether no path is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocked.is_empty() && self.allowed.is_empty() && self.ignored.is_empty()
    }

    pub(super) fn rules_mut(&mut self) -> impl Iterator<Item = &mut PathRule> {
        let lists = [&mut self.blocked, &mut self.allowed, &mut self.ignored];
        lists.into_iter().flatten()
    }

    /// Reads a version's `paths`: texts, for all methods.
    pub(super) fn read_simple(paths: &Node<'_>, faults: &mut DocumentFaults) -> Self {
        let mut list = |key: &str| -> Vec<PathRule> {
            let entries = paths.get(key, faults).items(ENTRIES_MAX, faults);
            let rules = entries.iter().filter_map(|entry| {
                let pattern = PatternText::read(entry, PatternOrigin::Given, faults)?;
                Some(PathRule {
                    pattern,
                    case: LetterCase::Matters,
                    methods: Methods::Any,
                })
            });
            rules.collect()
        };
        Self {
            blocked: list("black_list"),
            allowed: list("white_list"),
            ignored: list("ignored"),
        }
    }

    /// Reads the lists of a version's `extended_paths`.
    pub(super) fn read_extended(
        paths: &Node<'_>,
        warnings: &mut Vec<ImportWarning>,
        faults: &mut DocumentFaults,
    ) -> Self {
        let mut list = |key: &str, reply: Reply, faults: &mut DocumentFaults| -> Vec<PathRule> {
            let listed = entries(&paths.get(key, faults), faults, |entry, faults| {
                check_actions(entry, reply, warnings, faults);
                Some(())
            });
            listed.into_iter().map(|entry| entry.at).collect()
        };
        let mut blocked = list("black_list", Reply::Harmless, faults);
        blocked.extend(list("internal", Reply::Harmless, faults));
        Self {
            blocked,
            allowed: list("white_list", Reply::Needed, faults),
            ignored: list("ignored", Reply::Needed, faults),
        }
    }
}

/// The entries of a list of `extended_paths` that are not `disabled`; `value` reads what an entry says.
pub(super) fn entries<T>(
    list: &Node<'_>,
    faults: &mut DocumentFaults,
    mut value: impl FnMut(&Node<'_>, &mut DocumentFaults) -> Option<T>,
) -> Vec<PathEntry<T>> {
    let items = list.items(ENTRIES_MAX, faults);
    let entries = items.iter().filter_map(|entry| {
        let _ = entry.object(faults);
        if entry.get("disabled", faults).flag(faults) {
            return None;
        }
        let path = entry.get("path", faults);
        let pattern = PatternText::read(&path, PatternOrigin::Given, faults);
        let case = if entry.get("ignore_case", faults).flag(faults) {
            LetterCase::Ignored
        } else {
            LetterCase::Matters
        };
        let methods = read_methods(entry, faults);
        let value = value(entry, faults);
        let at = PathRule {
            pattern: pattern?,
            case,
            methods: methods?,
        };
        Some(PathEntry { at, value: value? })
    });
    entries.collect()
}

/// `method`, else the keys of `method_actions`, else every method.
fn read_methods(entry: &Node<'_>, faults: &mut DocumentFaults) -> Option<Methods> {
    let actions = entry.get("method_actions", faults);
    let actions = actions.members(METHODS_MAX, faults);
    let method = entry.get("method", faults);
    let named: Vec<&str> = match method.filled_text(faults) {
        Some(method) => vec![method],
        None => actions.iter().map(|(name, _)| *name).collect(),
    };
    let is_method = |name: &&str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphabetic() || b"-_".contains(&byte))
    };
    if !named.iter().all(is_method) {
        faults.add(method.path(), "must be the name of a method");
        return None;
    }
    Some(if named.is_empty() {
        Methods::Any
    } else {
        Methods::Listed(named.into_iter().map(Box::from).collect())
    })
}

/// What it would mean to leave a canned reply out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    /// The request would reach the target.
    Needed,
    /// The request is refused anyway.
    Harmless,
}

/// Canned replies are not given: where that would let a request through, the definition is refused.
fn check_actions(
    entry: &Node<'_>,
    reply: Reply,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) {
    for (_, action) in entry
        .get("method_actions", faults)
        .members(METHODS_MAX, faults)
    {
        let kind = action.get("action", faults);
        match (kind.filled_text(faults), reply) {
            (None | Some("no_action"), _) => {}
            (Some(_), Reply::Harmless) => warnings.push(ImportWarning {
                path: kind.path().to_owned(),
                reason: "no canned replies are given, the path is refused".to_owned(),
            }),
            (Some(_), Reply::Needed) => faults.add(
                kind.path(),
                "no canned replies are given, the target would answer instead; remove it to import the definition",
            ),
        }
    }
}

#[cfg(test)]
#[path = "path_rules_tests.rs"]
mod tests;
