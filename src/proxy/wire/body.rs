//! Bodies by their framing: what of the input belongs to the body, and when it ends.

use super::chunked::{BadChunk, ChunkedDecoder};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// There is no body.
    #[default]
    Empty,
    /// As many bytes as `Content-Length` says.
    Sized(u64),
    /// Chunked transfer coding.
    Chunked,
    /// Until the peer closes; answers only.
    UntilClose,
}

/// A length as it was said, without zeros in front: a reader may take those for the sign of another base.
pub(crate) fn plain_length(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    match digits.get(zeros..) {
        Some(rest) if !rest.is_empty() => rest,
        _ => b"0",
    }
}

/// Why a body is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadBody {
    /// The peer closed before the end.
    Truncated,
    /// The chunked coding is malformed.
    Chunk(BadChunk),
}

/// What one look at the input gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded<'i> {
    /// How many bytes of the input are done with.
    pub(crate) consumed: usize,
    /// The bytes of the body among them.
    pub(crate) data: &'i [u8],
}

/// Follows one body through its framing.
#[derive(Debug, Default)]
pub(crate) enum BodyDecoder {
    /// The body has ended, or there was none.
    #[default]
    Done,
    /// This many bytes are still to come.
    Sized(u64),
    /// Inside the chunked coding.
    Chunked(ChunkedDecoder),
    /// Until the peer closes.
    UntilClose,
}

impl BodyDecoder {
    /// A decoder at the start of a body.
    pub(crate) fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::Empty | BodyLength::Sized(0) => Self::Done,
            BodyLength::Sized(bytes) => Self::Sized(bytes),
            BodyLength::Chunked => Self::Chunked(ChunkedDecoder::default()),
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    /// Whether the body has ended.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Takes the next piece of a body from `input`; the trailer section is appended to `trailers`, checked, when the body ends.
    ///
    /// Without progress (`consumed` 0) all of the input is used up or the body has ended.
    pub(crate) fn decode<'i>(
        &mut self,
        input: &'i [u8],
        trailers: &mut Vec<u8>,
    ) -> Result<Decoded<'i>, BadBody> {
        match self {
            Self::Done => Ok(Decoded {
                consumed: 0,
                data: &[],
            }),
            Self::UntilClose => Ok(Decoded {
                consumed: input.len(),
                data: input,
            }),
            Self::Sized(left) => {
                let take = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                let data = input.get(..take).unwrap_or_default();
                *left = left.saturating_sub(take as u64);
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(Decoded {
                    consumed: take,
                    data,
                })
            }
            Self::Chunked(decoder) => {
                let decoded = decoder.decode(input).map_err(BadBody::Chunk)?;
                if decoder.is_done() {
                    trailers.extend_from_slice(decoder.trailers());
                    *self = Self::Done;
                }
                Ok(decoded)
            }
        }
    }

    /// The peer has closed: the end of a body that ends so, and a fault in any other.
    pub(crate) fn input_ended(&mut self) -> Result<(), BadBody> {
        match self {
            Self::Done => Ok(()),
            Self::UntilClose => {
                *self = Self::Done;
                Ok(())
            }
            Self::Sized(_) | Self::Chunked(_) => Err(BadBody::Truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_sized_body_leaves_what_follows_it() {
        let mut decoder = BodyDecoder::new(BodyLength::Sized(5));
        let mut trailers = Vec::new();
        assert_eq!(decoder.decode(b"abc", &mut trailers).unwrap().data, b"abc");
        let decoded = decoder.decode(b"deGET", &mut trailers).unwrap();
        assert_eq!((decoded.consumed, decoded.data), (2, b"de".as_slice()));
        assert!(decoder.is_done());
    }

    #[test]
    fn a_length_is_said_in_one_way() {
        for (said, plain) in [
            ("5", "5"),
            ("05", "5"),
            ("0010", "10"),
            ("0", "0"),
            ("00", "0"),
        ] {
            assert_eq!(plain_length(said.as_bytes()), plain.as_bytes(), "{said}");
        }
    }

    #[test]
    fn an_early_close_is_an_end_only_where_it_is_one() {
        for length in [BodyLength::Sized(1), BodyLength::Chunked] {
            assert_eq!(
                BodyDecoder::new(length).input_ended(),
                Err(BadBody::Truncated)
            );
        }
        let mut until_close = BodyDecoder::new(BodyLength::UntilClose);
        assert_eq!(until_close.input_ended(), Ok(()));
        assert!(until_close.is_done());
        assert!(BodyDecoder::new(BodyLength::Sized(0)).is_done());
        assert!(BodyDecoder::new(BodyLength::Empty).is_done());
    }
}
