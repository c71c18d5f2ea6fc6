//! A Tyk OAS document: an OpenAPI description with the extension, every field kept in the order in which it came.

use serde_json::{Map, Value};

use super::{EXTENSION, OWN_EXTENSION};
use crate::api::document::{DEFAULT_ORG, DEFINITION_BYTES_MAX, is_unsaid};
use crate::id::ApiId;
use crate::json::{DocumentFaults, Node, parse_object};

/// An OpenAPI document, with or without the extension, known and unknown fields alike.
#[derive(Clone, Debug, PartialEq)]
pub struct OasDocument {
    object: Map<String, Value>,
}

impl OasDocument {
    /// Reads a document.
    ///
    /// # Errors
    /// The text is longer than [`DEFINITION_BYTES_MAX`], is not JSON, or is not an object.
    pub fn parse(text: &str) -> Result<Self, DocumentFaults> {
        parse_object(text, DEFINITION_BYTES_MAX).map(|object| Self { object })
    }

    /// A document of these fields.
    #[must_use]
    pub(crate) fn of(object: Map<String, Value>) -> Self {
        Self { object }
    }

    /// Whether an object is an OpenAPI document rather than a Classic definition, which has a `proxy`.
    pub(crate) fn is_one(object: &Map<String, Value>) -> bool {
        let is_named = object.contains_key("openapi") || object.contains_key(EXTENSION);
        is_named && Self::classic_member(object).is_none()
    }

    /// The member by which a Classic definition is told from an OpenAPI document.
    pub(super) fn classic_member(object: &Map<String, Value>) -> Option<&str> {
        let mut names = object.keys().map(String::as_str);
        names.find(|name| {
            ["proxy", "api_definition"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
        })
    }

    /// Whether the document says how it is served (`x-tyk-api-gateway`).
    #[must_use]
    pub fn has_extension(&self) -> bool {
        self.object
            .get(EXTENSION)
            .is_some_and(|extension| !extension.is_null())
    }

    /// The extension's `info.id`, if there is one that is a non-empty string.
    #[must_use]
    pub fn api_id(&self) -> Option<&str> {
        self.info("id")
    }

    /// The extension's `info.orgId`, [`DEFAULT_ORG`] where none is named.
    #[must_use]
    pub fn org_id(&self) -> &str {
        self.info("orgId").unwrap_or(DEFAULT_ORG)
    }

    /// Whether nothing stands where the id would: it is absent, null or an empty text, in whatever spelling.
    #[must_use]
    pub fn lacks_api_id(&self) -> bool {
        let faults = &mut DocumentFaults::default();
        let info = Node::member(&self.object, EXTENSION, faults).get("info", faults);
        let info = info.value().and_then(Value::as_object);
        info.is_none_or(|info| is_unsaid(info, "id"))
    }

    /// Writes the id into the extension's `info`, in place of the one that stood there.
    pub fn set_api_id(&mut self, id: &ApiId) {
        let info = self
            .object
            .iter_mut()
            .find(|(key, _)| key.eq_ignore_ascii_case(EXTENSION))
            .and_then(|(_, extension)| extension.as_object_mut())
            .and_then(|extension| {
                let mut members = extension.iter_mut();
                members.find(|(key, _)| key.eq_ignore_ascii_case("info"))
            })
            .and_then(|(_, info)| info.as_object_mut());
        if let Some(info) = info {
            info.retain(|key, _| key == "id" || !key.eq_ignore_ascii_case("id"));
            info.insert("id".to_owned(), Value::from(id.as_str()));
        }
    }

    /// The document as compact JSON text, its fields in their order.
    #[must_use]
    pub fn to_text(&self) -> String {
        Value::Object(self.object.clone()).to_string()
    }

    /// The same without what only the gateway needs to know: fit to be shown to callers.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.object.retain(|key, _| {
            !key.eq_ignore_ascii_case(EXTENSION) && !key.eq_ignore_ascii_case(OWN_EXTENSION)
        });
        self
    }

    /// The document's fields.
    #[must_use]
    pub fn object(&self) -> &Map<String, Value> {
        &self.object
    }

    /// The fields, to be changed.
    pub(super) const fn object_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.object
    }

    /// Gives the document its extension, in place of the one it had.
    pub(super) fn extend(&mut self, extension: Value) {
        self.object.insert(EXTENSION.to_owned(), extension);
    }

    /// Takes over the settings that Tyk does not have (`x-raftgate`), unless the document says itself what they are.
    pub(super) fn take_settings_of(&mut self, old: &Self) {
        let is_own = |key: &String| key.eq_ignore_ascii_case(OWN_EXTENSION);
        if self.object.keys().any(is_own) {
            return;
        }
        if let Some((key, settings)) = old.object.iter().find(|(key, _)| is_own(key)) {
            self.object.insert(key.clone(), settings.clone());
        }
    }

    /// What stands at a path below the extension.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let extension = self.object.get(EXTENSION)?;
        path.iter()
            .try_fold(extension, |value, name| value.get(name))
    }

    /// Writes a value at a path below the extension; where something else than an object is in the way, nothing changes.
    pub(super) fn set(&mut self, path: &[&str], value: Value) {
        let Some((last, around)) = path.split_last() else {
            return;
        };
        let mut names = std::iter::once(&EXTENSION).chain(around);
        let object = names.try_fold(&mut self.object, |object, name| {
            let below = object
                .entry(*name)
                .or_insert_with(|| Value::Object(Map::new()));
            below.as_object_mut()
        });
        if let Some(object) = object {
            object.insert((*last).to_owned(), value);
        }
    }

    fn info(&self, key: &str) -> Option<&str> {
        let faults = &mut DocumentFaults::default();
        let info = Node::member(&self.object, EXTENSION, faults).get("info", faults);
        let text = info.get(key, faults).value().and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }
}
