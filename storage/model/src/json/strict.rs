//! JSON values in which no key stands twice: readers differ on which of the two counts.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How much of a key a path shows, in characters.
const KEY_CHARS_MAX: usize = 64;

/// Why a text is no such value.
pub(super) enum Unread {
    /// It is no JSON.
    Malformed(serde_json::Error),
    /// A key stands twice.
    Twice {
        /// The JSON path of the key.
        path: String,
        /// Where it stands for the second time.
        line: usize,
        /// The same within the line.
        column: usize,
    },
}

/// Reads a text as one JSON value whose objects hold each key once.
pub(super) fn read(text: &str) -> Result<Value, Unread> {
    let mut twice = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict { twice: &mut twice }.deserialize(&mut deserializer);
    let value = value.and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| match twice.as_slice() {
        [] => Unread::Malformed(error),
        steps => Unread::Twice {
            path: path(steps),
            line: error.line(),
            column: error.column(),
        },
    })
}

/// One step of the way to a place.
enum Step {
    Key(String),
    Item(usize),
}

/// The path of a place, of which the innermost step comes first.
fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                // Whatever an author made a key of, it stays one short line.
                path.extend(key.escape_debug().take(KEY_CHARS_MAX));
            }
            // Writing to a string cannot fail.
            Step::Item(position) => drop(write!(path, "[{position}]")),
        }
    }
    path
}

/// Reads a value; the way to a key that stands twice is noted from the inside out.
struct Strict<'t> {
    twice: &'t mut Vec<Step>,
}

impl Strict<'_> {
    fn inside(&mut self) -> Strict<'_> {
        Strict { twice: self.twice }
    }

    /// What was found twice is inside of this.
    fn lies_in(&mut self, step: Step) {
        if !self.twice.is_empty() {
            self.twice.push(step);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            match items.next_element_seed(self.inside()) {
                Ok(Some(item)) => array.push(item),
                Ok(None) => return Ok(Value::Array(array)),
                Err(error) => {
                    self.lies_in(Step::Item(array.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                self.twice.push(Step::Key(key));
                return Err(Error::custom("a key stands twice"));
            }
            match entries.next_value_seed(self.inside()) {
                Ok(value) => drop(object.insert(key, value)),
                Err(error) => {
                    self.lies_in(Step::Key(key));
                    return Err(error);
                }
            }
        }
        Ok(Value::Object(object))
    }
}
