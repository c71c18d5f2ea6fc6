//! Walks an OAS document along the tables, and collects the Classic definition that it stands for.

use serde_json::{Map, Value};

use super::origins::Origins;
use super::shape::{self, Classic, Member, Need, Shape};
use crate::api::unsupported::ImportWarning;
use crate::json::{DocumentFaults, Node};

/// A Classic definition under construction, or one entry of a list of it.
#[derive(Debug, Default)]
pub(super) struct Projection {
    pub(super) classic: Map<String, Value>,
    pub(super) origins: Origins,
    pub(super) warnings: Vec<ImportWarning>,
}

impl Projection {
    /// Projects the members of an object; absent ones leave word where they would have stood.
    pub(super) fn members(
        &mut self,
        parent: &Node<'_>,
        members: &'static [Member],
        faults: &mut DocumentFaults,
    ) {
        for member in members {
            let node = parent.get(member.name, faults);
            let is_missing = member.need == Need::Required && node.value().is_none();
            if is_missing && parent.value().is_some_and(Value::is_object) {
                shape::missing(parent, member.name, member.shape.kind(), faults);
            }
            self.member(&node, member, faults);
        }
    }

    fn member(&mut self, node: &Node<'_>, member: &Member, faults: &mut DocumentFaults) {
        let fits = member.shape.fits(node, faults);
        if let Shape::Object(members) = member.shape {
            self.members(node, members, faults);
        }
        let items = match member.shape {
            Shape::List(Shape::Object(members)) if fits => Self::items(node, members, faults),
            _ => Vec::new(),
        };
        let value = node.value().filter(|_| fits);
        match (member.classic, value) {
            (Classic::Nothing, _) => {}
            (Classic::At(at), None)
            | (Classic::Not(at), None)
            | (Classic::Seconds(at), None)
            | (Classic::Items(at), None)
            | (Classic::By(at, _), None) => self.origins.note(at, node.path(), true, false),
            (Classic::At(at), Some(value)) => {
                self.origins.note(at, node.path(), true, true);
                self.set(at, value.clone());
            }
            (Classic::Not(at), Some(value)) => {
                self.make(at, Value::Bool(value != &Value::Bool(true)), node);
            }
            (Classic::Seconds(at), Some(value)) => {
                let seconds = value.as_str().and_then(shape::seconds).unwrap_or(0);
                self.make(at, Value::from(seconds), node);
            }
            (Classic::Items(at), Some(_)) => {
                self.origins.note(at, node.path(), true, true);
                for (entry, item) in items {
                    self.push(at, entry, item.path());
                }
            }
            (Classic::By(at, conversion), Some(_)) => conversion(node, at, self, faults),
        }
    }

    /// Every item of a list, projected by itself.
    pub(super) fn items<'v>(
        list: &Node<'v>,
        members: &'static [Member],
        faults: &mut DocumentFaults,
    ) -> Vec<(Self, Node<'v>)> {
        let project = |item: Node<'v>| {
            let mut entry = Self::default();
            entry.members(&item, members, faults);
            (entry, item)
        };
        let items = list.items(usize::MAX, &mut DocumentFaults::default());
        items.into_iter().map(project).collect()
    }

    /// Writes a value that was made of what stands at a place.
    pub(super) fn make(&mut self, at: &str, value: Value, from: &Node<'_>) {
        self.origins.note(at, from.path(), false, true);
        self.set(at, value);
    }

    /// Writes a value at a dotted path.
    pub(super) fn set(&mut self, at: &str, value: Value) {
        let mut object = &mut self.classic;
        let mut names = at.split('.').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                object.insert(name.to_owned(), value);
                return;
            }
            let below = object
                .entry(name)
                .or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(below) = below else {
                return;
            };
            object = below;
        }
    }

    /// Appends an entry to the list at a dotted path.
    pub(super) fn push(&mut self, at: &str, entry: Self, from: &str) {
        let (around, name) = at.rsplit_once('.').unwrap_or(("", at));
        let object = around.split('.').filter(|name| !name.is_empty()).try_fold(
            &mut self.classic,
            |object, name| {
                let below = object
                    .entry(name)
                    .or_insert_with(|| Value::Object(Map::new()));
                below.as_object_mut()
            },
        );
        let list = object.map(|object| {
            object
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()))
        });
        if let Some(Value::Array(list)) = list {
            let place = format!("{at}[{}]", list.len());
            if entry.classic.get("disabled") != Some(&Value::Bool(true)) {
                // What is said of the list is said of the first entry that counts.
                self.origins.note(at, from, false, false);
            }
            list.push(Value::Object(entry.classic));
            self.origins.note(&place, from, false, true);
            self.origins.adopt(&place, entry.origins);
            self.warnings.extend(entry.warnings);
        }
    }

    /// Notes that something is asked for and not done.
    pub(super) fn warn(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.warnings.push(ImportWarning {
            path: path.into(),
            reason: reason.into(),
        });
    }
}
