//! One stream: its request into a connection in memory, the answer out of it, both at once and neither faster than it is taken.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use h2_http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex};

use super::answer::{AnswerReader, Next};
use super::refused::StreamRefusal;
use super::request::{Framing, write_end, write_head, write_piece};
use super::tally::{Ended, Tally};
use crate::proxy::connection::Connection;
use crate::proxy::transport::Transport;
use crate::proxy::worker::Worker;

/// What a connection in memory holds in either direction, in bytes.
const MEMORY_BYTES: usize = 16 * 1024;

/// Interim answers that are passed on for one request; more are dropped, for a client that takes none holds nobody back.
const INTERIM_MAX: usize = 16;

/// What a stream asks for, as it is written over HTTP/1.1.
struct Asked {
    head: Vec<u8>,
    framing: Framing,
    body: RecvStream,
}

/// The stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Its client has reset it, or the connection is gone.
    ClientGone,
    /// The gateway's connection in memory ended before the answer did.
    CutOff,
}

/// Serves the request of one stream, which is counted when it ends; its record may take longer.
pub(super) async fn serve(
    worker: Rc<Worker>,
    address: SocketAddr,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    tally: Rc<Tally>,
) {
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, ());
    let mut head = Vec::new();
    let Ok(framing) = write_head(&request, body.is_end_stream(), &mut head) else {
        respond.send_reset(StreamRefusal::NoRequest.reason());
        let counters = &worker.parts.counters;
        counters.stream_refused(StreamRefusal::NoRequest);
        return tally.note(Ended::GivenUp);
    };
    let (near, far) = duplex(MEMORY_BYTES);
    let timer = worker.deadlines.timer();
    let io = Transport::Memory(near);
    let mut connection = Box::new(Connection::new(&worker, io, address, timer));
    let served = async {
        connection.run(&worker).await;
        // Its end is what the other side reads.
        drop(connection);
    };
    let reader = AnswerReader::new(request.method());
    let asked = Asked {
        head,
        framing,
        body,
    };
    let carried = carry(far, asked, reader, respond);
    match select(Box::pin(served), Box::pin(carried)).await {
        Either::Left(((), carried)) => tally.note(take_rest(&worker, carried).await),
        Either::Right((ended, served)) => {
            tally.note(ended);
            served.await;
        }
    }
}

/// The rest of an answer that the gateway is done with, while the client goes on taking it.
async fn take_rest(worker: &Worker, mut carried: Pin<Box<impl Future<Output = Ended>>>) -> Ended {
    let timer = worker.deadlines.timer();
    timer.set(worker.settings.timeouts.idle);
    let taken = timer.limit(|cx| carried.as_mut().poll(cx)).await;
    taken.unwrap_or(Ended::GivenUp)
}

/// Carries the request in and the answer out; when this ends, so does the connection in memory.
async fn carry(
    far: DuplexStream,
    asked: Asked,
    reader: AnswerReader,
    mut respond: SendResponse<Bytes>,
) -> Ended {
    let (answer, request) = tokio::io::split(far);
    let upload = Box::pin(upload(request, asked));
    let download = Box::pin(download(answer, reader, &mut respond));
    // The writing half lives as long as the answer: its end would be a client that went away.
    let (result, _request) = match select(upload, download).await {
        Either::Left((Ok(request), download)) => (download.await, Some(request)),
        Either::Left((Err(fault), _)) => (Err(fault), None),
        Either::Right((result, _)) => (result, None),
    };
    match result {
        Ok(()) => Ended::Answered,
        Err(Fault::ClientGone) => Ended::GivenUp,
        // The stream is let go unended, which resets it behind what was sent; a reset of our own would overtake that.
        Err(Fault::CutOff) => Ended::Answered,
    }
}

/// Writes the request; what the gateway does not read any more is not its client's fault.
async fn upload(
    mut to: WriteHalf<DuplexStream>,
    asked: Asked,
) -> Result<WriteHalf<DuplexStream>, Fault> {
    let Asked {
        head: mut out,
        framing,
        mut body,
    } = asked;
    if framing != Framing::Empty {
        loop {
            if to.write_all(&out).await.is_err() {
                return Ok(to);
            }
            out.clear();
            let Some(piece) = body.data().await else {
                break;
            };
            let piece = piece.map_err(|_| Fault::ClientGone)?;
            write_piece(framing, &piece, &mut out);
            // The client may send as much again as is taken here, and it is taken when the gateway has.
            if to.write_all(&out).await.is_err() {
                return Ok(to);
            }
            out.clear();
            let _ = body.flow_control().release_capacity(piece.len());
        }
        let trailers = body.trailers().await.map_err(|_| Fault::ClientGone)?;
        write_end(framing, trailers.as_ref(), &mut out).map_err(|_| Fault::ClientGone)?;
    }
    let _ = to.write_all(&out).await;
    Ok(to)
}

/// Reads the answer and sends it, until its end or the client's.
async fn download(
    mut from: ReadHalf<DuplexStream>,
    mut reader: AnswerReader,
    respond: &mut SendResponse<Bytes>,
) -> Result<(), Fault> {
    let mut input = BytesMut::with_capacity(MEMORY_BYTES);
    let mut frames: Option<SendStream<Bytes>> = None;
    let mut interim = 0_usize;
    loop {
        let next = reader.next(&mut input).map_err(|_| Fault::CutOff)?;
        let next = match next {
            Next::Nothing => match read_more(&mut from, &mut input, respond, &mut frames).await? {
                0 => reader.input_ended().map_err(|_| Fault::CutOff)?,
                _ => continue,
            },
            next => next,
        };
        match (next, &mut frames) {
            (Next::Interim(head), _) => {
                interim = interim.saturating_add(1);
                if interim <= INTERIM_MAX {
                    let sent = respond.send_informational(*head);
                    sent.map_err(|_| Fault::ClientGone)?;
                }
            }
            (Next::Head(head, ends_here), _) => {
                let sent = respond.send_response(*head, ends_here);
                frames = Some(sent.map_err(|_| Fault::ClientGone)?);
            }
            (Next::Piece(piece), Some(frames)) => send(frames, piece, Behind::More).await?,
            (Next::Last(piece), Some(frames)) => send(frames, piece, Behind::Nothing).await?,
            (Next::End(trailers), Some(frames)) => {
                let sent = match trailers {
                    Some(trailers) => frames.send_trailers(trailers),
                    None => frames.send_data(Bytes::new(), true),
                };
                sent.map_err(|_| Fault::ClientGone)?;
            }
            (Next::Nothing, _) | (Next::Piece(_) | Next::Last(_) | Next::End(_), None) => {
                return Err(Fault::CutOff);
            }
        }
        if reader.has_ended() {
            return Ok(());
        }
    }
}

/// Reads more of the answer, unless the client goes away meanwhile.
async fn read_more(
    from: &mut ReadHalf<DuplexStream>,
    input: &mut BytesMut,
    respond: &mut SendResponse<Bytes>,
    frames: &mut Option<SendStream<Bytes>>,
) -> Result<usize, Fault> {
    let reset = poll_fn(|cx| match frames {
        Some(frames) => frames.poll_reset(cx),
        None => respond.poll_reset(cx),
    });
    let read = from.read_buf(input);
    match select(std::pin::pin!(reset), std::pin::pin!(read)).await {
        Either::Left(_) => Err(Fault::ClientGone),
        Either::Right((read, _)) => read.map_err(|_| Fault::CutOff),
    }
}

/// What comes behind a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// More of it, or fields.
    More,
    /// Nothing: the piece ends the stream.
    Nothing,
}

/// Sends a piece of the body, not an empty one, as fast as the client takes it.
async fn send(
    frames: &mut SendStream<Bytes>,
    mut piece: Bytes,
    behind: Behind,
) -> Result<(), Fault> {
    while !piece.is_empty() {
        frames.reserve_capacity(piece.len());
        let room = match poll_fn(|cx| frames.poll_capacity(cx)).await {
            Some(Ok(room)) => room,
            Some(Err(_)) | None => return Err(Fault::ClientGone),
        };
        let part = piece.split_to(room.min(piece.len()));
        if !part.is_empty() {
            let ends_here = behind == Behind::Nothing && piece.is_empty();
            let sent = frames.send_data(part, ends_here);
            sent.map_err(|_| Fault::ClientGone)?;
        }
    }
    Ok(())
}
