//! Which of the addresses of a name is connected to: requests and health checks find the same one.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout;

use crate::own_shortage::is_own_shortage;

/// How long one address is tried before the next one joins in (RFC 8305 section 5, Connection Attempt Delay).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses with the families in turn, so that one family that leads nowhere delays by one attempt only
/// (RFC 8305 section 4).
#[must_use]
pub fn alternating(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
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

/// The first connection that stands: each address gets a head start of `delay` over the next, and is not given up when that one
/// begins (RFC 8305 section 5).
///
/// # Errors
/// What says most about the other side, when no address takes a connection.
pub async fn first<S, F>(
    addresses: &[SocketAddr],
    delay: Duration,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<S>
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
            match timeout(delay, attempts.next()).await {
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
#[path = "connect_tests.rs"]
mod tests;
