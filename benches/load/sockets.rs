//! WebSocket messages for the load comparison: clients that send and wait for the echo, and the server that echoes.
//!
//! Both stand in one thread that asks every socket in turn and never sleeps: it has a core to itself, and what it measures is
//! then the gateway between the two. It needs the standard library alone, so that `compare` builds it by itself. It prints
//! `echo PORT`; each line `PORT PATH CONNECTIONS SECONDS BYTES` on standard input is one measurement and one line of figures.
#![allow(
    clippy::print_stdout,
    reason = "the figures are for whoever started it"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a load generator reads the clock; it is no part of the gateway"
)]

use std::error::Error;
use std::io::{self, BufRead as _, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The key of RFC 6455's own example, and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// The longest message whose length stands in two bytes.
const BYTES_MAX: usize = 65_535;
/// How long a handshake or an echo may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    println!("echo {}", listener.local_addr()?.port());
    for line in io::stdin().lock().lines() {
        let figures = Measurement::parse(&line?)?.run(&listener)?;
        println!("{figures}");
    }
    Ok(())
}

/// One measurement that is asked for.
struct Measurement {
    port: u16,
    path: String,
    connections: usize,
    duration: Duration,
    bytes: usize,
}

impl Measurement {
    fn parse(line: &str) -> Result<Self, Box<dyn Error>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [port, path, connections, seconds, bytes] = words.as_slice() else {
            return Err(format!("not PORT PATH CONNECTIONS SECONDS BYTES: {line}").into());
        };
        let bytes = bytes.parse()?;
        if !(1..=BYTES_MAX).contains(&bytes) {
            return Err(format!("a message has 1 to {BYTES_MAX} bytes, not {bytes}").into());
        }
        Ok(Self {
            port: port.parse()?,
            path: (*path).to_owned(),
            connections: connections.parse()?,
            duration: Duration::from_secs(seconds.parse()?),
            bytes,
        })
    }

    fn run(&self, listener: &TcpListener) -> Result<String, Box<dyn Error>> {
        let message = frame(&vec![b'x'; self.bytes], Sender::Client);
        let echo_bytes = frame(&vec![b'x'; self.bytes], Sender::Server).len();
        let mut clients = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            clients.push(Client::connect(self.port, &self.path, echo_bytes)?);
        }
        let mut servers: Vec<Server> = Vec::new();
        let mut latencies: Vec<u32> = Vec::new();
        let connecting = Instant::now();
        let mut began = None;
        loop {
            servers.extend(accept(listener)?);
            for server in &mut servers {
                server.turn()?;
            }
            for client in &mut clients {
                latencies.extend(client.turn(&message)?);
            }
            let now = Instant::now();
            match began {
                None if clients.iter().all(|client| client.open) => {
                    latencies.clear();
                    began = Some(now);
                }
                None if now - connecting > PATIENCE => return Err("no handshake".into()),
                Some(began) if now - began >= self.duration => {
                    let took = now - began;
                    let patient = clients.iter().all(|client| now - client.sent_at < PATIENCE);
                    return patient
                        .then(|| figures(latencies, took))
                        .ok_or_else(|| "an echo did not come".into());
                }
                _ => {}
            }
        }
    }
}

fn figures(mut latencies: Vec<u32>, took: Duration) -> String {
    latencies.sort_unstable();
    let at = |percent: usize| {
        let place = latencies.len().saturating_sub(1) * percent / 100;
        latencies.get(place).copied().unwrap_or_default()
    };
    let (p50, p99) = (at(50), at(99));
    format!(
        "messages={} seconds={:.6} p50_us={p50} p99_us={p99}",
        latencies.len(),
        took.as_secs_f64()
    )
}

/// Who sends a frame: clients have to mask theirs.
#[derive(Clone, Copy)]
enum Sender {
    Client,
    Server,
}

/// A text message in one frame; the mask is zero, which leaves the text as it is.
fn frame(text: &[u8], sender: Sender) -> Vec<u8> {
    let masked = match sender {
        Sender::Client => 0x80,
        Sender::Server => 0,
    };
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short @ 0..=125) => frame.push(masked | short),
        _ => {
            let long = u16::try_from(text.len()).unwrap_or(u16::MAX);
            frame.push(masked | 126);
            frame.extend(long.to_be_bytes());
        }
    }
    if let Sender::Client = sender {
        frame.extend([0; 4]);
    }
    frame.extend(text);
    frame
}

/// The first frame of a client, if all of it is there: its length as a whole, and its text.
fn first_message(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (start, length) = match *bytes.get(1)? & 0x7f {
        126 => {
            let long = [*bytes.get(2)?, *bytes.get(3)?];
            (8, usize::from(u16::from_be_bytes(long)))
        }
        short => (6, usize::from(short)),
    };
    let end = start + length;
    Some((end, bytes.get(start..end)?))
}

/// A socket that is asked and does not wait, with what it has yet to send.
struct Socket {
    stream: TcpStream,
    unsent: Vec<u8>,
}

impl Socket {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let unsent = Vec::new();
        Ok(Self { stream, unsent })
    }

    /// What has come, `None` when the other side has ended.
    fn read<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        match self.stream.read(buffer) {
            Ok(0) => Ok(None),
            Ok(count) => Ok(buffer.get(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Some(&[])),
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsent.extend_from_slice(bytes);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn accept(listener: &TcpListener) -> io::Result<Option<Server>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(Server {
            socket: Socket::new(stream)?,
            pending: Vec::new(),
            state: State::Handshake,
        })),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// How far a connection to the echo server is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Handshake,
    Open,
    Ended,
}

/// One connection to the echo server.
struct Server {
    socket: Socket,
    pending: Vec<u8>,
    state: State,
}

impl Server {
    fn turn(&mut self) -> io::Result<()> {
        if self.state == State::Ended {
            return Ok(());
        }
        self.socket.flush()?;
        let mut buffer = [0; 16 * 1024];
        let Some(bytes) = self.socket.read(&mut buffer)? else {
            self.state = State::Ended;
            return Ok(());
        };
        self.pending.extend_from_slice(bytes);
        if self.state == State::Handshake {
            let Some(end) = end_of_head(&self.pending) else {
                return Ok(());
            };
            self.pending.drain(..end);
            self.state = State::Open;
            let agreed = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
            );
            self.socket.write(agreed.as_bytes())?;
        }
        while let Some((end, text)) = first_message(&self.pending) {
            let echo = frame(text, Sender::Server);
            self.pending.drain(..end);
            self.socket.write(&echo)?;
        }
        Ok(())
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

/// One client: it sends a message when the echo of the last one is whole.
struct Client {
    socket: Socket,
    head: Vec<u8>,
    open: bool,
    echo_bytes: usize,
    missing: usize,
    sent_at: Instant,
}

impl Client {
    fn connect(port: u16, path: &str, echo_bytes: usize) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut socket = Socket::new(TcpStream::connect(address)?)?;
        let handshake = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        socket.write(handshake.as_bytes())?;
        Ok(Self {
            socket,
            head: Vec::new(),
            open: false,
            echo_bytes,
            missing: 0,
            sent_at: Instant::now(),
        })
    }

    /// One look at the socket; the microseconds that a message took, if its echo has come.
    fn turn(&mut self, message: &[u8]) -> Result<Option<u32>, Box<dyn Error>> {
        self.socket.flush()?;
        let mut buffer = [0; 16 * 1024];
        let Some(bytes) = self.socket.read(&mut buffer)? else {
            return Err("the gateway has ended a connection".into());
        };
        if !self.open {
            self.head.extend_from_slice(bytes);
            return self.agree(message).map(|()| None);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        self.missing = self
            .missing
            .checked_sub(bytes.len())
            .ok_or("more came back than was sent")?;
        if self.missing > 0 {
            return Ok(None);
        }
        let took = u32::try_from(self.sent_at.elapsed().as_micros()).unwrap_or(u32::MAX);
        self.send(message)?;
        Ok(Some(took))
    }

    /// Begins to send once the handshake is answered.
    fn agree(&mut self, message: &[u8]) -> Result<(), Box<dyn Error>> {
        if end_of_head(&self.head) != Some(self.head.len()) {
            return Ok(());
        }
        let head = String::from_utf8_lossy(&self.head);
        if !head.starts_with("HTTP/1.1 101 ") || !head.contains(ACCEPT) {
            return Err(format!("no WebSocket: {head}").into());
        }
        self.open = true;
        Ok(self.send(message)?)
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.missing = self.echo_bytes;
        self.sent_at = Instant::now();
        self.socket.write(message)
    }
}
