//! New connections to upstreams: look up, connect, and TLS where the target asks for it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use raftgate_actors::own_shortage::is_own_shortage;
use raftgate_actors::resolver::LookUpError;
use raftgate_model::api::{Scheme, Target};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, TlsStream};

use super::transport::Transport;
use super::worker::Worker;

/// How long one address is tried before the next one joins in (RFC 8305 section 5, Connection Attempt Delay).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

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
        Err(_) => first(&addresses(worker, target).await?, TcpStream::connect).await,
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

/// The addresses with the families in turn, so that one family that leads nowhere delays by one attempt only
/// (RFC 8305 section 4).
fn alternating(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_ipv4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (preferred, other): (Vec<SocketAddr>, Vec<SocketAddr>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv4() == first_is_ipv4);
    let mut other = other.into_iter();
    let mut mixed = Vec::with_capacity(addresses.len());
    for address in preferred {
        mixed.push(address);
        mixed.extend(other.next());
    }
    mixed.extend(other);
    mixed
}

/// The first connection that stands: each address gets a head start over the next, and is not given up when that one begins
/// (RFC 8305 section 5).
async fn first<S, F>(addresses: &[SocketAddr], connect: impl Fn(SocketAddr) -> F) -> io::Result<S>
where
    F: Future<Output = io::Result<S>>,
{
    let mut waiting = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(connect(*address));
        }
        let ended = if waiting.as_slice().is_empty() {
            attempts.next().await
        } else {
            match timeout(ATTEMPT_DELAY, attempts.next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => failure = Some(more_telling(failure, error)),
            None => {
                let error = || io::Error::new(io::ErrorKind::NotFound, "no address to connect to");
                return Err(failure.unwrap_or_else(error));
            }
        }
    }
}

/// The failure that says more about the upstream: a name may have addresses of a family that only this node has none of.
fn more_telling(earlier: Option<io::Error>, later: io::Error) -> io::Error {
    match earlier {
        Some(earlier) if is_own_shortage(&later) => earlier,
        _ => later,
    }
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
