//! An HTTP/1.1 server on threads that records each request and answers as the test says: an upstream or a webhook sink.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::wait::{PATIENCE, eventually};

/// How often a thread that waits for bytes looks whether the server ends.
const TICK: Duration = Duration::from_millis(50);
/// Largest head that is read.
const HEAD_BYTES: usize = 1024 * 1024;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names as they were written, in their order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The head's bytes, its empty line included.
    pub(crate) head: Vec<u8>,
    /// Which connection brought it, counted from 0.
    pub(crate) connection: usize,
    pub(crate) at: Instant,
}

impl Received {
    /// All values of a header, its name in any case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let same = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// A header's first value; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.values(name).first().copied().unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Writes an answer by hand; `false` closes the connection afterwards.
type Writer = Arc<dyn Fn(&mut TcpStream) -> bool + Send + Sync>;

/// What the server does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// An answer with a length; the connection stays open.
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Another reply after a pause.
    After(Duration, Box<Reply>),
    /// No answer while the server lives or the client waits.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// Bytes written by the test: streams, broken framing.
    Raw(Writer),
}

impl Reply {
    /// An answer with this status and body.
    pub(crate) fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body)
    }

    /// A 302 that points at `url`.
    pub(crate) fn redirect(url: &str) -> Self {
        Self::status(302, "").with_header("Location", url)
    }

    pub(crate) fn raw(write: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        Self::Raw(Arc::new(write))
    }

    /// The same answer with one more header.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        match &mut self {
            Self::Answer { headers, .. } => headers.push((name.to_owned(), value.to_owned())),
            _ => panic!("only an answer has headers"),
        }
        self
    }

    pub(crate) fn after(self, pause: Duration) -> Self {
        Self::After(pause, Box::new(self))
    }
}

type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

struct Shared {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    ending: AtomicBool,
}

/// The server; dropping it closes its connections and ends its threads.
pub(crate) struct RecordingServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl RecordingServer {
    /// Starts on a port of the system's choice; `script` decides each reply.
    pub(crate) fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), script)
    }

    /// The same at an address, such as that of a server that has ended.
    pub(crate) fn start_at(
        address: SocketAddr,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(script)),
            received: Mutex::default(),
            connections: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
        });
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// A server that gives every request the same reply.
    pub(crate) fn replying(reply: Reply) -> Self {
        Self::start(move |_| reply.clone())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Changes what requests from now on are answered with.
    pub(crate) fn set_script(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap() = Arc::new(script);
    }

    /// The requests so far, in the order of their arrival.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The only request that came; fails the test when it is not alone.
    #[track_caller]
    pub(crate) fn only(&self) -> Received {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "requests that came: {received:?}");
        received.remove(0)
    }

    /// Waits until at least `count` requests came.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        let what = format!("{count} requests reach {}", self.address);
        eventually(&what, PATIENCE, || {
            Some(self.received()).filter(|all| all.len() >= count)
        })
    }

    /// Connections that were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for RecordingServer {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        // Wakes the acceptor; if that fails, the listener is gone already.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        if shared.ending.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || serve(stream, number, &shared)));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Serves one connection until its end; what breaks off a connection is the client's affair.
fn serve(mut stream: TcpStream, number: usize, shared: &Shared) {
    stream.set_read_timeout(Some(TICK)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut input = BufReader::new(Patient {
        stream: stream.try_clone().unwrap(),
        shared,
    });
    while let Some(received) = read_request(&mut input, &mut stream, number) {
        shared.received.lock().unwrap().push(received.clone());
        let script = Arc::clone(&shared.script.lock().unwrap());
        let head_only = received.method == "HEAD";
        if !write_reply(&mut stream, script(&received), head_only, shared) {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Reads that last until bytes come or the server ends.
struct Patient<'a> {
    stream: TcpStream,
    shared: &'a Shared,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    if self.shared.ending.load(Ordering::SeqCst) {
                        return Ok(0);
                    }
                }
                other => return other,
            }
        }
    }
}

fn read_request(
    input: &mut impl Read,
    output: &mut TcpStream,
    connection: usize,
) -> Option<Received> {
    let head = read_through(input, b"\r\n\r\n", HEAD_BYTES)?;
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut parsed = httparse::Request::new(&mut fields);
    parsed.parse(&head).unwrap();
    let field = |field: &httparse::Header<'_>| {
        (
            field.name.to_owned(),
            String::from_utf8_lossy(field.value).into_owned(),
        )
    };
    let mut received = Received {
        method: parsed.method.unwrap().to_owned(),
        target: parsed.path.unwrap().to_owned(),
        headers: parsed.headers.iter().map(field).collect(),
        body: Vec::new(),
        head: head.clone(),
        connection,
        at: Instant::now(),
    };
    if received
        .header("expect")
        .eq_ignore_ascii_case("100-continue")
    {
        output.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    received.body = if received
        .header("transfer-encoding")
        .eq_ignore_ascii_case("chunked")
    {
        read_chunks(input)?
    } else {
        read_exactly(
            input,
            received.header("content-length").parse().unwrap_or(0),
        )?
    };
    Some(received)
}

/// Reads up to and including `end`; nothing when the stream ends before.
fn read_through(input: &mut impl Read, end: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(end) {
        input.read_exact(&mut byte).ok()?;
        bytes.extend(byte);
        assert!(bytes.len() <= limit, "a head of more than {limit} bytes");
    }
    Some(bytes)
}

fn read_exactly(input: &mut impl Read, count: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count];
    input.read_exact(&mut bytes).ok().map(|()| bytes)
}

fn read_chunks(input: &mut impl Read) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = String::from_utf8(read_through(input, b"\r\n", 64)?).unwrap();
        let size = usize::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16).unwrap();
        body.extend(read_exactly(input, size)?);
        // The line end after a chunk; after the last one, the end of an empty trailer.
        read_through(input, b"\r\n", HEAD_BYTES)?;
        if size == 0 {
            return Some(body);
        }
    }
}

/// Writes the reply; `false` when the connection is over.
fn write_reply(stream: &mut TcpStream, reply: Reply, head_only: bool, shared: &Shared) -> bool {
    match reply {
        Reply::Answer {
            status,
            headers,
            body,
        } => {
            let mut bytes = format!("HTTP/1.1 {status} Recorded\r\n").into_bytes();
            for (name, value) in &headers {
                bytes.extend(format!("{name}: {value}\r\n").into_bytes());
            }
            bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
            if !head_only {
                bytes.extend(body);
            }
            stream.write_all(&bytes).is_ok()
        }
        Reply::After(pause, reply) => {
            pass(pause, shared) && write_reply(stream, *reply, head_only, shared)
        }
        Reply::Hang => pass(Duration::MAX, shared),
        Reply::Close => false,
        Reply::Raw(write) => write(stream),
    }
}

/// Lets `pause` pass; `false` when the server ends meanwhile.
fn pass(pause: Duration, shared: &Shared) -> bool {
    let began = Instant::now();
    while began.elapsed() < pause {
        if shared.ending.load(Ordering::SeqCst) {
            return false;
        }
        std::thread::sleep(TICK.min(pause.saturating_sub(began.elapsed())));
    }
    true
}
