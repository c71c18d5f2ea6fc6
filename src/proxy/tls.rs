//! TLS towards upstreams, with the public roots and HTTP/1.1 as the one protocol offered, and towards clients, who may choose.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::http2;

/// TLS towards upstreams that are certified by a public authority.
///
/// # Errors
/// The cryptography provider has no protocol version in common with the library, which only a broken build has.
pub fn upstream_tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The listener's TLS, which a client may speak HTTP/2 over.
pub(super) fn offering_http2(tls: &ServerConfig) -> Arc<ServerConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![http2::ALPN.to_vec(), b"http/1.1".to_vec()];
    Arc::new(tls)
}
