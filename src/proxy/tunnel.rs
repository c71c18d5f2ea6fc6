//! Tunnel: a connection that changed its protocol, copied both ways until both sides have ended or nothing moves any more.
//!
//! What is copied is not looked at. Each direction ends for itself, so that a side which has said its last word can still
//! listen, and holds back its sender while the other side takes nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use raftgate_actors::snapshot::CompiledApi;
use tokio::io::AsyncWrite as _;

use super::connection::Connection;
use super::exchange::{After, Outcome};
use super::pool::Lease;
use super::pump::{Incoming, Pump};
use super::timer::Timer;
use super::transport::Transport;
use super::wire::body::BodyLength;
use super::wire::response_head::{BodyCoding, SWITCHING_PROTOCOLS};
use super::worker::Worker;

/// How long nothing may move in a tunnel while the process shuts down.
const DRAINING_IDLE: Duration = Duration::from_secs(1);

/// One of the two ways through a tunnel.
struct Way<'a> {
    pump: &'a mut Pump,
    stage: Stage,
}

/// How far one way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Its sender has ended, and its receiver is being told.
    Ending,
    Ended,
}

/// Why a tunnel is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// Both sides have ended.
    Ended,
    /// Nothing moved for too long, or the process ends.
    Elapsed,
}

/// Copies between the client and the upstream of an exchange that ended with a change of protocol.
pub(super) async fn run(
    worker: &Worker,
    connection: &mut Connection,
    api: &CompiledApi,
    mut lease: Lease,
) -> Outcome {
    let _open = worker.parts.counters.tunnel_opened();
    let Connection {
        client,
        upload,
        download,
        timer,
        ..
    } = connection;
    for pump in [&mut *upload, &mut *download] {
        pump.reset();
        pump.start_body(BodyLength::UntilClose, BodyCoding::Identity, u64::MAX);
    }
    let mut tunnel = Tunnel {
        worker,
        up: Way::open(upload),
        down: Way::open(download),
        idle: api.timeouts.idle,
        draining_until_ms: None,
        stamp: None,
    };
    let over = std::future::poll_fn(|cx| tunnel.poll(cx, timer, client, &mut lease.upstream)).await;
    match over {
        Ok(Over::Ended | Over::Elapsed) => ended(After::Close),
        // Either side sees the other's reset as one: a clean end would say that all has arrived.
        Err(error) => {
            tracing::debug!(%error, api = %api.id, "a tunnel broke");
            lease.upstream.io.break_on_close();
            ended(After::Break)
        }
    }
}

/// The outcome of an exchange that ended with a change of protocol.
pub(super) const fn ended(after: After) -> Outcome {
    Outcome {
        after,
        status: SWITCHING_PROTOCOLS,
        refusal: None,
        note: None,
    }
}

struct Tunnel<'a> {
    worker: &'a Worker,
    // From the client and to it.
    up: Way<'a>,
    down: Way<'a>,
    idle: Duration,
    // The worker's time at which even a busy tunnel ends; set when a drain is first seen.
    draining_until_ms: Option<u64>,
    // What the deadline was last set for: how much had moved, and whether a drain had begun.
    stamp: Option<(u64, bool)>,
}

impl Tunnel<'_> {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        timer: &Timer,
        client: &mut Incoming,
        upstream: &mut Incoming,
    ) -> Poll<io::Result<Over>> {
        let mut scratch = self.worker.scratch.borrow_mut();
        let up = self.up.poll(cx, &mut scratch, client, &mut upstream.io)?;
        let down = self.down.poll(cx, &mut scratch, upstream, &mut client.io)?;
        if up.is_ready() && down.is_ready() {
            return Poll::Ready(Ok(Over::Ended));
        }
        if self.is_past_drain() {
            return Poll::Ready(Ok(Over::Elapsed));
        }
        self.rearm(timer);
        timer.poll(cx).map(|_| Ok(Over::Elapsed))
    }

    /// Whether a drain has lasted so long that what is still open is about to be cut off without a record.
    fn is_past_drain(&mut self) -> bool {
        if !self.worker.is_draining() {
            return false;
        }
        let now_ms = self.worker.deadlines.now_ms();
        let patience = self.worker.settings.drain.saturating_mul(3) / 4;
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let until_ms = self
            .draining_until_ms
            .get_or_insert(now_ms.saturating_add(patience_ms));
        *until_ms <= now_ms
    }

    /// Sets the deadline when something has moved since it was last set, or a drain began.
    fn rearm(&mut self, timer: &Timer) {
        let moved = self
            .up
            .pump
            .progress()
            .saturating_add(self.down.pump.progress());
        let is_draining = self.draining_until_ms.is_some();
        let stamp = (moved, is_draining);
        if self.stamp.replace(stamp) != Some(stamp) {
            timer.set(if is_draining {
                self.idle.min(DRAINING_IDLE)
            } else {
                self.idle
            });
        }
    }
}

impl<'a> Way<'a> {
    fn open(pump: &'a mut Pump) -> Self {
        Self {
            pump,
            stage: Stage::Open,
        }
    }

    /// Moves what can be moved; ready when this way has ended.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        from: &mut Incoming,
        to: &mut Transport,
    ) -> Poll<io::Result<()>> {
        if self.stage == Stage::Open {
            ready!(self.pump.poll(cx, scratch, from, to))
                .map_err(|error| io::Error::other(format!("{error:?}")))?;
            self.stage = Stage::Ending;
        }
        if self.stage == Stage::Ending {
            ready!(Pin::new(to).poll_shutdown(cx))?;
            self.stage = Stage::Ended;
        }
        Poll::Ready(Ok(()))
    }
}
