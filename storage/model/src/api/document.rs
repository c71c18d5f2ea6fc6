//! A Tyk Classic definition as a document: every field is kept, in the order in which it came.

use serde_json::{Map, Value};

use crate::id::ApiId;
use crate::json::{DocumentFaults, Node, parse_object};
use crate::session::SessionLifetime;

/// The longest definition, in bytes.
pub const DEFINITION_BYTES_MAX: usize = 1024 * 1024;

/// The organisation of documents that name none.
pub const DEFAULT_ORG: &str = "default";

/// The member under which the Dashboard nests a definition.
const WRAPPER: &str = "api_definition";

/// A Classic definition with all of its fields, known and unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassicDocument {
    object: Map<String, Value>,
}

impl ClassicDocument {
    /// Reads a definition, bare or in the Dashboard's wrapper `{"api_definition": {...}}`.
    ///
    /// # Errors
    /// The text is longer than [`DEFINITION_BYTES_MAX`], is not JSON, or is not an object.
    pub fn parse(text: &str) -> Result<Self, DocumentFaults> {
        Self::of(parse_object(text, DEFINITION_BYTES_MAX)?)
    }

    /// A definition of these fields, bare or in the wrapper.
    ///
    /// What is in the wrapper holds no other one: read again, the definition would be another than the one that was judged.
    pub(super) fn of(mut object: Map<String, Value>) -> Result<Self, DocumentFaults> {
        match object.get_mut(WRAPPER).map(Value::take) {
            None | Some(Value::Null) => Ok(Self { object }),
            Some(Value::Object(inner)) if inner.get(WRAPPER).is_none_or(Value::is_null) => {
                Ok(Self { object: inner })
            }
            Some(Value::Object(_)) => Err(DocumentFaults::one(
                format!("{WRAPPER}.{WRAPPER}"),
                "a definition holds no other one",
            )),
            Some(_) => Err(DocumentFaults::one(WRAPPER, "must be an object")),
        }
    }

    /// A definition of these fields.
    pub(super) const fn bare(object: Map<String, Value>) -> Self {
        Self { object }
    }

    /// The `api_id`, if there is one that is a non-empty string.
    #[must_use]
    pub fn api_id(&self) -> Option<&str> {
        self.filled("api_id")
    }

    /// Whether nothing stands where the id would: it is absent, null or an empty text, in whatever spelling.
    #[must_use]
    pub fn lacks_api_id(&self) -> bool {
        is_unsaid(&self.object, "api_id")
    }

    /// Gives the definition its id, in place of the one it had.
    pub fn set_api_id(&mut self, id: &ApiId) {
        self.object
            .retain(|key, _| key == "api_id" || !key.eq_ignore_ascii_case("api_id"));
        self.object
            .insert("api_id".to_owned(), Value::from(id.as_str()));
    }

    /// The organisation, [`DEFAULT_ORG`] where none is named.
    #[must_use]
    pub fn org_id(&self) -> &str {
        self.filled("org_id").unwrap_or(DEFAULT_ORG)
    }

    /// How long sessions live that name the API, whatever else the definition says.
    #[must_use]
    pub fn session_lifetime(&self) -> SessionLifetime {
        SessionLifetime::read(&self.object, &mut DocumentFaults::default())
    }

    /// The definition as compact JSON text, its fields in their order.
    #[must_use]
    pub fn to_text(&self) -> String {
        Value::Object(self.object.clone()).to_string()
    }

    /// The definition's fields.
    #[must_use]
    pub fn object(&self) -> &Map<String, Value> {
        &self.object
    }

    fn filled(&self, key: &str) -> Option<&str> {
        Node::member(&self.object, key, &mut DocumentFaults::default())
            .value()
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }
}

/// Whether an object says nothing under a key, whatever its spelling.
pub(super) fn is_unsaid(object: &Map<String, Value>, key: &str) -> bool {
    let mut members = object.iter();
    members.all(|(name, value)| {
        !name.eq_ignore_ascii_case(key) || value.is_null() || value.as_str() == Some("")
    })
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
