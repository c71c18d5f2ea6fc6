//! HTTP/2 from clients over TLS (RFC 9113): one task per connection, each stream a connection of HTTP/1.1 in memory.
//!
//! A stream's request is written as a strict HTTP/1.1 message and served by the same code as every other, so that each check,
//! limit and refusal stands once; the answer is read back and sent as frames. Frames, HPACK and flow control are `h2`'s.

mod answer;
#[cfg(any(test, fuzzing))]
pub(in crate::proxy) mod hostile;
mod refused;
mod request;
mod stream;
mod tally;

use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream as _;
use futures_util::stream::FuturesUnordered;
use h2::RecvStream;
use h2::server::{Builder, Connection, Handshake, SendResponse};
use h2_http::Request;

pub use self::refused::StreamRefusal;
use self::tally::{Ended, Tally};
use super::timer::Timer;
use super::transport::Transport;
use super::worker::Worker;

/// Streams that a client may have open at a time (RFC 9113 section 6.5.2 advises at least 100).
const STREAMS_MAX: u32 = 128;
/// Requests of one client that run at a time: those of its open streams, and some that go on after their stream was reset.
const RUNNING_MAX: usize = STREAMS_MAX as usize + 32;
/// What a client may send on one stream before it is taken, in bytes.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// What a client may send on all streams together before it is taken, in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// The largest frame taken, in bytes: the least that must be (RFC 9113 section 4.2).
const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// What waits here for a client that takes nothing, in bytes per stream.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Streams reset by the client that were not even looked at; more end the connection.
const RESETS_UNSEEN_MAX: usize = 20;
/// Streams reset by us that are remembered, and how long, so that their late frames are no error.
const RESETS_REMEMBERED: usize = 32;
const RESETS_REMEMBERED_FOR: Duration = Duration::from_secs(5);
/// Streams that a client's faults made us reset; more end the connection.
const FAULTS_MAX: usize = 256;
/// How long requests may take to notice that their connection has ended.
const AFTERMATH: Duration = Duration::from_secs(60);
/// The protocol's name in the TLS handshake (RFC 9113 section 3.2).
pub(super) const ALPN: &[u8] = b"h2";

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One client connection.
struct Client {
    worker: Rc<Worker>,
    address: SocketAddr,
    frames: Connection<Transport, Bytes>,
    streams: FuturesUnordered<Running>,
    timer: Timer,
    phase: Phase,
    tally: Rc<Tally>,
}

/// What the deadline was set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing yet.
    New,
    /// The first or the next request.
    Idle,
    /// Requests are under way, each with deadlines of its own.
    Busy,
    /// The same, and no more are taken.
    Leaving,
    /// The last words are being said.
    Closing,
}

/// Serves a connection until its end.
pub(super) async fn serve(worker: Rc<Worker>, io: Transport, address: SocketAddr) {
    let timer = worker.deadlines.timer();
    timer.set(worker.settings.timeouts.head);
    let mut handshake = Box::pin(handshake(&worker, io));
    let frames = timer.limit(|cx| handshake.as_mut().poll(cx)).await;
    drop(handshake);
    match frames {
        Ok(Ok(frames)) => {
            let mut client = Client {
                worker,
                address,
                frames,
                streams: FuturesUnordered::new(),
                timer,
                phase: Phase::New,
                tally: Rc::default(),
            };
            poll_fn(|cx| client.poll(cx)).await;
            client.see_off().await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "no HTTP/2 from a client that promised it"),
        Err(_) => {}
    }
}

fn handshake(worker: &Worker, io: Transport) -> Handshake<Transport, Bytes> {
    let head_bytes_max = u32::try_from(worker.head_limits().bytes_max).unwrap_or(u32::MAX);
    Builder::new()
        .max_concurrent_streams(STREAMS_MAX)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_header_list_size(head_bytes_max)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(RESETS_UNSEEN_MAX)
        .max_concurrent_reset_streams(RESETS_REMEMBERED)
        .reset_stream_duration(RESETS_REMEMBERED_FOR)
        .max_local_error_reset_streams(Some(FAULTS_MAX))
        .handshake(io)
}

impl Client {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let ended = self.tally.total();
            let taken = self.take_requests(cx);
            if taken.is_ready() {
                return taken;
            }
            // Streams that end have something to be sent, which is sent by looking for the next request: once for all of
            // them, because each time is a write of its own.
            self.run_streams(cx);
            if self.tally.total() == ended {
                break;
            }
            self.judge();
        }
        if self.worker.is_draining() && !self.is_leaving() {
            self.leave();
            // The farewell has to be sent.
            return self.poll(cx);
        }
        self.rearm();
        match self.timer.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(_) if self.phase == Phase::Idle => {
                self.leave();
                self.poll(cx)
            }
            Poll::Ready(_) => Poll::Ready(()),
        }
    }

    /// Moves frames and starts what is asked; ready when the connection has ended.
    fn take_requests(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.frames.poll_accept(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(Err(error))) => {
                    if error.is_library() && error.reason() == Some(StreamRefusal::Abuse.reason()) {
                        self.count(StreamRefusal::Abuse);
                    }
                    tracing::debug!(%error, "a connection of HTTP/2 broke");
                    return Poll::Ready(());
                }
                Poll::Ready(Some(Ok((request, respond)))) => self.start(request, respond, cx),
            }
        }
    }

    /// Starts a request, unless too many run: a stream that is reset makes room for another before its request has ended.
    fn start(
        &mut self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        cx: &mut Context<'_>,
    ) {
        if self.streams.len() >= RUNNING_MAX {
            // Most that were reset only have to see it.
            self.run_streams(cx);
        }
        if self.streams.len() >= RUNNING_MAX {
            respond.send_reset(StreamRefusal::TooManyRunning.reason());
            self.count(StreamRefusal::TooManyRunning);
            self.tally.note(Ended::GivenUp);
            return;
        }
        let worker = Rc::clone(&self.worker);
        let tally = Rc::clone(&self.tally);
        let running = stream::serve(worker, self.address, request, respond, tally);
        self.streams.push(Box::pin(running));
    }

    /// Lets every request do what it can do now.
    fn run_streams(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(())) = Pin::new(&mut self.streams).poll_next(cx) {}
    }

    /// What follows from streams that have ended.
    fn judge(&mut self) {
        if self.tally.turns_into_abuse() {
            self.frames.abrupt_shutdown(StreamRefusal::Abuse.reason());
            self.count(StreamRefusal::Abuse);
        }
        if self.worker.settings.timeouts.keep_alive.is_zero() && !self.is_leaving() {
            self.leave();
        }
    }

    /// Lets the requests under way see that their client is gone, so that each leaves its record.
    async fn see_off(self) {
        let Self {
            frames,
            mut streams,
            timer,
            ..
        } = self;
        // All streams fail with it.
        drop(frames);
        timer.set(AFTERMATH);
        let _ = timer
            .limit(|cx| {
                while ready!(Pin::new(&mut streams).poll_next(cx)).is_some() {}
                Poll::Ready(())
            })
            .await;
    }

    fn count(&self, refusal: StreamRefusal) {
        self.worker.parts.counters.stream_refused(refusal);
    }

    fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving | Phase::Closing)
    }

    /// Takes no more requests; those under way are answered (RFC 9113 section 6.8).
    fn leave(&mut self) {
        self.frames.graceful_shutdown();
        self.phase = Phase::Leaving;
    }

    /// Sets the deadline when what is waited for has changed.
    fn rearm(&mut self) {
        let timeouts = &self.worker.settings.timeouts;
        let next = match (self.is_leaving(), self.streams.is_empty()) {
            (true, false) => Phase::Leaving,
            (true, true) => Phase::Closing,
            (false, false) => Phase::Busy,
            (false, true) => Phase::Idle,
        };
        if next == self.phase {
            return;
        }
        self.phase = next;
        self.timer.set(match next {
            Phase::Busy | Phase::Leaving => Duration::MAX,
            // No keep-alive before there was a request.
            Phase::Idle if self.tally.has_answered() => timeouts.keep_alive,
            Phase::New | Phase::Idle | Phase::Closing => timeouts.head,
        });
    }
}
