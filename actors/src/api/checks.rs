//! Health checks of an API's targets: one task per API, which ends with its owner.

use std::sync::Arc;
use std::time::Duration;

use awc::Client;
use futures_util::StreamExt as _;
use futures_util::stream;
use raftgate_model::api::{HealthCheck, Target, TargetPlace, UpstreamTls};
use raftgate_model::id::ApiId;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::finding::{Finding, Unasked, ask};
use super::health_checks::{HealthChecks, first_round_in};
use crate::http_client::http_client;
use crate::snapshot::{Balancer, CompiledApi};

/// How many targets of one API are asked at a time.
const ASKED_AT_ONCE: usize = 16;

/// The checks of one API's targets; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Checks {
    end: oneshot::Sender<Followed>,
    balancer: Arc<Balancer>,
    tls: Option<UpstreamTls>,
}

/// Others go on with what the checks that end have found; else it is forgotten with them.
#[derive(Debug)]
struct Followed;

impl Checks {
    /// The checks of what is in force, if its definition asks for them; those that run go on where they ask the same
    /// targets in the same way.
    pub(super) fn of(
        api: Option<&CompiledApi>,
        running: Option<Self>,
        all: &HealthChecks,
    ) -> Option<Self> {
        match (api, running) {
            (Some(api), Some(running)) if running.are_of(api) => Some(running),
            (api, running) => {
                if let Some(running) = running {
                    // Those that have ended by themselves have forgotten already.
                    let _ = running.end.send(Followed);
                }
                Self::begin(api?, all)
            }
        }
    }

    fn begin(api: &CompiledApi, all: &HealthChecks) -> Option<Self> {
        let balancer = Arc::clone(api.balancer.as_ref()?);
        let check = balancer.check()?.clone();
        let (end, ended) = oneshot::channel();
        let begun = Self {
            end,
            balancer: Arc::clone(&balancer),
            tls: api.tls.as_ref().map(|tls| tls.identity),
        };
        let checked = |(place, _): (TargetPlace, &Target)| Checked {
            place,
            streak: 0,
            is_skipped: false,
        };
        let targets = balancer.places().map(checked).collect();
        let tls = api.tls.as_ref().map_or(&all.tls, |tls| &tls.config);
        let tls = Arc::clone(tls);
        let (api, shared) = (api.id.clone(), all.clone());
        all.run(move || {
            let rounds = Rounds {
                // It keeps no connection: a new one is what a request might need.
                client: http_client(timeout_of(&check), Duration::ZERO, &tls),
                api,
                check,
                balancer,
                all: shared,
                is_followed: false,
            };
            actix::spawn(rounds.run(targets, ended));
        });
        Some(begun)
    }

    /// Whether these run, and would be no other if they were begun for this version.
    fn are_of(&self, api: &CompiledApi) -> bool {
        let same = |balancer: &Arc<Balancer>| Arc::ptr_eq(balancer, &self.balancer);
        api.balancer.as_ref().is_some_and(same)
            && api.tls.as_ref().map(|tls| tls.identity) == self.tls
            && !self.end.is_closed()
    }
}

fn timeout_of(check: &HealthCheck) -> Duration {
    Duration::from_millis(u64::from(check.timeout_ms))
}

/// One target between its checks.
struct Checked {
    place: TargetPlace,
    streak: u32,
    /// Whether its last check was skipped, which is told once.
    is_skipped: bool,
}

/// What asks the targets of one API round after round.
struct Rounds {
    api: ApiId,
    balancer: Arc<Balancer>,
    check: HealthCheck,
    client: Client,
    all: HealthChecks,
    is_followed: bool,
}

impl Drop for Rounds {
    /// Nobody would find out any more that a target is well again: from now on none is known to be down.
    fn drop(&mut self) {
        if self.is_followed {
            return;
        }
        for (place, _) in self.balancer.places() {
            if self.balancer.is_down(place) {
                self.balancer.set_down(place, false);
            }
        }
    }
}

impl Rounds {
    /// Goes on until others follow or nobody wants to know any more.
    async fn run(mut self, targets: Vec<Checked>, ended: oneshot::Receiver<Followed>) {
        self.is_followed = tokio::select! {
            biased;
            followed = ended => followed.is_ok(),
            () = self.go_round(targets) => false,
        };
    }

    async fn go_round(&self, mut targets: Vec<Checked>) {
        let interval = Duration::from_millis(u64::from(self.check.interval_ms));
        let begin = tokio::time::Instant::now() + first_round_in(&self.api, interval);
        let mut rounds = tokio::time::interval_at(begin, interval);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            stream::iter(&mut targets)
                .for_each_concurrent(ASKED_AT_ONCE, |checked| self.ask(checked))
                .await;
        }
    }

    /// Asks a target once and judges its answer; where nothing was found out there is nothing to judge.
    async fn ask(&self, checked: &mut Checked) {
        let place = checked.place;
        let Some(target) = self.balancer.target(place) else {
            return;
        };
        let (api, origin) = (&self.api, target.origin());
        let unwell = match self.find_out(target).await {
            Finding::Well => None,
            Finding::Unwell(unwell) => Some(unwell),
            Finding::Nothing(reason) => {
                if !checked.is_skipped {
                    warn!(%api, origin, "the target is not checked: {reason}");
                }
                checked.is_skipped = true;
                return;
            }
        };
        checked.is_skipped = false;
        let was = Standing::of(self.balancer.is_down(place));
        let found = Standing::of(unwell.is_some());
        let is = judge(was, found, &mut checked.streak, &self.check);
        if is == was {
            return;
        }
        self.balancer.set_down(place, is == Standing::Down);
        match unwell {
            None => info!(%api, origin, "the target is well again"),
            Some(reason) => warn!(%api, origin, %reason, "the target is down"),
        }
    }

    async fn find_out(&self, target: &Target) -> Finding {
        let patience = timeout_of(&self.check);
        let Some(addresses) = self.all.addresses(target, patience).await else {
            return Finding::Nothing(Unasked::NoAddress);
        };
        // Waiting for it is no time that the target takes. It is never closed.
        let _room = self.all.room.acquire().await;
        let path = &self.check.path;
        ask(&self.client, target, path, patience, &addresses).await
    }
}

/// What a target counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Up,
    Down,
}

impl Standing {
    const fn of(is_down: bool) -> Self {
        if is_down { Self::Down } else { Self::Up }
    }
}

/// What a target counts as after this finding; `streak` counts those in a row that speak against what it counts as.
fn judge(was: Standing, found: Standing, streak: &mut u32, check: &HealthCheck) -> Standing {
    if found == was {
        *streak = 0;
        return was;
    }
    *streak = streak.saturating_add(1);
    let needed = match was {
        Standing::Up => check.unhealthy_after,
        Standing::Down => check.healthy_after,
    };
    if *streak < needed {
        return was;
    }
    *streak = 0;
    found
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
