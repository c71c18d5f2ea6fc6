//! What the health checks of all APIs of a node have in common: where they run, and how many are made at a time.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix::ArbiterHandle;
use raftgate_model::api::Target;
use raftgate_model::id::ApiId;
use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use crate::resolver::{Addresses, LookUpError, LookUpRoom, Resolver};

/// The most targets of all APIs that are asked at a time; each holds a connection until it has answered.
pub(super) const IN_FLIGHT_MAX: usize = 256;
/// The longest time over which the first rounds of all APIs are spread.
const SPREAD_MAX: Duration = Duration::from_secs(10);

/// The most look-ups of names for all of them at a time.
pub(super) const LOOK_UPS: LookUpRoom = LookUpRoom {
    names: 16,
    seconds: 0,
};
/// How long who found no room for a look-up waits before it looks again.
const ROOM_PAUSE: Duration = Duration::from_millis(20);

/// The health checks of a node.
#[derive(Clone)]
pub struct HealthChecks {
    arbiter: ArbiterHandle,
    resolver: Arc<Resolver>,
    began: Instant,
    pub(super) room: Arc<Semaphore>,
    /// TLS towards targets of APIs that have none of their own.
    pub(super) tls: Arc<ClientConfig>,
}

impl HealthChecks {
    /// Health checks that run on this arbiter, of targets that are trusted as `tls` says where their API says nothing.
    #[must_use]
    pub fn on(arbiter: ArbiterHandle, tls: Arc<ClientConfig>) -> Self {
        Self::with(arbiter, tls, Resolver::of_system(LOOK_UPS))
    }

    /// The same, with names looked up in another way.
    pub(super) fn with(arbiter: ArbiterHandle, tls: Arc<ClientConfig>, resolver: Resolver) -> Self {
        Self {
            arbiter,
            resolver: Arc::new(resolver),
            began: tokio::time::Instant::now(),
            room: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
            tls,
        }
    }

    /// The addresses of a target, at least one; `None` when its name did not resolve within `patience`, and did not lately.
    pub(super) async fn addresses(
        &self,
        target: &Target,
        patience: Duration,
    ) -> Option<Vec<SocketAddr>> {
        let host = target.dial_host();
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(vec![SocketAddr::new(address, target.port())]);
        }
        let found = timeout(patience, self.resolve(host)).await;
        let mut addresses = found.ok()?.ok()?.to_vec();
        for address in &mut addresses {
            address.set_port(target.port());
        }
        Some(addresses)
    }

    /// Looks a name up as soon as there is room for it: who waits costs nothing, and there are many at times.
    async fn resolve(&self, host: &str) -> Result<Addresses, LookUpError> {
        loop {
            let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match self.resolver.resolve(host, now_ms).await {
                Err(LookUpError::NoRoom) => sleep(ROOM_PAUSE).await,
                found => return found,
            }
        }
    }

    /// Runs something on the arbiter of the checks; dropped without having run when that has ended.
    pub(super) fn run(&self, start: impl FnOnce() + Send + 'static) {
        // Whoever waits for it sees that it is gone.
        let _ = self.arbiter.spawn_fn(start);
    }
}

/// How long an API waits before its first round: rounds that begin at once would go on in step.
///
/// It is the same at each start, and no longer than from one round to the next.
pub(super) fn first_round_in(api: &ApiId, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    api.hash(&mut hasher);
    let spread_ms = u64::try_from(interval.min(SPREAD_MAX).as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(hasher.finish() % spread_ms.max(1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_rounds_of_many_apis_are_spread_over_an_interval() {
        let delays = |interval| -> Vec<Duration> {
            let ids = (0..1_000).map(|number| ApiId::new(&format!("api-{number}")).unwrap());
            ids.map(|id| first_round_in(&id, interval)).collect()
        };
        let interval = Duration::from_secs(5);
        let tenth = |delay: &Duration| delay.as_millis() * 10 / interval.as_millis();
        let spread = delays(interval);
        let in_tenth = |number| spread.iter().filter(|delay| tenth(delay) == number).count();
        for number in 0..10 {
            assert!(
                (50..200).contains(&in_tenth(number)),
                "{number}: {}",
                in_tenth(number)
            );
        }
        assert_eq!(spread.iter().filter(|delay| tenth(delay) > 9).count(), 0);
        assert_eq!(delays(interval), spread, "at each start the same");
        // Nobody waits for hours, nor divides by nothing.
        let rare = delays(Duration::from_secs(3_600));
        assert!(rare.iter().all(|delay| *delay < SPREAD_MAX));
        let none: BTreeSet<_> = delays(Duration::ZERO).into_iter().collect();
        assert_eq!(none, BTreeSet::from([Duration::ZERO]));
    }
}
