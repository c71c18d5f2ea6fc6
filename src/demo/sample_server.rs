//! A small server on loopback around the node: started on a port that the system chooses, ended by its owner.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use tokio::task::JoinHandle;

/// How long requests in flight may take at the end, in seconds.
const SHUTDOWN_S: u64 = 1;
/// The largest body that a sample server reads, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A running sample server.
pub(super) struct SampleServer {
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

impl SampleServer {
    /// Starts a server with one worker and these routes; must be called inside an actix system.
    ///
    /// # Errors
    /// No port of the loopback interface can be listened on.
    pub(super) fn start<R>(routes: R) -> io::Result<Self>
    where
        R: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
                .app_data(web::FormConfig::default().limit(BODY_BYTES_MAX))
                .configure(routes.clone())
        })
        .workers(1)
        .shutdown_timeout(SHUTDOWN_S)
        .disable_signals()
        .bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = server.addrs().first().copied();
        let address = address.ok_or_else(|| io::Error::other("no address was bound"))?;
        let server = server.run();
        let handle = server.handle();
        let server = tokio::task::spawn_local(server);
        Ok(Self {
            address,
            handle,
            server,
        })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; requests in flight get a second.
    pub(super) async fn stop(self) {
        self.handle.stop(true).await;
        // How it ended no longer matters to a demo that ends too.
        let _ = self.server.await;
    }
}
