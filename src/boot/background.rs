//! What runs beside the listeners: consensus on its own thread, the actors on arbiters of their own, the access log.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::{Arbiter, ArbiterHandle};
use raftgate_actors::compile::GatewayDefaults;
use raftgate_actors::registry::{Registry, RegistryHandle, RegistryParts};
use raftgate_actors::snapshot::UpstreamTimeouts;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_cluster::node::{NodeConfig, Storage, StorageConfig, start};
use raftgate_model::api::TokenLifetimes;
use raftgate_model::command::Found;
use raftgate_model::id::Incarnation;
use raftgate_model::keyring::KeyRing;
use raftgate_model::time::Ttl;
use raftgate_storage::machine::OpenProgress;
use raftgate_storage::wal::{WalConfig, WalId};
use tokio::sync::{mpsc, oneshot};

use super::{BootError, Identity, Surroundings};
use crate::config::settings::Settings;
use crate::proxy::AccessRecord;

/// How many records pass between two words on the progress of loading.
const PROGRESS_RECORDS: u64 = 100_000;
/// How many access records may wait to be written; more are dropped and counted.
const ACCESS_RECORDS_QUEUED_MAX: usize = 4096;

/// The arbiters beside the listeners, and what runs on them.
pub(super) struct Background {
    control: Arbiter,
    registry: RegistryHandle,
    access_records: Option<mpsc::Sender<AccessRecord>>,
}

impl Background {
    /// Starts the actors.
    pub(super) async fn start(
        settings: &Settings,
        cluster: &ClusterHandle,
        keys: &Arc<KeyRing>,
        _surroundings: &Surroundings,
    ) -> Result<Self, BootError> {
        let control = Arbiter::new();
        let parts = RegistryParts {
            view: Arc::clone(cluster.view()),
            keys: Arc::clone(keys),
            defaults: defaults(settings),
        };
        let registry = on(&control.handle(), move || Registry::run(parts)).await?;
        let access_records = settings
            .log
            .access
            .then(|| write_access_records(&control.handle()));
        Ok(Self {
            control,
            registry,
            access_records,
        })
    }

    pub(super) fn registry(&self) -> &RegistryHandle {
        &self.registry
    }

    /// Where the data plane hands its access records; none unless they are asked for.
    pub(super) fn access_records(&self) -> Option<mpsc::Sender<AccessRecord>> {
        self.access_records.clone()
    }

    /// Ends the actors.
    pub(super) fn stop(self) {
        self.control.stop();
        if self.control.join().is_err() {
            tracing::error!("the arbiter of the actors ended by a panic");
        }
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

fn write_access_records(arbiter: &ArbiterHandle) -> mpsc::Sender<AccessRecord> {
    let (sender, mut records) = mpsc::channel::<AccessRecord>(ACCESS_RECORDS_QUEUED_MAX);
    arbiter.spawn(async move {
        while let Some(record) = records.recv().await {
            record.log();
        }
    });
    sender
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
        .map_err(|error| BootError::ClusterListen {
            address: settings.cluster.listen,
            error,
        })?;
    let address = match &settings.cluster.advertise {
        Some(advertised) => advertised.to_string(),
        None => bound.to_string(),
    };
    let founding = Found {
        cluster: surroundings.entropy.bytes16(),
        incarnation: Incarnation(u32::from_be_bytes(surroundings.entropy.bytes4())),
        active_key: keys.active(),
    };
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
        new_log: WalId(surroundings.entropy.bytes16()),
    };
    let clock = Arc::clone(&surroundings.clock);
    let storage = Storage::open(storage, clock, &mut tell).await?;
    let cluster = start(config, storage, Arc::clone(&surroundings.clock)).await?;
    check_keys(settings, keys, &cluster)?;
    Ok(cluster)
}

/// How far loading is, now and then: a big state takes seconds.
fn tell(progress: OpenProgress) {
    match progress {
        OpenProgress::Copy(records) if records > 0 && records.is_multiple_of(PROGRESS_RECORDS) => {
            tracing::info!(records, "loading the state");
        }
        OpenProgress::Copy(_) => {}
        OpenProgress::Snapshot(progress) => tracing::info!(?progress, "loading a snapshot"),
    }
}

/// The ring must hold the key by which tokens are made.
fn check_keys(
    settings: &Settings,
    keys: &KeyRing,
    cluster: &ClusterHandle,
) -> Result<(), BootError> {
    let active = cluster.view().meta().active_key;
    if keys.key_ids().any(|id| id == active) {
        return Ok(());
    }
    Err(BootError::KeyMissing {
        path: settings.keyring_path(),
        key: active.to_string(),
    })
}

pub(super) const fn duration(ttl: Ttl) -> Duration {
    Duration::from_millis(ttl.as_ms())
}
