//! The words in which the tables of the extension are written: what may stand where, and what becomes of it.

use serde_json::Value;

use super::projection::Projection;
use crate::json::{DocumentFaults, Node};

/// The most items of one list.
const ITEMS_MAX: usize = 4096;

/// One member of an object of the extension.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) need: Need,
    pub(super) shape: Shape,
    pub(super) classic: Classic,
}

/// Whether a member may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

/// What may stand at a place.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Flag,
    Text,
    /// A text with something in it besides blanks.
    Filled,
    /// A whole number from this one on.
    Whole(i64),
    Number,
    /// `1h2m3s`, any part of it, or nothing.
    Duration,
    OneOf(&'static [&'static str]),
    List(&'static Shape),
    Object(&'static [Member]),
    /// An object with names of the author's own.
    Map,
    Any,
}

/// What a member becomes in the Classic definition; paths are dotted.
#[derive(Clone, Copy)]
pub(super) enum Classic {
    /// Nothing by itself; the members of an object have their own places.
    Nothing,
    /// The same value.
    At(&'static str),
    /// The opposite of the flag.
    Not(&'static str),
    /// The seconds of a duration.
    Seconds(&'static str),
    /// A list whose items are projected by their own members.
    Items(&'static str),
    /// What a function makes of it at this place.
    By(&'static str, Conversion),
}

/// Makes of a value that is there, and of the right shape, what the Classic definition holds at a place.
pub(super) type Conversion = fn(&Node<'_>, &'static str, &mut Projection, &mut DocumentFaults);

/// A member that must be there.
pub(super) const fn required(name: &'static str, shape: Shape, classic: Classic) -> Member {
    Member {
        name,
        need: Need::Required,
        shape,
        classic,
    }
}

/// A member that may be left out.
pub(super) const fn optional(name: &'static str, shape: Shape, classic: Classic) -> Member {
    Member {
        name,
        need: Need::Optional,
        shape,
        classic,
    }
}

/// An object that may be left out, whose members have their own places.
pub(super) const fn object(name: &'static str, members: &'static [Member]) -> Member {
    optional(name, Shape::Object(members), Classic::Nothing)
}

impl Shape {
    /// Whether what stands at a place may stand there; if not, it is a fault. Nothing fits everywhere.
    pub(super) fn fits(self, node: &Node<'_>, faults: &mut DocumentFaults) -> bool {
        let Some(value) = node.value() else {
            return true;
        };
        if !self.is_kind_of(value) {
            wrong_type(node, self.kind(), faults);
            return false;
        }
        let reason = match (self, value) {
            (Self::Filled, Value::String(text)) if text.trim().is_empty() => {
                "must not be blank".to_owned()
            }
            (Self::Whole(least), value) if value.as_i64().is_none_or(|number| number < least) => {
                format!("must be a whole number, at least {least}")
            }
            (Self::Duration, Value::String(text)) if seconds(text).is_none() => {
                "must be a duration such as 1h, 5m or 1m30s".to_owned()
            }
            (Self::OneOf(texts), Value::String(text)) if !texts.contains(&text.as_str()) => {
                format!("must be one of the following: {}", quoted(texts))
            }
            (Self::List(item), Value::Array(items)) => {
                if items.len() <= ITEMS_MAX {
                    let items = node.items(ITEMS_MAX, faults);
                    let misfits = items.iter().filter(|node| !item.fits(node, faults));
                    return misfits.count() == 0;
                }
                format!(
                    "has {} entries, at most {ITEMS_MAX} are allowed",
                    items.len()
                )
            }
            _ => return true,
        };
        faults.add(node.path(), reason);
        false
    }

    fn is_kind_of(self, value: &Value) -> bool {
        match self {
            Self::Flag => value.is_boolean(),
            Self::Text | Self::Filled | Self::Duration | Self::OneOf(_) => value.is_string(),
            Self::Whole(_) => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::List(_) => value.is_array(),
            Self::Object(_) | Self::Map => value.is_object(),
            Self::Any => true,
        }
    }

    /// The type as JSON Schema names it.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Flag => "boolean",
            Self::Text | Self::Filled | Self::Duration | Self::OneOf(_) => "string",
            Self::Whole(_) => "integer",
            Self::Number => "number",
            Self::List(_) => "array",
            Self::Object(_) | Self::Map => "object",
            Self::Any => "value",
        }
    }
}

/// Adds the fault of a value of a wrong type, in the words of Tyk's validator.
pub(super) fn wrong_type(node: &Node<'_>, expected: &str, faults: &mut DocumentFaults) {
    let given = match node.value() {
        None | Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(number)) if number.is_f64() => "number",
        Some(Value::Number(_)) => "integer",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    };
    faults.add(
        node.path(),
        format!("Invalid type. Expected: {expected}, given: {given}"),
    );
}

/// Adds the fault of a member that must be there and is not.
pub(super) fn missing(
    parent: &Node<'_>,
    member: &str,
    expected: &str,
    faults: &mut DocumentFaults,
) {
    let node = parent.get(member, faults);
    if parent.holds_null(member) {
        wrong_type(&node, expected, faults);
    } else {
        faults.add(node.path(), "is required");
    }
}

fn quoted(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    quoted.join(", ")
}

/// The seconds of `1h2m3s` or a part of it; an empty text is none.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0_u64;
    for (unit, unit_s) in [('h', 3600), ('m', 60), ('s', 1)] {
        let Some((number, after)) = rest.split_once(unit) else {
            continue;
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(unit_s)?)?;
        rest = after;
    }
    rest.is_empty().then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_and_in_their_order() {
        for (text, expected) in [
            ("", Some(0)),
            ("0s", Some(0)),
            ("90s", Some(90)),
            ("1h", Some(3600)),
            ("1h30m", Some(5400)),
            ("1h2m3s", Some(3723)),
            ("10", None),
            ("s", None),
            ("1.5h", None),
            ("1s1h", None),
            ("-1s", None),
            ("1h 2m", None),
            ("99999999999999999h", None),
            ("1h1h", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
