//! The composition root: the one place that knows all parts of a node and puts them together.
//!
//! ```text
//! data directory -> identity, key ring, secret -> log and state -> consensus -> actors -> listeners -> definitions
//! ```

mod background;
mod endpoints;
mod error;
mod gateway;
mod identity;
mod loading;
mod metrics;
mod restore;
mod seals;
mod secrets;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use raftgate_actors::registry::RegistryHandle;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::clock::{Clock, Entropy};
use raftgate_model::keyring::KeyRing;
use raftgate_model::secret::Secret;
use raftgate_storage::data_dir::DataDir;

use self::background::Background;
use self::identity::Identity;
use crate::config::settings::{Settings, TlsFiles};
use crate::control::{
    Control, ControlAccess, ControlListener, ControlListenerSettings, Health, Lifecycle,
    SnapshotExports,
};
use crate::control_address;
use crate::definitions::{DefinitionsFolder, DefinitionsWatch, Importer, LookOn};
use crate::listener_tls::ListenerTls;
use crate::oauth::{AuthorizationServer, OAuthParts};
use crate::proxy::Gateway;

pub use error::BootError;
pub use restore::{Restoration, RestoreError, RestoreOrder, restore};

/// How long a start waits for the stored configuration; thousands of APIs take a second or two.
const CONFIGURATION_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
/// How long the end waits for notifications on their way.
const NOTIFIER_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// What a node gets from outside besides its settings.
#[derive(Clone)]
pub struct Surroundings {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// The certificates of the listeners that have some.
struct Tls {
    gateway: Option<ListenerTls>,
    control: Option<ListenerTls>,
}

impl Tls {
    fn load(settings: &Settings) -> Result<Self, BootError> {
        let load = |files: &Option<TlsFiles>| files.clone().map(ListenerTls::load).transpose();
        let tls = Self {
            gateway: load(&settings.gateway.tls)
                .map_err(|error| BootError::Tls(error.to_string()))?,
            control: load(&settings.control.tls)
                .map_err(|error| BootError::Tls(error.to_string()))?,
        };
        Ok(tls)
    }
}

/// A node that serves.
pub struct RunningNode {
    name: String,
    gateway: Gateway,
    control: ControlListener,
    cluster_listener: TcpListener,
    cluster: ClusterHandle,
    background: Background,
    health: Arc<Health>,
    definitions: Option<DefinitionsWatch>,
    tls: Tls,
    control_secret: Secret,
    // Held until the end: it keeps other processes out.
    _data_dir: DataDir,
}

impl RunningNode {
    /// Starts a node; must be called inside an actix system.
    ///
    /// # Errors
    /// See [`BootError`]; nothing runs any more then.
    pub async fn start(settings: Settings, surroundings: Surroundings) -> Result<Self, BootError> {
        let tls = Tls::load(&settings)?;
        let data_dir = DataDir::open(&settings.node.data_dir)?;
        let name = settings.node.name.as_deref();
        let mut identity = Identity::load_or_create(&data_dir, name, &surroundings)?;
        let keys = Arc::new(secrets::key_ring(&settings, &identity, &surroundings)?);
        let control_secret = secrets::control_secret(&settings, &identity, &surroundings)?;
        let cluster_listener = bind_cluster(settings.cluster.listen)?;
        let cluster = background::start_cluster(
            &settings,
            &identity,
            &keys,
            &surroundings,
            &cluster_listener,
        )
        .await?;
        identity.started(&keys)?;
        let background = Background::start(&settings, &cluster, &keys, &surroundings).await?;
        let node = Assembly {
            settings,
            surroundings,
            identity,
            keys,
            cluster,
            background,
            control_secret,
            tls,
        };
        node.listen(cluster_listener, data_dir).await
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the APIs are served.
    #[must_use]
    pub fn gateway_address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Where the control API is served.
    #[must_use]
    pub fn control_address(&self) -> SocketAddr {
        self.control.address()
    }

    /// The address that is kept for peers.
    ///
    /// # Errors
    /// The system does not say.
    pub fn cluster_address(&self) -> std::io::Result<SocketAddr> {
        self.cluster_listener.local_addr()
    }

    /// The secret of the control API.
    #[must_use]
    pub fn control_secret(&self) -> &Secret {
        &self.control_secret
    }

    /// Reads the TLS files and the definitions folder again; what cannot be read keeps its last good state and is logged.
    pub fn reload(&self) {
        for tls in [&self.tls.gateway, &self.tls.control].into_iter().flatten() {
            tls.reload_or_log();
        }
        if let Some(watch) = &self.definitions {
            watch.reload();
        }
    }

    /// Finishes what is in flight and ends every part, the listeners first and the store last.
    pub async fn stop(self) {
        self.health.enter(Lifecycle::Draining);
        if let Some(watch) = self.definitions {
            watch.stop().await;
        }
        self.gateway.drain().await;
        self.control.drain().await;
        self.background.stop(NOTIFIER_PATIENCE).await;
        self.cluster.shutdown().await;
    }
}

/// The parts that are there before the listeners.
struct Assembly {
    settings: Settings,
    surroundings: Surroundings,
    identity: Identity,
    keys: Arc<KeyRing>,
    cluster: ClusterHandle,
    background: Background,
    control_secret: Secret,
    tls: Tls,
}

impl Assembly {
    async fn listen(
        self,
        cluster_listener: TcpListener,
        data_dir: DataDir,
    ) -> Result<RunningNode, BootError> {
        let registry = self.background.registry().clone();
        let health = Arc::new(Health::new(self.cluster.clone(), registry.clone()));
        let access = Arc::new(ControlAccess::new(self.control_secret.duplicate()));
        let oauth = Arc::new(self.authorization_server(Arc::clone(&access)));
        let importer = self.importer(registry.clone());
        let endpoints = endpoints::handler(Arc::clone(&oauth), Arc::clone(&health));
        let (gateway, counters) = gateway::start(&self, &registry, endpoints)?;
        let metrics = metrics::build(&self, &registry, counters);
        let control = Arc::new(Control {
            cluster: self.cluster.clone(),
            registry: registry.clone(),
            importer: importer.clone(),
            oauth,
            keys: Arc::clone(&self.keys),
            entropy: Arc::clone(&self.surroundings.entropy),
            access,
            settings: self.settings.oauth.clone(),
            health: Arc::clone(&health),
            metrics: Arc::new(metrics),
            snapshots: SnapshotExports::new(data_dir.path()),
        });
        let control = ControlListener::start(self.control_settings(), control)?;
        control_address::publish(data_dir.path(), control.address())
            .map_err(|error| BootError::file(data_dir.path(), error))?;
        let definitions = self.definitions(importer).await?;
        let in_force = self.cluster.view().meta().config_revision;
        registry.in_force(in_force, CONFIGURATION_PATIENCE).await?;
        health.enter(Lifecycle::Serving);
        Ok(RunningNode {
            name: self.identity.name().to_owned(),
            gateway,
            control,
            cluster_listener,
            cluster: self.cluster,
            background: self.background,
            health,
            definitions,
            tls: self.tls,
            control_secret: self.control_secret,
            _data_dir: data_dir,
        })
    }

    /// Applies the definitions folder, if there is one, and begins to watch it.
    async fn definitions(&self, importer: Importer) -> Result<Option<DefinitionsWatch>, BootError> {
        let Some(dir) = &self.settings.definitions.dir else {
            return Ok(None);
        };
        let folder = Arc::new(DefinitionsFolder::new(
            dir.clone(),
            importer,
            self.cluster.clone(),
        ));
        let on = if self.settings.definitions.watch {
            LookOn::Changes
        } else {
            LookOn::Reloads
        };
        let report = folder
            .apply()
            .await
            .map_err(|error| BootError::file(dir, error))?;
        tracing::info!(?report, "definitions folder applied");
        let watch = DefinitionsWatch::start(dir, on, move || {
            let folder = Arc::clone(&folder);
            async move { folder.apply_or_log().await }
        });
        // What changed before the watch was on is seen by a second look.
        watch.reload();
        Ok(Some(watch))
    }

    fn authorization_server(&self, control: Arc<ControlAccess>) -> AuthorizationServer {
        AuthorizationServer::new(OAuthParts {
            cluster: self.cluster.clone(),
            keys: Arc::clone(&self.keys),
            entropy: Arc::clone(&self.surroundings.entropy),
            settings: self.settings.oauth.clone(),
            notifications_queued_max: u32::try_from(self.settings.notifications.max_queued)
                .unwrap_or(u32::MAX),
            control,
        })
    }

    fn importer(&self, registry: RegistryHandle) -> Importer {
        Importer::new(
            self.cluster.clone(),
            registry,
            Arc::clone(&self.keys),
            Arc::clone(&self.surroundings.entropy),
        )
    }

    fn control_settings(&self) -> ControlListenerSettings {
        ControlListenerSettings {
            listen: self.settings.control.listen,
            tls: self.tls.control.as_ref().map(|tls| (*tls.config()).clone()),
            body_bytes_max: self.settings.limits.control_body_bytes,
            drain: background::duration(self.settings.limits.drain_timeout),
        }
    }
}

fn bind_cluster(address: SocketAddr) -> Result<TcpListener, BootError> {
    TcpListener::bind(address).map_err(|error| BootError::ClusterListen { address, error })
}
