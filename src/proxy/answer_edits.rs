//! What the rules of an API add to and take from the head of an answer; most answers have none.

use std::sync::Arc;

use raftgate_actors::snapshot::HeaderEdits;
use raftgate_model::time::Timestamp;

use crate::clock::http_date;

/// When the API or its version ends.
const EXPIRES: &str = "x-tyk-api-expires";

/// The fields of answers that browsers act on (Fetch section 3.3.3, and those of private networks).
const CORS_FIELDS: [&str; 7] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
];

/// The edits of one answer.
#[derive(Debug, Default)]
pub(super) struct AnswerEdits {
    cors: CorsFields,
    transform: Option<Arc<HeaderEdits>>,
    ours: Vec<u8>,
    transformed: Vec<u8>,
}

/// Whose CORS fields an upstream's answer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CorsFields {
    #[default]
    Upstreams,
    Ours,
}

impl AnswerEdits {
    /// Puts these lines in place of the CORS fields of the upstream.
    pub(super) fn replace_cors(&mut self, lines: &[u8]) {
        self.cors = CorsFields::Ours;
        self.ours.extend_from_slice(lines);
    }

    /// Says when what answers will end.
    pub(super) fn say_expiry(&mut self, expires: Timestamp) {
        // Go's RFC 1123 names the zone otherwise than HTTP does.
        let date = http_date(expires).replace("GMT", "UTC");
        self.ours.extend_from_slice(b"x-tyk-api-expires: ");
        self.ours.extend_from_slice(date.as_bytes());
        self.ours.extend_from_slice(b"\r\n");
    }

    /// Transforms the upstream's fields; `lines` are those that are set.
    pub(super) fn transform(&mut self, edits: Arc<HeaderEdits>, lines: Vec<u8>) {
        self.transform = Some(edits);
        self.transformed = lines;
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.cors == CorsFields::Upstreams && self.transform.is_none() && self.ours.is_empty()
    }

    /// Whether a field of the upstream's does not go on.
    pub(super) fn drops(&self, name: &[u8]) -> bool {
        let is_cors = || {
            let prefix = b"access-control-";
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let is_expiry = || !self.ours.is_empty() && name.eq_ignore_ascii_case(EXPIRES.as_bytes());
        (self.cors == CorsFields::Ours && is_cors())
            || is_expiry()
            || self
                .transform
                .as_ref()
                .is_some_and(|edits| edits.drops(name))
    }

    /// The names of the fields that [`AnswerEdits::drops`] is true of, as far as anybody acts on them: behind a body they
    /// would come back.
    pub(super) fn replaced_names(&self) -> impl Iterator<Item = &[u8]> {
        let of_cors: &[&str] = match self.cors {
            CorsFields::Ours => &CORS_FIELDS,
            CorsFields::Upstreams => &[],
        };
        let expiry = (!self.ours.is_empty()).then_some(EXPIRES);
        let dropped = self.transform.iter().flat_map(|edits| &edits.dropped);
        let ours = of_cors.iter().copied().chain(expiry);
        ours.chain(dropped.map(|name| &**name)).map(str::as_bytes)
    }

    /// The lines that every answer has, whoever gives it.
    pub(super) fn ours(&self) -> &[u8] {
        &self.ours
    }

    /// The lines that only answers of the upstream have.
    pub(super) fn transformed(&self) -> &[u8] {
        &self.transformed
    }
}

/// The lines that an answer of our own has.
pub(super) fn lines_of(edits: Option<&AnswerEdits>) -> &[u8] {
    edits.map_or(&[], AnswerEdits::ours)
}

#[cfg(test)]
#[path = "answer_edits_tests.rs"]
mod tests;
