//! Record: what is kept of a request when it is over; never waited for.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use raftgate_actors::snapshot::{ApiCounters, BodyBytes, CompiledApi};
use raftgate_model::id::ApiId;
use tokio::time::Instant;

use super::connection::Connection;
use super::endpoint::EndpointName;
use super::exchange::{After, Outcome};
use super::http2::StreamRefusal;
use super::refusal::Refusal;
use super::request::RequestView;
use super::worker::Worker;
use crate::telemetry::answers::{AnswerNote, OwnAnswer};
use crate::telemetry::logging::ACCESS_TARGET;

/// The longest method in a record, in bytes.
const METHOD_BYTES_MAX: usize = 32;
/// The longest path in a record, in bytes: a queue of records is bounded by their number, so each must be small.
const PATH_BYTES_MAX: usize = 2 * 1024;

/// One request, for access logs and analytics. It holds no query and no header, where secrets travel.
#[derive(Clone, Debug)]
pub struct AccessRecord {
    /// The id of the request.
    pub request_id: String,
    /// The API that it went to, when it went to one.
    pub api_id: Option<ApiId>,
    /// The method, at most the first 32 bytes of it.
    pub method: String,
    /// The path, without query; at most the first 2 KiB of it.
    pub path: String,
    /// The status of the answer; 499 when the client went away before it.
    pub status: u16,
    /// Why it was not served, when it was not.
    pub refusal: Option<Refusal>,
    /// From the complete head to the last byte of the answer.
    pub latency: Duration,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// The client's address, as far as trusted proxies name it.
    pub client_ip: IpAddr,
}

impl AccessRecord {
    /// Writes the request to the access log.
    pub fn log(&self) {
        tracing::info!(
            target: ACCESS_TARGET,
            request_id = self.request_id,
            api = self.api_id.as_ref().map_or("-", ApiId::as_str),
            method = self.method,
            path = self.path,
            status = self.status,
            refusal = self.refusal.map_or("-", Refusal::label),
            latency_us = u64::try_from(self.latency.as_micros()).unwrap_or(u64::MAX),
            request_bytes = self.request_bytes,
            response_bytes = self.response_bytes,
            client = %self.client_ip,
            "request"
        );
    }
}

/// What an exchange was about.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    /// An API, whose counters count it.
    Api(&'a Arc<CompiledApi>),
    /// An API that a browser asked what it may send, and that we answered for.
    Preflight(&'a Arc<CompiledApi>),
    /// An endpoint of our own, of an API or of the node.
    Endpoint(EndpointName, Option<&'a Arc<CompiledApi>>),
    /// An API that cannot be served.
    Unserved(&'a ApiId),
    /// Nothing that there is, or nothing that could be read.
    Nothing,
}

impl Subject<'_> {
    /// What was done where nothing was refused and the answer is our own; an upstream's is no business of the log.
    const fn done(self) -> Option<&'static str> {
        match self {
            Self::Endpoint(name, _) => Some(name.label()),
            Self::Preflight(_) => Some("preflight"),
            Self::Api(_) | Self::Unserved(_) | Self::Nothing => None,
        }
    }
}

/// Counts a finished exchange, logs what is worth it and hands its record on, without waiting for anybody.
pub(super) fn finish(
    worker: &Worker,
    connection: &Connection,
    subject: Subject<'_>,
    began: Instant,
    outcome: Outcome,
) -> After {
    let latency: Duration = began.elapsed();
    let counters = &worker.parts.counters;
    if let Some(refusal) = outcome.refusal {
        counters.refused(refusal);
    }
    let bodies = BodyBytes {
        request: connection.upload.body_bytes(),
        response: connection.download.body_bytes(),
    };
    let (api, counted) = match subject {
        Subject::Api(api) | Subject::Preflight(api) => (Some(&api.id), &*api.counters),
        Subject::Endpoint(name, api) => (api.map(|api| &api.id), counters.endpoint(name)),
        Subject::Unserved(id) => (Some(id), &counters.unrouted),
        Subject::Nothing => (None, &counters.unrouted),
    };
    counted.record(worker.index, outcome.status, latency, bodies);
    let own = |note| OwnAnswer {
        request_id: connection.request_id.as_str(),
        api: api.map(ApiId::as_str),
        status: outcome.status,
        note,
    };
    match (outcome.note, subject.done()) {
        (Some(note), _) => own(note).log(&worker.shared.lines, tokio::time::Instant::now()),
        (None, Some(what)) => own(AnswerNote::of_caller(what)).log_done(),
        (None, None) => {}
    }
    record(worker, connection, api, latency, outcome);
    outcome.after
}

fn record(
    worker: &Worker,
    connection: &Connection,
    api: Option<&ApiId>,
    latency: Duration,
    outcome: Outcome,
) {
    let records = worker
        .serving()
        .and_then(|serving| serving.records.as_ref());
    let Some(records) = records else {
        return;
    };
    let Ok(permit) = records.try_reserve() else {
        worker.parts.counters.record_dropped();
        return;
    };
    let view = RequestView::new(
        &connection.head,
        &connection.peer,
        connection.request_id.as_bytes(),
    );
    permit.send(AccessRecord {
        request_id: connection.request_id.as_str().to_owned(),
        api_id: api.cloned(),
        method: beginning(&String::from_utf8_lossy(view.method()), METHOD_BYTES_MAX),
        path: beginning(view.path(), PATH_BYTES_MAX),
        status: outcome.status,
        refusal: outcome.refusal,
        latency,
        request_bytes: connection.upload.body_bytes(),
        response_bytes: connection.download.body_bytes(),
        client_ip: view.client_ip(&worker.settings.trusted_proxies),
    });
}

fn beginning(text: &str, bytes_max: usize) -> String {
    let end = text.floor_char_boundary(bytes_max);
    text.get(..end).unwrap_or_default().to_owned()
}

/// One counter per refusal.
#[derive(Debug)]
struct RefusalCounters([AtomicU64; Refusal::ALL.len()]);

impl Default for RefusalCounters {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// Counters of the gateway as a whole, shared by its workers.
#[derive(Debug, Default)]
pub struct GatewayCounters {
    /// Requests that found no API and no endpoint, or could not be read.
    pub unrouted: ApiCounters,
    endpoints: [ApiCounters; EndpointName::ALL.len()],
    refusals: RefusalCounters,
    streams_refused: [AtomicU64; StreamRefusal::ALL.len()],
    records_dropped: AtomicU64,
    connections: AtomicU64,
    tunnels: AtomicU64,
    upstream_connects: AtomicU64,
    upstream_retries: AtomicU64,
}

impl GatewayCounters {
    /// The requests to an endpoint of our own, of all APIs.
    #[must_use]
    pub fn endpoint(&self, name: EndpointName) -> &ApiCounters {
        self.endpoints.get(name as usize).unwrap_or(&self.unrouted)
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        if let Some(cell) = self.refusals.0.get(refusal as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn stream_refused(&self, refusal: StreamRefusal) {
        if let Some(cell) = self.streams_refused.get(refusal as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn record_dropped(&self) {
        self.records_dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection for as long as what is returned lives.
    pub(super) fn connection_opened(&self) -> OpenConnection<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(&self.connections)
    }

    /// Counts a connection that changed protocols for as long as what is returned lives.
    pub(super) fn tunnel_opened(&self) -> OpenConnection<'_> {
        self.tunnels.fetch_add(1, Ordering::Relaxed);
        OpenConnection(&self.tunnels)
    }

    pub(super) fn upstream_connected(&self) {
        self.upstream_connects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn upstream_retried(&self) {
        self.upstream_retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests were refused for this reason.
    #[must_use]
    pub fn refusals(&self, refusal: Refusal) -> u64 {
        self.refusals
            .0
            .get(refusal as usize)
            .map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    /// How many streams of HTTP/2 were refused, or connections of it ended, for this reason.
    #[must_use]
    pub fn streams_refused(&self, refusal: StreamRefusal) -> u64 {
        self.streams_refused
            .get(refusal as usize)
            .map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    /// How many access records found their queue full.
    #[must_use]
    pub fn records_dropped(&self) -> u64 {
        self.records_dropped.load(Ordering::Relaxed)
    }

    /// How many client connections are open.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many client connections speak another protocol than HTTP by now, with an upstream behind each.
    #[must_use]
    pub fn tunnels(&self) -> u64 {
        self.tunnels.load(Ordering::Relaxed)
    }

    /// How many connections to upstreams were opened.
    #[must_use]
    pub fn upstream_connects(&self) -> u64 {
        self.upstream_connects.load(Ordering::Relaxed)
    }

    /// How many requests were sent again because a reused connection turned out to be closed.
    #[must_use]
    pub fn upstream_retries(&self) -> u64 {
        self.upstream_retries.load(Ordering::Relaxed)
    }
}

/// A client connection while it is open; its task may end by panicking, and is not counted then either.
#[derive(Debug)]
pub(super) struct OpenConnection<'a>(&'a AtomicU64);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_whose_task_panics_is_not_counted_as_open() {
        let counters = GatewayCounters::default();
        let held = counters.connection_opened();
        let panicked = std::panic::catch_unwind(|| {
            let _open = counters.connection_opened();
            std::panic::resume_unwind(Box::new(counters.connections()));
        });
        let open_meanwhile = panicked.map_err(|panic| panic.downcast_ref::<u64>().copied());
        assert_eq!(open_meanwhile, Err(Some(2)));
        assert_eq!(counters.connections(), 1);
        drop(held);
        assert_eq!(counters.connections(), 0);
    }
}
