//! The parameters of an OAuth request: form or JSON body, and the query where the endpoint reads it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use raftgate_model::secret::Secret;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// The most parameters of one request.
const PARAMETERS_MAX: usize = 64;

/// Why the parameters cannot be read; all of them are `invalid_request` (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// The body is neither a form nor JSON by its `Content-Type`.
    #[error("the body must be application/x-www-form-urlencoded")]
    ContentType,
    /// The body is not UTF-8.
    #[error("the body is not valid UTF-8")]
    Encoding,
    /// The JSON body is no object of strings.
    #[error("the JSON body must be an object whose values are strings")]
    Json,
    /// A parameter came twice (RFC 6749 section 3.2).
    #[error("the parameter {0} is repeated")]
    Repeated(String),
    /// More than 64 parameters.
    #[error("too many parameters")]
    TooMany,
}

/// The parameters of one request; each stands once, and an empty one counts as absent (RFC 6749 section 3.1).
#[derive(Default)]
pub struct Form {
    parameters: BTreeMap<String, Secret>,
    /// The names that stood in the body.
    in_body: BTreeSet<String>,
}

impl Form {
    /// Reads the query and the body; the body wins where both name a parameter, as in Tyk.
    ///
    /// # Errors
    /// See [`FormFault`].
    pub fn read(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Self, FormFault> {
        let mut form = Self::default();
        form.extend(form_urlencoded::parse(query.unwrap_or_default().as_bytes()))?;
        let from_body = match body_kind(headers, body)? {
            BodyKind::Empty => return Ok(form),
            BodyKind::Form => {
                let text = std::str::from_utf8(body).map_err(|_| FormFault::Encoding)?;
                let mut from_body = Self::default();
                from_body.extend(form_urlencoded::parse(text.as_bytes()))?;
                from_body
            }
            BodyKind::Json => Self::from_json(body)?,
        };
        form.in_body = from_body.parameters.keys().cloned().collect();
        form.parameters.extend(from_body.parameters);
        Ok(form)
    }

    fn from_json(body: &[u8]) -> Result<Self, FormFault> {
        let members: Members = serde_json::from_slice(body).map_err(|_| FormFault::Json)?;
        let mut form = Self::default();
        let filled = members
            .0
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        form.extend(filled.map(|(name, value)| (name.into(), value.into())))?;
        Ok(form)
    }

    fn extend<'a>(
        &mut self,
        pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<(), FormFault> {
        for (name, value) in pairs {
            if self.parameters.len() >= PARAMETERS_MAX {
                return Err(FormFault::TooMany);
            }
            let value = Secret::new(value.into_owned());
            if self
                .parameters
                .insert(name.clone().into_owned(), value)
                .is_some()
            {
                return Err(FormFault::Repeated(printable(&name)));
            }
        }
        Ok(())
    }

    /// A parameter's value, unless it is absent or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .map(Secret::expose)
            .filter(|value| !value.is_empty())
    }

    /// The same of a parameter that counts in the body alone: what stands in a URI ends in logs.
    #[must_use]
    pub fn get_from_body(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|_| self.in_body.contains(name))
    }

    /// Every parameter that is not empty, by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()));
        pairs.filter(|(_, value)| !value.is_empty())
    }
}

/// The members of a JSON object in their order, also those that come twice; null is kept as none.
struct Members(Vec<(String, Option<String>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object whose values are strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// A parameter's name as an answer may show it: what a caller sends is not repeated unless it is a plain word.
fn printable(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.len() <= 64 && name.bytes().all(plain) {
        name.to_owned()
    } else {
        "(unprintable)".to_owned()
    }
}

enum BodyKind {
    Empty,
    Form,
    Json,
}

fn body_kind(headers: &HeaderMap, body: &[u8]) -> Result<BodyKind, FormFault> {
    if body.is_empty() {
        return Ok(BodyKind::Empty);
    }
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim)
        .unwrap_or_default();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(BodyKind::Form)
    } else if media_type.eq_ignore_ascii_case("application/json") {
        Ok(BodyKind::Json)
    } else {
        Err(FormFault::ContentType)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

    fn fault(query: Option<&str>, content_type: &'static str, body: &[u8]) -> FormFault {
        Form::read(query, &headers(content_type), body)
            .err()
            .unwrap()
    }

    #[test]
    fn a_form_is_decoded_and_an_empty_parameter_is_absent() {
        let form = Form::read(None, &headers(FORM), b"a=1+2%263&b=&c=%C3%A4").unwrap();
        assert_eq!(
            (form.get("a"), form.get("b"), form.get("c")),
            (Some("1 2&3"), None, Some("ä"))
        );
    }

    #[test]
    fn json_is_read_only_under_its_content_type_t20() {
        let body = br#"{"grant_type":"client_credentials","scope":null}"#;
        let form = Form::read(None, &headers("application/json"), body).unwrap();
        assert_eq!(form.get("grant_type"), Some("client_credentials"));
        let form = Form::read(None, &headers(FORM), body).unwrap();
        assert_eq!(form.get("grant_type"), None);
        for wrong in [&b"[]"[..], b"{", b"{\"a\":1}", b"{\"a\":{}}", b"null"] {
            assert_eq!(fault(None, "application/json", wrong), FormFault::Json);
        }
    }

    #[test]
    fn the_body_wins_over_the_query_and_neither_may_repeat() {
        let form = Form::read(Some("a=query&b=2"), &headers(FORM), b"a=body").unwrap();
        assert_eq!((form.get("a"), form.get("b")), (Some("body"), Some("2")));
        let from_body = [form.get_from_body("a"), form.get_from_body("b")];
        assert_eq!(from_body, [Some("body"), None]);
        assert_eq!(
            fault(None, FORM, b"a=1&a=1"),
            FormFault::Repeated("a".into())
        );
        assert_eq!(
            fault(Some("a=1&a=2"), FORM, b""),
            FormFault::Repeated("a".into())
        );
        let hostile = fault(None, FORM, b"%3Cscript%3E=1&%3Cscript%3E=1");
        assert_eq!(hostile, FormFault::Repeated("(unprintable)".into()));
    }

    #[test]
    fn other_bodies_and_too_many_parameters_are_refused() {
        assert_eq!(fault(None, "text/plain", b"a=1"), FormFault::ContentType);
        assert_eq!(
            fault(None, "multipart/form-data; boundary=x", b"--x"),
            FormFault::ContentType
        );
        assert_eq!(fault(None, FORM, b"a=\xff"), FormFault::Encoding);
        let many: String = (0..65).map(|at| format!("p{at}=1&")).collect();
        assert_eq!(fault(None, FORM, many.as_bytes()), FormFault::TooMany);
        assert!(Form::read(None, &HeaderMap::new(), b"").is_ok());
    }

    proptest! {
        #[test]
        fn no_body_panics(query: Option<String>, body: Vec<u8>, json: bool) {
            let kind = if json { "application/json" } else { FORM };
            let _ = Form::read(query.as_deref(), &headers(kind), &body);
        }
    }
}
