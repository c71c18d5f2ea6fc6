//! The values that header transforms set, with what they name of the request and its caller filled in.

use raftgate_model::api::{ContextVariable, HeaderTemplate, TemplatePart};

use super::authorize::Permit;
use crate::proxy::client_meta::ClientMeta;
use crate::proxy::request::RequestView;
use crate::proxy::trust::TrustedProxies;

/// The longest value that is written; a longer one is left empty, as half of it would be another value.
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// Where values come from.
#[derive(Clone, Copy)]
pub(crate) struct HeaderValues<'a> {
    /// The request.
    pub(crate) view: &'a RequestView<'a>,
    /// Its caller's session.
    pub(crate) permit: &'a Permit,
    /// What the caller's client says of itself.
    pub(crate) client_meta: &'a ClientMeta<'a>,
    /// Whose word about the client is believed.
    pub(crate) trusted: &'a TrustedProxies,
}

impl HeaderValues<'_> {
    /// The fields as lines of a head.
    pub(crate) fn lines(&self, fields: &[(Box<str>, HeaderTemplate)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, template) in fields {
            self.write(name, template, &mut out);
        }
        out
    }

    /// Appends one field.
    pub(crate) fn write(&self, name: &str, template: &HeaderTemplate, out: &mut Vec<u8>) {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        let start = out.len();
        for part in template.parts() {
            self.write_part(part, out);
        }
        if out.len().saturating_sub(start) > VALUE_BYTES_MAX {
            out.truncate(start);
        }
        // RFC 9110 section 5.5: what could end a line or be cut off there is replaced by a space.
        for byte in out.iter_mut().skip(start) {
            if byte.is_ascii_control() {
                *byte = b' ';
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    fn write_part(&self, part: &TemplatePart, out: &mut Vec<u8>) {
        match part {
            TemplatePart::Text(text) => out.extend_from_slice(text.as_bytes()),
            TemplatePart::Meta(name) => {
                if let Some(value) = self.permit.meta(name, self.client_meta) {
                    out.extend_from_slice(value.as_bytes());
                }
            }
            TemplatePart::Context(variable) => self.write_context(variable, out),
        }
    }

    fn write_context(&self, variable: &ContextVariable, out: &mut Vec<u8>) {
        match variable {
            ContextVariable::RequestId => out.extend_from_slice(self.view.request_id()),
            ContextVariable::RemoteAddress => {
                let address = self.view.client_ip(self.trusted).to_canonical();
                out.extend_from_slice(address.to_string().as_bytes());
            }
            ContextVariable::Path => out.extend_from_slice(self.view.path().as_bytes()),
            ContextVariable::Header(name) => {
                out.extend_from_slice(self.header(name).unwrap_or_default());
            }
            ContextVariable::Cookie(name) => {
                out.extend_from_slice(self.cookie(name).unwrap_or_default());
            }
        }
    }

    /// The first field whose name is this one with `-` or `_` for each `_`.
    fn header(&self, name: &str) -> Option<&[u8]> {
        let is_same = |candidate: &[u8]| {
            candidate.len() == name.len()
                && candidate.iter().zip(name.bytes()).all(|(theirs, own)| {
                    theirs.eq_ignore_ascii_case(&own) || (own == b'_' && *theirs == b'-')
                })
        };
        let mut fields = self.view.head().fields();
        fields
            .find(|(_, candidate, _)| is_same(candidate))
            .map(|(_, _, value)| value)
    }

    fn cookie(&self, name: &str) -> Option<&[u8]> {
        let mut cookies = self.view.head().cookies();
        cookies.find_map(|cookie| cookie.value.filter(|_| cookie.is_named(name)))
    }
}

#[cfg(test)]
#[path = "header_values_tests.rs"]
mod tests;
