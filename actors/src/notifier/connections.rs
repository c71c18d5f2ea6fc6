//! The HTTP client of the notifier, which goes away with its connections when nothing was sent for a while.

use std::sync::Arc;
use std::time::Duration;

use awc::Client;
use rustls::ClientConfig;
use tokio::time::Instant;

use crate::http_client::http_client;

/// How long an unused connection is kept; receivers commonly close theirs after five seconds or later, and a message
/// sent into a connection that is being closed fails.
const KEEP_ALIVE: Duration = Duration::from_secs(3);

/// The present client, if there is one.
pub(super) struct Connections {
    timeout: Duration,
    tls: Arc<ClientConfig>,
    client: Option<Client>,
    used: Instant,
}

impl Connections {
    pub(super) fn new(timeout: Duration, tls: Arc<ClientConfig>) -> Self {
        Self {
            timeout,
            tls,
            client: None,
            used: tokio::time::Instant::now(),
        }
    }

    /// The client for one more message.
    pub(super) fn client(&mut self) -> Client {
        self.used = tokio::time::Instant::now();
        self.client
            .get_or_insert_with(|| http_client(self.timeout, KEEP_ALIVE, &self.tls))
            .clone()
    }

    /// Closes the connections that nobody has used for a while: the client itself only looks at a receiver's
    /// connections when it sends to the same receiver again.
    pub(super) fn close_idle(&mut self, now: Instant) {
        if now.duration_since(self.used) >= KEEP_ALIVE {
            self.client = None;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::snapshot::gateway_tls;

    #[actix::test]
    async fn the_client_goes_when_it_was_not_used() {
        let mut connections = Connections::new(Duration::from_secs(1), gateway_tls().unwrap());
        let _ = connections.client();
        connections.close_idle(tokio::time::Instant::now());
        assert!(connections.client.is_some());
        connections.close_idle(tokio::time::Instant::now() + KEEP_ALIVE);
        assert!(connections.client.is_none());
    }
}
