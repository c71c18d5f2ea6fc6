//! Streams of HTTP/2 that would be two requests, or none, once they are written as HTTP/1.1: one or none reaches the upstream.

use std::sync::{Arc, Mutex};

use rustls::ClientConfig;

use crate::http2_client::gateway;
use crate::http2_raw::{DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, RST_STREAM, block};
use crate::rig::Rig;
use crate::wire::Upstream;

/// What must never be taken for a request.
const HIDDEN: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: g\r\n\r\n";
/// The static table's `:status: 200` (RFC 7541 appendix A).
const STATUS_200: u8 = 0x88;

type Fields = Vec<(&'static [u8], Vec<u8>)>;

/// What the gateway may do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// An error, and no whole request reaches the upstream.
    Refused,
    /// One request is answered.
    One,
    /// Either of the two: both are safe.
    OneOrRefused,
}

/// A gateway in front of an upstream that keeps every whole request that it reads.
struct Front {
    rig: Rig,
    config: Arc<ClientConfig>,
    taken: Arc<Mutex<Vec<String>>>,
    _upstream: Upstream,
}

impl Front {
    fn start() -> Self {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&taken);
        let upstream = Upstream::start(move |mut wire, _| {
            while let Ok(Some(request)) = wire.try_message(true) {
                let line = request.head.lines().next().unwrap().to_owned();
                let hosts = request.head.to_lowercase().matches("\nhost:").count();
                log.lock().unwrap().push(match hosts {
                    1 => line,
                    _ => format!("{hosts} hosts: {:?}", request.head),
                });
                if wire
                    .try_send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .is_err()
                {
                    return;
                }
            }
        });
        let (rig, config) = gateway(&upstream, |_| {});
        Self {
            rig,
            config,
            taken,
            _upstream: upstream,
        }
    }

    /// Sends a stream and says whether it was answered with a 200.
    fn is_answered(&self, fields: &Fields, body: Option<&[u8]>, trailers: Option<&Fields>) -> bool {
        let mut frames = Frames::connect(&self.rig, Arc::clone(&self.config));
        let flags = |ends: bool| END_HEADERS | if ends { END_STREAM } else { 0 };
        let written = |fields: &Fields| {
            let pairs = fields.iter().map(|(name, value)| (*name, value.as_slice()));
            block(&pairs.collect::<Vec<_>>())
        };
        frames.send(HEADERS, flags(body.is_none()), 1, &written(fields));
        if let Some(body) = body {
            let ends = if trailers.is_none() { END_STREAM } else { 0 };
            frames.send(DATA, ends, 1, body);
        }
        if let Some(trailers) = trailers {
            frames.send(HEADERS, flags(true), 1, &written(trailers));
        }
        match frames.verdict() {
            Some((HEADERS, 1, payload)) => payload.first() == Some(&STATUS_200),
            None | Some((RST_STREAM | GOAWAY, ..)) => false,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn try_to_smuggle(&self, fields: &Fields, body: Option<&[u8]>, fate: Fate) {
        self.try_with_trailers(fields, body, None, fate);
    }

    #[track_caller]
    fn try_with_trailers(
        &self,
        fields: &Fields,
        body: Option<&[u8]>,
        trailers: Option<&Fields>,
        fate: Fate,
    ) {
        let shown: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
            .collect();
        let answered = self.is_answered(fields, body, trailers);
        // Whatever lingers on a kept upstream connection would come before this.
        assert!(self.is_answered(&asked(b"/sentinel"), None, None));
        let mut taken = std::mem::take(&mut *self.taken.lock().unwrap());
        let last = taken.pop();
        assert_eq!(last.as_deref(), Some("GET /sentinel HTTP/1.1"), "{shown:?}");
        assert!(
            !taken
                .iter()
                .any(|line| line.contains("smuggled") || line.contains("hosts")),
            "{shown:?}: {taken:?}"
        );
        let one = taken.len() == 1;
        let refused = taken.is_empty() && !answered;
        let fits = match fate {
            Fate::Refused => refused,
            Fate::One => one && answered,
            Fate::OneOrRefused => refused || one,
        };
        assert!(
            fits,
            "{shown:?} is {fate:?}, but the upstream saw {taken:?} and it was answered: {answered}"
        );
    }
}

fn asked(path: &[u8]) -> Fields {
    vec![
        (b":method", b"GET".to_vec()),
        (b":scheme", b"https".to_vec()),
        (b":authority", b"g".to_vec()),
        (b":path", path.to_vec()),
    ]
}

/// The usual request with one of its own fields said otherwise.
fn saying(name: &'static [u8], value: &[u8]) -> Fields {
    let mut fields = asked(b"/first");
    for (known, own) in &mut fields {
        if *known == name {
            *own = value.to_vec();
        }
    }
    fields
}

/// The usual request with more fields.
fn with(more: &[(&'static [u8], &[u8])]) -> Fields {
    let more = more.iter().map(|(name, value)| (*name, value.to_vec()));
    asked(b"/first").into_iter().chain(more).collect()
}

/// The usual request without `:authority`, with more fields.
fn without_authority(more: &[(&'static [u8], &[u8])]) -> Fields {
    let mut fields = with(more);
    fields.remove(2);
    fields
}

fn posted(more: &[(&'static [u8], &[u8])]) -> Fields {
    let mut fields = with(more);
    fields[0].1 = b"POST".to_vec();
    fields
}

/// Line ends that would begin another field or request behind what is written.
#[test]
fn line_ends_in_fields() {
    let front = Front::start();
    let hidden = [b"x\r\n\r\n", HIDDEN].concat();
    for value in [
        &b"a\r\nTransfer-Encoding: chunked"[..],
        b"a\nContent-Length: 0",
        b"a\rb",
        b"a\0b",
        &hidden,
    ] {
        front.try_to_smuggle(&with(&[(b"x", value)]), None, Fate::Refused);
        front.try_to_smuggle(&with(&[(b"cookie", value)]), None, Fate::Refused);
        for pseudo in [&b":method"[..], b":authority", b":path"] {
            front.try_to_smuggle(&saying(pseudo, value), None, Fate::Refused);
        }
    }
    for name in [
        &b"x\r\nhost"[..],
        b"x: y\r\nz",
        b"x:",
        b"x y",
        b" x",
        b"x\t",
        b"Host",
        b"X",
        b"\0",
        b"",
    ] {
        front.try_to_smuggle(&with(&[(name, b"1")]), None, Fate::Refused);
    }
}

/// A request line has two spaces and a path of one form.
#[test]
fn methods_and_paths_of_several_words() {
    let front = Front::start();
    for method in [
        &b"GET /smuggled HTTP/1.1\r\nHost: g\r\n\r\nGET"[..],
        b"GET /smuggled",
        b"GET ",
        b" GET",
        b"G\tET",
        b"GET\n",
        b"",
        b"CONNECT",
    ] {
        front.try_to_smuggle(&saying(b":method", method), None, Fate::Refused);
    }
    for path in [
        &b"/first HTTP/1.1\r\nHost: g\r\n\r\nGET /smuggled"[..],
        b"/first HTTP/1.1",
        b"/fi rst",
        b"/first\t",
        b"/first\n",
        b" /first",
        b"first",
        b"",
        b"*",
        b"/a/../smuggled",
        b"/a/%2e%2e/smuggled",
        b"http://evil/smuggled",
        b"http://g/smuggled",
        b"http://g?/smuggled",
        b"http://g@evil/smuggled",
        b"//g\\..\\smuggled",
        b"/\xff",
    ] {
        front.try_to_smuggle(&saying(b":path", path), None, Fate::Refused);
    }
    // The library takes a fragment for none of the server's business.
    front.try_to_smuggle(&saying(b":path", b"/first#/smuggled"), None, Fate::One);
}

/// Whom a request is for is said once.
#[test]
fn authorities_and_hosts() {
    let front = Front::start();
    for fields in [
        with(&[(b"host", b"evil")]),
        with(&[(b"host", b"g"), (b"host", b"evil")]),
        with(&[(b"host", b"g, evil")]),
        with(&[(b":authority", b"g")]),
        with(&[(b":path", b"/smuggled")]),
        saying(b":authority", b"g@evil"),
        saying(b":authority", b"g evil"),
        saying(b":authority", b"g/evil"),
        saying(b":authority", b"g,evil"),
        saying(b":scheme", b"https\r\nHost: evil"),
        without_authority(&[]),
        without_authority(&[(b"host", b"g"), (b"host", b"evil")]),
    ] {
        front.try_to_smuggle(&fields, None, Fate::Refused);
    }
    // Saying the same twice is saying it once; a field that only looks like it is dropped or goes on as another.
    front.try_to_smuggle(&with(&[(b"host", b"g")]), None, Fate::One);
    front.try_to_smuggle(&with(&[(b"host", b"G"), (b"host", b"g")]), None, Fate::One);
    front.try_to_smuggle(&without_authority(&[(b"host", b"g")]), None, Fate::One);
}

/// A length is what the frames say (RFC 9113 section 8.1.1).
#[test]
fn lengths_that_differ_from_the_frames() {
    let front = Front::start();
    let long = HIDDEN.len().to_string();
    let cases: [(&[u8], Option<&[u8]>); 10] = [
        (b"5", None),
        (b"5", Some(b"")),
        (b"5", Some(b"four")),
        (b"3", Some(b"four")),
        (b"99999999999999999999", Some(b"four")),
        (b"+4", Some(b"four")),
        (b"4, 4", Some(b"four")),
        (b" 4", Some(b"four")),
        (b"0x4", Some(b"four")),
        (b"", Some(b"four")),
    ];
    for (length, body) in cases {
        let fields = posted(&[(b"content-length", length)]);
        front.try_to_smuggle(&fields, body, Fate::Refused);
    }
    let pairs: [[&[u8]; 2]; 3] = [[b"4", b"0"], [b"0", b"4"], [b"4", b"4"]];
    for pair in pairs {
        let fields = posted(&[(b"content-length", pair[0]), (b"content-length", pair[1])]);
        front.try_to_smuggle(&fields, Some(b"four"), Fate::Refused);
    }
    // The head may have gone on already; what the length leaves over never does.
    let none = posted(&[(b"content-length", b"0")]);
    front.try_to_smuggle(&none, Some(HIDDEN), Fate::OneOrRefused);
    let whole = posted(&[(b"content-length", long.as_bytes())]);
    front.try_to_smuggle(&whole, Some(HIDDEN), Fate::One);
    front.try_to_smuggle(&posted(&[]), Some(HIDDEN), Fate::One);
    let ended = [b"0\r\n\r\n", HIDDEN].concat();
    front.try_to_smuggle(&posted(&[]), Some(&ended), Fate::One);
}

/// There is no transfer coding in HTTP/2, nor another field of one connection (RFC 9113 section 8.2.2).
#[test]
fn fields_of_one_connection() {
    let front = Front::start();
    let ended = [b"0\r\n\r\n", HIDDEN].concat();
    let of_connection: [(&'static [u8], &[u8]); 11] = [
        (b"transfer-encoding", b"chunked"),
        (b"transfer-encoding", b"identity"),
        (b"connection", b"content-length"),
        (b"connection", b"keep-alive"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"keep-alive"),
        (b"upgrade", b"h2c"),
        (b"te", b"chunked"),
        (b"te", b"trailers, chunked"),
        (b":protocol", b"websocket"),
        (b":status", b"200"),
    ];
    for (name, value) in of_connection {
        front.try_to_smuggle(&posted(&[(name, value)]), Some(&ended), Fate::Refused);
    }
    // Names that some upstreams would take for them do not go on, and trailers that belong in a head neither.
    for name in [&b"transfer_encoding"[..], b"content_length"] {
        front.try_to_smuggle(&posted(&[(name, b"chunked")]), Some(&ended), Fate::One);
    }
    for name in [&b"content-length"[..], b"host", b"authorization"] {
        let trailers = vec![(name, b"0".to_vec())];
        let fields = posted(&[]);
        front.try_with_trailers(&fields, Some(HIDDEN), Some(&trailers), Fate::OneOrRefused);
    }
    let trailers = vec![(&b"x"[..], b"a\r\n\r\nGET /smuggled HTTP/1.1".to_vec())];
    front.try_with_trailers(&posted(&[]), Some(b"b"), Some(&trailers), Fate::Refused);
}
