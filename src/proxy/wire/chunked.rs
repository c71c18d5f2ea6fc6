//! Chunked transfer coding (RFC 9112 section 7.1), read strictly: where two readers could disagree it is an error.

use super::body::Decoded;
use super::field::{has_only_crlf, may_be_trailer};

/// How long a chunk's extensions may be, in bytes; they are dropped.
const EXTENSION_BYTES_MAX: usize = 256;
/// How long the trailer section may be, in bytes.
const TRAILER_BYTES_MAX: usize = 8 * 1024;
const TRAILER_FIELDS_MAX: usize = 32;

/// Why a chunked body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadChunk {
    /// No hexadecimal size of at most 16 digits.
    Size,
    /// Extensions longer than allowed, or with control characters.
    Extension,
    /// A line or a chunk does not end with CR LF.
    LineEnd,
    /// The trailer section is malformed or too long.
    Trailer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before or inside a size; how many digits were read.
    Size(u8),
    /// Inside extensions; how many bytes were read.
    Extension(usize),
    /// After the CR of a size line.
    SizeLineFeed,
    /// Inside a chunk's data.
    Data,
    /// After a chunk's data.
    DataCarriageReturn,
    /// After the CR behind a chunk's data.
    DataLineFeed,
    /// After the last chunk.
    Trailers,
    Done,
}

/// Follows a chunked body.
#[derive(Debug)]
pub(crate) struct ChunkedDecoder {
    state: State,
    left: u64,
    trailers: Vec<u8>,
}

impl Default for ChunkedDecoder {
    fn default() -> Self {
        Self {
            state: State::Size(0),
            left: 0,
            trailers: Vec::new(),
        }
    }
}

impl ChunkedDecoder {
    /// Whether the last chunk and the trailer section are through.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The trailer fields that may travel on, as lines that end with CR LF.
    pub(crate) fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    /// Reads up to the end of the next piece of data, of the body or of the input, whichever is first.
    pub(crate) fn decode<'i>(&mut self, input: &'i [u8]) -> Result<Decoded<'i>, BadChunk> {
        let mut at = 0_usize;
        while let Some(byte) = input.get(at) {
            match self.state {
                State::Data => {
                    let rest = input.get(at..).unwrap_or_default();
                    let take = usize::try_from(self.left).map_or(rest.len(), |n| n.min(rest.len()));
                    self.left = self.left.saturating_sub(take as u64);
                    if self.left == 0 {
                        self.state = State::DataCarriageReturn;
                    }
                    let data = rest.get(..take).unwrap_or_default();
                    return Ok(Decoded {
                        consumed: at.saturating_add(take),
                        data,
                    });
                }
                State::Done => break,
                State::Trailers => self.trailer_byte(*byte)?,
                _ => self.line_byte(*byte)?,
            }
            at = at.saturating_add(1);
        }
        Ok(Decoded {
            consumed: at,
            data: &[],
        })
    }

    fn line_byte(&mut self, byte: u8) -> Result<(), BadChunk> {
        self.state = match (self.state, byte) {
            (State::Size(digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < 16 => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.left = self.left << 4 | u64::from(digit);
                State::Size(digits + 1)
            }
            (State::Size(1..), b'\r') | (State::Extension(_), b'\r') => State::SizeLineFeed,
            (State::Size(1..), b';') => State::Extension(1),
            (State::Size(_), _) => return Err(BadChunk::Size),
            (State::Extension(bytes), b'\t' | b' '..=b'~') if bytes < EXTENSION_BYTES_MAX => {
                State::Extension(bytes.saturating_add(1))
            }
            (State::Extension(_), _) => return Err(BadChunk::Extension),
            (State::SizeLineFeed, b'\n') if self.left == 0 => State::Trailers,
            (State::SizeLineFeed, b'\n') => State::Data,
            (State::DataCarriageReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Size(0),
            _ => return Err(BadChunk::LineEnd),
        };
        Ok(())
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<(), BadChunk> {
        if self.trailers.len() >= TRAILER_BYTES_MAX {
            return Err(BadChunk::Trailer);
        }
        self.trailers.push(byte);
        let is_end = self.trailers == b"\r\n" || self.trailers.ends_with(b"\r\n\r\n");
        if is_end {
            self.trailers = checked_trailers(&self.trailers)?;
            self.state = State::Done;
        } else if byte == b'\n' && !self.trailers.ends_with(b"\r\n") {
            return Err(BadChunk::LineEnd);
        }
        Ok(())
    }
}

/// The fields of a trailer section that may stand in one.
fn checked_trailers(section: &[u8]) -> Result<Vec<u8>, BadChunk> {
    if section == b"\r\n" {
        return Ok(Vec::new());
    }
    let mut slots = [httparse::EMPTY_HEADER; TRAILER_FIELDS_MAX];
    let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(section, &mut slots)
    else {
        return Err(BadChunk::Trailer);
    };
    if !has_only_crlf(section) {
        return Err(BadChunk::Trailer);
    }
    let mut kept = Vec::with_capacity(section.len());
    for field in fields.iter() {
        if may_be_trailer(field.name.as_bytes()) {
            kept.extend_from_slice(field.name.as_bytes());
            kept.extend_from_slice(b": ");
            kept.extend_from_slice(field.value);
            kept.extend_from_slice(b"\r\n");
        }
    }
    Ok(kept)
}

#[cfg(test)]
#[path = "chunked_tests.rs"]
mod tests;
