//! One request from its complete head to its record: the stages in their order, then forward or answer.

use raftgate_actors::snapshot::CompiledApi;
use raftgate_model::oauth::error::{BodyKind, ErrorStyle};

use super::admit::{Admitted, Refused, Refuser, admit};
use super::answer::{AnswerFrame, write_empty, write_refusal};
use super::answer_edits::lines_of;
use super::connection::Connection;
use super::pump::BodyProgress;
use super::record::{Subject, finish};
use super::refusal::{ConnectionFate, Realm, Refusal, RenderedRefusal};
use super::request_id::RequestId;
use super::stages::identify::Pending;
use super::wire::body::BodyDecoder;
use super::wire::field::FieldKind;
use super::wire::response_head::ClientShape;
use super::worker::Worker;
use super::{local, relay};
use crate::telemetry::answers::AnswerNote;

/// No content: everything is said in the head.
const PREFLIGHT_STATUS: u16 = 204;

/// What becomes of the client's connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Another request may follow.
    KeepAlive,
    /// Close; everything sent was read.
    Close,
    /// Close, but read on for a moment: the client may still be sending.
    Linger,
    /// The answer was cut off, as its framing tells: close without a word.
    CutOff,
    /// The answer was cut off, and only a reset can say so.
    Break,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) after: After,
    pub(super) status: u16,
    pub(super) refusal: Option<Refusal>,
    /// What the log says of it.
    pub(super) note: Option<AnswerNote>,
}

impl Outcome {
    /// Nothing could be answered because nobody was there to read it.
    pub(super) const fn client_gone() -> Self {
        Self {
            after: After::Break,
            status: 499,
            refusal: Some(Refusal::ClientGone),
            // There was no answer.
            note: None,
        }
    }
}

/// Serves the request whose head has been parsed.
pub(super) async fn run(worker: &Worker, connection: &mut Connection) -> After {
    let began = tokio::time::Instant::now();
    assign_id(worker, connection);
    let admitted = match admit(worker, connection) {
        Ok(Admitted::Wait { pending, api }) => match wait_for(worker, pending, &api).await {
            Ok(()) => admit(worker, connection),
            Err(refusal) => Err(Refused {
                refusal,
                by: Refuser::Api(api),
            }),
        },
        admitted => admitted,
    };
    match admitted {
        // What was waited for is there: a second wait would be for nothing.
        Ok(Admitted::Wait { api, .. }) => {
            let outcome = refuse_for(worker, connection, Refusal::Unjudged, &api).await;
            finish(worker, connection, Subject::Api(&api), began, outcome)
        }
        Ok(Admitted::Forward(mut selected)) => {
            let outcome = relay::relay(worker, connection, &mut selected).await;
            let subject = Subject::Api(&selected.api);
            finish(worker, connection, subject, began, outcome)
        }
        Ok(Admitted::Preflight(api, endpoint)) => {
            let outcome = answer_preflight(worker, connection).await;
            let subject = match endpoint {
                Some(name) => Subject::Endpoint(name, Some(&api)),
                None => Subject::Preflight(&api),
            };
            finish(worker, connection, subject, began, outcome)
        }
        Ok(Admitted::Answer(endpoint)) => {
            let (name, api) = (endpoint.name(), endpoint.api().cloned());
            let outcome = local::answer(worker, connection, endpoint).await;
            let subject = Subject::Endpoint(name, api.as_ref());
            finish(worker, connection, subject, began, outcome)
        }
        Err(Refused { refusal, by }) => {
            let (outcome, subject) = match &by {
                Refuser::Api(api) => (
                    refuse_for(worker, connection, refusal, api).await,
                    Subject::Api(api),
                ),
                Refuser::Unserved(id) => (
                    refuse(worker, connection, refusal, worker.settings.error_style).await,
                    Subject::Unserved(id),
                ),
                Refuser::Gateway => (
                    refuse(worker, connection, refusal, worker.settings.error_style).await,
                    Subject::Nothing,
                ),
            };
            finish(worker, connection, subject, began, outcome)
        }
    }
}

/// Refuses what could not be read as a request.
pub(super) async fn refuse_unread(
    worker: &Worker,
    connection: &mut Connection,
    refusal: Refusal,
) -> After {
    let began = tokio::time::Instant::now();
    worker.assign_id(None, &mut connection.request_id);
    connection.head.clear();
    connection.edits = None;
    let outcome = refuse(worker, connection, refusal, worker.settings.error_style).await;
    let subject = Subject::Nothing;
    finish(worker, connection, subject, began, outcome)
}

fn assign_id(worker: &Worker, connection: &mut Connection) {
    let offered = connection
        .head
        .fields()
        .find(|(kind, _, _)| *kind == FieldKind::RequestId)
        .map(|(_, _, value)| value);
    let mut id = RequestId::default();
    worker.assign_id(offered, &mut id);
    connection.request_id = id;
}

async fn wait_for(worker: &Worker, pending: Pending, api: &CompiledApi) -> Result<(), Refusal> {
    let tokens = worker.serving().and_then(|serving| serving.tokens.as_ref());
    let tokens = tokens.ok_or(Refusal::Unjudged)?;
    match pending {
        Pending::Entry(younger) => tokens.wait(younger, api).await,
        Pending::Password(claim) => tokens.check_password(&claim).await,
    }
}

/// Answers with a refusal.
pub(super) async fn refuse(
    worker: &Worker,
    connection: &mut Connection,
    refusal: Refusal,
    style: ErrorStyle,
) -> Outcome {
    if refusal == Refusal::ClientGone {
        return Outcome::client_gone();
    }
    let format = BodyKind::of_request(connection.head.field("content-type"));
    let rendered = refusal.render(style, format);
    answer_refusal(worker, connection, refusal, &rendered).await
}

/// Answers with a refusal that an API's name belongs to.
async fn refuse_for(
    worker: &Worker,
    connection: &mut Connection,
    refusal: Refusal,
    api: &CompiledApi,
) -> Outcome {
    let format = BodyKind::of_request(connection.head.field("content-type"));
    let style = api.error_style;
    let overrides = &worker.settings.message_overrides;
    let other = overrides.find(refusal, &api.access, style);
    let realm = Realm {
        name: &api.name,
        scheme: api.access.scheme(),
    };
    let rendered = refusal.render_for(realm, style, format, other);
    answer_refusal(worker, connection, refusal, &rendered).await
}

async fn answer_refusal(
    worker: &Worker,
    connection: &mut Connection,
    refusal: Refusal,
    rendered: &RenderedRefusal,
) -> Outcome {
    let outcome = Outcome {
        after: After::Close,
        status: rendered.status,
        refusal: Some(refusal),
        note: Some(refusal.note()),
    };
    let fate = rendered.connection;
    answer_own(worker, connection, outcome, fate, |frame, out| {
        write_refusal(worker, rendered, frame, out);
    })
    .await
}

/// Answers a browser that asks what it may send; what it is told stands in the edits.
async fn answer_preflight(worker: &Worker, connection: &mut Connection) -> Outcome {
    let outcome = Outcome {
        after: After::Close,
        status: PREFLIGHT_STATUS,
        refusal: None,
        note: None,
    };
    let fate = ConnectionFate::Keep;
    answer_own(worker, connection, outcome, fate, |frame, out| {
        write_empty(worker, PREFLIGHT_STATUS, frame, out);
    })
    .await
}

/// Answers in the gateway's own name; what becomes of the connection also depends on whether the body is through.
async fn answer_own(
    worker: &Worker,
    connection: &mut Connection,
    outcome: Outcome,
    fate: ConnectionFate,
    write: impl FnOnce(AnswerFrame<'_>, &mut Vec<u8>),
) -> Outcome {
    let body_is_over = fate == ConnectionFate::Keep && skip_body(connection);
    let shape = client_shape(worker, connection);
    let persists = shape.keep_alive && body_is_over;
    let Connection {
        download,
        request_id,
        edits,
        ..
    } = connection;
    let frame = AnswerFrame {
        request_id,
        minor_version: shape.minor_version,
        is_head: shape.is_head,
        persists,
        lines: lines_of(edits.as_deref()),
    };
    write(frame, &mut download.pending);
    let after = match (persists, body_is_over) {
        (true, _) => After::KeepAlive,
        (false, true) => After::Close,
        (false, false) => After::Linger,
    };
    finish_answer(worker, connection, Outcome { after, ..outcome }).await
}

/// Writes out what stands in the download pump.
pub(super) async fn finish_answer(
    worker: &Worker,
    connection: &mut Connection,
    outcome: Outcome,
) -> Outcome {
    let Connection {
        client,
        download,
        timer,
        ..
    } = connection;
    timer.set(worker.settings.timeouts.idle);
    let written = timer
        .limit(|cx| download.poll_pending(cx, &mut client.io))
        .await;
    match written {
        Ok(Ok(())) => outcome,
        Ok(Err(_)) | Err(_) => Outcome {
            after: After::Break,
            ..outcome
        },
    }
}

/// What the answer's shape depends on.
pub(super) fn client_shape(worker: &Worker, connection: &Connection) -> ClientShape {
    let facts = connection.head.facts();
    ClientShape {
        minor_version: facts.minor_version,
        is_head: connection.head.method() == b"HEAD",
        keep_alive: facts.connection.persists(facts.minor_version)
            && !worker.settings.timeouts.keep_alive.is_zero()
            && !worker.is_draining(),
        asks_for_websocket: connection.head.asks_for_websocket(),
    }
}

/// Drops a body that is wholly at hand; tells whether the next request begins right here.
fn skip_body(connection: &mut Connection) -> bool {
    match connection.upload.body_progress() {
        BodyProgress::Untouched => {}
        // What was taken is gone, and what follows cannot be told from the next request any more.
        BodyProgress::Started => return false,
        BodyProgress::Ended => return true,
    }
    let mut decoder = BodyDecoder::new(connection.head.facts().body);
    let unread = &mut connection.client.unread;
    let mut trailers = Vec::new();
    while !decoder.is_done() && !unread.is_empty() {
        match decoder.decode(unread, &mut trailers) {
            Ok(decoded) => {
                let consumed = decoded.consumed;
                bytes::Buf::advance(unread, consumed);
            }
            Err(_) => return false,
        }
    }
    decoder.is_done()
}
