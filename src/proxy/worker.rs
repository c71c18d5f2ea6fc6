//! What one worker thread has to itself: its view of the configuration, its upstream connections, its clock of deadlines.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use raftgate_actors::resolver::{LookUpRoom, Resolver};
use raftgate_actors::snapshot::{SnapshotReader, SnapshotSource};
use raftgate_model::clock::{Clock, Entropy};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::endpoint::{EndpointAnswer, EndpointHandler};
use super::pool::Pool;
use super::record::{AccessRecord, GatewayCounters};
use super::request_id::{RequestId, RequestIds};
use super::settings::GatewaySettings;
use super::shared::Shared;
use super::timer::{Deadlines, TICK};
use super::token_judge::TokenJudge;
use super::wire::request_head::HeadLimits;
use crate::clock::http_date;

/// How much is read at once. One buffer serves all connections of a worker, so it stays in the processor's cache.
const SCRATCH_BYTES: usize = 128 * 1024;
/// No request's head can be larger, in bytes, whatever the configured limit.
pub const HEAD_BYTES_CEILING: usize = SCRATCH_BYTES / 2;
/// The most look-ups of upstream names of one worker at a time.
pub(super) const LOOK_UPS: LookUpRoom = LookUpRoom {
    names: 64,
    seconds: 16,
};
/// How often idle upstream connections, looked-up names and what the log still has to be told are gone through, in ticks.
const PRUNE_TICKS: u64 = 20;

/// What requests are served by, once the node's configuration is in force.
pub struct Serving {
    /// Where the configuration in force comes from.
    pub snapshots: SnapshotSource,
    /// Who answers the endpoints of our own.
    pub endpoints: EndpointHandler,
    /// Judges the tokens of callers; without one, what is not keyless is answered 503.
    pub tokens: Option<Arc<TokenJudge>>,
    /// Where access records go; `None` keeps none.
    pub records: Option<mpsc::Sender<AccessRecord>>,
}

/// What the data plane is given by the process.
#[derive(Clone)]
pub struct GatewayParts {
    /// What requests are served by; until it is set every request but those of the node's health is answered 503.
    pub serving: Arc<OnceLock<Serving>>,
    /// Who answers `/hello` and `/ready` until then.
    pub starting: EndpointAnswer,
    /// TLS towards upstreams.
    pub upstream_tls: Arc<rustls::ClientConfig>,
    /// The time of day, for `Date`.
    pub clock: Arc<dyn Clock>,
    /// Randomness for request ids.
    pub entropy: Arc<dyn Entropy>,
    /// Counters of the gateway as a whole.
    pub counters: Arc<GatewayCounters>,
}

/// One worker.
pub(super) struct Worker {
    pub(super) index: usize,
    pub(super) settings: Arc<GatewaySettings>,
    pub(super) parts: GatewayParts,
    pub(super) pool: Pool,
    pub(super) resolver: Resolver,
    pub(super) shared: Arc<Shared>,
    pub(super) deadlines: Deadlines,
    snapshot: OnceCell<RefCell<SnapshotReader>>,
    pub(super) scratch: RefCell<Box<[u8]>>,
    ids: RefCell<RequestIds>,
    date: RefCell<String>,
    date_unix_s: Cell<u64>,
}

impl Worker {
    /// Makes a worker; its own task must run [`Worker::tick_forever`].
    pub(super) fn new(
        index: usize,
        settings: Arc<GatewaySettings>,
        parts: GatewayParts,
        shared: Arc<Shared>,
    ) -> Rc<Self> {
        let worker = Self {
            index,
            pool: Pool::new(settings.pool),
            resolver: Resolver::of_system(LOOK_UPS),
            shared,
            deadlines: Deadlines::default(),
            snapshot: OnceCell::new(),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice()),
            ids: RefCell::new(RequestIds::new(parts.entropy.number())),
            date: RefCell::default(),
            date_unix_s: Cell::new(0),
            settings,
            parts,
        };
        worker.set_date();
        Rc::new(worker)
    }

    /// Moves the worker's clock; ends when the worker is given up.
    pub(super) async fn tick_forever(worker: std::rc::Weak<Self>) {
        let began = tokio::time::Instant::now();
        let mut interval = interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut ticks = 0_u64;
        loop {
            interval.tick().await;
            let Some(worker) = worker.upgrade() else {
                return;
            };
            worker
                .deadlines
                .tick(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
            if worker.is_draining() {
                worker.deadlines.wake_all();
            }
            ticks = ticks.wrapping_add(1);
            if ticks.is_multiple_of(PRUNE_TICKS) {
                worker.pool.prune(worker.deadlines.now_ms());
                worker.resolver.forget_old(worker.deadlines.now_ms());
                worker.shared.look_back(tokio::time::Instant::now());
            }
            worker.set_date();
        }
    }

    /// Whether the process is shutting down: no connection is kept for another request.
    pub(super) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// What requests are served by; `None` while the node starts.
    pub(super) fn serving(&self) -> Option<&Serving> {
        self.parts.serving.get()
    }

    /// This worker's view of the configuration in force.
    pub(super) fn snapshot(&self, serving: &Serving) -> &RefCell<SnapshotReader> {
        self.snapshot
            .get_or_init(|| RefCell::new(serving.snapshots.reader()))
    }

    /// Gives a request its id.
    pub(super) fn assign_id(&self, offered: Option<&[u8]>, id: &mut RequestId) {
        self.ids.borrow_mut().assign(offered, id);
    }

    /// Bounds of a request's head.
    pub(super) fn head_limits(&self) -> HeadLimits {
        let limits = &self.settings.limits;
        HeadLimits {
            bytes_max: limits.head_bytes_max.min(HEAD_BYTES_CEILING),
            fields_max: limits.header_count_max,
        }
    }

    /// Appends the `Date` field (RFC 9110 section 6.6.1).
    pub(super) fn write_date(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Date: ");
        out.extend_from_slice(self.date.borrow().as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    fn set_date(&self) {
        let now = self.parts.clock.now();
        let unix_s = now.as_unix_s();
        if self.date_unix_s.replace(unix_s) != unix_s || self.date.borrow().is_empty() {
            *self.date.borrow_mut() = http_date(now);
        }
    }
}
