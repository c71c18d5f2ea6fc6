//! What a node needs while large bodies pass through it: no more than for small ones, whoever is slow.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::harness::{Node, keyless_api, wait_for};

pub(crate) const MIB: usize = 1024 * 1024;
pub(crate) const PIECE: usize = 64 * 1024;
/// What a node may grow by: the buffers of a worker and of one connection many times over, and a small part of any body here.
const GROWTH_MAX: usize = 8 * MIB;
/// So many looks in a row see the same memory.
const LOOKS_AT_REST: usize = 20;
/// A debug build on a busy machine moves little more than 20 MiB in a second.
pub(crate) const UPLOAD_PATIENCE: Duration = Duration::from_secs(120);

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
pub(crate) struct Sink {
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
    pub(crate) fn read_on(&self) {
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
pub(crate) struct Loaded {
    pub(crate) node: Node,
    pub(crate) process: u32,
    pub(crate) sink: Sink,
    pub(crate) before: usize,
    pub(crate) peak: usize,
}

impl Loaded {
    pub(crate) fn start(mut node: Node) -> Self {
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
    pub(crate) fn warmed_up(&mut self) {
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

    pub(crate) fn look(&mut self) {
        self.peak = self.peak.max(resident(self.process));
    }

    #[track_caller]
    pub(crate) fn assert_flat(&self, what: &str) {
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
