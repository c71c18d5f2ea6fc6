//! The control listener: Tyk's Gateway API, our own resources, health and metrics.
//!
//! Every request is checked for the control secret before its body is looked at; only `/hello`, `/ready` and, on loopback,
//! `/metrics` are open.

mod access;
mod admin_tokens;
mod apis;
mod authorize;
mod client_tokens;
mod clients;
mod dashboard;
mod entrance;
mod failure;
mod gateway_url;
mod head_limit;
mod health;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod in_force;
mod key_lookup;
mod key_policy;
mod key_session;
mod keys;
mod listener;
mod listings;
mod notifications;
mod oas;
mod oauth_routes;
mod policies;
mod registration;
mod reload;
mod revocation;
mod shape;
mod snapshot;
mod spelling;

use std::sync::Arc;

use raftgate_actors::registry::RegistryHandle;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::clock::Entropy;
use raftgate_model::keyring::KeyRing;

use crate::config::oauth::{CompatSettings, OauthSettings};
use crate::definitions::Importer;
use crate::oauth::AuthorizationServer;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::told_once::ToldOnce;

pub use access::{ControlAccess, ControlDenied, Visit};
pub use admin_tokens::AdminTokens;
pub use entrance::Entrance;
pub use failure::{ControlFailure, Door};
pub use gateway_url::GatewayUrl;
pub use head_limit::HeadLimit;
pub use health::{Audience, Health, Lifecycle};
pub use listener::{ControlListener, ControlListenerSettings, ControlStartError};
pub use listings::Listings;
pub use snapshot::SnapshotExports;

/// What the control listener works on; one for all of its workers.
pub struct Control {
    /// The replicated state.
    pub cluster: ClusterHandle,
    /// The configuration in force.
    pub registry: RegistryHandle,
    /// Brings definitions into force.
    pub importer: Importer,
    /// The authorization server, for approvals.
    pub oauth: Arc<AuthorizationServer>,
    /// Seals and opens what is shown again.
    pub keys: Arc<KeyRing>,
    /// Makes ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// Who may come in.
    pub access: Arc<ControlAccess>,
    /// Section `[oauth]`.
    pub settings: OauthSettings,
    /// Section `[compat]`.
    pub compat: CompatSettings,
    /// Where the APIs are reached.
    pub gateway: GatewayUrl,
    /// Who may list now.
    pub listings: Listings,
    /// What of keys and policies the log was warned of already.
    pub warned: ToldOnce<String>,
    /// How this node fares.
    pub health: Arc<Health>,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// Gives out snapshots.
    pub snapshots: SnapshotExports,
}

impl Control {
    /// Tells the log once what of a key or policy has no effect: answers about them have Tyk's members and no other.
    fn warn_of(&self, what: &str, warnings: &[String]) {
        for warning in warnings {
            if self.warned.is_first(format!("{what}: {warning}").as_str()) {
                tracing::warn!(what, %warning, "part of it has no effect; not said again");
            }
        }
    }
}
