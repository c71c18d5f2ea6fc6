//! Walks a definition along the table of fields that have no effect here.

use serde_json::{Map, Value};

use super::rules::RULES;
use crate::json::{DocumentFaults, Node};

/// Something that a definition asks for and does not get; the import succeeds all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportWarning {
    /// The JSON path.
    pub path: String,
    /// What happens instead.
    pub reason: String,
}

impl std::fmt::Display for ImportWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    place: Place,
    field: &'static str,
    when: When,
    verdict: Verdict,
    reason: &'static str,
}

/// What a field's path is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The definition.
    Definition,
    /// The `extended_paths` of a version, `version_data.versions.{name}`.
    ExtendedPaths,
}

/// When Tyk would act on a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// It is not its type's zero value.
    Set,
    /// The same, unless this flag beside it is true.
    SetUnless(&'static str),
    /// It is a number greater than this one.
    Above(i64),
    /// The same, unless this flag is true.
    AboveUnless(i64, &'static str),
    /// It is a text that is none of these.
    OtherThan(&'static [&'static str]),
    /// It is a list, and one of its entries is not `disabled`.
    EnabledEntry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Refuse,
    Warn,
}

/// A row whose field refuses the definition.
pub(super) const fn refuse(
    place: Place,
    field: &'static str,
    when: When,
    reason: &'static str,
) -> Rule {
    Rule {
        place,
        field,
        when,
        verdict: Verdict::Refuse,
        reason,
    }
}

/// A row whose field is kept and warned of.
pub(super) const fn warn(
    place: Place,
    field: &'static str,
    when: When,
    reason: &'static str,
) -> Rule {
    Rule {
        place,
        field,
        when,
        verdict: Verdict::Warn,
        reason,
    }
}

/// Adds a fault for every field that must not be ignored, and returns a warning for every one that may be.
///
/// `versions` are the places of the versions that are served.
pub(super) fn check(
    definition: &Map<String, Value>,
    versions: &[Node<'_>],
    faults: &mut DocumentFaults,
) -> Vec<ImportWarning> {
    let mut warnings = Vec::new();
    for rule in RULES {
        if rule.place == Place::Definition {
            warnings.extend(rule.judge(definition, None, faults));
            continue;
        }
        for version in versions {
            if let Some(base) = rule.base(version, faults) {
                warnings.extend(rule.judge(definition, Some(&base), faults));
            }
        }
    }
    warnings
}

impl Rule {
    /// What the rule's field is relative to in a version, if Tyk reads that there.
    fn base<'v>(&self, version: &Node<'v>, faults: &mut DocumentFaults) -> Option<Node<'v>> {
        match self.place {
            Place::Definition => None,
            Place::ExtendedPaths => version
                .get("use_extended_paths", faults)
                .is_set()
                .then(|| version.get("extended_paths", faults)),
        }
    }

    /// Applies the rule at one place.
    fn judge(
        &self,
        definition: &Map<String, Value>,
        base: Option<&Node<'_>>,
        faults: &mut DocumentFaults,
    ) -> Option<ImportWarning> {
        let at =
            |field: &str, faults: &mut DocumentFaults| place_of(definition, base, field, faults);
        let node = at(self.field, faults);
        let acts = self.when.holds(&node, faults)
            && !self
                .when
                .exemption()
                .is_some_and(|flag| at(flag, faults).is_set());
        match self.verdict {
            Verdict::Refuse if acts => {
                faults.add(
                    node.path(),
                    format!("{}; remove it to import the definition", self.reason),
                );
                None
            }
            Verdict::Warn if acts => Some(ImportWarning {
                path: node.path().to_owned(),
                reason: self.reason.to_owned(),
            }),
            Verdict::Refuse | Verdict::Warn => None,
        }
    }
}

/// The place of a dotted field below `base`, or below the definition.
fn place_of<'v>(
    definition: &'v Map<String, Value>,
    base: Option<&Node<'v>>,
    field: &str,
    faults: &mut DocumentFaults,
) -> Node<'v> {
    let mut parts = field.split('.');
    let first = parts.next().unwrap_or_default();
    let start = match base {
        Some(base) => base.get(first, faults),
        None => Node::member(definition, first, faults),
    };
    parts.fold(start, |node, part| node.get(part, faults))
}

impl When {
    /// The flag that switches the field off.
    const fn exemption(self) -> Option<&'static str> {
        match self {
            Self::SetUnless(flag) | Self::AboveUnless(_, flag) => Some(flag),
            Self::Set | Self::Above(_) | Self::OtherThan(_) | Self::EnabledEntry => None,
        }
    }

    fn holds(self, node: &Node<'_>, faults: &mut DocumentFaults) -> bool {
        match self {
            Self::Set | Self::SetUnless(_) => node.is_set(),
            Self::Above(limit) | Self::AboveUnless(limit, _) => {
                node.value().is_some_and(|value| is_above(value, limit))
            }
            Self::OtherThan(texts) => node
                .value()
                .is_some_and(|value| !texts.iter().any(|text| value == text)),
            Self::EnabledEntry => {
                let entries = node.items(usize::MAX, faults);
                entries
                    .iter()
                    .any(|entry| !entry.get("disabled", faults).is_set())
            }
        }
    }
}

/// Whether a value is a number above the limit; what is no number at all counts, it cannot be ruled out.
fn is_above(value: &Value, limit: i64) -> bool {
    value.as_f64().is_none_or(|number| number > limit as f64)
}

#[cfg(test)]
#[path = "unsupported_tests.rs"]
mod tests;
