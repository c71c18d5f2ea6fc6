//! Reach: a connection to one of an API's targets, and what is still tried when there is none.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use raftgate_model::api::{RetryOn, Setback, TargetPlace};

use super::connection::Connection;
use super::dial::{DialError, dial};
use super::head_time::HeadTime;
use super::pool::{Checkout, Lease, PoolKey, Slot, Upstream};
use super::refusal::Refusal;
use super::request::RequestView;
use super::stages::prepare::redirect;
use super::stages::selected::Selected;
use super::timer::Timer;
use super::transport::Transport;
use super::worker::Worker;

/// How many other targets one request is turned to that could not be sent.
const FAILOVERS_MAX: usize = 3;

/// What may still be tried for one request.
#[derive(Debug)]
pub(super) struct Tries {
    left: u8,
    on: RetryOn,
    // Targets that could not be connected to.
    tried: Vec<TargetPlace>,
    /// How long all of them may take until the head of an answer.
    pub(super) head_time: HeadTime,
}

impl Tries {
    /// What the API allows from now on, for requests of which twice is as good as once (RFC 9110 section 9.2.2).
    pub(super) fn of(selected: &Selected, is_idempotent: bool, timer: &Timer) -> Self {
        let retries = selected.api.retries.filter(|_| is_idempotent);
        Self {
            left: retries.map_or(0, |retries| retries.attempts.saturating_sub(1)),
            on: retries.map_or(RetryOn::NOTHING, |retries| retries.on),
            tried: Vec::new(),
            head_time: HeadTime::begin(selected.timeouts.until_head, timer),
        }
    }

    /// Whether a time of the request's own is over, so that nothing more may be tried.
    pub(super) fn are_out_of_time(&self, timer: &Timer) -> bool {
        timer.cap_has_passed() || self.head_time.is_over(timer)
    }

    /// What another try follows now.
    pub(super) const fn retry_on(&self) -> RetryOn {
        if self.left == 0 {
            RetryOn::NOTHING
        } else {
            self.on
        }
    }

    /// Takes one try, at another target if there is one.
    pub(super) fn spend(
        &mut self,
        worker: &Worker,
        connection: &mut Connection,
        selected: &mut Selected,
    ) {
        worker.parts.counters.upstream_retried();
        self.left = self.left.saturating_sub(1);
        let another = selected
            .balancer()
            .and_then(|balancer| balancer.another(&[selected.place]));
        if let Some(place) = another {
            turn_to(place, connection, selected);
        }
    }

    /// Whether there is another try at a request of which nothing was sent; it then stands ready for its target.
    ///
    /// Turning to another target needs nobody's leave; to try the same one again is what retries are asked for. Where there
    /// was no room for a connection, asking again at once would find none either.
    fn go_on(
        &mut self,
        worker: &Worker,
        connection: &mut Connection,
        selected: &mut Selected,
        refusal: Refusal,
    ) -> bool {
        if refusal == Refusal::ClientGone || self.are_out_of_time(&connection.timer) {
            return false;
        }
        let another = selected
            .balancer()
            .filter(|_| self.tried.len() < FAILOVERS_MAX)
            .and_then(|balancer| {
                self.tried.push(selected.place);
                balancer.another(&self.tried)
            });
        if let Some(place) = another {
            turn_to(place, connection, selected);
            return true;
        }
        let goes_on =
            refusal != Refusal::UpstreamBusy && self.retry_on().contains(Setback::Connect);
        if goes_on {
            self.spend(worker, connection, selected);
        }
        goes_on
    }
}

/// Writes the head anew for another target; what follows it stays.
fn turn_to(place: TargetPlace, connection: &mut Connection, selected: &mut Selected) {
    if selected.place == place {
        return;
    }
    selected.place = place;
    let Connection {
        head,
        upload,
        peer,
        request_id,
        ..
    } = connection;
    let view = RequestView::new(head, peer, request_id.as_bytes());
    redirect(&view, selected, &mut upload.pending);
}

/// A connection to the request's target, or to another that it is turned to.
pub(super) async fn reach(
    worker: &Worker,
    connection: &mut Connection,
    selected: &mut Selected,
    tries: &mut Tries,
) -> Result<Lease, Refusal> {
    loop {
        let is_trial = selected
            .balancer()
            .is_some_and(|balancer| balancer.begins_trial(selected.place));
        let found = if is_trial {
            worker.pool.room(key(selected))
        } else {
            checkout(worker, selected)
        };
        let refusal = match found {
            Checkout::Reused(slot, upstream) => {
                return reuse(worker, connection, (slot, upstream));
            }
            Checkout::Vacant(slot) => match open(worker, selected, connection, tries).await {
                Ok(io) => return Ok(Lease::fresh(slot, io)),
                Err(refusal) => refusal,
            },
            Checkout::Full => Refusal::UpstreamBusy,
        };
        if tries.go_on(worker, connection, selected, refusal) {
            continue;
        }
        // A connection that was kept may serve where no other can be made.
        if is_trial
            && refusal != Refusal::ClientGone
            && !tries.are_out_of_time(&connection.timer)
            && let Checkout::Reused(slot, upstream) = checkout(worker, selected)
        {
            return reuse(worker, connection, (slot, upstream));
        }
        return Err(refusal);
    }
}

/// A kept connection, unless the stream of HTTP/2 that it is for was reset: then it is kept for somebody else.
///
/// Only there a client is asked: it costs nothing, while a socket would have to be watched for every request.
fn reuse(
    worker: &Worker,
    connection: &mut Connection,
    (slot, upstream): (Slot, Upstream),
) -> Result<Lease, Refusal> {
    let client = &mut connection.client;
    if matches!(client.io, Transport::Memory(_)) {
        let mut context = Context::from_waker(Waker::noop());
        let is_gone = client.poll_gone(&mut context, &mut worker.scratch.borrow_mut());
        if is_gone.is_ready() {
            let now_ms = worker.deadlines.now_ms();
            worker.pool.release(&slot, upstream, now_ms);
            return Err(Refusal::ClientGone);
        }
    }
    Ok(Lease::reused(slot, upstream))
}

fn key(selected: &Selected) -> PoolKey<'_> {
    PoolKey {
        origin: selected.target().origin(),
        tls: selected.api.tls.as_ref().map(|tls| tls.identity),
    }
}

fn checkout(worker: &Worker, selected: &Selected) -> Checkout {
    let now_ms = worker.deadlines.now_ms();
    worker.pool.checkout(key(selected), now_ms)
}

/// A new connection in place of one that had been closed under us.
pub(super) async fn renew(
    worker: &Worker,
    connection: &mut Connection,
    selected: &mut Selected,
    tries: &mut Tries,
    lease: Lease,
) -> Result<Lease, Refusal> {
    match open(worker, selected, connection, tries).await {
        Ok(io) => Ok(Lease::fresh(lease.slot, io)),
        Err(refusal) => {
            drop(lease);
            if tries.go_on(worker, connection, selected, refusal) {
                reach(worker, connection, selected, tries).await
            } else {
                Err(refusal)
            }
        }
    }
}

/// A new connection to the request's target, for as long as its client is there to be answered.
async fn open(
    worker: &Worker,
    selected: &Selected,
    connection: &mut Connection,
    tries: &Tries,
) -> Result<Transport, Refusal> {
    let Connection { client, timer, .. } = connection;
    let whole = timer.moment(selected.timeouts.connect);
    let deadline = tries.head_time.bound(whole);
    timer.set_at(deadline);
    let tls = selected.api.tls.as_ref().map(|tls| &tls.config);
    // On the heap: it is large, and most requests need none.
    let mut dialling = pin!(Box::pin(dial(worker, selected.target(), tls)));
    let dialled = timer.limit(|cx| {
        // First, so that nothing is sent for a client that is known to be gone.
        let is_gone = client.poll_gone(cx, &mut worker.scratch.borrow_mut());
        if is_gone.is_ready() {
            return Poll::Ready(None);
        }
        dialling.as_mut().poll(cx).map(Some)
    });
    let dialled = dialled.await;
    match dialled {
        // Nothing was found out about the target.
        Ok(None) => Err(Refusal::ClientGone),
        Ok(Some(Ok(io))) => {
            worker.parts.counters.upstream_connected();
            tell_recovery(worker, selected);
            Ok(io)
        }
        Ok(Some(Err(error))) => {
            if error.is_own_shortage() {
                tell_shortage(worker, &error);
            } else {
                tell_outage(worker, selected, &error);
            }
            Err(match error {
                DialError::Lookup { .. } => Refusal::UpstreamLookup,
                DialError::Connect { .. } | DialError::Tls { .. } => Refusal::UpstreamUnreachable,
            })
        }
        Err(_) => {
            // A target that had only what others left of the request's time was not given enough to be called down.
            if deadline == whole && !timer.cap_has_passed() {
                tell_outage(worker, selected, &"it took too long");
            }
            Err(Refusal::UpstreamTimeout)
        }
    }
}

fn tell_outage(worker: &Worker, selected: &Selected, error: &dyn std::fmt::Display) {
    let origin = selected.target().origin();
    if let Some(balancer) = selected.balancer() {
        balancer.failed(selected.place);
    }
    let now = tokio::time::Instant::now();
    if let Some(report) = worker.shared.outages.failed(origin, now) {
        let failures = report.failures;
        tracing::warn!(origin, api = %selected.api.id, %error, failures, "no connection to the upstream");
    }
}

/// What this node lacks is no reason to spare a target, nor to call it down.
fn tell_shortage(worker: &Worker, error: &DialError) {
    let now = tokio::time::Instant::now();
    if let Some(failures) = worker.shared.shortages.noted(now) {
        tracing::warn!(%error, failures, "this node lacks what connections to upstreams take");
    }
}

fn tell_recovery(worker: &Worker, selected: &Selected) {
    let origin = selected.target().origin();
    if let Some(balancer) = selected.balancer() {
        balancer.connected(selected.place);
    }
    if let Some(report) = worker.shared.outages.connected(origin) {
        let failures = report.failures;
        tracing::info!(origin, api = %selected.api.id, failures, "the upstream can be connected to again");
    }
}
