//! Relay: finds a connection to the upstream, runs the exchange on it, and repeats it once where that is safe.

use raftgate_model::api::Setback;

use super::connection::Connection;
use super::exchange::{After, Outcome, client_shape, refuse};
use super::forward::{ClientEnd, Exchange, Fault, Patience};
use super::pool::{Lease, Reuse};
use super::pump::PumpError;
use super::reach::{Tries, reach, renew};
use super::refusal::Refusal;
use super::stages::selected::Selected;
use super::tunnel;
use super::wire::body::BodyLength;
use super::wire::response_head::{AnswerFacts, BodyCoding, SWITCHING_PROTOCOLS};
use super::worker::Worker;

/// Forwards the request that stands in the upload pump to the API's upstream.
pub(super) async fn relay(
    worker: &Worker,
    connection: &mut Connection,
    selected: &mut Selected,
) -> Outcome {
    if let Some(total) = selected.timeouts.total {
        connection.timer.cap(total);
    }
    let ended = forward(worker, connection, selected).await;
    // What is left is a refusal to be written, or a tunnel, or nothing.
    connection.timer.uncap();
    match ended {
        Ok((end, lease)) => end.resolve(worker, connection, selected, lease).await,
        Err(refusal) => refuse(worker, connection, refusal, selected.api.error_style).await,
    }
}

/// Runs as many attempts as are due.
async fn forward(
    worker: &Worker,
    connection: &mut Connection,
    selected: &mut Selected,
) -> Result<(End, Lease), Refusal> {
    connection
        .upload
        .take_at_hand(&mut connection.client.unread)
        .map_err(|error| refusal_of_body(&error))?;
    let is_idempotent = is_idempotent(connection.head.method());
    let mut tries = Tries::of(selected, is_idempotent, &connection.timer);
    let mut lease = reach(worker, connection, selected, &mut tries).await?;
    invite_body(connection);
    loop {
        lease = match attempt(worker, connection, selected, &mut tries, &mut lease).await {
            Attempt::Over(end) => return Ok((end, lease)),
            Attempt::Again => {
                worker.parts.counters.upstream_retried();
                renew(worker, connection, selected, &mut tries, lease).await?
            }
            Attempt::Retry => {
                drop(lease);
                tries.spend(worker, connection, selected);
                reach(worker, connection, selected, &mut tries).await?
            }
        };
    }
}

/// What one attempt came to.
enum Attempt {
    /// It is the last one.
    Over(End),
    /// The connection had been closed under us, and sending the request again does no harm.
    Again,
    /// It came to nothing in a way that the API has tried again.
    Retry,
}

enum End {
    Answered {
        facts: AnswerFacts,
        upload_done: bool,
    },
    /// The fault came after the answer had begun.
    CutOff {
        facts: AnswerFacts,
        fault: Fault,
    },
    Refused(Refusal),
}

async fn attempt(
    worker: &Worker,
    connection: &mut Connection,
    selected: &Selected,
    tries: &mut Tries,
    lease: &mut Lease,
) -> Attempt {
    let shape = client_shape(worker, connection);
    let is_idempotent = is_idempotent(connection.head.method());
    let Connection {
        client,
        upload,
        download,
        timer,
        edits,
        ..
    } = connection;
    let end = ClientEnd {
        client,
        upload,
        download,
        timer,
    };
    let patience = Patience {
        timeouts: &selected.timeouts,
        head_time: &mut tries.head_time,
    };
    let mut exchange = Exchange::new(worker, end, patience, shape, edits.as_deref());
    let result = exchange.run(&mut lease.upstream).await;
    let upload_done = exchange.upload_is_done();
    let answer_began = exchange.answer_began();
    match (result, exchange.answer().copied()) {
        (Ok(facts), _) => Attempt::Over(End::Answered { facts, upload_done }),
        (Err(fault), Some(_)) if download.nothing_sent() => {
            // The client has seen nothing yet, so it can still be told.
            download.pending.clear();
            Attempt::Over(End::Refused(refusal_of(fault)))
        }
        (Err(fault), Some(facts)) => Attempt::Over(End::CutOff { facts, fault }),
        (Err(Fault::UpstreamSilent), None) if lease.reuse == Reuse::Reused => {
            // RFC 9110 section 9.2.2: what is not idempotent is repeated only if none of it went out.
            let harmless = is_idempotent || upload.nothing_sent();
            if harmless && upload.rewind() {
                Attempt::Again
            } else {
                Attempt::Over(End::Refused(Refusal::UpstreamBroken))
            }
        }
        (Err(fault), None) => {
            let may_be_tried =
                setback_of(fault).is_some_and(|setback| tries.retry_on().contains(setback));
            let is_due = may_be_tried && !answer_began && !tries.are_out_of_time(timer);
            if is_due && upload.rewind() {
                Attempt::Retry
            } else {
                Attempt::Over(End::Refused(refusal_of(fault)))
            }
        }
    }
}

/// What an API may have named for another try.
const fn setback_of(fault: Fault) -> Option<Setback> {
    match fault {
        Fault::UpstreamSilent => Some(Setback::Closed),
        Fault::UpstreamTimeout => Some(Setback::Timeout),
        Fault::ClientGone
        | Fault::ClientTimeout
        | Fault::ClientBody
        | Fault::BodyTooLarge
        | Fault::UpstreamBroken
        | Fault::TotalTimeout => None,
    }
}

impl End {
    async fn resolve(
        self,
        worker: &Worker,
        connection: &mut Connection,
        selected: &Selected,
        lease: Lease,
    ) -> Outcome {
        match self {
            Self::Answered { facts, upload_done } if facts.status == SWITCHING_PROTOCOLS => {
                if upload_done {
                    // On the heap: few requests become one, and the others need not carry it.
                    Box::pin(tunnel::run(worker, connection, &selected.api, lease)).await
                } else {
                    tunnel::ended(After::Break)
                }
            }
            Self::Answered { facts, upload_done } => {
                if facts.upstream_persists && upload_done && lease.upstream.unread.is_empty() {
                    let now_ms = worker.deadlines.now_ms();
                    worker.pool.release(&lease.slot, lease.upstream, now_ms);
                }
                let after = match (facts.client_persists, upload_done) {
                    (true, _) => After::KeepAlive,
                    (false, true) => After::Close,
                    (false, false) => After::Linger,
                };
                Outcome {
                    after,
                    status: facts.status,
                    refusal: None,
                    note: None,
                }
            }
            Self::CutOff {
                fault: Fault::ClientGone,
                ..
            } => Outcome::client_gone(),
            Self::CutOff { facts, fault } => {
                tracing::debug!(?fault, api = %selected.api.id, "an answer was cut off");
                // Where the close itself would be the end of the body, only a reset says that it is none.
                let ends_by_close = facts.coding == BodyCoding::Identity
                    && matches!(facts.body, BodyLength::Chunked | BodyLength::UntilClose);
                let refusal = refusal_of(fault);
                let after = if ends_by_close {
                    After::Break
                } else {
                    After::CutOff
                };
                Outcome {
                    after,
                    status: facts.status,
                    refusal: Some(refusal),
                    note: Some(refusal.note()),
                }
            }
            Self::Refused(refusal) => {
                drop(lease);
                refuse(worker, connection, refusal, selected.api.error_style).await
            }
        }
    }
}

/// Tells a client that waits for it to send its body (RFC 9110 section 10.1.1).
fn invite_body(connection: &mut Connection) {
    let waits = connection.head.facts().expects_continue;
    if waits && !connection.upload.has_read_all() && connection.upload.body_bytes() == 0 {
        connection
            .download
            .pending
            .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
}

/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE"
    )
}

const fn refusal_of_body(error: &PumpError) -> Refusal {
    match error {
        PumpError::TooLarge => Refusal::BodyTooLarge,
        PumpError::Body(_) | PumpError::Read | PumpError::Write => Refusal::MalformedBody,
    }
}

const fn refusal_of(fault: Fault) -> Refusal {
    match fault {
        Fault::ClientGone => Refusal::ClientGone,
        Fault::ClientTimeout => Refusal::ClientTimeout,
        Fault::ClientBody => Refusal::MalformedBody,
        Fault::BodyTooLarge => Refusal::BodyTooLarge,
        Fault::UpstreamSilent | Fault::UpstreamBroken => Refusal::UpstreamBroken,
        Fault::UpstreamTimeout | Fault::TotalTimeout => Refusal::UpstreamTimeout,
    }
}
