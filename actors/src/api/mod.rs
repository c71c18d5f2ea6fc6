//! The actor of one API: it owns the definition and its auth config, and compiles what requests read.

mod checks;
mod messages;

use std::sync::Arc;

use actix::{Actor, Context, Handler};
use raftgate_model::api::ApiSpec;
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::state::record::ApiRecord;
use tracing::{info, warn};

use checks::Checks;
pub use messages::{ApiHealth, Compile, Compiled};

use crate::compile::{GatewayDefaults, compile};
use crate::snapshot::{ApiCounters, CompiledApi};

/// Owns one API while it runs.
///
/// Asked by the Registry alone; it asks nobody.
pub struct ApiActor {
    keys: Arc<KeyRing>,
    defaults: GatewayDefaults,
    counters: Arc<ApiCounters>,
    in_force: Option<Arc<CompiledApi>>,
    // Health checks of what is in force.
    checks: Option<Checks>,
}

impl ApiActor {
    /// An actor that goes on from a version in force, if there is one.
    #[must_use]
    pub fn new(
        keys: Arc<KeyRing>,
        defaults: GatewayDefaults,
        in_force: Option<Arc<CompiledApi>>,
    ) -> Self {
        let counters = in_force
            .as_ref()
            .map(|api| Arc::clone(&api.counters))
            .unwrap_or_default();
        Self {
            keys,
            defaults,
            counters,
            in_force,
            checks: None,
        }
    }

    /// Opens, reads and compiles a definition; an inactive API compiles to nothing.
    fn build(&self, record: &ApiRecord) -> Result<Option<CompiledApi>, String> {
        let owner = SecretOwner {
            kind: SecretKind::ApiDefinition,
            id: record.id.as_str(),
        };
        let text = self
            .keys
            .open(owner, &record.document)
            .map_err(|fault| fault.to_string())?;
        let (spec, _) = ApiSpec::from_text(text.expose()).map_err(|faults| faults.to_string())?;
        if !spec.active {
            return Ok(None);
        }
        let counters = Arc::clone(&self.counters);
        compile(&spec, record.revision, &self.defaults, counters)
            .map(Some)
            .map_err(|invalid| invalid.to_string())
    }
}

/// What the log says of an API whose newest definition cannot come into force.
pub(crate) fn outcome_of_failure(has_earlier: bool) -> &'static str {
    if has_earlier {
        "API keeps its last good version"
    } else {
        "API is not served: it has no good version to go on with"
    }
}

impl ApiActor {
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
        self.checks = self.in_force.as_deref().and_then(Checks::of);
    }
}

impl Actor for ApiActor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.check();
    }
}

impl Handler<Compile> for ApiActor {
    type Result = actix::MessageResult<Compile>;

    fn handle(&mut self, message: Compile, _: &mut Context<Self>) -> Self::Result {
        let record = message.0;
        let health = match self.build(&record) {
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
        actix::MessageResult(Compiled {
            in_force: self.in_force.clone(),
            health,
        })
    }
}
