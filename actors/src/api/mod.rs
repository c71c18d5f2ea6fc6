//! The actor of one API: it owns the definition and its auth config, and compiles what requests read.

mod checks;
mod definitions;
mod finding;
mod health_checks;
mod messages;

use std::sync::Arc;

use actix::{Actor, ActorFutureExt, AtomicResponse, Context, Handler, WrapFuture};
use raftgate_model::id::Revision;
use raftgate_model::state::record::ApiRecord;
use tokio::task::{JoinError, spawn_blocking};
use tracing::{info, warn};

use checks::Checks;
pub use definitions::{Definitions, SealedDefinitions};
pub use health_checks::HealthChecks;
pub use messages::{ApiHealth, Compile, Compiled};

use crate::snapshot::{ApiCounters, CompiledApi};

/// Owns one API while it runs.
///
/// Asked by the Registry alone; it asks nobody. It compiles on a thread for long work, one version at a time: meanwhile
/// the thread of all actors goes on, and further questions to this one wait.
pub struct ApiActor {
    definitions: Arc<dyn Definitions>,
    counters: Arc<ApiCounters>,
    in_force: Option<Arc<CompiledApi>>,
    /// What came of the newest version that was compiled here.
    newest: Option<(Revision, ApiHealth)>,
    health_checks: HealthChecks,
    /// Health checks of what is in force.
    checks: Option<Checks>,
}

impl ApiActor {
    /// An actor that goes on from a version in force, if there is one.
    #[must_use]
    pub fn new(
        definitions: Arc<dyn Definitions>,
        health_checks: HealthChecks,
        in_force: Option<Arc<CompiledApi>>,
    ) -> Self {
        let counters = in_force
            .as_ref()
            .map(|api| Arc::clone(&api.counters))
            .unwrap_or_default();
        Self {
            definitions,
            counters,
            in_force,
            newest: None,
            health_checks,
            checks: None,
        }
    }

    /// What was made of this version before, for one who did not wait for it.
    fn known(&self, revision: Revision) -> Option<Compiled> {
        let (newest, health) = self.newest.as_ref()?;
        (*newest == revision).then(|| self.compiled(health.clone()))
    }

    fn compiled(&self, health: ApiHealth) -> Compiled {
        Compiled {
            in_force: self.in_force.clone(),
            health,
        }
    }

    /// Takes over what compiling a version brought; one that cannot be served leaves what is in force.
    fn settle(&mut self, record: &ApiRecord, outcome: Outcome) -> Compiled {
        let outcome =
            outcome.unwrap_or_else(|_| Err("compiling the definition failed inside".to_owned()));
        let health = match outcome {
            Ok(compiled) => {
                info!(api = %record.id, revision = record.revision.0, active = compiled.is_some(), "API in force");
                self.enforce(compiled);
                ApiHealth::Good
            }
            Err(reason) => {
                let outcome = outcome_of_failure(self.in_force.is_some());
                warn!(api = %record.id, revision = record.revision.0, %reason, "{outcome}");
                ApiHealth::Degraded {
                    reason: reason.into(),
                }
            }
        };
        self.newest = Some((record.revision, health.clone()));
        self.compiled(health)
    }

    /// Puts a version in force; what was known of its targets' health goes on.
    fn enforce(&mut self, mut compiled: Option<CompiledApi>) {
        let earlier = self.in_force.take();
        let earlier = earlier.as_ref().and_then(|api| api.balancer.as_ref());
        if let Some((api, earlier)) = compiled.as_mut().zip(earlier) {
            let balancer = api.balancer.take();
            api.balancer = balancer.map(|balancer| balancer.following(earlier));
        }
        self.in_force = compiled.map(Arc::new);
        self.check();
    }

    /// Checks the targets of what is in force, and no others.
    fn check(&mut self) {
        let running = self.checks.take();
        self.checks = Checks::of(self.in_force.as_deref(), running, &self.health_checks);
    }
}

/// What compiling brought; an error of the thread is a panic on it.
type Outcome = Result<Result<Option<CompiledApi>, String>, JoinError>;

/// What the log says of an API whose newest definition cannot come into force.
pub(crate) fn outcome_of_failure(has_earlier: bool) -> &'static str {
    if has_earlier {
        "API keeps its last good version"
    } else {
        "API is not served: it has no good version to go on with"
    }
}

impl Actor for ApiActor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.check();
    }
}

impl Handler<Compile> for ApiActor {
    type Result = AtomicResponse<Self, Compiled>;

    fn handle(&mut self, message: Compile, _: &mut Context<Self>) -> Self::Result {
        let record = message.0;
        if let Some(known) = self.known(record.revision) {
            return AtomicResponse::new(Box::pin(actix::fut::ready(known)));
        }
        let definitions = Arc::clone(&self.definitions);
        let counters = Arc::clone(&self.counters);
        let version = Arc::clone(&record);
        let compiling = spawn_blocking(move || definitions.compile(&version, counters));
        let settled = compiling
            .into_actor(self)
            .map(move |outcome, actor, _| actor.settle(&record, outcome));
        AtomicResponse::new(Box::pin(settled))
    }
}
