//! The head of an upstream's answer: checked, and written anew for the client in one pass.

use std::mem::MaybeUninit;

use super::body::{BodyLength, plain_length};
use super::field::{ConnectionOptions, FieldKind, content_length, list_members};
use super::request_head::FIELDS_CEILING;
use super::upgrade::{UpgradeOffer, write_websocket};
use crate::proxy::answer_edits::AnswerEdits;

/// Why an upstream's answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadAnswer {
    /// The head does not parse.
    Syntax,
    /// The head is larger than allowed or has too many fields.
    TooLarge,
    /// Two lengths, an unknown transfer coding, or a length that is no number.
    Framing,
}

/// The status of an answer behind which the connection speaks another protocol.
pub(crate) const SWITCHING_PROTOCOLS: u16 = 101;

/// The largest head taken from an upstream, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The request that an answer belongs to, as far as the answer's shape depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientShape {
    /// The minor version of HTTP/1 that the client speaks.
    pub(crate) minor_version: u8,
    /// Whether the client asked with HEAD.
    pub(crate) is_head: bool,
    /// Whether the connection to the client is to outlive this answer.
    pub(crate) keep_alive: bool,
    /// Whether the client asked to change to the WebSocket protocol.
    pub(crate) asks_for_websocket: bool,
}

/// How a body is written to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodyCoding {
    /// As it is.
    #[default]
    Identity,
    /// In chunks.
    Chunked,
}

/// What is known about an answer once its head has been written for the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerFacts {
    /// How many bytes of the input the head took.
    pub(crate) head_bytes: usize,
    /// The status code.
    pub(crate) status: u16,
    /// How the body's end is known.
    pub(crate) body: BodyLength,
    /// How the body goes on to the client.
    pub(crate) coding: BodyCoding,
    /// Whether `Connection` names other fields, which then end here.
    pub(crate) names_fields: bool,
    /// Whether the upstream's connection can serve another request afterwards.
    pub(crate) upstream_persists: bool,
    /// Whether the client's connection can carry another request afterwards.
    pub(crate) client_persists: bool,
}

/// What the beginning of an upstream's answer is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// Not complete yet.
    Partial,
    /// An interim answer of so many bytes, passed on or dropped; another head follows.
    Interim(usize),
    /// The answer.
    Final(AnswerFacts),
}

/// Parses the head that `input` begins with and appends the client's version of it to `out`.
pub(crate) fn translate(
    input: &[u8],
    client: ClientShape,
    edits: Option<&AnswerEdits>,
    out: &mut Vec<u8>,
) -> Result<Answer, BadAnswer> {
    let mut slots = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut slots,
    );
    let head_bytes = match parsed {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if input.len() >= HEAD_BYTES_MAX => {
            return Err(BadAnswer::TooLarge);
        }
        Ok(httparse::Status::Partial) => return Ok(Answer::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(BadAnswer::TooLarge),
        Err(_) => return Err(BadAnswer::Syntax),
    };
    match response.code.unwrap_or_default() {
        101 => switch(&response, client, edits, head_bytes, out).map(Answer::Final),
        // The client's own expectation was answered when its body was first read.
        100 => Ok(Answer::Interim(head_bytes)),
        102..=199 if client.minor_version == 0 => Ok(Answer::Interim(head_bytes)),
        102..=199 => {
            let reading = Reading::of(&response, client)?;
            write_head(&response, &reading, edits, out);
            out.extend_from_slice(b"\r\n");
            Ok(Answer::Interim(head_bytes))
        }
        0..=99 => Err(BadAnswer::Syntax),
        status => {
            let reading = Reading::of(&response, client)?;
            let client_persists = write_final(&response, &reading, client, edits, out);
            Ok(Answer::Final(AnswerFacts {
                head_bytes,
                status,
                body: reading.body,
                coding: reading.coding,
                names_fields: reading.connection.names_fields,
                upstream_persists: reading.upstream_persists,
                client_persists,
            }))
        }
    }
}

/// Takes an agreement to change protocols, which has to be to the one that was asked for: any other answers somebody
/// else's question.
fn switch(
    response: &httparse::Response<'_, '_>,
    client: ClientShape,
    edits: Option<&AnswerEdits>,
    head_bytes: usize,
    out: &mut Vec<u8>,
) -> Result<AnswerFacts, BadAnswer> {
    let reading = Reading::of(response, client)?;
    let mut offer = UpgradeOffer::default();
    for header in response.headers.iter() {
        if FieldKind::of(header.name.as_bytes()) == FieldKind::Upgrade {
            offer.add(header.value);
        }
    }
    let agreed = offer == UpgradeOffer::WebSocket && reading.connection.upgrade;
    if !(client.asks_for_websocket && agreed) {
        return Err(BadAnswer::Framing);
    }
    write_head(response, &reading, edits, out);
    write_edits(edits, out);
    write_websocket(out);
    out.extend_from_slice(b"\r\n");
    Ok(AnswerFacts {
        head_bytes,
        status: SWITCHING_PROTOCOLS,
        body: BodyLength::Empty,
        coding: BodyCoding::Identity,
        names_fields: false,
        upstream_persists: false,
        client_persists: false,
    })
}

/// What the fields of an answer mean together.
#[derive(Clone, Copy, Debug)]
struct Reading {
    body: BodyLength,
    coding: BodyCoding,
    upstream_persists: bool,
    connection: ConnectionOptions,
    // A body that ends with the connection towards a client that knows no chunks.
    ends_with_connection: bool,
}

impl Reading {
    /// Reads the framing by RFC 9112 section 6.3.
    fn of(response: &httparse::Response<'_, '_>, client: ClientShape) -> Result<Self, BadAnswer> {
        let mut connection = ConnectionOptions::default();
        let mut length = None;
        let mut chunked = false;
        for header in response.headers.iter() {
            match FieldKind::of(header.name.as_bytes()) {
                FieldKind::Connection => connection.add(header.value),
                FieldKind::ContentLength => {
                    let value = content_length(header.value).ok_or(BadAnswer::Framing)?;
                    if length.replace(value).is_some() {
                        return Err(BadAnswer::Framing);
                    }
                }
                FieldKind::TransferEncoding => {
                    if chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(BadAnswer::Framing);
                    }
                    chunked = true;
                }
                _ => {}
            }
        }
        if chunked && length.is_some() {
            return Err(BadAnswer::Framing);
        }
        let status = response.code.unwrap_or_default();
        let body = if client.is_head || matches!(status, 100..=199 | 204 | 304) {
            BodyLength::Empty
        } else if chunked {
            BodyLength::Chunked
        } else {
            length.map_or(BodyLength::UntilClose, BodyLength::Sized)
        };
        let unsized_body = matches!(body, BodyLength::Chunked | BodyLength::UntilClose);
        let knows_chunks = client.minor_version >= 1;
        let coding = if unsized_body && knows_chunks {
            BodyCoding::Chunked
        } else {
            BodyCoding::Identity
        };
        Ok(Self {
            body,
            coding,
            upstream_persists: body != BodyLength::UntilClose
                && connection.persists(response.version.unwrap_or_default()),
            connection,
            ends_with_connection: unsized_body && !knows_chunks,
        })
    }
}

fn write_final(
    response: &httparse::Response<'_, '_>,
    reading: &Reading,
    client: ClientShape,
    edits: Option<&AnswerEdits>,
    out: &mut Vec<u8>,
) -> bool {
    write_head(response, reading, edits, out);
    write_edits(edits, out);
    if reading.coding == BodyCoding::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    let persists = client.keep_alive && !reading.ends_with_connection;
    write_connection(persists, client.minor_version, out);
    out.extend_from_slice(b"\r\n");
    persists
}

/// Writes the `Connection` field where the version's default does not say it already.
pub(crate) fn write_connection(persists: bool, minor_version: u8, out: &mut Vec<u8>) {
    match (persists, minor_version) {
        (true, 0) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        (true, _) => {}
        (false, _) => out.extend_from_slice(b"Connection: close\r\n"),
    }
}

fn write_edits(edits: Option<&AnswerEdits>, out: &mut Vec<u8>) {
    if let Some(edits) = edits {
        out.extend_from_slice(edits.ours());
        out.extend_from_slice(edits.transformed());
    }
}

fn write_head(
    response: &httparse::Response<'_, '_>,
    reading: &Reading,
    edits: Option<&AnswerEdits>,
    out: &mut Vec<u8>,
) {
    let status = response.code.unwrap_or_default();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&status_digits(status));
    out.push(b' ');
    out.extend_from_slice(response.reason.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for header in response.headers.iter() {
        let name = header.name.as_bytes();
        let kind = FieldKind::of(name);
        let travels = match kind {
            FieldKind::Connection
            | FieldKind::HopByHop
            | FieldKind::Te
            | FieldKind::TransferEncoding
            | FieldKind::Upgrade => false,
            // A 204 has no length (RFC 9110 section 8.6).
            FieldKind::ContentLength => status != 204 && status >= 200,
            _ => {
                !(reading.connection.names_fields && is_named(response, name)
                    || edits.is_some_and(|edits| edits.drops(name)))
            }
        };
        let value = match kind {
            FieldKind::ContentLength => plain_length(header.value),
            _ => header.value,
        };
        if travels {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn is_named(response: &httparse::Response<'_, '_>, name: &[u8]) -> bool {
    connection_values(response.headers)
        .flat_map(list_members)
        .any(|member| member.eq_ignore_ascii_case(name))
}

fn connection_values<'h>(headers: &[httparse::Header<'h>]) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(|header| FieldKind::of(header.name.as_bytes()) == FieldKind::Connection)
        .map(|header| header.value)
}

/// Reads from a head that was taken before what its `Connection` fields name, which few answers need.
pub(crate) fn connection_lists(head: &[u8]) -> Vec<&[u8]> {
    let mut slots = [httparse::EMPTY_HEADER; FIELDS_CEILING];
    let mut response = httparse::Response::new(&mut slots);
    match response.parse(head) {
        Ok(_) => connection_values(response.headers).collect(),
        // It could be read before, so this does not happen; without names nothing is barred.
        Err(_) => Vec::new(),
    }
}

/// A status code as its three digits.
pub(crate) fn status_digits(status: u16) -> [u8; 3] {
    [status / 100, status / 10, status].map(|digits| b'0' + u8::try_from(digits % 10).unwrap_or(0))
}

#[cfg(test)]
#[path = "response_head_tests.rs"]
mod tests;
