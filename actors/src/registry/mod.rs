//! The Registry: it follows the applied configuration, runs one actor per API, and alone publishes snapshots.

mod degraded;
mod fleet;
mod handle;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle, StreamHandler, WrapFuture};
use futures_util::stream;
use raftgate_model::id::Revision;
use raftgate_model::keyring::KeyRing;
use raftgate_model::policy::Policy;
use raftgate_model::state::record::ApiRecord;
use raftgate_storage::view::{AppliedMark, View};
use tokio::sync::watch;
use tracing::warn;

use self::fleet::{Fleet, Round, Settled};
use crate::compile::GatewayDefaults;
use crate::snapshot::{CompiledPolicy, GatewaySnapshot, Publisher};
use crate::supervise::{Alive, keep_alive};

pub use degraded::{DegradedApi, DegradedApis, Hindrance};
pub use handle::{ConfigStatus, IN_FORCE_LIMIT, NotInForce, RegistryHandle, Scope, Unservable};

/// How many records of a listing are taken at once.
const PAGE: usize = 1000;

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
}

/// The configuration revision that was applied.
struct Applied(Revision);

/// Follows configuration and publishes snapshots.
pub struct Registry {
    view: Arc<View>,
    fleet: Fleet,
    publisher: Arc<Publisher>,
    status: watch::Sender<ConfigStatus>,
    /// The round for those that were too late, while one is to come.
    retry: Option<SpawnHandle>,
    _alive: Alive,
}

impl Registry {
    /// Runs the Registry on the present arbiter, which it shares with its API actors and no HTTP worker.
    ///
    /// A Registry that dies is started again from state; meanwhile the last snapshot stays in force.
    #[must_use]
    pub fn run(parts: RegistryParts) -> RegistryHandle {
        let publisher = Arc::new(Publisher::default());
        let (status, statuses) = watch::channel(ConfigStatus::default());
        let handle = RegistryHandle::new(publisher.source(), statuses);
        actix::spawn(keep_alive("registry", move |alive| {
            let parts = parts.clone();
            let registry = Self {
                fleet: Fleet::new(parts.keys, parts.defaults, COMPILE_TIMEOUT),
                view: parts.view,
                publisher: Arc::clone(&publisher),
                status: status.clone(),
                retry: None,
                _alive: alive,
            };
            Actor::start(registry);
        }));
        handle
    }

    /// Compiles what changed and publishes it as configuration of this revision.
    fn round(&mut self, revision: Revision, context: &mut Context<Self>) {
        let round = self.fleet.compile(self.apis());
        // Nothing else is handled until the round is published: rounds cannot overtake each other.
        let published = round
            .into_actor(self)
            .map(move |round, registry, context| registry.publish(revision, round, context));
        context.wait(published);
    }

    /// Publishes what a round of compiling brought, as one snapshot; no single API can keep the others from it.
    fn publish(&mut self, revision: Revision, round: Round, context: &mut Context<Self>) {
        let settled = self.fleet.settle(round);
        let (snapshot, mut conflicts) =
            GatewaySnapshot::build(self.fleet.newest(), self.policies());
        let (snapshot, lost) = snapshot.keeping(self.fleet.unserved(), self.fleet.older());
        conflicts.extend(lost);
        for conflict in &conflicts {
            warn!(%conflict, "API not served");
        }
        self.publisher.publish(snapshot);
        let status = ConfigStatus {
            revision: Some(revision),
            degraded: self.fleet.degraded(&conflicts),
        };
        self.status.send_replace(status);
        if let Some(pending) = self.retry.take() {
            context.cancel_future(pending);
        }
        if settled == Settled::AskAgain {
            let again = context.run_later(RETRY_PAUSE, move |registry, context| {
                registry.round(revision, context);
            });
            self.retry = Some(again);
        }
    }

    /// Every API there is.
    fn apis(&self) -> Vec<Arc<ApiRecord>> {
        let ids = every(|after| self.view.apis(after, PAGE));
        ids.iter().filter_map(|id| self.view.api(id)).collect()
    }

    /// Every policy that can be read; an unreadable one makes no session, which refuses its tokens.
    fn policies(&self) -> Vec<Arc<CompiledPolicy>> {
        let ids = every(|after| self.view.policies(after, PAGE));
        let compiled = ids
            .iter()
            .filter_map(|id| self.view.policy(id))
            .filter_map(|record| match Policy::from_json(&record.document) {
                Ok(policy) => Some(Arc::new(CompiledPolicy::new(record.id.clone(), policy))),
                Err(faults) => {
                    warn!(policy = %record.id, %faults, "policy cannot be read");
                    None
                }
            });
        compiled.collect()
    }
}

/// All pages of a listing.
fn every<T>(page: impl Fn(Option<&T>) -> Vec<T>) -> Vec<T> {
    let mut all = Vec::new();
    loop {
        let next = page(all.last());
        if next.is_empty() {
            return all;
        }
        all.extend(next);
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
        self.round(revision, context);
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
