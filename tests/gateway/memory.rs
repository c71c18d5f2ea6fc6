//! What a node needs while large bodies pass through it: no more than for small ones, whoever is slow.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use h2_http::Request;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::harness::{Node, PATIENCE, keyless_api, wait_for};

const MIB: usize = 1024 * 1024;
const PIECE: usize = 64 * 1024;
/// What a node may grow by: the buffers of a worker and of one connection many times over, and a small part of any body here.
const GROWTH_MAX: usize = 8 * MIB;
/// So many looks in a row see the same memory.
const LOOKS_AT_REST: usize = 20;
/// A debug build on a busy machine moves little more than 20 MiB in a second.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(120);

/// Resident memory of a process, in bytes.
fn resident(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// An upstream that reads a head, waits for leave, and then reads the body and tells its length.
struct Sink {
    address: SocketAddr,
    leave: SyncSender<()>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (leave, given) = sync_channel(16);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                swallow(stream.unwrap(), &given);
            }
        });
        Self { address, leave }
    }

    /// Lets one request be read.
    fn read_on(&self) {
        self.leave.send(()).unwrap();
    }
}

/// Serves the requests of one connection.
fn swallow(mut stream: TcpStream, given: &Receiver<()>) {
    let mut input = Vec::new();
    let mut buffer = vec![0; 4 * PIECE];
    loop {
        let end = loop {
            if let Some(at) = input.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => input.extend_from_slice(&buffer[..count]),
            }
        };
        let head = String::from_utf8(input[..end].to_vec())
            .unwrap()
            .to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        given.recv().unwrap();
        let mut taken = input.len() - end;
        while taken < length {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => taken += count,
            }
        }
        input.clear();
        let told = taken.to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}",
            told.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

/// A node with one API in front of a sink, and the memory that it needed before.
struct Loaded {
    node: Node,
    process: u32,
    sink: Sink,
    before: usize,
    peak: usize,
}

impl Loaded {
    fn start(mut node: Node) -> Self {
        let sink = Sink::start();
        let target = format!("http://{}/", sink.address);
        node.create_api(&keyless_api("large", "/large/", &target));
        let process = node.process().id();
        Self {
            node,
            process,
            sink,
            before: 0,
            peak: 0,
        }
    }

    /// From here on nothing is new any more: what the start itself needs is there as well.
    fn warmed_up(&mut self) {
        let mut last = 0;
        let mut same = 0;
        wait_for("the memory of a node at rest stays as it is", || {
            let now = resident(self.process);
            same = if now == last { same + 1 } else { 0 };
            last = now;
            same == LOOKS_AT_REST
        });
        self.before = last;
        self.peak = last;
    }

    fn look(&mut self) {
        self.peak = self.peak.max(resident(self.process));
    }

    #[track_caller]
    fn assert_flat(&self, what: &str) {
        let growth = self.peak.saturating_sub(self.before);
        eprintln!(
            "{what}: {} KiB before, {} KiB more at the peak",
            self.before / 1024,
            growth / 1024
        );
        assert!(
            growth < GROWTH_MAX,
            "{what}: {growth} bytes more than before"
        );
    }
}

/// The head of an upload over HTTP/1.1.
fn head(length: usize) -> String {
    format!("PUT /large/x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
}

fn connect(loaded: &Loaded) -> TcpStream {
    let stream = TcpStream::connect(loaded.node.gateway()).unwrap();
    stream.set_read_timeout(Some(UPLOAD_PATIENCE)).unwrap();
    stream.set_write_timeout(Some(UPLOAD_PATIENCE)).unwrap();
    stream
}

/// Reads an answer, and what its body tells.
#[track_caller]
fn told(stream: &mut TcpStream, expected: usize) {
    let expected = format!("\r\n\r\n{expected}");
    let mut answer = Vec::new();
    while !answer.ends_with(expected.as_bytes()) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{answer:?}");
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

fn upload(loaded: &mut Loaded, stream: &mut TcpStream, length: usize) {
    let piece = vec![b'x'; PIECE];
    loaded.sink.read_on();
    stream.write_all(head(length).as_bytes()).unwrap();
    for number in 0..length / PIECE {
        stream.write_all(&piece).unwrap();
        if number % 256 == 0 {
            loaded.look();
        }
    }
    told(stream, length);
    loaded.look();
}

#[test]
fn a_large_upload_needs_no_more_memory_than_a_small_one() {
    let mut loaded = Loaded::start(Node::start());
    let mut stream = connect(&loaded);
    upload(&mut loaded, &mut stream, 64 * MIB);
    loaded.warmed_up();
    upload(&mut loaded, &mut stream, 512 * MIB);
    loaded.assert_flat("512 MiB over HTTP/1.1");
}

#[test]
fn an_upstream_that_takes_nothing_holds_the_client_back() {
    let mut loaded = Loaded::start(Node::start());
    let mut stream = connect(&loaded);
    upload(&mut loaded, &mut stream, 64 * MIB);
    loaded.warmed_up();
    let length = 256 * MIB;
    stream.write_all(head(length).as_bytes()).unwrap();
    // So long nothing moves before all buffers on the way count as full.
    stream
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let piece = vec![b'x'; PIECE];
    let mut written = 0;
    while written < length {
        match stream.write(&piece[..PIECE.min(length - written)]) {
            Ok(count) => written += count,
            Err(error) => {
                assert!(matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut
                ));
                break;
            }
        }
        loaded.look();
    }
    assert!(
        written < length / 2,
        "{written} bytes were taken for an upstream that takes nothing"
    );
    loaded.look();
    loaded.assert_flat("an upstream that takes nothing, HTTP/1.1");
    loaded.sink.read_on();
    stream.set_write_timeout(Some(UPLOAD_PATIENCE)).unwrap();
    while written < length {
        let count = PIECE.min(length - written);
        stream.write_all(&piece[..count]).unwrap();
        written += count;
    }
    told(&mut stream, length);
    loaded.look();
    loaded.assert_flat("the rest of it");
}

/// A node that speaks TLS, and whom to believe.
fn secured() -> (Node, Arc<ClientConfig>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let section = "[gateway]\ntls_cert = \"gateway.cert\"\ntls_key = \"gateway.key\"\n";
    let mut node = Node::builder().configuration(section).prepare();
    std::fs::write(node.folder().join("gateway.cert"), cert.pem()).unwrap();
    std::fs::write(
        node.folder().join("gateway.key"),
        signing_key.serialize_pem(),
    )
    .unwrap();
    node.start_again();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (node, Arc::new(config))
}

type Http2 = h2::client::SendRequest<Bytes>;

async fn connect_http2(address: SocketAddr, config: Arc<ClientConfig>) -> Http2 {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A client whose connection and node have had a body before, from which on memory is looked at.
async fn warmed_up_http2(loaded: &mut Loaded, config: Arc<ClientConfig>) -> Http2 {
    let client = connect_http2(loaded.node.gateway(), config).await;
    upload_http2(loaded, &client, 16 * MIB).await;
    loaded.warmed_up();
    client
}

/// How much of a body a stream takes; less than `length` only if nothing moved for `patience`.
async fn send_http2(
    stream: &mut h2::SendStream<Bytes>,
    length: usize,
    patience: Duration,
    mut each: impl FnMut(),
) -> usize {
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let mut sent = 0;
    while sent < length {
        stream.reserve_capacity(PIECE.min(length - sent));
        let mut room = stream.capacity();
        if room == 0 {
            let more = std::future::poll_fn(|cx| stream.poll_capacity(cx));
            match tokio::time::timeout(patience, more).await {
                Ok(more) => room = more.unwrap().unwrap(),
                Err(_) => break,
            }
        }
        let count = room.min(length - sent).min(PIECE);
        stream.send_data(piece.slice(..count), false).unwrap();
        sent += count;
        if sent % (4 * MIB) < PIECE {
            each();
        }
    }
    sent
}

async fn begin_http2(
    client: &Http2,
    length: usize,
) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
    let request = Request::put("https://localhost/large/x")
        .header("content-length", length)
        .body(())
        .unwrap();
    let mut ready = client.clone().ready().await.unwrap();
    ready.send_request(request, false).unwrap()
}

async fn upload_http2(loaded: &mut Loaded, client: &Http2, length: usize) {
    loaded.sink.read_on();
    let (answer, mut stream) = begin_http2(client, length).await;
    let sent = send_http2(&mut stream, length, UPLOAD_PATIENCE, || loaded.look()).await;
    assert_eq!(sent, length);
    finish_http2(answer, stream, length).await;
    loaded.look();
}

async fn finish_http2(
    answer: h2::client::ResponseFuture,
    mut stream: h2::SendStream<Bytes>,
    length: usize,
) {
    stream.send_data(Bytes::new(), true).unwrap();
    let answer = tokio::time::timeout(UPLOAD_PATIENCE, answer)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.status(), 200);
    let told = answer.into_body().data().await.unwrap().unwrap();
    assert_eq!(told, length.to_string().as_bytes());
}

fn run(client: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(client);
}

#[test]
fn a_large_upload_over_http_2_needs_no_more_memory_than_a_small_one() {
    let (node, config) = secured();
    let mut loaded = Loaded::start(node);
    run(async {
        let client = warmed_up_http2(&mut loaded, config).await;
        upload_http2(&mut loaded, &client, 256 * MIB).await;
        loaded.assert_flat("256 MiB over HTTP/2");
    });
}

#[test]
fn an_upstream_that_takes_nothing_holds_a_stream_of_http_2_back() {
    let (node, config) = secured();
    let mut loaded = Loaded::start(node);
    run(async {
        let client = warmed_up_http2(&mut loaded, config).await;
        let length = 128 * MIB;
        let (answer, mut stream) = begin_http2(&client, length).await;
        let still = Duration::from_secs(1);
        let sent = send_http2(&mut stream, length, still, || loaded.look()).await;
        assert!(
            sent < length / 2,
            "{sent} bytes were taken for an upstream that takes nothing"
        );
        loaded.look();
        loaded.assert_flat("an upstream that takes nothing, HTTP/2");
        loaded.sink.read_on();
        let rest = length - sent;
        let more = send_http2(&mut stream, rest, PATIENCE, || loaded.look()).await;
        assert_eq!(more, rest);
        finish_http2(answer, stream, length).await;
        loaded.look();
        loaded.assert_flat("the rest of it");
    });
}
