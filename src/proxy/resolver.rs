//! Names of upstreams: one look-up at a time for each name, whose result is kept for a moment.
//!
//! The system's resolver blocks a thread until it answers and cannot be stopped. Whoever asks for a name that is being looked
//! up waits for that look-up, so a resolver that hangs holds a bounded number of threads, whatever the number of requests.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use futures_util::FutureExt as _;
use futures_util::future::Shared;

/// How long the addresses of a name are used, in milliseconds: long enough for a burst of new connections.
const KEPT_MS: u64 = 5_000;
/// How long a failure is believed, in milliseconds.
const FAILURE_KEPT_MS: u64 = 1_000;
/// The most look-ups of one worker at a time; each holds a thread.
const IN_FLIGHT_MAX: usize = 64;
/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// The addresses of a name, at least one, with port 0 and in the system's order of preference.
pub(super) type Addresses = Rc<[SocketAddr]>;

type Found = Result<Addresses, Rc<io::Error>>;
type LookUp = Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>>>>>;

/// The names that one worker knows.
pub(super) struct Resolver {
    names: RefCell<HashMap<Box<str>, Name, ahash::RandomState>>,
    look_up: LookUp,
}

/// A name that is being looked up or was not long ago.
struct Name {
    found: Shared<Pin<Box<dyn Future<Output = Found>>>>,
    // When the look-up was first seen to have ended.
    ended_ms: Cell<Option<u64>>,
}

impl Name {
    /// Notes whether the look-up has ended, also when nobody waits for it any more.
    fn observe(&self, now_ms: u64) {
        if self.ended_ms.get().is_none() && self.found.clone().now_or_never().is_some() {
            self.ended_ms.set(Some(now_ms));
        }
    }

    fn is_in_flight(&self) -> bool {
        self.ended_ms.get().is_none()
    }

    fn is_over(&self, now_ms: u64) -> bool {
        let kept_ms = match self.found.peek() {
            Some(Err(_)) => FAILURE_KEPT_MS,
            Some(Ok(_)) | None => KEPT_MS,
        };
        self.ended_ms
            .get()
            .is_some_and(|ended_ms| ended_ms.saturating_add(kept_ms) <= now_ms)
    }
}

impl Resolver {
    /// A resolver that asks the system.
    pub(super) fn of_system() -> Self {
        Self::new(Box::new(|host| Box::pin(ask_system(host))))
    }

    fn new(look_up: LookUp) -> Self {
        Self {
            names: RefCell::default(),
            look_up,
        }
    }

    /// The addresses of a name.
    ///
    /// # Errors
    /// The name does not resolve, or too many others are being looked up.
    pub(super) async fn resolve(&self, host: &str, now_ms: u64) -> Found {
        let found = self.look_up_once(host, now_ms)?;
        found.await
    }

    fn look_up_once(
        &self,
        host: &str,
        now_ms: u64,
    ) -> Result<impl Future<Output = Found> + use<>, Rc<io::Error>> {
        self.prune(now_ms);
        let mut names = self.names.borrow_mut();
        if let Some(name) = names.get(host) {
            return Ok(name.found.clone());
        }
        let in_flight = names.values().filter(|name| name.is_in_flight());
        if in_flight.count() >= IN_FLIGHT_MAX {
            let error = io::Error::other("too many other names are being looked up");
            return Err(Rc::new(error));
        }
        let looking_up = (self.look_up)(host.to_owned());
        let found: Pin<Box<dyn Future<Output = Found>>> =
            Box::pin(async move { usable(looking_up.await) });
        let found = found.shared();
        let name = Name {
            found: found.clone(),
            ended_ms: Cell::new(None),
        };
        names.insert(host.into(), name);
        Ok(found)
    }

    /// Forgets what is too old to be used; only names in use are left, so there are few.
    pub(super) fn prune(&self, now_ms: u64) {
        self.names.borrow_mut().retain(|_, name| {
            name.observe(now_ms);
            !name.is_over(now_ms)
        });
    }
}

fn usable(found: io::Result<Vec<SocketAddr>>) -> Found {
    let mut addresses = found.map_err(Rc::new)?;
    addresses.truncate(ADDRESSES_MAX);
    if addresses.is_empty() {
        let error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(Rc::new(error));
    }
    Ok(addresses.into())
}

async fn ask_system(host: String) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

#[cfg(test)]
#[path = "resolver_tests.rs"]
mod tests;
