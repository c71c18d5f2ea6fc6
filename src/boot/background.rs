//! What runs beside the listeners: consensus on its own thread, the actors on arbiters of their own, the access log.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::{Arbiter, ArbiterHandle};
use raftgate_actors::cluster_access::ClusterAccess;
use raftgate_actors::compile::GatewayDefaults;
use raftgate_actors::notifier::{DeliveryTerms, Notifier, NotifierHandle, NotifierParts};
use raftgate_actors::registry::{Registry, RegistryHandle, RegistryParts};
use raftgate_actors::snapshot::UpstreamTimeouts;
use raftgate_actors::sweeper::{Sweeper, SweeperHandle, SweeperParts};
use raftgate_cluster::handle::ClusterHandle;
use raftgate_cluster::node::{NodeConfig, Storage, StorageConfig, start};
use raftgate_model::api::TokenLifetimes;
use raftgate_model::clock::Clock;
use raftgate_model::command::Found;
use raftgate_model::id::Incarnation;
use raftgate_model::keyring::{ForeignKey, KeyCheck, KeyRing, UnknownKey};
use raftgate_model::state::record::Meta;
use raftgate_model::time::Ttl;
use raftgate_storage::machine::StateMachine;
use raftgate_storage::types::Node as Peer;
use raftgate_storage::wal::{WalConfig, WalId};
use tokio::sync::{mpsc, oneshot};

use super::access_log::AccessLog;
use super::identity::Stage;
use super::loading::Loading;
use super::{BootError, Identity, Surroundings};
use crate::config::settings::Settings;
use crate::listen_error::Listener;
use crate::proxy::AccessRecord;

/// How often the Sweeper looks for something when there was nothing.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How long the newest entries of the log are waited for at the start.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last access records may take to be written at the end.
const ACCESS_LOG_PATIENCE: Duration = Duration::from_secs(2);
/// How long the end waits for a thread of the actors.
const ARBITER_PATIENCE: Duration = Duration::from_secs(5);

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
    pub(super) async fn start(
        settings: &Settings,
        cluster: &ClusterHandle,
        keys: &Arc<KeyRing>,
    ) -> Result<Self, BootError> {
        let (control, upkeep) = (Arbiter::new(), Arbiter::new());
        let handles = (control.handle(), upkeep.handle());
        let actors = match Actors::start(settings, cluster, keys, handles).await {
            Ok(actors) => actors,
            Err(error) => {
                end_arbiter(upkeep).await;
                end_arbiter(control).await;
                return Err(error);
            }
        };
        let access_log = settings
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
        settings: &Settings,
        cluster: &ClusterHandle,
        keys: &Arc<KeyRing>,
        (control, upkeep): (ArbiterHandle, ArbiterHandle),
    ) -> Result<Self, BootError> {
        let parts = RegistryParts {
            view: Arc::clone(cluster.view()),
            keys: Arc::clone(keys),
            defaults: defaults(settings),
        };
        let registry = on(&control, move || Registry::run(parts)).await?;
        let notifier = NotifierParts {
            cluster: ClusterAccess::from(cluster.clone()),
            registry: registry.clone(),
            keys: Arc::clone(keys),
            terms: DeliveryTerms {
                attempts_max: settings.notifications.attempts,
                backoff: settings.notifications.backoff.clone(),
                timeout: duration(settings.notifications.timeout),
            },
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
            idle: duration(limits.upstream_idle_timeout),
        },
        paths: settings.compat.path_matching,
    }
}

/// Opens log and state, and starts consensus over them.
pub(super) async fn start_cluster(
    settings: &Settings,
    identity: &Identity,
    keys: &Arc<KeyRing>,
    surroundings: &Surroundings,
    listener: &TcpListener,
) -> Result<ClusterHandle, BootError> {
    let bound = listener
        .local_addr()
        .map_err(|error| Listener::Cluster.failed(settings.cluster.listen, error))?;
    let address = match &settings.cluster.advertise {
        Some(advertised) => advertised.to_string(),
        None => bound.to_string(),
    };
    let founding = founding(settings, keys, surroundings)?;
    let config = NodeConfig {
        node: identity.id(),
        name: identity.name().to_owned(),
        address,
        data_dir: settings.node.data_dir.clone(),
        write_timeout: duration(settings.cluster.write_timeout),
        founding: Some(founding),
    };
    let storage = StorageConfig {
        data_dir: settings.node.data_dir.clone(),
        wal: WalConfig::default(),
        new_log: match identity.stage() {
            Stage::Founding | Stage::Restored => Some(WalId(surroundings.entropy.bytes16())),
            Stage::Restoring | Stage::Member => None,
        },
    };
    let storage = load(storage, Arc::clone(&surroundings.clock)).await?;
    // Before anything is written: what does not belong together must not be mixed any further.
    check_fits(settings, identity, keys, &storage.machine)?;
    let cluster = start(config, storage, Arc::clone(&surroundings.clock)).await?;
    catch_up(&cluster).await;
    // What the state was not known to hold before the rest of the log was applied.
    if let Err(error) = check_ring(settings.keyring_path(), keys, &cluster.view().meta()) {
        cluster.shutdown().await;
        return Err(error);
    }
    Ok(cluster)
}

/// Opens log and state on a thread of their own.
///
/// It blocks for seconds when the state is big, and meanwhile signals are to be heard and `/ready` is to be answered.
async fn load(config: StorageConfig, clock: Arc<dyn Clock>) -> Result<Storage, BootError> {
    let failed = |reason: String| BootError::Loading(reason);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let (sender, loaded) = oneshot::channel();
    let open = move || {
        let mut loading = Loading::default();
        let mut tell = |at| loading.tell(at);
        let opened = runtime.block_on(Storage::open(config, clock, &mut tell));
        // Nobody waits any more if the start was given up.
        let _ = sender.send(opened);
    };
    std::thread::Builder::new()
        .name("load".into())
        .spawn(open)
        .map_err(|error| failed(error.to_string()))?;
    let opened = loaded.await;
    Ok(opened.map_err(|_| failed("it panicked".into()))??)
}

/// Waits until everything in the log is applied, where this node needs nobody else for that.
///
/// An entry is acknowledged when it is durable, and what was committed is written down a little later: after a crash the
/// newest entries are applied only when this node leads again, which takes a sole voter no longer than a write.
async fn catch_up(cluster: &ClusterHandle) {
    let status = cluster.status();
    let mut voters = status.members.iter().filter(|member| member.is_voter);
    let is_sole_voter = voters.next().is_some_and(|voter| voter.node == status.node);
    let (true, None, Some(last)) = (is_sole_voter, voters.next(), status.last_log) else {
        return;
    };
    let deadline = tokio::time::Instant::now() + CATCH_UP_TIMEOUT;
    if let Err(error) = cluster.wait_applied(last, deadline).await {
        tracing::warn!(last = last.0, %error, "the newest entries of the log are not in force yet");
    }
}

/// The state must be that of this node, and the ring must hold the key by which tokens are made.
fn check_fits(
    settings: &Settings,
    identity: &Identity,
    keys: &KeyRing,
    machine: &StateMachine,
) -> Result<(), BootError> {
    let (_, members) = machine.position();
    let members: Vec<_> = members.nodes().collect();
    if !members.is_empty() && members.iter().all(|(id, _)| **id != identity.id().0) {
        let shown = |(id, node): &(&u64, &Peer)| format!("{} ({id:016x})", node.name);
        let shown: Vec<String> = members.iter().map(shown).collect();
        return Err(identity.is_no_member(&shown));
    }
    check_ring(settings.keyring_path(), keys, &machine.view().meta())
}

/// A new cluster whose tokens are made with the ring's active key.
fn founding(
    settings: &Settings,
    keys: &KeyRing,
    surroundings: &Surroundings,
) -> Result<Found, BootError> {
    let id = keys.active();
    let value = keys.check_value(id).map_err(|UnknownKey(key)| {
        let path = settings.keyring_path();
        let key = key.to_string();
        BootError::KeyMissing { path, key }
    })?;
    Ok(Found {
        cluster: surroundings.entropy.bytes16(),
        incarnation: Incarnation(u32::from_be_bytes(surroundings.entropy.bytes4())),
        active_key: KeyCheck { id, value },
    })
}

/// The ring must hold the key by which tokens are made, and no other key under an id that the state knows.
fn check_ring(path: PathBuf, keys: &KeyRing, meta: &Meta) -> Result<(), BootError> {
    let founded = meta.cluster != [0; 16];
    if !founded {
        return Ok(());
    }
    if let Err(ForeignKey(key)) = keys.agrees_with(&meta.keys) {
        return Err(BootError::OtherKey { path, key });
    }
    if keys.key_ids().any(|id| id == meta.active_key) {
        return Ok(());
    }
    let key = meta.active_key.to_string();
    Err(BootError::KeyMissing { path, key })
}

pub(super) const fn duration(ttl: Ttl) -> Duration {
    Duration::from_millis(ttl.as_ms())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use raftgate_model::id::KeyId;
    use raftgate_model::secret::SecretBytes;

    use super::*;
    use crate::config::environment::Environment;
    use crate::config::flags::Flags;
    use crate::config::resolve;

    fn ring(id: u16, material: u8) -> KeyRing {
        KeyRing::new(
            KeyId(id),
            SecretBytes::new([material; 32]),
            SecretBytes::new([2; 32]),
        )
    }

    #[test]
    fn the_defaults_of_what_is_not_configured_are_those_of_the_configuration() {
        let nothing = Environment::from_pairs::<String, String>([]);
        let settings = resolve(None, &nothing, &Flags::default()).unwrap();
        assert_eq!(defaults(&settings).timeouts, UpstreamTimeouts::default());
    }

    #[test]
    fn a_state_takes_its_own_ring_alone() {
        let mut meta = Meta::default();
        let check = |meta: &Meta, ring: &KeyRing| check_ring("keyring".into(), ring, meta);
        assert!(check(&meta, &ring(1, 9)).is_ok(), "not founded yet");
        meta.cluster = [7; 16];
        meta.activate(ring(1, 1).key_checks().next().unwrap());
        assert!(check(&meta, &ring(1, 1)).is_ok());
        assert!(matches!(
            check(&meta, &ring(1, 9)),
            Err(BootError::OtherKey { .. })
        ));
        assert!(matches!(
            check(&meta, &ring(2, 1)),
            Err(BootError::KeyMissing { .. })
        ));
    }
}
