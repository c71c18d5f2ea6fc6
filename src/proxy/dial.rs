//! New connections to upstreams: look up, connect, and TLS where the target asks for it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use raftgate_model::api::{Scheme, Target};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use super::transport::Transport;

/// Why there is no connection to an upstream.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The name does not resolve.
    #[error("looking up {host}: {error}")]
    Lookup { host: String, error: io::Error },
    /// No address took the connection.
    #[error("connecting to {origin}: {error}")]
    Connect { origin: String, error: io::Error },
    /// The TLS handshake failed.
    #[error("TLS handshake with {origin}: {error}")]
    Tls { origin: String, error: io::Error },
}

/// Opens a connection to a target.
pub(super) async fn dial(target: &Target, tls: &Arc<ClientConfig>) -> Result<Transport, DialError> {
    let origin = || target.origin().to_owned();
    let connected = match target.dial_host().parse::<IpAddr>() {
        Ok(address) => TcpStream::connect((address, target.port())).await,
        Err(_) => connect_by_name(target).await?,
    };
    let stream = connected.map_err(|error| DialError::Connect {
        origin: origin(),
        error,
    })?;
    stream
        .set_nodelay(true)
        .map_err(|error| DialError::Connect {
            origin: origin(),
            error,
        })?;
    match target.scheme() {
        Scheme::Http => Ok(Transport::Plain(stream)),
        Scheme::Https => {
            let name = ServerName::try_from(target.dial_host().to_owned()).map_err(|error| {
                DialError::Tls {
                    origin: origin(),
                    error: io::Error::other(error),
                }
            })?;
            let stream = TlsConnector::from(Arc::clone(tls))
                .connect(name, stream)
                .await
                .map_err(|error| DialError::Tls {
                    origin: origin(),
                    error,
                })?;
            Ok(Transport::Tls(Box::new(TlsStream::Client(stream))))
        }
    }
}

async fn connect_by_name(target: &Target) -> Result<io::Result<TcpStream>, DialError> {
    let lookup = |error| DialError::Lookup {
        host: target.dial_host().to_owned(),
        error,
    };
    let addresses = tokio::net::lookup_host((target.dial_host(), target.port()))
        .await
        .map_err(lookup)?;
    let mut failure = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(Ok(stream)),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) => Ok(Err(error)),
        None => Err(lookup(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ))),
    }
}
