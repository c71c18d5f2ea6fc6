//! A place in a JSON document that knows its own path.

use serde_json::{Map, Value};

use super::DocumentFaults;
use super::strict::{self, Unread};

/// Reads a text as one JSON object of at most `bytes_max` bytes, in which no key stands twice at any depth.
///
/// # Errors
/// The text is too long, malformed, no object, or names a key twice; the fault says where.
pub fn parse_object(text: &str, bytes_max: usize) -> Result<Map<String, Value>, DocumentFaults> {
    match parse_value(text, bytes_max)? {
        Value::Object(object) => Ok(object),
        other => Err(DocumentFaults::one(
            "",
            format!("must be a JSON object, not {}", kind(&other)),
        )),
    }
}

/// Reads a text as one JSON value of at most `bytes_max` bytes, in which no key stands twice.
pub(crate) fn parse_value(text: &str, bytes_max: usize) -> Result<Value, DocumentFaults> {
    if text.len() > bytes_max {
        return Err(DocumentFaults::one(
            "",
            format!(
                "the document has {} bytes, at most {bytes_max} are allowed",
                text.len()
            ),
        ));
    }
    strict::read(text).map_err(|unread| match unread {
        Unread::Malformed(error) => malformed(&error),
        Unread::Twice { path, line, column } => DocumentFaults::one(
            path,
            format!("this key stands twice in one object, again at line {line} column {column}"),
        ),
    })
}

/// A syntax error as a fault; what the text says at that place is not repeated, it may be a secret.
fn malformed(error: &serde_json::Error) -> DocumentFaults {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the JSON text ends too early",
        _ => "malformed JSON",
    };
    DocumentFaults::one(
        format!("line {} column {}", error.line(), error.column()),
        what,
    )
}

/// What a JSON value is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// What a number is that is no whole one, in words.
fn not_whole(number: f64) -> &'static str {
    // No `i64` reaches it.
    const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;
    if number.abs() >= TOO_LARGE {
        "one of that size"
    } else {
        "one with a decimal point or an exponent"
    }
}

/// How much of a member's name is said in a path, in bytes: an author's own name may be as long as the document.
const NAME_SAID_MAX: usize = 256;

/// The path of a member of what stands at `path`.
fn path_of_member(path: &str, name: &str) -> String {
    let said = name.get(..name.floor_char_boundary(NAME_SAID_MAX));
    match said {
        Some(said) if said.len() < name.len() => format!("{path}.{said}\u{2026}"),
        _ => format!("{path}.{name}"),
    }
}

/// A place in a document: its path, and the value that stands there if one does.
///
/// Keys are found whatever their case, because Tyk's decoder does so and a definition that it enforces must not be
/// read differently here. `null` counts as absent.
#[derive(Clone, Debug)]
pub(crate) struct Node<'v> {
    value: Option<&'v Value>,
    path: String,
}

impl<'v> Node<'v> {
    /// The place of `key` in the document's outermost object.
    pub(crate) fn member(
        object: &'v Map<String, Value>,
        key: &str,
        faults: &mut DocumentFaults,
    ) -> Self {
        Self {
            value: find(object, key, "", faults),
            path: key.to_owned(),
        }
    }

    /// The place of `key` in the object here; where another kind of value stands, that is a fault and the place is empty.
    pub(crate) fn get(&self, key: &str, faults: &mut DocumentFaults) -> Self {
        let value = self
            .object(faults)
            .and_then(|object| find(object, key, &self.path, faults));
        Self {
            value,
            path: path_of_member(&self.path, key),
        }
    }

    /// The place of the member whose name is this to the letter, for names that are the author's own and differ by case.
    pub(crate) fn named(&self, name: &str) -> Self {
        let members = self.value.and_then(Value::as_object);
        Self {
            value: members
                .and_then(|members| members.get(name))
                .filter(|value| !value.is_null()),
            path: path_of_member(&self.path, name),
        }
    }

    /// Whether the object here holds `key`, whatever its case, with the value `null`.
    pub(crate) fn holds_null(&self, key: &str) -> bool {
        let mut members = self.value.and_then(Value::as_object).into_iter().flatten();
        members.any(|(name, value)| value.is_null() && name.eq_ignore_ascii_case(key))
    }

    /// The JSON path of the place.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The value that stands here; `null` is none.
    pub(crate) fn value(&self) -> Option<&'v Value> {
        self.value
    }

    /// Whether something stands here that a decoder would not take for the zero value.
    pub(crate) fn is_set(&self) -> bool {
        match self.value {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(members)) => !members.is_empty(),
        }
    }

    /// The text here; another kind of value is a fault.
    pub(crate) fn text(&self, faults: &mut DocumentFaults) -> Option<&'v str> {
        let value = self.value?;
        let text = value.as_str();
        if text.is_none() {
            self.must_be("a string", value, faults);
        }
        text
    }

    /// The text here if it is not empty.
    pub(crate) fn filled_text(&self, faults: &mut DocumentFaults) -> Option<&'v str> {
        self.text(faults).filter(|text| !text.is_empty())
    }

    /// The flag here, false when there is none.
    pub(crate) fn flag(&self, faults: &mut DocumentFaults) -> bool {
        self.optional_flag(faults).unwrap_or(false)
    }

    /// The flag here, if there is one.
    pub(crate) fn optional_flag(&self, faults: &mut DocumentFaults) -> Option<bool> {
        let value = self.value?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.must_be("true or false", value, faults);
        }
        flag
    }

    /// The whole number here; a decimal point or an exponent makes it none, as to Tyk's decoder.
    pub(crate) fn whole(&self, faults: &mut DocumentFaults) -> Option<i64> {
        let value = self.value?;
        let number = value.as_i64();
        if number.is_none() {
            let given = value.as_f64().map_or_else(|| kind(value), not_whole);
            self.must_be_instead("a whole number", given, faults);
        }
        number
    }

    /// The number here.
    pub(crate) fn number(&self, faults: &mut DocumentFaults) -> Option<f64> {
        let value = self.value?;
        let number = value.as_f64();
        if number.is_none() {
            self.must_be("a number", value, faults);
        }
        number
    }

    /// The items of the array here, at most `items_max`; `null` is none, and a fault: a list that lost its only item might
    /// open what it was to close.
    pub(crate) fn items(&self, items_max: usize, faults: &mut DocumentFaults) -> Vec<Node<'v>> {
        let Some(value) = self.value else {
            return Vec::new();
        };
        let Some(items) = value.as_array() else {
            self.must_be("an array", value, faults);
            return Vec::new();
        };
        if items.len() > items_max {
            self.too_many(items.len(), items_max, faults);
            return Vec::new();
        }
        let places: Vec<_> = self.places_of(items).collect();
        for place in places.iter().filter(|place| place.value.is_none()) {
            faults.add(&place.path, "must not be null");
        }
        places
    }

    /// The items of the array here one after the other, however many there are.
    pub(crate) fn each_item<'s>(
        &'s self,
        faults: &mut DocumentFaults,
    ) -> impl Iterator<Item = Node<'v>> + use<'v, 's> {
        let items = self.value.and_then(|value| {
            let items = value.as_array();
            if items.is_none() {
                self.must_be("an array", value, faults);
            }
            items
        });
        self.places_of(items.map_or(&[], Vec::as_slice))
    }

    fn places_of<'s>(&'s self, items: &'v [Value]) -> impl Iterator<Item = Node<'v>> + use<'v, 's> {
        let place = |(position, value): (usize, &'v Value)| Node {
            value: Some(value).filter(|value| !value.is_null()),
            path: format!("{}[{position}]", self.path),
        };
        items.iter().enumerate().map(place)
    }

    /// The members of the object here with their names, at most `members_max`.
    pub(crate) fn members(
        &self,
        members_max: usize,
        faults: &mut DocumentFaults,
    ) -> Vec<(&'v str, Node<'v>)> {
        let Some(object) = self.object(faults) else {
            return Vec::new();
        };
        if object.len() > members_max {
            self.too_many(object.len(), members_max, faults);
            return Vec::new();
        }
        self.places_in(object).collect()
    }

    /// The members of the object here one after the other, however many there are.
    pub(crate) fn each_member<'s>(
        &'s self,
        faults: &mut DocumentFaults,
    ) -> impl Iterator<Item = Node<'v>> + use<'v, 's> {
        let object = self.object(faults);
        object
            .into_iter()
            .flat_map(|object| self.places_in(object).map(|(_, node)| node))
    }

    fn places_in<'s>(
        &'s self,
        object: &'v Map<String, Value>,
    ) -> impl Iterator<Item = (&'v str, Node<'v>)> + use<'v, 's> {
        let place = |(name, value): (&'v String, &'v Value)| {
            let path = path_of_member(&self.path, name);
            let value = Some(value).filter(|value| !value.is_null());
            (name.as_str(), Node { value, path })
        };
        object.iter().map(place)
    }

    /// The object here; another kind of value is a fault.
    pub(crate) fn object(&self, faults: &mut DocumentFaults) -> Option<&'v Map<String, Value>> {
        let value = self.value?;
        let object = value.as_object();
        if object.is_none() {
            self.must_be("an object", value, faults);
        }
        object
    }

    fn must_be(&self, wanted: &str, value: &Value, faults: &mut DocumentFaults) {
        self.must_be_instead(wanted, kind(value), faults);
    }

    /// A fault once per place, whoever asks and in whatever words it was found.
    fn must_be_instead(&self, wanted: &str, given: &str, faults: &mut DocumentFaults) {
        if !faults.is_full() && !faults.names(&self.path) {
            faults.add(&self.path, format!("must be {wanted}, not {given}"));
        }
    }

    fn too_many(&self, count: usize, count_max: usize, faults: &mut DocumentFaults) {
        faults.add(
            &self.path,
            format!("has {count} entries, at most {count_max} are allowed"),
        );
    }
}

/// The value of a key whatever its case; a key given in two spellings is a fault, because decoders differ on it.
fn find<'v>(
    object: &'v Map<String, Value>,
    key: &str,
    path: &str,
    faults: &mut DocumentFaults,
) -> Option<&'v Value> {
    let mut spellings = object
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(key));
    let found = spellings.next()?.1;
    if spellings.next().is_some() {
        let separator = if path.is_empty() { "" } else { "." };
        faults.add(
            format!("{path}{separator}{key}"),
            "is given twice, in different spellings",
        );
    }
    Some(found).filter(|value| !value.is_null())
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
