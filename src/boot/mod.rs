//! The composition root: the one place that knows all parts of a node and puts them together.
//!
//! ```text
//! data directory -> listeners (503) -> identity, key ring, secret -> log and state -> consensus -> actors -> definitions -> open
//! ```

mod access_log;
mod background;
mod cluster;
mod doors;
mod endpoints;
mod error;
mod gateway;
mod identity;
mod loading;
mod metrics;
mod restore;
mod secrets;

use std::net::SocketAddr;
use std::sync::Arc;

use raftgate_actors::registry::RegistryHandle;
use raftgate_actors::snapshot::gateway_tls;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::clock::{Clock, Entropy};
use raftgate_model::keyring::KeyRing;
use raftgate_model::secret::Secret;
use raftgate_storage::data_dir::DataDir;

use self::background::{Background, BackgroundParts};
use self::doors::Doors;
use self::identity::Identity;
use crate::config::settings::{Settings, TlsFiles};
use crate::control::{
    AdminTokens, Control, ControlAccess, GatewayUrl, Lifecycle, Listings, SnapshotExports,
};
use crate::control_address;
use crate::credentials::{HashPool, Users, UsersParts};
use crate::definitions::{DefinitionsFolder, DefinitionsWatch, FolderError, Importer, LookOn};
use crate::listener_tls::ListenerTls;
use crate::oauth::{AuthorizationServer, OAuthParts};
use crate::telemetry::told_once::ToldOnce;

pub use error::BootError;
pub use gateway::gateway_settings;
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

/// TLS on both sides: the certificates of the listeners that have some, and whom this node trusts as a client.
struct Tls {
    gateway: Option<ListenerTls>,
    control: Option<ListenerTls>,
    /// Towards upstreams and the receivers of notifications.
    upstream: Arc<rustls::ClientConfig>,
}

impl Tls {
    fn load(settings: &Settings) -> Result<Self, BootError> {
        let load = |section, files: &Option<TlsFiles>| {
            let loaded = files.clone().map(ListenerTls::load).transpose();
            loaded.map_err(|error| BootError::ListenerTls { section, error })
        };
        Ok(Self {
            gateway: load("gateway", &settings.gateway.tls)?,
            control: load("control", &settings.control.tls)?,
            upstream: gateway_tls().map_err(BootError::UpstreamTls)?,
        })
    }
}

/// A node that serves.
pub struct RunningNode {
    name: String,
    doors: Doors,
    cluster: ClusterHandle,
    background: Background,
    definitions: Option<DefinitionsWatch>,
    tls: Tls,
    control_secret: Secret,
    // Held until the end: it keeps other processes out.
    _data_dir: DataDir,
}

impl RunningNode {
    /// Starts a node; must be called inside an actix system.
    ///
    /// The listeners are bound at once and answer 503 until the stored configuration and the definitions folder are in
    /// force, which they are when this returns.
    ///
    /// # Errors
    /// See [`BootError`]; nothing of the node runs any more then.
    pub async fn start(settings: Settings, surroundings: Surroundings) -> Result<Self, BootError> {
        let tls = Tls::load(&settings)?;
        let data_dir = DataDir::open(&settings.node.data_dir)?;
        let doors = Doors::bind(&settings, &surroundings, &tls).await?;
        let assembly = match Assembly::begin(settings, surroundings, &data_dir, &doors, &tls).await
        {
            Ok(assembly) => assembly,
            Err(error) => {
                doors.close().await;
                return Err(error);
            }
        };
        let definitions = match assembly.open(&doors, &data_dir).await {
            Ok(definitions) => definitions,
            Err(error) => {
                doors.close().await;
                assembly.end().await;
                return Err(error);
            }
        };
        Ok(Self {
            name: assembly.identity.name().to_owned(),
            doors,
            cluster: assembly.cluster,
            background: assembly.background,
            definitions,
            tls,
            control_secret: assembly.control_secret,
            _data_dir: data_dir,
        })
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the APIs are served.
    #[must_use]
    pub fn gateway_address(&self) -> SocketAddr {
        self.doors.gateway_address()
    }

    /// Where the control API is served.
    #[must_use]
    pub fn control_address(&self) -> SocketAddr {
        self.doors.control_address()
    }

    /// Where the other nodes reach this one.
    ///
    /// # Errors
    /// The system has forgotten the listener, which it does not.
    pub fn cluster_address(&self) -> std::io::Result<SocketAddr> {
        self.doors.cluster().local_addr()
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
        self.doors.health.enter(Lifecycle::Draining);
        if let Some(watch) = self.definitions {
            watch.stop().await;
        }
        // At the same time, so that one drain time is enough for all.
        tokio::join!(self.doors.close(), self.background.drain(NOTIFIER_PATIENCE));
        self.background.end().await;
        self.cluster.shutdown().await;
    }
}

/// The parts behind the listeners.
struct Assembly {
    settings: Settings,
    surroundings: Surroundings,
    identity: Identity,
    keys: Arc<KeyRing>,
    cluster: ClusterHandle,
    background: Background,
    control_secret: Secret,
}

impl Assembly {
    /// Opens the data of the node and starts what runs over it.
    async fn begin(
        settings: Settings,
        surroundings: Surroundings,
        data_dir: &DataDir,
        doors: &Doors,
        tls: &Tls,
    ) -> Result<Self, BootError> {
        let name = settings.node.name.as_deref();
        let mut identity = Identity::load_or_create(data_dir, name, &surroundings)?;
        control_address::publish(data_dir.path(), doors.control_address())
            .map_err(|error| BootError::file(data_dir.path(), error))?;
        let keys = Arc::new(secrets::key_ring(&settings, &identity, &surroundings)?);
        let control_secret = secrets::control_secret(&settings, &identity, &surroundings)?;
        let listener = doors.cluster();
        let cluster =
            cluster::start_cluster(&settings, &identity, &keys, &surroundings, listener).await?;
        let background = match identity.started(&keys) {
            Ok(()) => {
                let parts = BackgroundParts {
                    settings: &settings,
                    cluster: &cluster,
                    keys: &keys,
                    tls: &tls.upstream,
                };
                Background::start(parts).await
            }
            Err(error) => Err(error),
        };
        let background = match background {
            Ok(background) => background,
            Err(error) => {
                // The log is closed before the data directory is let go.
                cluster.shutdown().await;
                return Err(error);
            }
        };
        Ok(Self {
            settings,
            surroundings,
            identity,
            keys,
            cluster,
            background,
            control_secret,
        })
    }

    /// Ends what [`Assembly::begin`] started.
    async fn end(self) {
        self.background.end().await;
        self.cluster.shutdown().await;
    }

    /// Brings the configuration into force and lets requests in.
    async fn open(
        &self,
        doors: &Doors,
        data_dir: &DataDir,
    ) -> Result<Option<DefinitionsWatch>, BootError> {
        let users = Arc::new(self.users()?);
        let registry = self.background.registry().clone();
        let health = Arc::clone(&doors.health);
        health.attach(self.cluster.clone(), registry.clone());
        let importer = self.importer(registry.clone());
        let definitions = self.definitions(importer.clone()).await?;
        let stored = self.cluster.view().meta().config_revision;
        if let Err(error) = registry.published(stored, CONFIGURATION_PATIENCE).await {
            if let Some(watch) = definitions {
                watch.stop().await;
            }
            return Err(error.into());
        }
        let admins = AdminTokens::new(self.cluster.clone(), Arc::clone(&self.keys));
        let access = ControlAccess::new(self.control_secret.duplicate()).with_tokens(admins);
        let access = Arc::new(access);
        let oauth = Arc::new(self.authorization_server(Arc::clone(&access), Arc::clone(&users)));
        let endpoints = endpoints::handler(Arc::clone(&oauth), Arc::clone(&health));
        let metrics = metrics::build(self, Arc::clone(&doors.counters));
        let control = Arc::new(Control {
            cluster: self.cluster.clone(),
            registry,
            importer,
            oauth,
            keys: Arc::clone(&self.keys),
            entropy: Arc::clone(&self.surroundings.entropy),
            access,
            settings: self.settings.oauth.clone(),
            compat: self.settings.compat.clone(),
            gateway: match self.settings.gateway.tls {
                Some(_) => GatewayUrl::https(doors.gateway_address()),
                None => GatewayUrl::http(doors.gateway_address()),
            },
            listings: Listings::default(),
            warned: ToldOnce::default(),
            health,
            metrics: Arc::new(metrics),
            snapshots: SnapshotExports::new(data_dir.path()),
        });
        doors.open(
            gateway::serving(self, endpoints, Arc::clone(&users)),
            control,
        );
        Ok(definitions)
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
        match folder.apply().await {
            Ok(report) => tracing::info!(?report, "definitions folder applied"),
            Err(FolderError::Unreadable { path, error }) => {
                return Err(BootError::Definitions { path, error });
            }
            // It is served from what there is, and the watch tries again.
            Err(error @ FolderError::NoWrites(_)) => {
                tracing::warn!(%error, "definitions folder not applied yet");
            }
        }
        let watch = DefinitionsWatch::start(dir, on, move || {
            let folder = Arc::clone(&folder);
            async move { folder.apply_or_log().await }
        });
        // What changed before the watch was on is seen by a second look.
        watch.reload();
        Ok(Some(watch))
    }

    fn users(&self) -> Result<Users, BootError> {
        Ok(Users::new(UsersParts {
            cluster: self.cluster.clone(),
            keys: Arc::clone(&self.keys),
            entropy: Arc::clone(&self.surroundings.entropy),
            pool: HashPool::start().map_err(BootError::Passwords)?,
        }))
    }

    fn authorization_server(
        &self,
        control: Arc<ControlAccess>,
        users: Arc<Users>,
    ) -> AuthorizationServer {
        AuthorizationServer::new(OAuthParts {
            cluster: self.cluster.clone(),
            keys: Arc::clone(&self.keys),
            entropy: Arc::clone(&self.surroundings.entropy),
            settings: self.settings.oauth.clone(),
            notifications_queued_max: u32::try_from(self.settings.notifications.max_queued)
                .unwrap_or(u32::MAX),
            control,
            users,
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
}
