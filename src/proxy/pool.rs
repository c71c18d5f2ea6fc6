//! One worker's connections to upstreams: the last one used is the first one used again.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::Duration;

use raftgate_model::api::UpstreamTls;

use super::pump::Incoming;
use super::transport::Transport;

/// Bounds of one worker's pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Connections in use to one origin at a time; more are refused.
    pub in_use_per_origin_max: usize,
    /// Idle connections kept to one origin.
    pub idle_per_origin_max: usize,
    /// How long an idle connection is kept; zero closes after each answer.
    pub idle: Duration,
}

/// A connection to an upstream, which is told over TLS when it leaves: an end without a word is what an attacker makes.
#[derive(Debug)]
pub(super) struct Upstream(Incoming);

impl Deref for Upstream {
    type Target = Incoming;

    fn deref(&self) -> &Incoming {
        &self.0
    }
}

impl DerefMut for Upstream {
    fn deref_mut(&mut self) -> &mut Incoming {
        &mut self.0
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.0.io.take_leave();
    }
}

#[derive(Debug)]
struct Idle {
    upstream: Upstream,
    since_ms: u64,
}

#[derive(Debug, Default)]
struct Origin {
    // In order of release: the oldest first.
    idle: RefCell<Vec<Idle>>,
    in_use: Cell<usize>,
}

type Origins = HashMap<Box<str>, Rc<Origin>, ahash::RandomState>;

/// Where connections go, and how they are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolKey<'k> {
    /// Scheme, host and port.
    pub(super) origin: &'k str,
    /// The TLS of an API's own, if it has one.
    pub(super) tls: Option<UpstreamTls>,
}

/// Connections by origin.
#[derive(Debug)]
pub(super) struct Pool {
    origins: RefCell<Origins>,
    // Connections that are made in another way than the gateway's are no use to whoever did not ask for it.
    apart: RefCell<HashMap<UpstreamTls, Origins, ahash::RandomState>>,
    limits: PoolLimits,
}

/// The right to one connection to an origin, counted until dropped.
#[derive(Debug)]
pub(super) struct Slot {
    origin: Rc<Origin>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.origin
            .in_use
            .set(self.origin.in_use.get().saturating_sub(1));
    }
}

/// What a pool has for a request.
#[derive(Debug)]
pub(super) enum Checkout {
    /// A connection that has served before.
    Reused(Slot, Upstream),
    /// Room for a new connection.
    Vacant(Slot),
    /// As many connections as allowed are in use.
    Full,
}

impl Pool {
    /// An empty pool.
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self {
            origins: RefCell::default(),
            apart: RefCell::default(),
            limits,
        }
    }

    /// An idle connection that still looks alive, or room for a new one.
    pub(super) fn checkout(&self, key: PoolKey<'_>, now_ms: u64) -> Checkout {
        let Some(slot) = self.slot(key) else {
            return Checkout::Full;
        };
        let idle_ms = self.idle_ms();
        loop {
            let idle = slot.origin.idle.borrow_mut().pop();
            match idle {
                Some(mut idle) => {
                    if idle.since_ms.saturating_add(idle_ms) > now_ms && idle.upstream.io.is_quiet()
                    {
                        return Checkout::Reused(slot, idle.upstream);
                    }
                }
                None => return Checkout::Vacant(slot),
            }
        }
    }

    /// Room for a new connection, whatever is idle.
    pub(super) fn room(&self, key: PoolKey<'_>) -> Checkout {
        self.slot(key).map_or(Checkout::Full, Checkout::Vacant)
    }

    fn slot(&self, key: PoolKey<'_>) -> Option<Slot> {
        let origin = match key.tls {
            None => origin_of(&mut self.origins.borrow_mut(), key.origin),
            Some(tls) => {
                let mut apart = self.apart.borrow_mut();
                origin_of(apart.entry(tls).or_default(), key.origin)
            }
        };
        let in_use = origin.in_use.get();
        if in_use >= self.limits.in_use_per_origin_max {
            return None;
        }
        origin.in_use.set(in_use.saturating_add(1));
        Some(Slot { origin })
    }

    /// Takes a connection back whose last exchange left it at a clean boundary.
    pub(super) fn release(&self, slot: &Slot, mut upstream: Upstream, now_ms: u64) {
        let mut idle = slot.origin.idle.borrow_mut();
        if idle.len() < self.limits.idle_per_origin_max {
            upstream.trim();
            idle.push(Idle {
                upstream,
                since_ms: now_ms,
            });
        }
    }

    /// Closes what has been idle too long or was closed by its peer, and forgets origins without connections.
    pub(super) fn prune(&self, now_ms: u64) {
        let idle_ms = self.idle_ms();
        let is_alive = |origin: &Rc<Origin>| {
            let mut idle = origin.idle.borrow_mut();
            idle.retain_mut(|idle| {
                idle.since_ms.saturating_add(idle_ms) > now_ms && idle.upstream.io.is_quiet()
            });
            !idle.is_empty() || origin.in_use.get() > 0
        };
        self.origins
            .borrow_mut()
            .retain(|_, origin| is_alive(origin));
        self.apart.borrow_mut().retain(|_, origins| {
            origins.retain(|_, origin| is_alive(origin));
            !origins.is_empty()
        });
    }

    fn idle_ms(&self) -> u64 {
        u64::try_from(self.limits.idle.as_millis()).unwrap_or(u64::MAX)
    }
}

fn origin_of(origins: &mut Origins, origin: &str) -> Rc<Origin> {
    match origins.get(origin) {
        Some(origin) => Rc::clone(origin),
        None => Rc::clone(origins.entry(origin.into()).or_default()),
    }
}

/// A connection in use.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) slot: Slot,
    pub(super) upstream: Upstream,
    pub(super) reuse: Reuse,
}

/// Whether a connection has served before: then its peer may have closed it unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    Fresh,
    Reused,
}

impl Lease {
    /// A new connection.
    pub(super) fn fresh(slot: Slot, io: Transport) -> Self {
        Self {
            slot,
            upstream: Upstream(Incoming::new(io)),
            reuse: Reuse::Fresh,
        }
    }

    /// A connection that has served before.
    pub(super) const fn reused(slot: Slot, upstream: Upstream) -> Self {
        Self {
            slot,
            upstream,
            reuse: Reuse::Reused,
        }
    }
}
