//! Moves one body from one connection to another: framing taken off and put on, back-pressure, few copies.

use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::AsyncWrite as _;

use super::transport::Transport;
use super::wire::body::{BadBody, BodyDecoder, BodyLength};
use super::wire::field::without_named;
use super::wire::response_head::BodyCoding;

/// From this size on, bytes go from the read buffer to the socket without a copy in between.
const DIRECT_BYTES_MIN: usize = 2 * 1024;
/// A buffer that grew larger than this is given back when its message is through.
const RETAINED_BYTES_MAX: usize = 16 * 1024;
/// As much is read ahead of a client that sends more than is taken from it yet.
const READ_AHEAD_BYTES_MAX: usize = 16 * 1024;

/// A connection and what has been read from it but not used yet.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) io: Transport,
    pub(super) unread: BytesMut,
}

impl Incoming {
    pub(super) fn new(io: Transport) -> Self {
        Self {
            io,
            unread: BytesMut::new(),
        }
    }

    /// Reads once into `unread`, by way of `scratch`; 0 is the end.
    pub(super) fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.io.poll_fill(cx, scratch))?;
        self.unread
            .extend_from_slice(scratch.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    /// Ready when the other side has ended or broken; keeps what it sends ahead, and looks no further when that is much.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<()> {
        while self.unread.len() < READ_AHEAD_BYTES_MAX {
            let room = READ_AHEAD_BYTES_MAX.saturating_sub(self.unread.len());
            let room = room.min(scratch.len());
            let into = scratch.get_mut(..room).unwrap_or_default();
            if !matches!(ready!(self.poll_more(cx, into)), Ok(1..)) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Gives back a large buffer that is not needed any more.
    pub(super) fn trim(&mut self) {
        if self.unread.is_empty() && self.unread.capacity() > RETAINED_BYTES_MAX {
            self.unread = BytesMut::new();
        }
    }
}

/// What stopped a pump.
#[derive(Debug)]
pub(super) enum PumpError {
    /// Reading failed.
    Read,
    /// The body is broken.
    Body(BadBody),
    /// Writing failed.
    Write,
    /// The body is larger than allowed.
    TooLarge,
}

/// One direction of one exchange: first a head, then a body.
#[derive(Debug, Default)]
pub(super) struct Pump {
    /// What is to be written next; begins with the head.
    pub(super) pending: Vec<u8>,
    sent: usize,
    decoder: BodyDecoder,
    coding: BodyCoding,
    trailers: Vec<u8>,
    // A comma-separated list of the fields that end here, also behind the body.
    barred: Vec<u8>,
    body_bytes: u64,
    body_bytes_max: u64,
    progress: u64,
    // Whether all of the message so far is still in `pending`.
    replayable: bool,
    body: BodyProgress,
    // What was written still stands in the connection's own buffers.
    held_back: bool,
}

/// How far a pump's body has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BodyProgress {
    /// Nothing of it has been looked at.
    #[default]
    Untouched,
    /// Some of it may have been taken.
    Started,
    /// All of it has been taken.
    Ended,
}

impl Pump {
    /// Forgets the last message.
    pub(super) fn reset(&mut self) {
        self.pending.clear();
        if self.pending.capacity() > RETAINED_BYTES_MAX {
            self.pending = Vec::new();
        }
        self.sent = 0;
        self.decoder = BodyDecoder::Done;
        self.coding = BodyCoding::Identity;
        self.trailers.clear();
        self.barred.clear();
        self.body_bytes = 0;
        self.progress = 0;
        self.replayable = true;
        self.body = BodyProgress::Untouched;
        self.held_back = false;
    }

    /// Names fields that do not travel behind the body either; each item may be a comma-separated list.
    pub(super) fn bar_trailers<'n>(&mut self, names: impl IntoIterator<Item = &'n [u8]>) {
        for name in names {
            self.barred.extend_from_slice(name);
            self.barred.push(b',');
        }
    }

    /// Starts the body behind the head in `pending`.
    pub(super) fn start_body(&mut self, length: BodyLength, coding: BodyCoding, bytes_max: u64) {
        self.decoder = BodyDecoder::new(length);
        self.coding = coding;
        self.body_bytes_max = bytes_max;
        self.body = BodyProgress::Started;
        // A body of no bytes still needs its last chunk.
        if self.decoder.is_done() {
            self.end();
        }
    }

    /// Body bytes moved so far.
    pub(super) const fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Grows whenever something moved.
    pub(super) const fn progress(&self) -> u64 {
        self.progress
    }

    /// Whether something waits for the other side to take it.
    pub(super) const fn is_blocked_on_write(&self) -> bool {
        self.sent < self.pending.len() || self.held_back
    }

    /// How far the body has been read.
    pub(super) const fn body_progress(&self) -> BodyProgress {
        self.body
    }

    /// Whether the whole message has been read.
    pub(super) fn has_read_all(&self) -> bool {
        self.body == BodyProgress::Ended
    }

    /// Whether no byte was taken by the other side yet.
    pub(super) const fn nothing_sent(&self) -> bool {
        self.sent == 0 && self.replayable
    }

    /// Goes back to the start of the message, if all of it is still here.
    pub(super) fn rewind(&mut self) -> bool {
        let is_whole = self.replayable && self.has_read_all();
        if is_whole {
            self.sent = 0;
        }
        is_whole
    }

    /// Takes body bytes that are at hand, up to `input`'s end or the body's, without writing.
    pub(super) fn take_at_hand(&mut self, unread: &mut BytesMut) -> Result<(), PumpError> {
        while !self.decoder.is_done() && !unread.is_empty() {
            let decoded = self
                .decoder
                .decode(unread, &mut self.trailers)
                .map_err(PumpError::Body)?;
            let consumed = decoded.consumed;
            encode(self.coding, decoded.data, &mut self.pending);
            self.body_bytes = self.body_bytes.saturating_add(decoded.data.len() as u64);
            unread.advance(consumed);
            self.check_size()?;
        }
        if self.decoder.is_done() {
            self.end();
        }
        Ok(())
    }

    /// Moves what can be moved; ready when the whole message has been written.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        from: &mut Incoming,
        to: &mut Transport,
    ) -> Poll<Result<(), PumpError>> {
        loop {
            ready!(self.poll_pending(cx, to)).map_err(|_| PumpError::Write)?;
            if self.has_read_all() {
                return Poll::Ready(Ok(()));
            }
            if from.unread.is_empty() {
                let count = match ready!(from.io.poll_fill(cx, scratch)) {
                    Ok(count) => count,
                    Err(_) => return Poll::Ready(Err(PumpError::Read)),
                };
                if count == 0 {
                    self.decoder.input_ended().map_err(PumpError::Body)?;
                    self.end();
                    continue;
                }
                let input = scratch.get(..count).unwrap_or_default();
                let used = self.feed(cx, input, to)?;
                from.unread
                    .extend_from_slice(input.get(used..).unwrap_or_default());
            } else {
                let mut input = std::mem::take(&mut from.unread);
                let used = self.feed(cx, &input, to)?;
                input.advance(used);
                from.unread = input;
            }
        }
    }

    /// Takes as much of `input` as belongs to the body, writing large pieces at once; tells how much it took.
    pub(super) fn feed(
        &mut self,
        cx: &mut Context<'_>,
        input: &[u8],
        to: &mut Transport,
    ) -> Result<usize, PumpError> {
        let mut used = 0_usize;
        while !self.decoder.is_done() {
            let rest = input.get(used..).unwrap_or_default();
            let decoded = self
                .decoder
                .decode(rest, &mut self.trailers)
                .map_err(PumpError::Body)?;
            if decoded.consumed == 0 {
                break;
            }
            used = used.saturating_add(decoded.consumed);
            self.body_bytes = self.body_bytes.saturating_add(decoded.data.len() as u64);
            self.check_size()?;
            self.progress = self.progress.saturating_add(1);
            if self.coding == BodyCoding::Identity && decoded.data.len() >= DIRECT_BYTES_MIN {
                self.write_through(cx, decoded.data, to)
                    .map_err(|_| PumpError::Write)?;
            } else {
                self.forget_sent();
                encode(self.coding, decoded.data, &mut self.pending);
            }
        }
        if self.decoder.is_done() && !self.has_read_all() {
            self.forget_sent();
            self.end();
        }
        Ok(used)
    }

    fn check_size(&self) -> Result<(), PumpError> {
        if self.body_bytes > self.body_bytes_max {
            Err(PumpError::TooLarge)
        } else {
            Ok(())
        }
    }

    // Bytes that follow the ones in `pending` are about to be added: what was sent can go, and with it the chance to replay.
    fn forget_sent(&mut self) {
        if self.sent != 0 && self.sent == self.pending.len() {
            self.pending.clear();
            self.sent = 0;
            self.replayable = false;
        }
    }

    fn end(&mut self) {
        if self.coding == BodyCoding::Chunked && !self.has_read_all() {
            self.pending.extend_from_slice(b"0\r\n");
            for field in without_named(&self.trailers, &self.barred) {
                self.pending.extend_from_slice(field);
            }
            self.pending.extend_from_slice(b"\r\n");
        }
        self.body = BodyProgress::Ended;
    }

    /// Writes what is pending and then `data`, and keeps in `pending` what the socket does not take now.
    fn write_through(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        to: &mut Transport,
    ) -> io::Result<()> {
        self.replayable = false;
        let head = self.pending.get(self.sent..).unwrap_or_default();
        let head_len = head.len();
        let written = if head_len == 0 {
            Pin::new(to).poll_write(cx, data)
        } else {
            Pin::new(to).poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(data)])
        };
        let written = match written {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => 0,
        };
        let of_data = written.saturating_sub(head_len);
        self.sent = self.sent.saturating_add(written.min(head_len));
        if self.sent == self.pending.len() {
            self.pending.clear();
            self.sent = 0;
        }
        self.pending
            .extend_from_slice(data.get(of_data..).unwrap_or_default());
        Ok(())
    }

    /// Writes what is pending; ready when all of it is with the system, so that nothing waits here for more to come.
    pub(super) fn poll_pending(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Transport,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .pending
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            let count = ready!(Pin::new(&mut *to).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent = self.sent.saturating_add(count);
            self.progress = self.progress.saturating_add(1);
        }
        let written_out = to.poll_written_out(cx);
        if self.held_back && written_out.is_ready() {
            self.progress = self.progress.saturating_add(1);
        }
        self.held_back = written_out.is_pending();
        written_out
    }
}

fn encode(coding: BodyCoding, data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    match coding {
        BodyCoding::Identity => out.extend_from_slice(data),
        BodyCoding::Chunked => {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{:x}\r\n", data.len());
            out.extend_from_slice(data);
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
