//! An API's definition as its author wrote it, in either of the two forms.

use std::borrow::Cow;

use super::document::{ClassicDocument, DEFINITION_BYTES_MAX};
use super::oas::{self, OasDocument};
use super::spec::ApiSpec;
use super::unsupported::ImportWarning;
use crate::id::ApiId;
use crate::json::{DocumentFaults, parse_object};

/// A definition: the author's own document, whole.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiDocument {
    /// Tyk's older form.
    Classic(ClassicDocument),
    /// An OpenAPI document with the extension `x-tyk-api-gateway`.
    Oas(OasDocument),
}

impl ApiDocument {
    /// Reads a definition of either form: one with `openapi` or `x-tyk-api-gateway`, and without `proxy`, is an OAS document.
    ///
    /// # Errors
    /// The text is longer than [`DEFINITION_BYTES_MAX`], is not JSON, or is not an object.
    pub fn parse(text: &str) -> Result<Self, DocumentFaults> {
        let object = parse_object(text, DEFINITION_BYTES_MAX)?;
        if OasDocument::is_one(&object) {
            return Ok(Self::Oas(OasDocument::of(object)));
        }
        ClassicDocument::of(object).map(Self::Classic)
    }

    /// The id, if there is one that is a non-empty string.
    #[must_use]
    pub fn api_id(&self) -> Option<&str> {
        match self {
            Self::Classic(document) => document.api_id(),
            Self::Oas(document) => document.api_id(),
        }
    }

    /// Whether nothing stands where the id would; what is no text does stand there, and is refused when it is read.
    #[must_use]
    pub fn lacks_api_id(&self) -> bool {
        match self {
            Self::Classic(document) => document.lacks_api_id(),
            Self::Oas(document) => document.lacks_api_id(),
        }
    }

    /// Gives the definition its id, in place of the one it had.
    pub fn set_api_id(&mut self, id: &ApiId) {
        match self {
            Self::Classic(document) => document.set_api_id(id),
            Self::Oas(document) => document.set_api_id(id),
        }
    }

    /// The definition as compact JSON text, its fields in their order.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Classic(document) => document.to_text(),
            Self::Oas(document) => document.to_text(),
        }
    }

    /// The same text, to be kept: it has to be read again.
    ///
    /// # Errors
    /// With its id and its numbers written out it is longer than [`DEFINITION_BYTES_MAX`], though what was given was not.
    pub fn text_to_keep(&self) -> Result<String, DocumentFaults> {
        let text = self.to_text();
        if text.len() <= DEFINITION_BYTES_MAX {
            return Ok(text);
        }
        let reason = format!(
            "the document has {} bytes as it is kept, with its id and its numbers written out, at most \
             {DEFINITION_BYTES_MAX} are allowed",
            text.len()
        );
        Err(DocumentFaults::one("", reason))
    }

    /// The definition in Classic form; that of an OAS document holds what it says to the gateway.
    #[must_use]
    pub fn classic(&self) -> Cow<'_, ClassicDocument> {
        match self {
            Self::Classic(document) => Cow::Borrowed(document),
            Self::Oas(document) => {
                Cow::Owned(ClassicDocument::bare(oas::project(document).classic))
            }
        }
    }

    /// Where the listen path stands.
    #[must_use]
    pub const fn listen_path_place(&self) -> &'static str {
        match self {
            Self::Classic(_) => "proxy.listen_path",
            Self::Oas(_) => "x-tyk-api-gateway.server.listenPath.value",
        }
    }

    /// Where the id stands.
    #[must_use]
    pub const fn api_id_place(&self) -> &'static str {
        match self {
            Self::Classic(_) => "api_id",
            Self::Oas(_) => "x-tyk-api-gateway.info.id",
        }
    }
}

impl ApiSpec {
    /// Reads a definition of either form; see [`ApiDocument::parse`].
    ///
    /// # Errors
    /// As [`ApiSpec::read`].
    pub fn from_text(text: &str) -> Result<(Self, Vec<ImportWarning>), DocumentFaults> {
        Self::read(&ApiDocument::parse(text)?)
    }

    /// Reads a definition that has already been parsed.
    ///
    /// # Errors
    /// Every place that is malformed, contradicts another, or holds something that must not be ignored, by its path in
    /// the document itself.
    pub fn read(document: &ApiDocument) -> Result<(Self, Vec<ImportWarning>), DocumentFaults> {
        match document {
            ApiDocument::Classic(document) => Self::from_document(document),
            ApiDocument::Oas(document) => {
                let mut projected = oas::project(document);
                let classic = ClassicDocument::bare(std::mem::take(&mut projected.classic));
                projected.judge(Self::from_document(&classic))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[test]
    fn a_text_that_is_kept_can_be_read_again() {
        let of = |numbers: usize| {
            let numbers = vec!["1e15"; numbers].join(",");
            let text =
                format!(r#"{{"api_id":"a","proxy":{{}},"config_data":{{"a":[{numbers}]}}}}"#);
            ApiDocument::parse(&text).unwrap()
        };
        let kept = of(1000).text_to_keep().unwrap();
        assert_eq!(ApiDocument::parse(&kept).unwrap(), of(1000));
        let faults = of(100_000).text_to_keep().unwrap_err().to_string();
        assert!(faults.contains("1048576 are allowed"), "{faults}");
    }

    /// What was taken for one form must never be read as the other one later.
    #[test]
    fn a_document_that_was_taken_is_read_back_in_its_form() {
        let classic = r#"{"api_id":"a","active":true,"use_keyless":true,"openapi":"3.0.3","x-tyk-api-gateway":{},
            "Proxy":{"listen_path":"/a","target_url":"http://u"}}"#;
        let document = ApiDocument::Classic(ClassicDocument::parse(classic).unwrap());
        assert!(ApiSpec::read(&document).is_ok());
        assert_eq!(ApiDocument::parse(&document.to_text()).unwrap(), document);
        for name in ["proxy", "PROXY", "api_definition"] {
            let oas = format!(
                r#"{{"openapi":"3.0.3","info":{{"title":"a","version":"1"}},"paths":{{}},"{name}":{{}},
                "x-tyk-api-gateway":{{"info":{{"id":"a","name":"a","state":{{"active":true}}}},"upstream":{{"url":"http://u"}},
                "server":{{"listenPath":{{"value":"/a"}}}}}}}}"#
            );
            let document = ApiDocument::Oas(OasDocument::parse(&oas).unwrap());
            let faults = ApiSpec::read(&document).unwrap_err().to_string();
            assert!(
                faults.starts_with(name) && faults.contains("Classic"),
                "{faults}"
            );
        }
    }
}
