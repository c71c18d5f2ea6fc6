//! What runs beside the listeners: the actors on arbiters of their own, the access log.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::{Arbiter, ArbiterHandle};
use raftgate_actors::api::HealthChecks;
use raftgate_actors::cluster_access::ClusterAccess;
use raftgate_actors::compile::GatewayDefaults;
use raftgate_actors::notifier::{DeliveryTerms, Notifier, NotifierHandle, NotifierParts};
use raftgate_actors::registry::{Registry, RegistryHandle, RegistryParts};
use raftgate_actors::snapshot::UpstreamTimeouts;
use raftgate_actors::sweeper::{Sweeper, SweeperHandle, SweeperParts};
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::api::TokenLifetimes;
use raftgate_model::keyring::KeyRing;
use raftgate_model::time::Ttl;
use tokio::sync::{mpsc, oneshot};

use super::BootError;
use super::access_log::AccessLog;
use crate::config::settings::Settings;
use crate::proxy::AccessRecord;

/// How often the Sweeper looks for something when there was nothing.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How long the last access records may take to be written at the end.
const ACCESS_LOG_PATIENCE: Duration = Duration::from_secs(2);
/// How long the end waits for a thread of the actors.
const ARBITER_PATIENCE: Duration = Duration::from_secs(5);

/// What the actors are made of.
#[derive(Clone, Copy)]
pub(super) struct BackgroundParts<'a> {
    pub(super) settings: &'a Settings,
    pub(super) cluster: &'a ClusterHandle,
    pub(super) keys: &'a Arc<KeyRing>,
    /// Towards checked targets and the receivers of notifications.
    pub(super) tls: &'a Arc<rustls::ClientConfig>,
}

/// The arbiters beside the listeners, and what runs on them.
pub(super) struct Background {
    control: Arbiter,
    upkeep: Arbiter,
    actors: Actors,
    access_log: Option<AccessLog<AccessRecord>>,
}

/// The actors that run.
struct Actors {
    registry: RegistryHandle,
    notifier: NotifierHandle,
    sweeper: SweeperHandle,
}

impl Background {
    /// Starts the actors.
    pub(super) async fn start(parts: BackgroundParts<'_>) -> Result<Self, BootError> {
        let (control, upkeep) = (Arbiter::new(), Arbiter::new());
        let actors = Actors::start(parts, control.handle(), upkeep.handle()).await;
        let actors = match actors {
            Ok(actors) => actors,
            Err(error) => {
                end_arbiter(upkeep).await;
                end_arbiter(control).await;
                return Err(error);
            }
        };
        let access_log = parts
            .settings
            .log
            .access
            .then(|| AccessLog::start(&control.handle(), AccessRecord::log));
        Ok(Self {
            control,
            upkeep,
            actors,
            access_log,
        })
    }

    pub(super) fn registry(&self) -> &RegistryHandle {
        &self.actors.registry
    }

    /// Where the data plane hands its access records; none unless they are asked for.
    pub(super) fn access_records(&self) -> Option<mpsc::Sender<AccessRecord>> {
        self.access_log.as_ref().map(AccessLog::sender)
    }

    /// The sender of notifications, for metrics.
    pub(super) fn notifier(&self) -> &NotifierHandle {
        &self.actors.notifier
    }

    /// The remover of what is over, for metrics.
    pub(super) fn sweeper(&self) -> &SweeperHandle {
        &self.actors.sweeper
    }

    /// Lets notifications on their way be told of, within a bound, and begins no further.
    pub(super) async fn drain(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.actors.notifier.drain())
            .await
            .is_err()
        {
            tracing::warn!("notifications on their way were cut off; they are sent again");
        }
    }

    /// Writes the last access records and ends the actors.
    pub(super) async fn end(self) {
        if let Some(access_log) = self.access_log {
            access_log.end(ACCESS_LOG_PATIENCE).await;
        }
        end_arbiter(self.upkeep).await;
        end_arbiter(self.control).await;
    }
}

impl Actors {
    /// Starts them on the arbiters for control and upkeep.
    async fn start(
        parts: BackgroundParts<'_>,
        control: ArbiterHandle,
        upkeep: ArbiterHandle,
    ) -> Result<Self, BootError> {
        let BackgroundParts {
            settings,
            cluster,
            keys,
            tls,
        } = parts;
        let registry = RegistryParts {
            view: Arc::clone(cluster.view()),
            keys: Arc::clone(keys),
            defaults: defaults(settings),
            health_checks: HealthChecks::on(upkeep.clone(), Arc::clone(tls)),
        };
        let registry = on(&control, move || Registry::run(registry)).await?;
        let notifier = NotifierParts {
            cluster: ClusterAccess::from(cluster.clone()),
            registry: registry.clone(),
            keys: Arc::clone(keys),
            terms: DeliveryTerms {
                attempts_max: settings.notifications.attempts,
                backoff: settings.notifications.backoff.clone(),
                timeout: duration(settings.notifications.timeout),
            },
            tls: Arc::clone(tls),
        };
        let notifier = on(&upkeep, move || Notifier::run(notifier)).await?;
        let sweeper = SweeperParts {
            cluster: ClusterAccess::from(cluster.clone()),
            interval: SWEEP_INTERVAL,
        };
        let sweeper = on(&upkeep, move || Sweeper::run(sweeper)).await?;
        Ok(Self {
            registry,
            notifier,
            sweeper,
        })
    }
}

/// Ends an arbiter and waits for its thread, for a limited time and not on this one.
async fn end_arbiter(arbiter: Arbiter) {
    arbiter.stop();
    let (sender, ended) = oneshot::channel();
    let join = move || {
        // Nobody waits any more if it took too long.
        let _ = sender.send(arbiter.join().is_err());
    };
    if let Err(error) = std::thread::Builder::new()
        .name("arbiter end".into())
        .spawn(join)
    {
        tracing::error!(%error, "the end of the actors cannot be waited for");
        return;
    }
    match tokio::time::timeout(ARBITER_PATIENCE, ended).await {
        Ok(Ok(false)) => {}
        Ok(_) => tracing::error!("an arbiter of the actors ended by a panic"),
        Err(_) => tracing::error!("an arbiter of the actors does not end, it is left behind"),
    }
}

/// Runs something on an arbiter and brings back what it yields.
async fn on<T: Send + 'static>(
    arbiter: &ArbiterHandle,
    start: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BootError> {
    let (sender, started) = oneshot::channel();
    arbiter.spawn_fn(move || {
        // Nobody waits any more if the start was given up.
        let _ = sender.send(start());
    });
    started.await.map_err(|_| BootError::Actors)
}

fn defaults(settings: &Settings) -> GatewayDefaults {
    let limits = &settings.limits;
    GatewayDefaults {
        error_style: settings.oauth.error_style,
        tyk_status: settings.oauth.error_status_code,
        lifetimes: TokenLifetimes {
            access_token: settings.oauth.access_token_ttl,
            refresh_token: settings.oauth.refresh_token_ttl,
            auth_code: settings.oauth.auth_code_ttl,
        },
        timeouts: UpstreamTimeouts {
            connect: duration(limits.upstream_connect_timeout),
            head: duration(limits.upstream_head_timeout),
            until_head: None,
            idle: duration(limits.upstream_idle_timeout),
            total: None,
        },
        paths: settings.compat.path_matching,
    }
}

pub(super) const fn duration(ttl: Ttl) -> Duration {
    Duration::from_millis(ttl.as_ms())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::config::environment::Environment;
    use crate::config::flags::Flags;
    use crate::config::resolve;

    #[test]
    fn the_defaults_of_what_is_not_configured_are_those_of_the_configuration() {
        let nothing = Environment::from_pairs::<String, String>([]);
        let settings = resolve(None, &nothing, &Flags::default()).unwrap();
        assert_eq!(defaults(&settings), GatewayDefaults::default());
    }
}
