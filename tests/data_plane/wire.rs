//! Both ends of a connection by hand: what is sent is what the test wrote, byte for byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long a test waits for bytes; generous, because a busy machine is no failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One end of a connection.
pub(crate) struct Wire {
    reader: BufReader<TcpStream>,
}

/// A message as it came: head and body, the body with its framing undone.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: String,
}

/// How a body ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

/// A connection that stays open and says nothing is not a broken one.
#[track_caller]
fn broken(error: std::io::Error) -> Broken {
    assert!(!is_timeout(&error), "the connection stays open, silent");
    Broken
}

impl Message {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (candidate, value) = line.split_once(':')?;
            candidate.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            reader: BufReader::new(stream),
        }
    }

    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes.as_ref())
    }

    /// A head up to and with its empty line; `None` at the end of the connection.
    pub(crate) fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        loop {
            let before = head.len();
            match self.reader.read_line(&mut head) {
                Err(error) if is_timeout(&error) => panic!("the connection stays open, silent"),
                Ok(0) | Err(_) => {
                    assert_eq!(head, "", "the connection ended inside a head");
                    return None;
                }
                Ok(_) if &head[before..] == "\r\n" => return Some(head),
                Ok(_) => {}
            }
        }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Broken> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).map_err(broken)?;
        Ok(bytes)
    }

    /// Everything up to a clean close.
    pub(crate) fn rest(&mut self) -> Result<Vec<u8>, Broken> {
        let mut bytes = Vec::new();
        self.reader.read_to_end(&mut bytes).map_err(broken)?;
        Ok(bytes)
    }

    pub(crate) fn chunk(&mut self) -> Result<Vec<u8>, Broken> {
        let mut line = String::new();
        self.reader.read_line(&mut line).map_err(broken)?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(|_| Broken)?;
        if size == 0 {
            return Ok(Vec::new());
        }
        let data = self.bytes(size)?;
        assert_eq!(self.bytes(2)?, b"\r\n");
        Ok(data)
    }

    /// A whole message; a body without length ends with the connection.
    pub(crate) fn try_message(&mut self, has_body: bool) -> Result<Option<Message>, Broken> {
        let Some(head) = self.head() else {
            return Ok(None);
        };
        let mut message = Message {
            head,
            body: Vec::new(),
            trailers: String::new(),
        };
        let is_request = !message.head.starts_with("HTTP/");
        if message.field("transfer-encoding") == Some("chunked") {
            loop {
                let chunk = self.chunk()?;
                if chunk.is_empty() {
                    break;
                }
                message.body.extend_from_slice(&chunk);
            }
            while !message.trailers.ends_with("\r\n\r\n") && message.trailers != "\r\n" {
                if self
                    .reader
                    .read_line(&mut message.trailers)
                    .map_err(broken)?
                    == 0
                {
                    return Err(Broken);
                }
            }
        } else if let Some(length) = message.field("content-length")
            && has_body
        {
            message.body = self.bytes(length.parse().unwrap())?;
        } else if has_body && !is_request && !matches!(message.status(), 100..=199 | 204 | 304) {
            message.body = self.rest()?;
        }
        Ok(Some(message))
    }

    pub(crate) fn message(&mut self) -> Message {
        self.try_message(true)
            .expect("a whole body")
            .expect("a message")
    }

    /// The answer to a HEAD request.
    pub(crate) fn bodyless(&mut self) -> Message {
        self.try_message(false).unwrap().expect("a message")
    }

    /// Sends and reads the answer.
    pub(crate) fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Message {
        self.send(bytes);
        self.message()
    }

    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(
            matches!(rest.as_deref(), Ok([]) | Err(Broken)),
            "the connection has ended, but there was {:?}",
            rest.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        );
    }
}

/// A server that runs a script on every connection it gets.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    /// `script` gets each connection with its number, counted from 0.
    pub(crate) fn start(script: impl Fn(Wire, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let script = Arc::new(script);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let script = Arc::clone(&script);
                thread::spawn(move || script(Wire::new(stream.unwrap()), number));
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// A server that answers every request with its own head and body.
    pub(crate) fn echo() -> Self {
        Self::start(|mut wire, _| {
            while let Ok(Some(request)) = wire.try_message(true) {
                let body = [request.head.as_bytes(), &request.body].concat();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                wire.send([head.as_bytes(), &body].concat());
            }
        })
    }

    /// A server that answers every request with these bytes.
    pub(crate) fn answering(answer: &'static str) -> Self {
        Self::start(move |mut wire, _| {
            while let Ok(Some(_)) = wire.try_message(true) {
                wire.send(answer);
            }
        })
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A request without a body.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n")
}

/// Bytes that differ from place to place, so that a mix-up shows.
pub(crate) fn pattern(count: usize) -> Vec<u8> {
    (0..count)
        .map(|place| (place % 251) as u8 ^ (place / 251 % 256) as u8)
        .collect()
}
