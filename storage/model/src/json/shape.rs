//! Tables of what may stand where in the documents of others.

use serde_json::{Map, Value};

use super::{DocumentFaults, Node};

/// A member of an object and what may stand there.
pub(crate) type Field = (&'static str, Shape);

/// What may stand at a place; `null` may stand anywhere, a decoder takes it for nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// `true` or `false`.
    Flag,
    /// A string.
    Text,
    /// A number without a fraction.
    Whole,
    /// A number.
    Number,
    /// An array, and what its items are.
    List(&'static Shape),
    /// An object with names of the author's own, and what stands under them.
    Map(&'static Shape),
    /// An object, and its known members in one or several tables; it may have others.
    Object(&'static [&'static [Field]]),
    /// Whatever is JSON.
    Any,
}

impl Shape {
    /// Adds a fault for every known member of a document that holds another kind of value.
    pub(crate) fn check_members(
        tables: &[&[Field]],
        object: &Map<String, Value>,
        faults: &mut DocumentFaults,
    ) {
        for (name, shape) in tables.iter().copied().flatten() {
            if holds(object, name) {
                shape.check(&Node::member(object, name, faults), faults);
            }
        }
    }

    /// Adds a fault for everything here and below that is of another kind.
    pub(crate) fn check(self, node: &Node<'_>, faults: &mut DocumentFaults) {
        match self {
            Self::Flag => drop(node.optional_flag(faults)),
            Self::Text => drop(node.text(faults)),
            Self::Whole => drop(node.whole(faults)),
            Self::Number => drop(node.number(faults)),
            // How many there may be is said by whoever reads them.
            Self::List(of) => node
                .each_item(faults)
                .for_each(|item| of.check(&item, faults)),
            Self::Map(of) => node
                .each_member(faults)
                .for_each(|member| of.check(&member, faults)),
            Self::Object(tables) => {
                let Some(object) = node.object(faults) else {
                    return;
                };
                for (name, shape) in tables.iter().copied().flatten() {
                    if holds(object, name) {
                        shape.check(&node.get(name, faults), faults);
                    }
                }
            }
            Self::Any => {}
        }
    }
}

fn holds(object: &Map<String, Value>, name: &str) -> bool {
    object.keys().any(|key| key.eq_ignore_ascii_case(name))
}
