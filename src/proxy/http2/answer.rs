//! An answer of HTTP/1.1 read back from the connection in memory, for the frames that carry it to the client.

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use h2_http::header::{HeaderName, HeaderValue};
use h2_http::{HeaderMap, Response, StatusCode};

use crate::proxy::wire::body::{BodyDecoder, BodyLength};
use crate::proxy::wire::field::{FieldKind, content_length};
use crate::proxy::wire::request_head::FIELDS_CEILING;

/// The gateway's own answer cannot be read, or was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// What the input holds next.
#[derive(Debug)]
pub(super) enum Next {
    /// More has to be read.
    Nothing,
    /// An interim answer; the head is still to come.
    Interim(Box<Response<()>>),
    /// The head; `true` when no body follows.
    Head(Box<Response<()>>, bool),
    /// A piece of the body, never empty.
    Piece(Bytes),
    /// The last piece of the body, with no field behind it.
    Last(Bytes),
    /// The end, with the fields behind the body.
    End(Option<HeaderMap>),
}

/// Reads one answer.
#[derive(Debug)]
pub(super) struct AnswerReader {
    is_head_request: bool,
    body: Option<BodyDecoder>,
    trailers: Vec<u8>,
    has_ended: bool,
}

impl AnswerReader {
    /// A reader of the answer to a request with this method.
    pub(super) fn new(method: &h2_http::Method) -> Self {
        Self {
            is_head_request: method == h2_http::Method::HEAD,
            body: None,
            trailers: Vec::new(),
            has_ended: false,
        }
    }

    /// Whether all of the answer has been read.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Takes the next part out of `input`.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Next, Broken> {
        if self.has_ended {
            return Ok(Next::Nothing);
        }
        let Some(body) = &mut self.body else {
            return self.read_head(input);
        };
        while !body.is_done() && !input.is_empty() {
            let decoded = body.decode(input, &mut self.trailers).map_err(|_| Broken)?;
            let (consumed, data) = (decoded.consumed, Bytes::copy_from_slice(decoded.data));
            if consumed == 0 {
                break;
            }
            input.advance(consumed);
            if !data.is_empty() {
                self.has_ended = body.is_done() && self.trailers.is_empty();
                return Ok(if self.has_ended {
                    Next::Last(data)
                } else {
                    Next::Piece(data)
                });
            }
        }
        if !body.is_done() {
            return Ok(Next::Nothing);
        }
        self.has_ended = true;
        read_trailers(&self.trailers).map(Next::End)
    }

    /// Notes that nothing more comes.
    pub(super) fn input_ended(&mut self) -> Result<Next, Broken> {
        match &mut self.body {
            Some(body) if !self.has_ended => {
                body.input_ended().map_err(|_| Broken)?;
                self.has_ended = true;
                Ok(Next::End(None))
            }
            _ => Err(Broken),
        }
    }

    fn read_head(&mut self, input: &mut BytesMut) -> Result<Next, Broken> {
        let mut slots = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut response, input, &mut slots)
            .map_err(|_| Broken)?;
        let httparse::Status::Complete(length) = parsed else {
            return Ok(Next::Nothing);
        };
        let status = response.code.unwrap_or_default();
        let (head, body) = self.convert(status, response.headers)?;
        input.advance(length);
        match status {
            // No other protocol is spoken on a stream (RFC 9113 section 8.6).
            101 => return Err(Broken),
            100..=199 => return Ok(Next::Interim(Box::new(head))),
            _ => {}
        }
        let ends_here = body == BodyLength::Empty || body == BodyLength::Sized(0);
        self.has_ended = ends_here;
        self.body = Some(BodyDecoder::new(body));
        Ok(Next::Head(Box::new(head), ends_here))
    }

    fn convert(
        &self,
        status: u16,
        fields: &[httparse::Header<'_>],
    ) -> Result<(Response<()>, BodyLength), Broken> {
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::from_u16(status).map_err(|_| Broken)?;
        let mut body = BodyLength::UntilClose;
        for field in fields {
            match FieldKind::of(field.name.as_bytes()) {
                FieldKind::TransferEncoding => body = BodyLength::Chunked,
                FieldKind::Connection | FieldKind::HopByHop | FieldKind::Upgrade => {}
                // An interim answer has no body (RFC 9110 section 8.6).
                FieldKind::ContentLength if status < 200 => {}
                kind => {
                    if kind == FieldKind::ContentLength {
                        body = BodyLength::Sized(content_length(field.value).ok_or(Broken)?);
                    }
                    let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Broken)?;
                    let value = HeaderValue::from_bytes(field.value).map_err(|_| Broken)?;
                    head.headers_mut().append(name, value);
                }
            }
        }
        if self.is_head_request || matches!(status, 204 | 304) {
            body = BodyLength::Empty;
        }
        Ok((head, body))
    }
}

fn read_trailers(section: &[u8]) -> Result<Option<HeaderMap>, Broken> {
    if section.is_empty() {
        return Ok(None);
    }
    let mut trailers = HeaderMap::new();
    for line in section.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Broken)?;
        let (name, value) = line.split_at_checked(colon).ok_or(Broken)?;
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let name = HeaderName::from_bytes(name).map_err(|_| Broken)?;
        trailers.append(name, HeaderValue::from_bytes(value).map_err(|_| Broken)?);
    }
    Ok(Some(trailers))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn an_interim_answer_says_no_length_and_turns_to_no_other_protocol() {
        let heads =
            "HTTP/1.1 103 Hints\r\nContent-Length: 7\r\nLink: a\r\n\r\nHTTP/1.1 101 Other\r\n\r\n";
        let mut input = BytesMut::from(heads);
        let mut reader = AnswerReader::new(&h2_http::Method::GET);
        let Ok(Next::Interim(hints)) = reader.next(&mut input) else {
            panic!("no interim answer");
        };
        assert_eq!((hints.status().as_u16(), hints.headers().len()), (103, 1));
        assert!(reader.next(&mut input).is_err());
    }
}
