//! Definitions that take too long to compile, and come into force all the same.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::mpsc;

use parking_lot::Mutex;
use raftgate_model::state::record::ApiRecord;

use super::tests::{Config, keyless};
use super::*;
use crate::snapshot::{ApiCounters, CompiledApi, gateway_tls};

/// Definitions of which none is compiled before the test lets go of the other end.
struct Held {
    sealed: SealedDefinitions,
    until: Mutex<mpsc::Receiver<()>>,
}

impl Definitions for Held {
    fn compile(
        &self,
        record: &ApiRecord,
        counters: Arc<ApiCounters>,
    ) -> Result<Option<CompiledApi>, String> {
        assert!(self.until.lock().recv().is_err(), "nothing is ever sent");
        self.sealed.compile(record, counters)
    }
}

#[actix::test]
async fn what_was_late_comes_into_force_without_another_change() {
    let mut config = Config::new();
    config.put("slow", &keyless("slow", "http://127.0.0.1:1"));
    let (hold, until) = mpsc::sync_channel(0);
    let parts = RegistryParts {
        view: Arc::clone(&config.view),
        keys: Arc::clone(&config.keys),
        defaults: GatewayDefaults::default(),
        health_checks: HealthChecks::on(actix::Arbiter::current(), gateway_tls().unwrap()),
    };
    let definitions = Held {
        sealed: SealedDefinitions::new(Arc::clone(&config.keys), parts.defaults),
        until: Mutex::new(until),
    };
    let timeout = Duration::from_millis(20);
    let registry = Registry::run_with(parts, Arc::new(definitions), timeout);
    config.settled(&registry).await;
    let hindrances = || -> Vec<_> {
        let degraded = registry.status().degraded;
        degraded.iter().map(|api| api.hindrance).collect()
    };
    assert_eq!(hindrances(), [Hindrance::Late]);
    let slow = ApiId::new("slow").unwrap();
    assert!(registry.source().current().api(&slow).is_none());

    drop(hold);
    let revision = config.view.meta().config_revision;
    let in_force = registry.in_force(revision, Scope::Everything, IN_FORCE_LIMIT);
    assert_eq!(in_force.await, Ok(()));
    assert_eq!(hindrances(), []);
    assert!(registry.source().current().api(&slow).is_some());
}
