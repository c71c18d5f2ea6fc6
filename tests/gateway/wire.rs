//! A connection whose every byte the test writes and reads itself: broken framing, streams, slow clients.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

use crate::harness::{PATIENCE, eventually};

/// An open connection.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// A header's first value; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut same = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        same.next().map_or("", |(_, value)| value)
    }
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// A connection from this address.
    pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        let stream = runtime.unwrap().block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((source, 0).into()).unwrap();
            socket.connect(address).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// Writes; a peer that has closed is found out by reading.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// A GET of a path that keeps the connection.
    pub(crate) fn get(&mut self, path: &str) -> &mut Self {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) -> &mut Self {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Reads until `unread` holds `count` bytes; `false` at the end of the stream. A stream that stays open and says nothing
    /// has no end.
    #[track_caller]
    fn fill(&mut self, count: usize) -> bool {
        let mut buffer = [0; 16 * 1024];
        while self.unread.len() < count {
            match self.stream.read(&mut buffer) {
                Err(error) if is_timeout(&error) => panic!("the connection stays open, silent"),
                Ok(0) | Err(_) => return false,
                Ok(read) => self.unread.extend(&buffer[..read]),
            }
        }
        true
    }

    /// Exactly so many bytes of the body.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        assert!(
            self.fill(count),
            "only {:?}",
            String::from_utf8_lossy(&self.unread)
        );
        self.unread.drain(..count).collect()
    }

    /// Everything up to and including `end`.
    #[track_caller]
    pub(crate) fn take_through(&mut self, end: &[u8]) -> Vec<u8> {
        let mut looked_at = 0;
        loop {
            let found = self.unread[looked_at..]
                .windows(end.len())
                .position(|window| window == end);
            if let Some(at) = found {
                return self.take(looked_at + at + end.len());
            }
            looked_at = self.unread.len().saturating_sub(end.len() - 1);
            let more = self.unread.len() + 1;
            assert!(
                self.fill(more),
                "only {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        }
    }

    /// Everything up to the end of the connection, however it ends.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill(self.unread.len() + 1) {}
        std::mem::take(&mut self.unread)
    }

    /// The head of the next answer.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Head {
        let bytes = self.take_through(b"\r\n\r\n");
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut fields);
        parsed.parse(&bytes).unwrap();
        let field = |field: &httparse::Header<'_>| {
            let value = String::from_utf8_lossy(field.value).into_owned();
            (field.name.to_owned(), value)
        };
        Head {
            status: parsed.code.unwrap(),
            headers: parsed.headers.iter().map(field).collect(),
        }
    }

    /// A whole answer that says its length, or is chunked.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> (Head, String) {
        let head = self.head();
        let body = if head.header("transfer-encoding") == "chunked" {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
            body
        } else {
            let length = head.header("content-length").parse().unwrap_or(0);
            self.take(length)
        };
        (head, String::from_utf8_lossy(&body).into_owned())
    }

    /// The next chunk of a chunked body; none at its end.
    #[track_caller]
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = String::from_utf8(self.take_through(b"\r\n")).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        let data = self.take(length);
        self.take_through(b"\r\n");
        (length > 0).then_some(data)
    }

    /// Whether the peer ends the connection without another byte.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) -> bool {
        !self.fill(1)
    }
}

impl Wire {
    /// The other side of a connection that the node opens.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).unwrap();
        let stream = eventually("the node connects", PATIENCE, || {
            listener.accept().ok().map(|(stream, _)| stream)
        });
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}
