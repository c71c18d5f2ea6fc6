//! The HTTP client of what actors ask of servers outside: messages to receivers, and health checks of targets.

use std::sync::Arc;
use std::time::Duration;

use awc::Client;
use awc::http::Version;
use rustls::ClientConfig;

/// A client of HTTP/1.1 without redirects, without fields of its own, and without a limit that would queue silently.
///
/// `timeout` is for connecting and for the handshake of TLS; how long a whole exchange may take is for who sends to say. An
/// unused connection is kept for `keep_alive`. Without `tls`, servers have to be certified by a public authority.
pub(crate) fn http_client(
    timeout: Duration,
    keep_alive: Duration,
    tls: Option<&Arc<ClientConfig>>,
) -> Client {
    let connector = awc::Connector::new()
        .max_http_version(Version::HTTP_11)
        .timeout(timeout)
        .handshake_timeout(timeout)
        .conn_keep_alive(keep_alive)
        .limit(0);
    let connector = match tls {
        Some(tls) => connector.rustls_0_23(Arc::clone(tls)),
        None => connector,
    };
    Client::builder()
        .connector(connector)
        .disable_timeout()
        .disable_redirects()
        .no_default_headers()
        .finish()
}
