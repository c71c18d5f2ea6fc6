//! A gateway between two readers of raw bytes: a client that says anything, and an upstream that notes what it was asked.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::harness::{Client, Node, PATIENCE, keyless_api};
use crate::wire::Wire;

/// What must never be taken for a request.
pub(crate) const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nHost: g\r\nX-Ignore: ";

/// An upstream that reads strictly and keeps every request line that it takes for one.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let log = Arc::clone(&log);
                std::thread::spawn(move || serve(&mut Reader::over(stream.unwrap()), &log));
            }
        });
        Self { address, seen }
    }

    /// The request lines since the last look.
    pub(crate) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

/// Reads what the gateway writes; whatever is not one well-formed request after the other fails the test by its log.
struct Reader {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Reader {
    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// So many bytes, or fewer at the end of the stream.
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut buffer = [0; 4096];
        while self.unread.len() < count {
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.unread.extend(&buffer[..read]),
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.take(1)?);
        }
        line.truncate(line.len() - 2);
        Some(String::from_utf8_lossy(&line).into_owned())
    }
}

fn serve(reader: &mut Reader, log: &Mutex<Vec<String>>) {
    while let Some(request_line) = reader.line() {
        log.lock().unwrap().push(request_line);
        let mut fields = Vec::new();
        loop {
            match reader.line() {
                Some(line) if line.is_empty() => break,
                Some(line) => fields.push(line.to_ascii_lowercase()),
                None => return,
            }
        }
        let faults = faults_of(&fields);
        if !faults.is_empty() {
            log.lock().unwrap().push(format!("{faults} in {fields:?}"));
            return;
        }
        if read_body(reader, &fields).is_none() {
            return;
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        if std::io::Write::write_all(&mut reader.stream, answer).is_err() {
            return;
        }
    }
}

fn values<'f>(fields: &'f [String], name: &str) -> Vec<&'f str> {
    let pairs = fields.iter().filter_map(|field| field.split_once(':'));
    let same = pairs.filter(|(known, _)| *known == name);
    same.map(|(_, value)| value.trim()).collect()
}

/// What a second reader could understand differently.
fn faults_of(fields: &[String]) -> String {
    let name_of = |field: &String| field.split_once(':').map(|(name, _)| name.to_owned());
    let is_token = |name: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(fits)
    };
    let malformed = fields.iter().filter(|field| {
        !name_of(field).is_some_and(|name| is_token(&name)) || field.contains(['\r', '\n', '\0'])
    });
    let mut faults: Vec<String> = malformed.cloned().collect();
    let lengths = values(fields, "content-length");
    let codings = values(fields, "transfer-encoding");
    if lengths.len() + codings.len() > 1 || codings.iter().any(|coding| *coding != "chunked") {
        faults.push(format!("framing {lengths:?} {codings:?}"));
    }
    if values(fields, "host").len() != 1 {
        faults.push("hosts".into());
    }
    for one_hop in [
        "upgrade",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "connection",
    ] {
        if !values(fields, one_hop).is_empty() {
            faults.push(one_hop.into());
        }
    }
    faults.join(", ")
}

fn read_body(reader: &mut Reader, fields: &[String]) -> Option<()> {
    if let Some(length) = values(fields, "content-length").first() {
        reader.take(length.parse().ok()?)?;
    }
    if values(fields, "transfer-encoding").is_empty() {
        return Some(());
    }
    loop {
        let size = usize::from_str_radix(&reader.line()?, 16).ok()?;
        if size == 0 {
            break;
        }
        reader.take(size)?;
        assert_eq!(reader.take(2)?, b"\r\n");
    }
    while !reader.line()?.is_empty() {}
    Some(())
}

/// What the gateway may do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A 4xx or 5xx, the connection ends, and the upstream sees nothing.
    Refused,
    /// One request that holds the hidden one as its body or not at all.
    One,
    /// Either of the two: both are safe.
    OneOrRefused,
}

/// A node in front of the strict upstream.
pub(crate) struct Front {
    pub(crate) node: Node,
    pub(crate) upstream: Upstream,
}

impl Front {
    pub(crate) fn start() -> Self {
        let upstream = Upstream::start();
        let node = Node::start();
        let target = format!("http://{}/", upstream.address);
        node.create_api(&keyless_api("front", "/", &target));
        Self { node, upstream }
    }

    /// Sends the bytes, says that no more will come, and judges what happened by everybody's account.
    #[track_caller]
    pub(crate) fn try_to_smuggle(&self, bytes: &[u8], fate: Fate) {
        let shown = String::from_utf8_lossy(bytes).into_owned();
        let mut wire = Wire::connect(self.node.gateway());
        wire.send(bytes);
        let mut answers = Vec::new();
        if fate == Fate::One {
            // Who ends the connection before the answer takes the request back.
            answers.push(wire.answer().0.status);
        }
        answers.extend(statuses(&wire.finish().rest()));
        // Whatever lingers on a kept upstream connection would come before this.
        let sentinel = self.node.gateway_url("/sentinel");
        Client::new().get(&sentinel, &[]).expect_status(200);
        let mut taken = self.upstream.taken();
        assert_eq!(
            taken.pop().as_deref(),
            Some("GET /sentinel HTTP/1.1"),
            "{shown:?}: {taken:?}"
        );
        assert!(
            !taken.iter().any(|line| line.contains("smuggled")),
            "{shown:?}: {taken:?}"
        );
        let refused = taken.is_empty() && answers.len() == 1 && answers[0] >= 400;
        let one = taken.len() == 1 && answers.len() <= 1;
        let fits = match fate {
            Fate::Refused => refused,
            Fate::One => one && answers == [200],
            // Who ends the connection in the middle of a body may also be heard no further.
            Fate::OneOrRefused => refused || one || (taken.is_empty() && answers.is_empty()),
        };
        assert!(
            fits,
            "{shown:?} is {fate:?}, but the upstream saw {taken:?} and the answers were {answers:?}"
        );
    }
}

/// The statuses of all answers in a stream whose bodies hold none.
fn statuses(stream: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(stream);
    let heads = text.split("HTTP/1.1 ").skip(1);
    let codes = heads.filter_map(|head| head.get(..3)?.parse().ok());
    codes.filter(|status| *status != 100).collect()
}

pub(crate) fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /first HTTP/1.1\r\nHost: g\r\n{fields}\r\n\r\n{body}{HIDDEN}\r\n\r\n")
        .into_bytes()
}
