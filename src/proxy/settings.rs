//! What the operator can set about the gateway listener and the data plane behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use raftgate_model::oauth::error::ErrorStyle;

use super::pool::PoolLimits;
use super::trust::TrustedProxies;

/// Bounds of what a client may send.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// The largest head, in bytes; at most 64 KiB take effect.
    pub head_bytes_max: usize,
    /// The most header fields; at most 256 take effect.
    pub header_count_max: usize,
    /// The largest body of a proxied request, in bytes, unless the API says otherwise.
    pub body_bytes_max: u64,
    /// The largest body of a request to an endpoint of our own, in bytes.
    pub endpoint_body_bytes_max: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            head_bytes_max: 32 * 1024,
            header_count_max: 100,
            body_bytes_max: u64::MAX,
            endpoint_body_bytes_max: 256 * 1024,
        }
    }
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct ClientTimeouts {
    /// From the first byte of a head to its last, TLS handshake included on a new connection.
    pub head: Duration,
    /// Between two requests on one connection; zero closes after each answer.
    pub keep_alive: Duration,
    /// Between two reads of a body that goes to an endpoint of our own, or two writes of its answer.
    pub idle: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            keep_alive: Duration::from_secs(75),
            idle: Duration::from_secs(60),
        }
    }
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
    /// How long requests in flight may take after a drain began.
    pub drain: Duration,
    /// The most client connections per worker; more wait in the backlog.
    pub connections_per_worker_max: usize,
}

impl GatewaySettings {
    /// Settings with every default, for a listener at `listen`.
    #[must_use]
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            tls: None,
            trusted_proxies: TrustedProxies::default(),
            limits: RequestLimits::default(),
            timeouts: ClientTimeouts::default(),
            pool: PoolLimits::default(),
            error_style: ErrorStyle::default(),
            drain: Duration::from_secs(30),
            connections_per_worker_max: 25_000,
        }
    }
}
