//! One client connection: heads in, exchanges one after the other, and a close that the client can understand.

use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::answer_edits::AnswerEdits;
use super::exchange::{self, After};
use super::http2;
use super::pump::{Incoming, Pump};
use super::refusal::Refusal;
use super::request::{ClientScheme, Peer};
use super::request_id::RequestId;
use super::timer::Timer;
use super::transport::Transport;
use super::wire::request_head::{BadHead, RequestHead};
use super::wire::target::BadTarget;
use super::worker::Worker;

/// How long a closed connection is read on, so that the client can read its answer before it sees a reset.
const LINGER: Duration = Duration::from_secs(3);
/// How long a connection over TLS may take to be told that it ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A client's connection and all that is reused from request to request on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Incoming,
    pub(super) head: RequestHead,
    pub(super) upload: Pump,
    pub(super) download: Pump,
    pub(super) timer: Timer,
    pub(super) peer: Peer,
    pub(super) request_id: RequestId,
    /// What the rules of its API do to the answer of this request.
    pub(super) edits: Option<Box<AnswerEdits>>,
}

/// What came instead of a request.
#[derive(Clone, Copy, Debug)]
enum NoRequest {
    /// The end of the connection.
    Closed,
    /// Something that is refused.
    Refused(Refusal),
}

/// Serves a connection until its end.
pub(super) async fn serve(worker: Rc<Worker>, stream: TcpStream) {
    let Ok(address) = stream.peer_addr() else {
        return;
    };
    // Without it an answer's last packet waits for the acknowledgement of the one before.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let _open = worker.parts.counters.connection_opened();
    let timer = worker.deadlines.timer();
    match accept(&worker, stream, &timer).await {
        Some(io) if io.agreed_protocol() == Some(http2::ALPN) => {
            // On the heap: most connections are none.
            Box::pin(http2::serve(Rc::clone(&worker), io, address)).await;
        }
        Some(io) => {
            let mut connection = Connection::new(&worker, io, address, timer);
            connection.run(&worker).await;
        }
        None => {}
    }
}

async fn accept(worker: &Worker, stream: TcpStream, timer: &Timer) -> Option<Transport> {
    let Some(config) = &worker.settings.tls else {
        return Some(Transport::Plain(stream));
    };
    timer.set(worker.settings.timeouts.head);
    let mut handshake = Box::pin(TlsAcceptor::from(config.clone()).accept(stream));
    let stream = timer.limit(|cx| handshake.as_mut().poll(cx)).await;
    match stream {
        Ok(Ok(stream)) => Some(Transport::Tls(Box::new(TlsStream::Server(stream)))),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake with a client failed");
            None
        }
        Err(_) => None,
    }
}

impl Connection {
    pub(super) fn new(worker: &Worker, io: Transport, address: SocketAddr, timer: Timer) -> Self {
        let scheme = match worker.settings.tls {
            Some(_) => ClientScheme::Https,
            None => ClientScheme::Http,
        };
        Self {
            client: Incoming::new(io),
            head: RequestHead::default(),
            upload: Pump::default(),
            download: Pump::default(),
            timer,
            peer: Peer::new(address, &worker.settings.trusted_proxies).speaking(scheme),
            request_id: RequestId::default(),
            edits: None,
        }
    }

    /// Serves one request after the other until the connection's end.
    pub(super) async fn run(&mut self, worker: &Worker) {
        let timeouts = &worker.settings.timeouts;
        // No keep-alive before there was a request, least of all one of zero.
        let mut patience = timeouts.head;
        loop {
            self.upload.reset();
            self.download.reset();
            let after = match self.read_head(worker, patience).await {
                Ok(()) => exchange::run(worker, self).await,
                Err(NoRequest::Closed) => return self.close().await,
                Err(NoRequest::Refused(refusal)) => {
                    exchange::refuse_unread(worker, self, refusal).await
                }
            };
            patience = timeouts.keep_alive;
            match after {
                After::KeepAlive => self.client.trim(),
                After::Close => return self.close().await,
                After::CutOff => return,
                After::Linger => return self.linger(worker).await,
                After::Break => return self.client.io.break_on_close(),
            }
        }
    }

    /// Reads until a whole head is there, whose first byte may take as long as `patience` has it.
    async fn read_head(&mut self, worker: &Worker, patience: Duration) -> Result<(), NoRequest> {
        let limits = worker.head_limits();
        let mut parsed_bytes = 0_usize;
        loop {
            let unread = &self.client.unread;
            if unread.is_empty() {
                self.timer.set(patience);
            } else if parsed_bytes == 0 || ends_a_head(unread, parsed_bytes, limits.bytes_max) {
                match self.head.parse(unread, limits).map_err(refusal_of) {
                    Ok(Some(count)) => {
                        bytes::Buf::advance(&mut self.client.unread, count);
                        return Ok(());
                    }
                    Ok(None) => {}
                    Err(refusal) => return Err(NoRequest::Refused(refusal)),
                }
                if parsed_bytes == 0 {
                    self.timer.set(worker.settings.timeouts.head);
                }
            }
            parsed_bytes = self.client.unread.len();
            let client = &mut self.client;
            let read = self.timer.limit(|cx| {
                if parsed_bytes == 0 && worker.is_draining() {
                    return Poll::Ready(Ok(0));
                }
                client.poll_more(cx, &mut worker.scratch.borrow_mut())
            });
            match read.await {
                Ok(Ok(1..)) => {}
                Ok(_) => return Err(NoRequest::Closed),
                Err(_) if parsed_bytes == 0 => return Err(NoRequest::Closed),
                Err(_) => return Err(NoRequest::Refused(Refusal::ClientTimeout)),
            }
        }
    }

    /// Ends an orderly connection: over TLS not without a word, which anybody on the way could bring about.
    async fn close(&mut self) {
        let io = &mut self.client.io;
        if io.has_farewell() {
            self.timer.set(FAREWELL);
            // Whoever is gone needs no farewell.
            let _ = self
                .timer
                .limit(|cx| std::pin::Pin::new(&mut *io).poll_shutdown(cx))
                .await;
        }
    }

    /// Ends our side and reads on for a while: a close with unread input would be a reset that may overtake the answer.
    async fn linger(&mut self, worker: &Worker) {
        self.timer.set(LINGER);
        let io = &mut self.client.io;
        let _ = self
            .timer
            .limit(|cx| {
                let _ = ready!(std::pin::Pin::new(&mut *io).poll_shutdown(cx));
                let mut scratch = worker.scratch.borrow_mut();
                while let Ok(1..) = ready!(io.poll_fill(cx, &mut scratch)) {}
                Poll::Ready(())
            })
            .await;
    }
}

// A head that comes byte by byte is parsed when it can be complete, not at every byte.
fn ends_a_head(unread: &[u8], parsed_bytes: usize, bytes_max: usize) -> bool {
    let fresh = unread
        .get(parsed_bytes.saturating_sub(3)..)
        .unwrap_or(unread);
    unread.len() >= bytes_max
        || fresh.windows(2).any(|pair| pair == b"\n\n")
        || fresh.windows(3).any(|triple| triple == b"\n\r\n")
}

const fn refusal_of(bad: BadHead) -> Refusal {
    match bad {
        BadHead::Syntax => Refusal::MalformedHead,
        BadHead::Version => Refusal::UnsupportedVersion,
        BadHead::TooLarge => Refusal::HeadTooLarge,
        BadHead::TooManyFields => Refusal::TooManyFields,
        BadHead::Target(
            BadTarget::Character
            | BadTarget::Form
            | BadTarget::Authority
            | BadTarget::Encoding
            | BadTarget::DotSegment,
        ) => Refusal::BadTarget,
        BadHead::Host => Refusal::BadHost,
        BadHead::Framing => Refusal::AmbiguousFraming,
        BadHead::Expectation => Refusal::UnknownExpectation,
    }
}
