//! HTTP/2 by hand: frames that no well-meant client sends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use http::StatusCode;
use raftgate::proxy::{EndpointAnswer, EndpointName, EndpointResponse, Refusal, StreamRefusal};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::sync::watch;

use crate::http2_client::{asking_for_http2, gateway, gateway_before};
use crate::rig::{Rig, api, eventually, slow_to_dial};
use crate::tls::certificate;
use crate::wire::{PATIENCE, Upstream};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// The client does not need the answer any more (RFC 9113 section 7).
const CANCEL: [u8; 4] = 8_u32.to_be_bytes();

/// A connection over TLS on which the test writes each frame itself.
pub(crate) struct Frames(StreamOwned<ClientConnection, TcpStream>);

/// A frame's type, stream and payload.
pub(crate) type Frame = (u8, u32, Vec<u8>);

impl Frames {
    pub(crate) fn connect(rig: &Rig, config: Arc<ClientConfig>) -> Self {
        let stream = TcpStream::connect(rig.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(config, name).unwrap();
        let mut frames = Self(StreamOwned::new(client, stream));
        frames
            .0
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        frames.send(SETTINGS, 0, 0, &[]);
        frames
    }

    /// Writes a frame; a peer that has closed is found out by reading.
    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.send_together(&[(kind, flags, stream, payload)])
    }

    /// Writes frames in one piece.
    fn send_together(&mut self, frames: &[(u8, u8, u32, &[u8])]) -> bool {
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(kind, flags, stream, payload)| frame(*kind, *flags, *stream, payload))
            .collect();
        self.0.write_all(&bytes).is_ok()
    }

    fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        Some((head[3], stream, payload))
    }

    /// What is said of a stream: the frame that answers, resets it or ends the connection; `None` at its end.
    pub(crate) fn verdict(&mut self) -> Option<Frame> {
        loop {
            let frame = self.read()?;
            if matches!(frame.0, HEADERS | DATA | RST_STREAM | GOAWAY) {
                return Some(frame);
            }
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Fields as literals that are not indexed (RFC 7541 section 6.2.2).
pub(crate) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            // A length of 127 and more stands in a second byte (RFC 7541 section 5.1).
            match u8::try_from(text.len()).unwrap() {
                short @ ..127 => block.push(short),
                long => block.extend([127, long - 127]),
            }
            block.extend_from_slice(text);
        }
    }
    block
}

const ASKED: [(&[u8], &[u8]); 4] = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"g"),
    (b":path", b"/"),
];

fn with(more: &[(&'static [u8], &'static [u8])]) -> Vec<(&'static [u8], &'static [u8])> {
    ASKED.iter().chain(more).copied().collect()
}

#[test]
fn malformed_requests_never_become_messages() {
    let upstream = Upstream::echo();
    let (rig, config) = gateway(&upstream, |_| {});
    let path = |path: &'static [u8]| {
        let mut fields = with(&[]);
        fields[3].1 = path;
        fields
    };
    let method = |method: &'static [u8]| {
        let mut fields = with(&[]);
        fields[0].1 = method;
        fields
    };
    let cases = [
        with(&[(b"X-Upper", b"1")]),
        with(&[(b"connection", b"close")]),
        with(&[(b"transfer-encoding", b"chunked")]),
        with(&[(b"upgrade", b"websocket")]),
        with(&[(b"keep-alive", b"1")]),
        with(&[(b"proxy-connection", b"x")]),
        with(&[(b"te", b"gzip")]),
        with(&[(b"x", b"a\r\nb: c")]),
        with(&[(b"x", b"a\nb: c")]),
        with(&[(b"x", b"a\0b")]),
        with(&[(b"a\r\nb", b"c")]),
        with(&[(b"a b", b"c")]),
        with(&[(b"", b"c")]),
        with(&[(b":path", b"/again")]),
        with(&[(b":made-up", b"1")]),
        with(&[(b"x", b"1"), (b":method", b"GET")]),
        with(&[(b"content-length", b"+1")]),
        with(&[(b"content-length", b"1")]),
        path(b"/a b"),
        path(b"/a\r\nHost: evil"),
        path(b""),
        path(b"no-slash"),
        method(b"GET / HTTP/1.1\r\nX:"),
        method(b""),
        with(&[])[1..].to_vec(),
        with(&[])[..3].to_vec(),
    ];
    for fields in cases {
        let shown: Vec<_> = fields
            .iter()
            .map(|(name, value)| {
                (
                    name.escape_ascii().to_string(),
                    value.escape_ascii().to_string(),
                )
            })
            .collect();
        let mut frames = Frames::connect(&rig, Arc::clone(&config));
        frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields));
        match frames.verdict() {
            None | Some((RST_STREAM | GOAWAY, ..)) => {}
            // An answer of our own says 400.
            Some((HEADERS, 1, payload)) => {
                assert_eq!(payload.first(), Some(&0x8c), "{shown:?}: {payload:?}");
            }
            other => panic!("{shown:?}: {other:?}"),
        }
    }
    assert_eq!(upstream.connections(), 0);
    let mut frames = Frames::connect(&rig, config);
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&with(&[])));
    // The static table's `:status: 200` (RFC 7541 appendix A).
    assert!(matches!(frames.verdict(), Some((HEADERS, 1, payload)) if payload[0] == 0x88));
}

#[test]
fn a_body_of_another_length_than_said_is_refused() {
    let upstream = Upstream::start(|mut wire, _| {
        assert!(wire.try_message(true).is_err(), "no whole message arrives");
    });
    let (rig, config) = gateway(&upstream, |_| {});
    for body in [&b"too long"[..], b"no"] {
        let mut frames = Frames::connect(&rig, Arc::clone(&config));
        let mut fields = with(&[(b"content-length", b"3")]);
        fields[0].1 = b"POST";
        frames.send(HEADERS, END_HEADERS, 1, &block(&fields));
        frames.send(DATA, END_STREAM, 1, body);
        assert!(
            matches!(frames.verdict(), None | Some((RST_STREAM | GOAWAY, ..))),
            "{body:?}"
        );
    }
}

#[test]
fn whoever_asks_and_resets_for_ever_is_sent_away() {
    let upstream = Upstream::start(|mut wire, _| {
        let _ = wire.rest();
    });
    let (rig, config) = gateway(&upstream, |_| {});
    let mut frames = Frames::connect(&rig, config);
    let asked = block(&with(&[]));
    for number in 0..20_000_u32 {
        let stream = number * 2 + 1;
        let sent = frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &asked)
            && frames.send(RST_STREAM, 0, stream, &CANCEL);
        if !sent {
            break;
        }
    }
    let mut last = None;
    while let Some(frame) = frames.read() {
        last = Some(frame.0);
    }
    assert!(matches!(last, None | Some(GOAWAY)), "{last:?}");
    eventually("the end is counted, once", || {
        (rig.counters.streams_refused(StreamRefusal::Abuse) == 1).then_some(())
    });
    assert!(upstream.connections() < 1_000, "{}", upstream.connections());
}

#[test]
fn a_connection_that_is_ended_for_a_fault_leaves_the_records_of_its_requests() {
    let (asked, begun) = sync_channel(8);
    let upstream = Upstream::start(move |mut wire, _| {
        let _ = wire.try_message(true);
        asked.send(()).unwrap();
        let _ = wire.rest();
    });
    let (mut rig, config) = gateway(&upstream, |_| {});
    let mut frames = Frames::connect(&rig, config);
    let asked = block(&with(&[]));
    for stream in [1, 3, 5] {
        frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &asked);
        begun.recv_timeout(PATIENCE).unwrap();
    }
    // RFC 9113 section 6.1: data belong to a stream.
    frames.send(DATA, 0, 0, b"of nobody");
    assert!(matches!(frames.verdict(), Some((GOAWAY, ..))));
    for _ in 0..3 {
        assert_eq!(rig.record().status, 499);
    }
}

#[test]
fn nobody_is_connected_to_for_a_stream_that_was_reset() {
    let (dialled, begun) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.bytes(1).unwrap();
        dialled.send(()).unwrap();
        let _ = wire.rest();
    });
    let (mut rig, config) = gateway_before(slow_to_dial(upstream.address), |_| {});
    let mut frames = Frames::connect(&rig, config);
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&with(&[])));
    begun.recv_timeout(PATIENCE).unwrap();
    frames.send(RST_STREAM, 0, 1, &CANCEL);
    assert_eq!(rig.record().status, 499);
    rig.expect_refused(Refusal::ClientGone, 1);
}

#[test]
fn no_kept_connection_is_used_for_a_stream_that_was_reset() {
    let (asked, seen) = sync_channel(8);
    let upstream = Upstream::start(move |mut wire, _| {
        while let Ok(Some(request)) = wire.try_message(true) {
            let line = request.head.lines().next().unwrap_or_default().to_owned();
            asked.send(line).unwrap();
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let (mut rig, config) = gateway(&upstream, |_| {});
    let mut frames = Frames::connect(&rig, config);
    let ask = |path: &'static [u8]| {
        let mut fields = with(&[]);
        fields[3].1 = path;
        block(&fields)
    };
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &ask(b"/first"));
    assert!(matches!(frames.verdict(), Some((HEADERS, 1, _))));
    assert_eq!(rig.record().status, 200);
    // In one piece, so that the reset is there as soon as the request.
    frames.send_together(&[
        (HEADERS, END_HEADERS | END_STREAM, 3, &ask(b"/reset")),
        (RST_STREAM, 0, 3, &CANCEL),
    ]);
    assert_eq!(rig.record().status, 499);
    rig.expect_refused(Refusal::ClientGone, 1);
    frames.send(HEADERS, END_HEADERS | END_STREAM, 5, &ask(b"/last"));
    assert!(matches!(frames.verdict(), Some((HEADERS, 5, _))));
    assert_eq!(rig.record().status, 200);
    let lines: Vec<_> = seen.try_iter().collect();
    assert_eq!(lines, ["GET /first HTTP/1.1", "GET /last HTTP/1.1"]);
    assert_eq!(upstream.connections(), 1, "it was kept for the next");
}

#[test]
fn requests_that_outlive_their_streams_are_bounded_and_counted_when_they_are_reset() {
    const RUNNING_MAX: u32 = 160;
    let (entered, begun) = sync_channel(256);
    let (go, gone) = watch::channel(());
    let answer: EndpointAnswer = Arc::new(move |_| {
        entered.send(()).unwrap();
        let mut gone = gone.clone();
        Box::pin(async move {
            // An error is the end of the sender.
            while gone.changed().await.is_ok() {}
            EndpointResponse::new(StatusCode::OK, "late")
        })
    });
    let (server, client) = certificate();
    let upstream = Upstream::echo();
    let rig = Rig::starting_on(api("/", upstream.address), answer, |settings| {
        settings.tls = Some(server);
    });
    let mut frames = Frames::connect(&rig, asking_for_http2(&client));
    let mut fields = with(&[]);
    fields[3].1 = b"/hello";
    let asked = block(&fields);
    let id = |number: u32| number * 2 + 1;
    for number in 0..RUNNING_MAX {
        frames.send(HEADERS, END_HEADERS | END_STREAM, id(number), &asked);
        begun.recv_timeout(PATIENCE).unwrap();
        frames.send(RST_STREAM, 0, id(number), &CANCEL);
    }
    let next = id(RUNNING_MAX);
    frames.send(HEADERS, END_HEADERS | END_STREAM, next, &asked);
    let refused = 7_u32.to_be_bytes().to_vec();
    assert_eq!(frames.verdict(), Some((RST_STREAM, next, refused)));
    // None of the others has ended, yet all of them were given up.
    let end = (RUNNING_MAX + 1..RUNNING_MAX + 60).find_map(|number| {
        frames.send(HEADERS, END_HEADERS | END_STREAM, id(number), &asked);
        frames.verdict().filter(|frame| frame.0 == GOAWAY)
    });
    let enhance_your_calm = 11_u32.to_be_bytes();
    assert_eq!(end.unwrap().2[4..8], enhance_your_calm);
    let counted = |refusal| rig.counters.streams_refused(refusal);
    // Those that were reset are given up as well; so many more make two hundred, and one.
    assert_eq!(
        counted(StreamRefusal::TooManyRunning),
        u64::from(201 - RUNNING_MAX)
    );
    assert_eq!(counted(StreamRefusal::Abuse), 1);
    drop(go);
    eventually("all that was begun is counted", || {
        let counted = rig
            .counters
            .endpoint(EndpointName::Hello)
            .totals()
            .requests();
        (counted == u64::from(RUNNING_MAX)).then_some(())
    });
}

#[test]
fn whoever_sends_what_is_no_request_for_ever_is_sent_away() {
    let upstream = Upstream::echo();
    let (rig, config) = gateway(&upstream, |_| {});
    let mut frames = Frames::connect(&rig, config);
    // The library takes it for a path.
    let mut fields = with(&[]);
    fields[3].1 = b"?x";
    let asked = block(&fields);
    let end = (0..210).find_map(|number| {
        frames.send(HEADERS, END_HEADERS | END_STREAM, number * 2 + 1, &asked);
        frames.verdict().filter(|frame| frame.0 == GOAWAY)
    });
    let enhance_your_calm = 11_u32.to_be_bytes();
    assert_eq!(end.unwrap().2[4..8], enhance_your_calm);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn requests_that_only_have_to_see_their_reset_take_no_room() {
    const STREAMS_MAX: u32 = 128;
    const MORE: u32 = 60;
    let (dialled, begun) = sync_channel(256);
    let upstream = Upstream::start(move |mut wire, _| {
        wire.bytes(1).unwrap();
        dialled.send(()).unwrap();
        let _ = wire.rest();
    });
    let (rig, config) = gateway_before(slow_to_dial(upstream.address), |settings| {
        settings.pool.in_use_per_origin_max = 1000;
    });
    let mut frames = Frames::connect(&rig, config);
    let asked = block(&with(&[]));
    let ask = |number: u32| frame(HEADERS, END_HEADERS | END_STREAM, number * 2 + 1, &asked);
    let reset = |number: u32| frame(RST_STREAM, 0, number * 2 + 1, &CANCEL);
    let mut send_together = |all: Vec<u8>| frames.0.write_all(&all).unwrap();
    send_together((0..STREAMS_MAX).flat_map(ask).collect());
    for _ in 0..STREAMS_MAX {
        begun.recv_timeout(PATIENCE).unwrap();
    }
    let resets = (0..STREAMS_MAX).flat_map(reset);
    let asked_anew = (STREAMS_MAX..STREAMS_MAX + MORE).flat_map(ask);
    send_together(resets.chain(asked_anew).collect());
    for _ in 0..MORE {
        begun.recv_timeout(PATIENCE).unwrap();
    }
    rig.expect_refused(Refusal::ClientGone, u64::from(STREAMS_MAX));
}

#[test]
fn an_answer_ends_with_its_last_piece() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let (rig, config) = gateway(&upstream, |_| {});
    let mut frames = Frames::connect(&rig, config);
    for stream in [1, 3] {
        let asked = block(&with(&[]));
        frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &asked);
        let (kind, of, _) = frames.verdict().unwrap();
        assert_eq!((kind, of), (HEADERS, stream));
        // No frame for the end alone follows it.
        assert_eq!(frames.verdict(), Some((DATA, stream, b"ok".to_vec())));
    }
}

#[test]
fn a_head_without_end_is_cut_short() {
    let upstream = Upstream::echo();
    let (rig, config) = gateway(&upstream, |_| {});
    let mut frames = Frames::connect(&rig, config);
    frames.send(HEADERS, END_STREAM, 1, &block(&with(&[])));
    let filler = block(&[(b"x-filler", &[b'a'; 100])]).repeat(100);
    let mut sent = 0;
    while sent < 10_000 && frames.send(CONTINUATION, 0, 1, &filler) {
        sent += 1;
    }
    assert!(sent < 10_000, "a hundred megabytes of head were taken");
    assert_eq!(upstream.connections(), 0);
}
