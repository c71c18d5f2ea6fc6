//! The HTTP client of what actors ask of servers outside: messages to receivers, and health checks of targets.

use std::sync::Arc;
use std::time::Duration;

use awc::Client;
use awc::http::Version;
use rustls::ClientConfig;

/// A client of HTTP/1.1 without redirects, without fields of its own, and without a limit that would queue silently.
///
/// `timeout` is for connecting and for the handshake of TLS; how long a whole exchange may take is for who sends to say. An
/// unused connection is kept for `keep_alive`.
pub(crate) fn http_client(
    timeout: Duration,
    keep_alive: Duration,
    tls: &Arc<ClientConfig>,
) -> Client {
    let connector = awc::Connector::new()
        .max_http_version(Version::HTTP_11)
        .timeout(timeout)
        .handshake_timeout(timeout)
        .conn_keep_alive(keep_alive)
        .limit(0)
        .rustls_0_23(Arc::clone(tls));
    Client::builder()
        .connector(connector)
        .disable_timeout()
        .disable_redirects()
        .no_default_headers()
        .finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::{RootCertStore, ServerConfig};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::snapshot::gateway_tls;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[actix::test]
    async fn nobody_is_trusted_but_by_the_tls_that_is_handed_in() {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let trusting = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let acceptor = TlsAcceptor::from(Arc::new(server));
        actix::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who does not trust it goes away.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        let asked = |tls| http_client(PATIENCE, Duration::ZERO, &tls).get(&url).send();
        assert!(asked(Arc::new(trusting)).await.is_ok());
        assert!(asked(gateway_tls().unwrap()).await.is_err());
    }
}
