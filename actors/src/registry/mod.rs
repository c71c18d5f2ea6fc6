//! The Registry: it follows the applied configuration, runs one actor per API, and alone publishes snapshots.

mod degraded;
mod fleet;
mod handle;
mod known;
mod policies;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle, StreamHandler, WrapFuture};
use futures_util::{future, stream};
use raftgate_model::id::{ApiId, Revision};
use raftgate_model::keyring::KeyRing;
use raftgate_storage::view::{AppliedMark, View};
use tokio::sync::watch;
use tracing::warn;

use self::fleet::{Fleet, Round, Settled};
use self::known::Known;
use self::policies::{Policies, PolicyNews};
use crate::api::{Definitions, HealthChecks, SealedDefinitions};
use crate::compile::GatewayDefaults;
use crate::snapshot::{GatewaySnapshot, Publisher, RouteConflict, SnapshotChange};
use crate::supervise::{Alive, keep_alive};

pub use degraded::{DegradedApi, DegradedApis, Hindrance};
pub use handle::{ConfigStatus, IN_FORCE_LIMIT, NotInForce, RegistryHandle, Scope, Unservable};

/// How long one API may take to compile before it counts as hanging.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause before APIs that were too late are asked again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What the Registry is made of.
#[derive(Clone)]
pub struct RegistryParts {
    /// The state it follows.
    pub view: Arc<View>,
    /// Opens sealed definitions.
    pub keys: Arc<KeyRing>,
    /// What holds for every API.
    pub defaults: GatewayDefaults,
    /// What checks targets for all of them.
    pub health_checks: HealthChecks,
}

/// The configuration revision that was applied.
struct Applied(Revision);

/// Whom a round asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The APIs that changed: a change waits for no other one.
    Changed,
    /// Those that were too late before, too.
    Late,
}

/// What was read and compiled of a configuration revision.
struct Brought {
    revision: Revision,
    round: Round,
    policies: PolicyNews,
    /// The APIs that are there no more.
    gone: Vec<ApiId>,
}

/// What this Registry published last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Published {
    /// Nothing, or a snapshot in which some API has not its place: the next one is made of everything.
    Partly,
    /// Every API by its newest definition, at its place: the next one is made of this and what changed.
    Whole,
}

/// Follows configuration and publishes snapshots.
///
/// A change costs what it changes, not what there is, as long as every API can be served where it wants to be.
pub struct Registry {
    view: Arc<View>,
    known: Known<ApiId>,
    fleet: Fleet,
    policies: Policies,
    publisher: Arc<Publisher>,
    last: Published,
    status: watch::Sender<ConfigStatus>,
    /// The round for those that were too late, while one is to come.
    retry: Option<SpawnHandle>,
    _alive: Alive,
}

impl Registry {
    /// Runs the Registry on the present arbiter, which it shares with its API actors and no HTTP worker.
    ///
    /// A Registry that dies is started again from state and from the last snapshot, which stays in force: an API whose
    /// newest definition cannot be served goes on by its last good one.
    #[must_use]
    pub fn run(parts: RegistryParts) -> RegistryHandle {
        let definitions = SealedDefinitions::new(Arc::clone(&parts.keys), parts.defaults);
        Self::run_with(parts, Arc::new(definitions), COMPILE_TIMEOUT)
    }

    /// The same with what compiles definitions, and how long one of them may take.
    fn run_with(
        parts: RegistryParts,
        definitions: Arc<dyn Definitions>,
        timeout: Duration,
    ) -> RegistryHandle {
        let publisher = Arc::new(Publisher::default());
        let (status, statuses) = watch::channel(ConfigStatus::default());
        let handle = RegistryHandle::new(publisher.source(), statuses);
        actix::spawn(keep_alive("registry", move |alive| {
            let parts = parts.clone();
            let registry = Self {
                fleet: Fleet::new(
                    Arc::clone(&definitions),
                    parts.health_checks,
                    timeout,
                    &publisher.current(),
                ),
                view: parts.view,
                known: Known::default(),
                policies: Policies::default(),
                publisher: Arc::clone(&publisher),
                last: Published::Partly,
                status: status.clone(),
                retry: None,
                _alive: alive,
            };
            Actor::start(registry);
        }));
        handle
    }

    /// Reads and compiles what changed, and publishes it as configuration of this revision.
    ///
    /// Both are done on threads for long work: the thread of all actors goes on.
    fn round(&mut self, revision: Revision, whom: Asked, context: &mut Context<Self>) {
        let news = self.known.catch_up(|after| self.view.apis_since(after));
        self.fleet.forget(&news.gone);
        let mut asked: BTreeSet<ApiId> = news.changed.into_iter().collect();
        if whom == Asked::Late {
            asked.extend(self.fleet.late());
        }
        let records = asked.iter().filter_map(|id| self.view.api(id)).collect();
        let round = self.fleet.compile(records);
        let policies = self.policies.read_changed(&self.view);
        let both = future::join(round, policies).into_actor(self);
        // Nothing else is handled until the round is published: rounds cannot overtake each other.
        let published = both.map(move |(round, policies), registry, context| {
            let brought = Brought {
                revision,
                round,
                policies,
                gone: news.gone,
            };
            registry.publish(brought, context);
        });
        context.wait(published);
    }

    /// Publishes what a round of compiling brought, as one snapshot; no single API can keep the others from it.
    fn publish(&mut self, brought: Brought, context: &mut Context<Self>) {
        let revision = brought.revision;
        let mut touched: BTreeSet<ApiId> = brought.round.apis().cloned().collect();
        touched.extend(brought.gone);
        let settled = self.fleet.settle(brought.round);
        self.policies.settle(&brought.policies);
        let (snapshot, conflicts) = self.snapshot(touched, brought.policies);
        self.last = if conflicts.is_empty() && self.fleet.is_good() {
            Published::Whole
        } else {
            Published::Partly
        };
        for conflict in &conflicts {
            warn!(%conflict, "API not served");
        }
        self.publisher.publish(snapshot);
        let status = ConfigStatus {
            revision: Some(revision),
            degraded: self.fleet.degraded(&conflicts),
        };
        self.status.send_replace(status);
        self.plan_retry(settled, context);
    }

    /// Sees to it that those who are late are asked again; changes that come meanwhile do not put it off.
    fn plan_retry(&mut self, settled: Settled, context: &mut Context<Self>) {
        match (settled, self.retry) {
            (Settled::AskAgain, None) => {
                let again = context.run_later(RETRY_PAUSE, |registry, context| {
                    registry.retry = None;
                    let published = registry.status.borrow().revision;
                    if let Some(revision) = published {
                        registry.round(revision, Asked::Late, context);
                    }
                });
                self.retry = Some(again);
            }
            (Settled::All, Some(pending)) => {
                context.cancel_future(pending);
                self.retry = None;
            }
            (Settled::AskAgain, Some(_)) | (Settled::All, None) => {}
        }
    }

    /// The next snapshot, in which these APIs changed, and who wanted a place that is another's.
    fn snapshot(
        &self,
        touched: BTreeSet<ApiId>,
        policies: PolicyNews,
    ) -> (GatewaySnapshot, Vec<RouteConflict>) {
        if self.last == Published::Whole && self.fleet.is_good() {
            let apis = touched.into_iter().map(|id| {
                let in_force = self.fleet.of(&id);
                (id, in_force)
            });
            let change = SnapshotChange {
                apis: apis.collect(),
                policies,
            };
            if let Some(next) = self.publisher.current().with(change) {
                return (next, Vec::new());
            }
        }
        let (snapshot, mut conflicts) =
            GatewaySnapshot::build(self.fleet.newest(), self.policies.all());
        let (snapshot, lost) = snapshot.keeping(self.fleet.unserved(), self.fleet.older());
        conflicts.extend(lost);
        (snapshot, conflicts)
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let marks = self.view.subscribe();
        context.add_stream(stream::unfold(
            (marks, None),
            |(mut marks, last)| async move {
                let newer = |mark: &AppliedMark| last != Some(mark.config_revision);
                let revision = marks.wait_for(newer).await.ok()?.config_revision;
                Some((Applied(revision), (marks, Some(revision))))
            },
        ));
    }
}

impl StreamHandler<Applied> for Registry {
    fn handle(&mut self, Applied(revision): Applied, context: &mut Self::Context) {
        self.round(revision, Asked::Changed, context);
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "many_tests.rs"]
mod many_tests;

#[cfg(test)]
#[path = "late_tests.rs"]
mod late_tests;
