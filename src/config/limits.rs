//! The section `[limits]`: how much, how many and how long at the listeners and towards upstreams.

use raftgate_model::time::Ttl;

use super::reader::Reader;
use super::table;

/// Bounds on requests, connections and waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head of a request, in bytes.
    pub request_head_bytes: usize,
    /// The most header lines of a request.
    pub request_headers: usize,
    /// The longest body of a proxied request, in bytes.
    pub request_body_bytes: u64,
    /// The longest body at an OAuth endpoint, in bytes.
    pub oauth_body_bytes: usize,
    /// The longest body at the control listener, in bytes.
    pub control_body_bytes: usize,
    /// How long the head of a request may take.
    pub request_head_timeout: Ttl,
    /// The longest silence inside a request body.
    pub request_idle_timeout: Ttl,
    /// How long a client's connection is kept without a request; zero closes it after each answer.
    pub keep_alive: Ttl,
    /// The most connections of one worker.
    pub connections_per_worker: usize,
    /// How long connecting to an upstream may take.
    pub upstream_connect_timeout: Ttl,
    /// How long the head of an answer may take.
    pub upstream_head_timeout: Ttl,
    /// The longest silence inside the body of an answer.
    pub upstream_idle_timeout: Ttl,
    /// How long an unused upstream connection is kept; zero closes it after each answer.
    pub upstream_keep_alive: Ttl,
    /// The most connections of one worker to one upstream that serve requests at a time.
    pub upstream_connections: usize,
    /// The most unused connections of one worker to one upstream.
    pub upstream_idle_connections: usize,
    /// How long requests in flight may take while draining.
    pub drain_timeout: Ttl,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            request_head_bytes: reader.count(table::LIMITS_REQUEST_HEAD_BYTES),
            request_headers: reader.count(table::LIMITS_REQUEST_HEADERS),
            request_body_bytes: reader.number(table::LIMITS_REQUEST_BODY_BYTES),
            oauth_body_bytes: reader.count(table::LIMITS_OAUTH_BODY_BYTES),
            control_body_bytes: reader.count(table::LIMITS_CONTROL_BODY_BYTES),
            request_head_timeout: reader.ms(table::LIMITS_REQUEST_HEAD_TIMEOUT_MS),
            request_idle_timeout: reader.ms(table::LIMITS_REQUEST_IDLE_TIMEOUT_MS),
            keep_alive: reader.ms(table::LIMITS_KEEP_ALIVE_MS),
            connections_per_worker: reader.count(table::LIMITS_CONNECTIONS_PER_WORKER),
            upstream_connect_timeout: reader.ms(table::LIMITS_UPSTREAM_CONNECT_TIMEOUT_MS),
            upstream_head_timeout: reader.ms(table::LIMITS_UPSTREAM_HEAD_TIMEOUT_MS),
            upstream_idle_timeout: reader.ms(table::LIMITS_UPSTREAM_IDLE_TIMEOUT_MS),
            upstream_keep_alive: reader.ms(table::LIMITS_UPSTREAM_KEEP_ALIVE_MS),
            upstream_connections: reader.count(table::LIMITS_UPSTREAM_CONNECTIONS),
            upstream_idle_connections: reader.count(table::LIMITS_UPSTREAM_IDLE_CONNECTIONS),
            drain_timeout: reader.ms(table::LIMITS_DRAIN_TIMEOUT_MS),
        }
    }
}
