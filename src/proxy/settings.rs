//! What the operator can set about the gateway listener and the data plane behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use raftgate_model::oauth::error::ErrorStyle;

use super::overrides::MessageOverrides;
use super::pool::PoolLimits;
use super::trust::TrustedProxies;
use crate::config::oauth::GeneratorField;

/// Bounds of what a client may send.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// The largest head, in bytes; at most 64 KiB take effect.
    pub head_bytes_max: usize,
    /// The most header fields; at most 256 take effect.
    pub header_count_max: usize,
    /// The largest body of a proxied request, in bytes.
    pub body_bytes_max: u64,
    /// The largest body of a request to an endpoint of our own, in bytes.
    pub endpoint_body_bytes_max: usize,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct ClientTimeouts {
    /// From the first byte of a head to its last; on a new connection also for its TLS handshake, and for the first byte.
    pub head: Duration,
    /// Between two requests on one connection; zero closes after each answer.
    pub keep_alive: Duration,
    /// Between two reads of a body that goes to an endpoint of our own, or two writes of its answer.
    pub idle: Duration,
}

/// The settings of the gateway listener.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How many worker threads serve connections; at least 1.
    pub workers: usize,
    /// TLS for the listener; `None` serves plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Bounds of requests.
    pub limits: RequestLimits,
    /// Patience with clients.
    pub timeouts: ClientTimeouts,
    /// Bounds of each worker's upstream connections.
    pub pool: PoolLimits,
    /// How refusals look that concern no API.
    pub error_style: ErrorStyle,
    /// Whether errors of Tyk's style name it.
    pub generator: GeneratorField,
    /// Other statuses and words for Tyk's messages.
    pub message_overrides: MessageOverrides,
    /// How long requests in flight may take after a drain began.
    pub drain: Duration,
    /// The most client connections per worker; more wait in the backlog.
    pub connections_per_worker_max: usize,
}
