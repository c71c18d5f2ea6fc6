//! New connections to upstreams: look up, connect, and TLS where the target asks for it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use raftgate_actors::connect::{ATTEMPT_DELAY, alternating, first};
use raftgate_actors::own_shortage::is_own_shortage;
use raftgate_actors::resolver::LookUpError;
use raftgate_model::api::{Scheme, Target};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use super::transport::Transport;
use super::worker::Worker;

/// Why there is no connection to an upstream.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The name does not resolve.
    #[error("looking up {host}: {error}")]
    Lookup { host: String, error: LookUpError },
    /// No address took the connection.
    #[error("connecting to {origin}: {error}")]
    Connect { origin: String, error: io::Error },
    /// The TLS handshake failed.
    #[error("TLS handshake with {origin}: {error}")]
    Tls { origin: String, error: io::Error },
}

impl DialError {
    /// Whether this node lacked something, so that nothing was found out about the upstream.
    pub(super) fn is_own_shortage(&self) -> bool {
        match self {
            Self::Lookup {
                error: LookUpError::NoRoom,
                ..
            } => true,
            Self::Lookup {
                error: LookUpError::Failed(error),
                ..
            } => is_own_shortage(error),
            Self::Connect { error, .. } | Self::Tls { error, .. } => is_own_shortage(error),
        }
    }
}

/// Opens a connection to a target, with an API's own TLS if it has one.
pub(super) async fn dial(
    worker: &Worker,
    target: &Target,
    own_tls: Option<&Arc<ClientConfig>>,
) -> Result<Transport, DialError> {
    let connect_failed = |error| DialError::Connect {
        origin: target.origin().to_owned(),
        error,
    };
    let connected = match target.dial_host().parse::<IpAddr>() {
        Ok(address) => TcpStream::connect((address, target.port())).await,
        Err(_) => {
            let addresses = addresses(worker, target).await?;
            first(&addresses, ATTEMPT_DELAY, TcpStream::connect).await
        }
    };
    let stream = connected.map_err(connect_failed)?;
    stream.set_nodelay(true).map_err(connect_failed)?;
    match target.scheme() {
        Scheme::Http => Ok(Transport::Plain(stream)),
        Scheme::Https => secure(
            target,
            own_tls.unwrap_or(&worker.parts.upstream_tls),
            stream,
        )
        .await
        .map_err(|error| DialError::Tls {
            origin: target.origin().to_owned(),
            error,
        }),
    }
}

async fn secure(
    target: &Target,
    tls: &Arc<ClientConfig>,
    stream: TcpStream,
) -> io::Result<Transport> {
    let name = ServerName::try_from(target.dial_host().to_owned()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(Arc::clone(tls))
        .connect(name, stream)
        .await?;
    Ok(Transport::Tls(Box::new(TlsStream::Client(stream))))
}

/// The addresses of a target's name in the order in which they are tried.
async fn addresses(worker: &Worker, target: &Target) -> Result<Vec<SocketAddr>, DialError> {
    let host = target.dial_host();
    let found = worker
        .resolver
        .resolve(host, worker.deadlines.now_ms())
        .await
        .map_err(|error| DialError::Lookup {
            host: host.to_owned(),
            error,
        })?;
    let mut addresses = alternating(&found);
    for address in &mut addresses {
        address.set_port(target.port());
    }
    Ok(addresses)
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
