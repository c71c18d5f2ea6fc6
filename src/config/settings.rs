//! The validated configuration: every value has its type, and lies within its bounds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use raftgate_model::time::Ttl;

use super::address::HostPort;
use super::key::Key;
use super::limits::Limits;
use super::log::LogSettings;
use super::oauth::{CompatSettings, NotificationSettings, OauthSettings};
use super::origin::Origin;
use super::reader::Reader;
use super::{table, without_effect};
use raftgate_model::secret::Secret;
use raftgate_storage::data_dir::{CONTROL_SECRET_FILE, KEY_RING_FILE};

/// All settings of a node.
pub struct Settings {
    /// Section `[node]`.
    pub node: NodeSettings,
    /// Section `[keys]`: the key ring's file, if it is not in the data directory.
    pub keys_file: Option<PathBuf>,
    /// Section `[gateway]`.
    pub gateway: GatewayListenerSettings,
    /// Section `[control]`.
    pub control: ControlSettings,
    /// Section `[cluster]`.
    pub cluster: ClusterSettings,
    /// Section `[definitions]`.
    pub definitions: DefinitionsSettings,
    /// Section `[oauth]`.
    pub oauth: OauthSettings,
    /// Section `[notifications]`.
    pub notifications: NotificationSettings,
    /// Section `[compat]`.
    pub compat: CompatSettings,
    /// Section `[limits]`.
    pub limits: Limits,
    /// Section `[log]`.
    pub log: LogSettings,
    /// What is set without effect in this version, one sentence each.
    pub without_effect: Vec<String>,
}

/// Who this node is and where its data is.
pub struct NodeSettings {
    /// Its name, if the operator chose one.
    pub name: Option<String>,
    /// The folder of log, store and identity.
    pub data_dir: PathBuf,
}

/// The listener of the APIs.
pub struct GatewayListenerSettings {
    /// Where to bind.
    pub listen: SocketAddr,
    /// How many worker threads, at least 1.
    pub workers: usize,
    /// Certificate and key; plain HTTP without.
    pub tls: Option<TlsFiles>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// The control listener.
pub struct ControlSettings {
    /// Where to bind.
    pub listen: SocketAddr,
    /// Who said so; client commands look further when nobody did.
    pub listen_origin: Origin,
    /// What callers must send, if the operator chose it.
    pub secret: Option<Secret>,
    /// Certificate and key; plain HTTP without.
    pub tls: Option<TlsFiles>,
}

/// The cluster listener and the cluster's times.
pub struct ClusterSettings {
    /// Where to bind.
    pub listen: SocketAddr,
    /// What other nodes are told, if not the bound address.
    pub advertise: Option<HostPort>,
    /// Whom to ask for admission; empty founds a cluster.
    pub join: Vec<HostPort>,
    /// The token for that.
    pub join_token: Option<Secret>,
    /// How long a learner keeps up before it becomes a voter.
    pub stable: Ttl,
    /// When a silent voter is removed; `None` is never.
    pub remove_dead_after: Option<Ttl>,
    /// How long a join token is good.
    pub join_token_ttl: Ttl,
    /// How long a check waits for a younger token's entry.
    pub index_wait: Ttl,
    /// How long a write may take.
    pub write_timeout: Ttl,
}

/// The folder of definitions.
pub struct DefinitionsSettings {
    /// The folder, if there is one.
    pub dir: Option<PathBuf>,
    /// Whether changes apply without a signal.
    pub watch: bool,
}

/// The files of a TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

impl Settings {
    /// Reads everything; errors stay in the reader.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let settings = Self {
            without_effect: without_effect::warnings(reader),
            node: NodeSettings::read(reader),
            keys_file: reader.path(table::KEYS_FILE),
            gateway: GatewayListenerSettings::read(reader),
            control: ControlSettings::read(reader),
            cluster: ClusterSettings::read(reader),
            definitions: DefinitionsSettings {
                dir: reader.path(table::DEFINITIONS_DIR),
                watch: reader.boolean(table::DEFINITIONS_WATCH),
            },
            oauth: OauthSettings::read(reader),
            notifications: NotificationSettings::read(reader),
            compat: CompatSettings::read(reader),
            limits: Limits::read(reader),
            log: LogSettings::read(reader),
        };
        settings.refuse_equal_listeners(reader);
        settings
    }

    /// Where the key ring is.
    #[must_use]
    pub fn keyring_path(&self) -> PathBuf {
        self.keys_file
            .clone()
            .unwrap_or_else(|| self.node.data_dir.join(KEY_RING_FILE))
    }

    /// What is allowed but worth knowing, one sentence each; logged at start and printed by `check`.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.keyring_path().starts_with(&self.node.data_dir) {
            warnings.push(
                "keys.file: the key ring is kept in the data directory, so a copy of the directory carries the keys"
                    .to_owned(),
            );
        }
        if !self.control.listen.ip().is_loopback() && self.control.tls.is_none() {
            warnings.push(format!(
                "control.listen: {} is open to other machines without TLS, which sends the control secret in the clear",
                self.control.listen
            ));
        }
        let secret = self.control.secret.as_ref();
        if secret.is_some_and(|secret| secret.expose().len() < WEAK_SECRET_BYTES) {
            warnings.push(format!(
                "control.secret: it is shorter than {WEAK_SECRET_BYTES} characters, which can be guessed"
            ));
        }
        warnings.extend(self.without_effect.iter().cloned());
        warnings
    }

    fn refuse_equal_listeners(&self, reader: &mut Reader<'_>) {
        let listeners = [
            (table::GATEWAY_LISTEN, self.gateway.listen),
            (table::CONTROL_LISTEN, self.control.listen),
            (table::CLUSTER_LISTEN, self.cluster.listen),
        ];
        for (index, (key, address)) in listeners.iter().enumerate() {
            let earlier = listeners.iter().take(index);
            let taken = earlier
                .filter(|(_, other)| other == address && address.port() != 0)
                .map(|(other, _)| other.path())
                .next();
            if let Some(other) = taken {
                reader.conflict(key, format!("{address} is also {other}; give each its own"));
            }
        }
    }
}

/// Below this length a control secret draws a warning, in bytes.
const WEAK_SECRET_BYTES: usize = 16;

impl NodeSettings {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            name: reader.node_name(table::NODE_NAME),
            data_dir: reader.path(table::NODE_DATA_DIR).unwrap_or_default(),
        }
    }

    /// The file that holds the control secret which this node made or was given by its cluster.
    #[must_use]
    pub fn control_secret_path(&self) -> PathBuf {
        control_secret_path(&self.data_dir)
    }
}

/// Where a data directory keeps the control secret.
#[must_use]
pub fn control_secret_path(data_dir: &Path) -> PathBuf {
    data_dir.join(CONTROL_SECRET_FILE)
}

impl GatewayListenerSettings {
    fn read(reader: &mut Reader<'_>) -> Self {
        let workers = reader.number_if_set(table::GATEWAY_WORKERS);
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            listen: reader.listen(table::GATEWAY_LISTEN),
            workers: workers
                .and_then(|workers| usize::try_from(workers).ok())
                .unwrap_or_else(cores),
            tls: tls_files(reader, table::GATEWAY_TLS_CERT, table::GATEWAY_TLS_KEY),
            trusted_proxies: reader.networks(table::GATEWAY_TRUSTED_PROXIES),
        }
    }
}

impl ControlSettings {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            listen: reader.listen(table::CONTROL_LISTEN),
            listen_origin: reader.origin(table::CONTROL_LISTEN),
            secret: reader.secret(table::CONTROL_SECRET),
            tls: tls_files(reader, table::CONTROL_TLS_CERT, table::CONTROL_TLS_KEY),
        }
    }
}

impl ClusterSettings {
    fn read(reader: &mut Reader<'_>) -> Self {
        let remove_dead_after = reader.seconds(table::CLUSTER_REMOVE_DEAD_AFTER_S);
        Self {
            listen: reader.listen(table::CLUSTER_LISTEN),
            advertise: reader.remote(table::CLUSTER_ADVERTISE),
            join: reader.remotes(table::CLUSTER_JOIN),
            join_token: reader.secret(table::CLUSTER_JOIN_TOKEN),
            stable: reader.ms(table::CLUSTER_STABLE_MS),
            remove_dead_after: Some(remove_dead_after).filter(|after| *after != Ttl::ZERO),
            join_token_ttl: reader.seconds(table::CLUSTER_JOIN_TOKEN_TTL_S),
            index_wait: reader.ms(table::CLUSTER_INDEX_WAIT_MS),
            write_timeout: reader.ms(table::CLUSTER_WRITE_TIMEOUT_MS),
        }
    }
}

fn tls_files(reader: &mut Reader<'_>, cert_key: &Key, key_key: &Key) -> Option<TlsFiles> {
    match (reader.path(cert_key), reader.path(key_key)) {
        (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
        (Some(_), None) => {
            reader.conflict(cert_key, format!("needs {} beside it", key_key.path()));
            None
        }
        (None, Some(_)) => {
            reader.conflict(key_key, format!("needs {} beside it", cert_key.path()));
            None
        }
        (None, None) => None,
    }
}
