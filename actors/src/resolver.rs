//! Names of upstreams: few look-ups at a time for each name, whose result is kept for a moment, and longer while no newer one
//! comes.
//!
//! The system's resolver blocks a thread until it answers and cannot be stopped. Whoever asks for a name that is being looked
//! up waits for that look-up, so a resolver that hangs holds a bounded number of threads, whatever the number of those who ask.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Shared, select_all};
use parking_lot::Mutex;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::own_shortage::is_own_shortage;

/// How long the addresses of a name are used, in milliseconds: long enough for a burst of new connections.
const KEPT_MS: u64 = 5_000;
/// How long they are used when looking the name up anew fails or hangs, in milliseconds (as RFC 8767 has it for resolvers).
const STALE_KEPT_MS: u64 = 60_000;
/// How long a look-up is waited for while addresses are known that it may confirm, in milliseconds.
const REFRESH_PATIENCE_MS: u64 = 250;
/// How long a failure is believed, in milliseconds.
const FAILURE_KEPT_MS: u64 = 1_000;
/// When a look-up has not ended after so long, another one is begun, in milliseconds: a question may have been lost.
const SECOND_AFTER_MS: u64 = 2_000;
/// The most look-ups of one name at a time.
const PER_NAME_MAX: usize = 2;
/// How often names that nobody uses are forgotten while others are asked for, in milliseconds.
const FORGOTTEN_EVERY_MS: u64 = 1_000;
/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// How many look-ups there may be at a time; each holds a thread until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookUpRoom {
    /// Names that are looked up.
    pub names: usize,
    /// Those of them that have a second look-up: counted apart, so that names that hang take no other's room twice.
    pub seconds: usize,
}

/// The addresses of a name, at least one, with port 0 and in the system's order of preference.
pub type Addresses = Arc<[SocketAddr]>;

/// Why there are no addresses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookUpError {
    /// The name does not resolve.
    #[error("{0}")]
    Failed(Arc<io::Error>),
    /// Nobody was asked, which says nothing about the name.
    #[error("too many other names are being looked up")]
    NoRoom,
}

type Found = Result<Addresses, LookUpError>;
pub(crate) type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
type LookUp = Box<dyn Fn(String) -> LookingUp + Send + Sync>;
type Finding = Shared<Pin<Box<dyn Future<Output = Found> + Send>>>;

/// The names that those who share it know.
pub struct Resolver {
    names: Mutex<Names>,
    room: LookUpRoom,
    look_up: LookUp,
}

/// What is known, and what is being found out.
#[derive(Default)]
struct Names {
    of: HashMap<Box<str>, Name, ahash::RandomState>,
    // Those with a look-up in flight: few, however many are known.
    looked_up: Vec<Box<str>>,
    forget_at_ms: u64,
}

/// A name that is being looked up or was not long ago.
#[derive(Default)]
struct Name {
    // The oldest first.
    in_flight: Vec<InFlight>,
    known: Option<Seen<Addresses>>,
    failure: Option<Seen<LookUpError>>,
}

struct InFlight {
    finding: Finding,
    began_ms: u64,
}

/// A result, and when it was first seen to be there.
struct Seen<T> {
    result: T,
    seen_ms: u64,
}

impl<T: Clone> Seen<T> {
    /// The result if it is younger than this.
    fn within(&self, kept_ms: u64, now_ms: u64) -> Option<T> {
        let is_young = self.seen_ms.saturating_add(kept_ms) > now_ms;
        is_young.then(|| self.result.clone())
    }
}

/// What whoever asks for a name does next.
enum Next {
    /// Take this.
    Take(Found),
    /// Wait until one of these has ended, or so many milliseconds at most, and ask again.
    Wait(Vec<Finding>, u64),
    /// Begin a look-up and ask again; without room for it do the other.
    Begin(Box<Next>),
}

impl Name {
    /// Takes over what look-ups have ended with, also when nobody waits for them any more.
    fn observe(&mut self, now_ms: u64) {
        self.in_flight.retain(|look_up| {
            let Some(found) = look_up.finding.clone().now_or_never() else {
                return true;
            };
            let seen_ms = now_ms;
            match found {
                Ok(result) => self.known = Some(Seen { result, seen_ms }),
                Err(result) => self.failure = Some(Seen { result, seen_ms }),
            }
            false
        });
    }

    fn known(&self, kept_ms: u64, now_ms: u64) -> Option<Addresses> {
        self.known.as_ref()?.within(kept_ms, now_ms)
    }

    fn failure(&self, now_ms: u64) -> Option<LookUpError> {
        self.failure.as_ref()?.within(FAILURE_KEPT_MS, now_ms)
    }

    fn is_over(&self, now_ms: u64) -> bool {
        self.in_flight.is_empty()
            && self.known(STALE_KEPT_MS, now_ms).is_none()
            && self.failure(now_ms).is_none()
    }

    fn next(&self, now_ms: u64) -> Next {
        if let Some(fresh) = self.known(KEPT_MS, now_ms) {
            return Next::Take(Ok(fresh));
        }
        let stale = self.known(STALE_KEPT_MS, now_ms);
        if let Some(error) = self.failure(now_ms) {
            return Next::Take(stale.ok_or(error));
        }
        let since_ms = |look_up: &InFlight| now_ms.saturating_sub(look_up.began_ms);
        let (Some(oldest), Some(newest)) = (self.in_flight.first(), self.in_flight.last()) else {
            return Next::Begin(Box::new(Next::Take(stale.ok_or(LookUpError::NoRoom))));
        };
        let second_in_ms = SECOND_AFTER_MS.saturating_sub(since_ms(newest));
        let patience_ms = REFRESH_PATIENCE_MS.saturating_sub(since_ms(oldest));
        let all = || self.in_flight.iter().map(|one| one.finding.clone());
        let waiting = match stale {
            Some(stale) if patience_ms == 0 => Next::Take(Ok(stale)),
            Some(_) => Next::Wait(all().collect(), patience_ms),
            None => Next::Wait(all().collect(), second_in_ms.max(REFRESH_PATIENCE_MS)),
        };
        if second_in_ms == 0 && self.in_flight.len() < PER_NAME_MAX {
            Next::Begin(Box::new(waiting))
        } else {
            waiting
        }
    }
}

impl Names {
    /// Takes over what look-ups have ended with.
    fn observe(&mut self, now_ms: u64) {
        let of = &mut self.of;
        self.looked_up.retain(|host| {
            of.get_mut(host).is_some_and(|name| {
                name.observe(now_ms);
                !name.in_flight.is_empty()
            })
        });
    }

    /// How many names have more look-ups than so many.
    fn with_more_than(&self, look_ups: usize) -> usize {
        let names = self.looked_up.iter().filter_map(|host| self.of.get(host));
        names.filter(|name| name.in_flight.len() > look_ups).count()
    }

    fn forget_old(&mut self, now_ms: u64) {
        self.observe(now_ms);
        self.of.retain(|_, name| !name.is_over(now_ms));
        self.forget_at_ms = now_ms.saturating_add(FORGOTTEN_EVERY_MS);
    }
}

impl Resolver {
    /// A resolver that asks the system, on threads of the runtime that it is asked on.
    #[must_use]
    pub fn of_system(room: LookUpRoom) -> Self {
        Self::new(room, Box::new(|host| Box::pin(ask_system(host))))
    }

    pub(crate) fn new(room: LookUpRoom, look_up: LookUp) -> Self {
        Self {
            names: Mutex::default(),
            room,
            look_up,
        }
    }

    /// The addresses of a name; `now_ms` counts from any moment that is the same in all calls.
    ///
    /// # Errors
    /// The name does not resolve, or too many others are being looked up.
    pub async fn resolve(&self, host: &str, now_ms: u64) -> Found {
        let began = tokio::time::Instant::now();
        loop {
            let waited_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match self.next(host, now_ms.saturating_add(waited_ms)) {
                Next::Take(found) => return found,
                Next::Begin(_) => {}
                Next::Wait(findings, for_ms) => {
                    // Whichever it is that ends the wait is seen at the next look.
                    let _ = timeout(Duration::from_millis(for_ms), select_all(findings)).await;
                }
            }
        }
    }

    /// What to do next for a name; a look-up that is due has been begun.
    fn next(&self, host: &str, now_ms: u64) -> Next {
        let mut names = self.names.lock();
        if now_ms >= names.forget_at_ms {
            names.forget_old(now_ms);
        }
        names.observe(now_ms);
        let (is_second, known) = names.of.get(host).map_or_else(
            || (false, Name::default().next(now_ms)),
            |known| (!known.in_flight.is_empty(), known.next(now_ms)),
        );
        let has_room = match is_second {
            true => names.with_more_than(1) < self.room.seconds,
            false => names.with_more_than(0) < self.room.names,
        };
        match known {
            Next::Begin(instead) if !has_room => *instead,
            Next::Begin(instead) => {
                let finding = self.begin(host);
                let name = names.of.entry(host.into()).or_default();
                name.in_flight.push(InFlight {
                    finding,
                    began_ms: now_ms,
                });
                // Sets it going, and may already have the answer.
                name.observe(now_ms);
                if !is_second {
                    names.looked_up.push(host.into());
                }
                Next::Begin(instead)
            }
            next => next,
        }
    }

    fn begin(&self, host: &str) -> Finding {
        let looking_up = (self.look_up)(host.to_owned());
        let finding: Pin<Box<dyn Future<Output = Found> + Send>> =
            Box::pin(async move { usable(looking_up.await) });
        finding.shared()
    }

    /// Forgets what is too old to be used; only names in use are left, so there are few.
    pub fn forget_old(&self, now_ms: u64) {
        self.names.lock().forget_old(now_ms);
    }
}

fn usable(found: io::Result<Vec<SocketAddr>>) -> Found {
    let failed = |error| LookUpError::Failed(Arc::new(error));
    let mut addresses = found.map_err(failed)?;
    addresses.truncate(ADDRESSES_MAX);
    if addresses.is_empty() {
        let error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(failed(error));
    }
    Ok(addresses.into())
}

async fn ask_system(host: String) -> io::Result<Vec<SocketAddr>> {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => Ok(found.collect()),
        Err(error) => Err(shortage().unwrap_or(error)),
    }
}

/// What this node lacks at the moment for asking anybody.
///
/// The system's resolver does not tell: without a descriptor it says that the name is unknown, that something is busy, or that
/// no name server answers for now.
fn shortage() -> Option<io::Error> {
    let socket = TcpSocket::new_v4().err();
    socket.filter(is_own_shortage)
}

#[cfg(test)]
#[path = "resolver_tests.rs"]
mod tests;
