//! A connection to either side: plain TCP or TLS over it, or in memory to a stream of HTTP/2.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// A byte stream with a peer.
#[derive(Debug)]
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// One stream of a client's HTTP/2, which tells an answer that was cut off by its framing.
    Memory(DuplexStream),
}

impl Transport {
    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(stream) => Some(stream),
            Self::Tls(stream) => Some(stream.get_ref().0),
            Self::Memory(_) => None,
        }
    }

    /// The protocol that the handshake of TLS agreed on, if it did.
    pub(super) fn agreed_protocol(&self) -> Option<&[u8]> {
        match self {
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
            Self::Plain(_) | Self::Memory(_) => None,
        }
    }

    /// Makes the coming close a reset, which no reader takes for a clean end.
    pub(super) fn break_on_close(&self) {
        if let Some(tcp) = self.tcp() {
            // A socket that cannot be reset any more is broken already.
            let _ = tcp.set_zero_linger();
        }
    }

    /// Whether an idle connection can carry another request: still open, and nothing has arrived unasked.
    ///
    /// Costs no system call unless the reactor has seen something happen on the socket.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        match self {
            Self::Plain(stream) => {
                let read = stream.try_read(&mut byte);
                matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // TLS has messages of its own, session tickets among them, that say nothing about the request.
            Self::Tls(stream) => {
                let mut buffer = ReadBuf::new(&mut byte);
                let mut context = Context::from_waker(Waker::noop());
                Pin::new(stream)
                    .poll_read(&mut context, &mut buffer)
                    .is_pending()
            }
            // Nobody keeps one for another request.
            Self::Memory(_) => false,
        }
    }

    /// Whether an orderly end is more than a closed socket: TLS tells it apart from one that somebody cut off.
    pub(super) const fn has_farewell(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Tells a peer over TLS that this side ends, as far as the socket takes it at once: nobody waits for a farewell.
    pub(super) fn take_leave(&mut self) {
        if let Self::Tls(stream) = self {
            let mut context = Context::from_waker(Waker::noop());
            let _ = Pin::new(stream).poll_shutdown(&mut context);
        }
    }

    /// Ready when all that was written is with the system: TLS takes more than the socket, and keeps it until asked again.
    pub(super) fn poll_written_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(stream) if stream.get_ref().1.wants_write() => {
                Pin::new(stream).poll_flush(cx)
            }
            Self::Plain(_) | Self::Tls(_) | Self::Memory(_) => Poll::Ready(Ok(())),
        }
    }

    /// Reads what has arrived into `buffer` and tells how much it was; 0 is the end.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        std::task::ready!(Pin::new(self).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Memory(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Memory(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Memory(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Memory(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
