//! The gateway listener: workers of actix-server, each with its own data plane, and an orderly end.

use std::future::{Future as _, poll_fn, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use actix_rt::net::TcpStream;
use actix_server::{Server, ServerHandle};
use actix_service::{fn_factory, fn_service};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use super::connection::serve;
use super::settings::GatewaySettings;
use super::shared::Shared;
use super::tls::offering_http2;
use super::worker::{GatewayParts, LOOK_UPS, Worker};
use crate::drain::whole_seconds;
use crate::listen_error::{ListenError, Listener};

/// How many connections the system keeps for us while all workers are busy.
const BACKLOG: u32 = 1024;

/// The threads of one worker for what blocks: each look-up of a name can have one, and something is left for others. By
/// itself the server makes them fewer the more cores there are.
const BLOCKING_THREADS: usize = LOOK_UPS.names + LOOK_UPS.seconds + 8;

/// Why the gateway listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayStartError {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The workers cannot be started.
    #[error("the workers of the gateway cannot be started: {error}")]
    Workers {
        /// What the system says.
        error: io::Error,
    },
}

/// A running gateway listener.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
    shared: Arc<Shared>,
}

impl Gateway {
    /// Starts the listener and its workers, which accept when this returns; must be called inside an actix system.
    ///
    /// # Errors
    /// The address cannot be listened on, or the workers cannot be started; the error names it.
    pub async fn start(
        settings: GatewaySettings,
        parts: GatewayParts,
    ) -> Result<Self, GatewayStartError> {
        let wanted = settings.listen;
        let failed = |error| Listener::Gateway.failed(wanted, error);
        let listener = listen(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let settings = Arc::new(GatewaySettings {
            tls: settings.tls.as_deref().map(offering_http2),
            ..settings
        });
        let shared = Arc::new(Shared::default());
        let common = (Arc::clone(&settings), parts, Arc::clone(&shared));
        let next_index = Arc::new(AtomicUsize::new(0));
        let factory = move || {
            let common = common.clone();
            let index = next_index.fetch_add(1, Ordering::Relaxed);
            fn_factory(move || {
                let (settings, parts, shared) = common.clone();
                let worker = Worker::new(index, settings, parts, shared);
                actix_rt::spawn(Worker::tick_forever(Rc::downgrade(&worker)));
                ready(Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                    let worker = Rc::clone(&worker);
                    async move {
                        serve(worker, stream).await;
                        Ok::<(), ()>(())
                    }
                })))
            })
        };
        let mut server = Server::build()
            .workers(settings.workers.max(1))
            .worker_max_blocking_threads(BLOCKING_THREADS)
            .max_concurrent_connections(settings.connections_per_worker_max)
            .shutdown_timeout(whole_seconds(settings.drain))
            .disable_signals()
            .listen("gateway", listener, factory)
            .map_err(failed)?
            .run();
        // The workers start at the first poll, and whoever starts a node may not come to the next one for a while.
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut server).poll(cx))).await;
        if let Poll::Ready(Err(error)) = first {
            return Err(GatewayStartError::Workers { error });
        }
        Ok(Self {
            address,
            handle: server.handle(),
            server: tokio::task::spawn_local(server),
            shared,
        })
    }

    /// The address that the listener is bound to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets requests in flight finish within the settings' time, closes the rest, and returns.
    pub async fn drain(self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.server.await {
            tracing::warn!(%error, "the gateway listener ended with an error");
        }
        self.shared.tell_held_back(None);
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A restarted node takes its port back while connections of its last life still linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
