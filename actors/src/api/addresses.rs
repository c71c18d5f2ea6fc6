//! Addresses of a target for its health checks: looked up on few threads, and kept for a while where no newer ones come.
//!
//! The system's resolver blocks a thread until it answers and cannot be stopped. These threads are those that definitions are
//! compiled on, so a resolver that hangs must hold few of them.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use raftgate_model::api::Target;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout};

/// The most look-ups of all health checks of the node at a time; each holds a thread until it ends.
pub(super) const LOOK_UPS_MAX: usize = 16;
/// How long addresses are used while looking them up anew fails or hangs: as long as requests use theirs.
const STALE_KEPT: Duration = Duration::from_secs(60);
/// How long a look-up is waited for while addresses are known that it may confirm.
const REFRESH_PATIENCE: Duration = Duration::from_millis(250);
/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// Addresses of a host, with a port.
type Found = io::Result<Vec<SocketAddr>>;
type LookUp = Arc<dyn Fn(&str, u16) -> Found + Send + Sync>;

/// How names are looked up, and the room for it that all who share this have.
#[derive(Clone)]
pub(super) struct LookUps {
    look_up: LookUp,
    room: Arc<Semaphore>,
}

impl LookUps {
    /// Look-ups that ask the system.
    pub(super) fn of_system() -> Self {
        Self::new(Arc::new(ask_system))
    }

    /// Look-ups with room of their own.
    pub(super) fn new(look_up: LookUp) -> Self {
        let room = Arc::new(Semaphore::new(LOOK_UPS_MAX));
        Self { look_up, room }
    }

    /// Begins a look-up when there is room; its thread gives the room back, whether or not somebody waits for it by then.
    async fn begin(&self, host: &str, port: u16) -> Option<JoinHandle<Found>> {
        let room = Arc::clone(&self.room).acquire_owned().await.ok()?;
        let (look_up, host) = (Arc::clone(&self.look_up), host.to_owned());
        Some(spawn_blocking(move || {
            let found = look_up(&host, port);
            drop(room);
            found
        }))
    }
}

fn ask_system(host: &str, port: u16) -> Found {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// What is known of the addresses of one target.
pub(super) struct Addresses {
    host: Box<str>,
    port: u16,
    look_ups: LookUps,
    // At most one at a time, also when nobody waits for it any more.
    in_flight: Option<JoinHandle<Found>>,
    known: Option<Known>,
}

struct Known {
    addresses: Vec<SocketAddr>,
    since: Instant,
}

impl Addresses {
    /// Those of a target, not looked up yet.
    pub(super) fn of(target: &Target, look_ups: &LookUps) -> Self {
        Self {
            host: target.dial_host().into(),
            port: target.port(),
            look_ups: look_ups.clone(),
            in_flight: None,
            known: None,
        }
    }

    /// The addresses, at least one; `None` when the name did not resolve, or not within `patience`, and did not lately.
    pub(super) async fn find(&mut self, patience: Duration) -> Option<Vec<SocketAddr>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Some(vec![SocketAddr::new(address, self.port)]);
        }
        let patience = match self.known() {
            Some(_) => patience.min(REFRESH_PATIENCE),
            None => patience,
        };
        // Whatever has not ended by then is waited for the next time.
        let _ = timeout(patience, self.look_up()).await;
        self.known().map(<[SocketAddr]>::to_vec)
    }

    fn known(&self) -> Option<&[SocketAddr]> {
        let known = self.known.as_ref()?;
        (known.since.elapsed() < STALE_KEPT).then_some(known.addresses.as_slice())
    }

    /// Looks the name up, or waits for the look-up that is under way; nothing is lost when this is not waited for.
    async fn look_up(&mut self) {
        if self.in_flight.is_none() {
            self.in_flight = self.look_ups.begin(&self.host, self.port).await;
        }
        let Some(look_up) = &mut self.in_flight else {
            return;
        };
        let ended = look_up.await;
        self.in_flight = None;
        if let Ok(Ok(mut addresses)) = ended
            && !addresses.is_empty()
        {
            addresses.truncate(ADDRESSES_MAX);
            let since = tokio::time::Instant::now();
            self.known = Some(Known { addresses, since });
        }
    }
}
