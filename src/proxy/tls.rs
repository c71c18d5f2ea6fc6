//! TLS towards clients, who choose between HTTP/1.1 and HTTP/2.

use std::sync::Arc;

use rustls::ServerConfig;

use super::http2;

/// The listener's TLS, which a client may speak HTTP/2 over.
pub(super) fn offering_http2(tls: &ServerConfig) -> Arc<ServerConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![http2::ALPN.to_vec(), b"http/1.1".to_vec()];
    Arc::new(tls)
}
