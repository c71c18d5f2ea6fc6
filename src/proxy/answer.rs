//! Answers of our own on the wire: refusals and the endpoints'.

use std::io::Write as _;

use http::StatusCode;

use super::endpoint::EndpointResponse;
use super::refusal::{GENERATOR, RenderedRefusal};
use super::request_id::RequestId;
use super::wire::field::FieldKind;
use super::wire::response_head::{status_digits, write_connection};
use super::worker::Worker;
use crate::config::oauth::GeneratorField;

/// The circumstances of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerFrame<'a> {
    pub(super) request_id: &'a RequestId,
    pub(super) minor_version: u8,
    pub(super) is_head: bool,
    pub(super) persists: bool,
    /// Lines that the rules of an API have on every answer.
    pub(super) lines: &'a [u8],
}

/// Appends a refusal.
pub(super) fn write_refusal(
    worker: &Worker,
    refusal: &RenderedRefusal,
    frame: AnswerFrame<'_>,
    out: &mut Vec<u8>,
) {
    write_status(refusal.status, out);
    write_field(b"Content-Type", refusal.content_type.as_bytes(), out);
    let hides_generator = worker.settings.generator == GeneratorField::Hidden;
    let is_shown = |name: &str| !(hides_generator && name == GENERATOR);
    let fields = refusal.fields.iter().filter(|(name, _)| is_shown(name));
    for (name, value) in fields {
        write_field(name.as_bytes(), value.as_bytes(), out);
    }
    write_rest(worker, refusal.status, refusal.body.as_bytes(), frame, out);
}

/// Appends an endpoint's answer; its own words on length, date and connection are not used.
pub(super) fn write_endpoint_answer(
    worker: &Worker,
    answer: &EndpointResponse,
    frame: AnswerFrame<'_>,
    out: &mut Vec<u8>,
) {
    let status = answer.status.as_u16();
    write_status(status, out);
    for (name, value) in &answer.headers {
        let name = name.as_str().as_bytes();
        if matches!(FieldKind::of(name), FieldKind::EndToEnd) {
            write_field(name, value.as_bytes(), out);
        }
    }
    write_rest(worker, status, &answer.body, frame, out);
}

fn write_status(status: u16, out: &mut Vec<u8>) {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Client Closed Request");
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&status_digits(status));
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends an answer without fields and body of its own.
pub(super) fn write_empty(worker: &Worker, status: u16, frame: AnswerFrame<'_>, out: &mut Vec<u8>) {
    write_status(status, out);
    write_rest(worker, status, b"", frame, out);
}

fn write_rest(
    worker: &Worker,
    status: u16,
    body: &[u8],
    frame: AnswerFrame<'_>,
    out: &mut Vec<u8>,
) {
    // A 204 has no length (RFC 9110 section 8.6).
    if status != 204 {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "Content-Length: {}\r\n", body.len());
    }
    out.extend_from_slice(frame.lines);
    write_field(b"X-Request-Id", frame.request_id.as_bytes(), out);
    worker.write_date(out);
    write_connection(frame.persists, frame.minor_version, out);
    out.extend_from_slice(b"\r\n");
    if !frame.is_head {
        out.extend_from_slice(body);
    }
}
