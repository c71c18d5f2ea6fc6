//! The immutable configuration that the data plane reads: published whole, never changed in place.
//!
//! One writer publishes (`Publisher`); every HTTP worker holds a `SnapshotReader` of its own, whose read costs one atomic load.

mod balancer;
mod compiled_api;
mod counters;
mod depths;
mod policy;
mod request_rules;
mod route_table;
mod shared_map;
mod stand_in;
mod upstream_tls;

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use raftgate_model::id::{ApiId, PolicyId};

pub use balancer::Balancer;
pub use compiled_api::{
    Access, CompiledApi, CredentialForwarding, HostHeader, KeyAccess, ListenPathForwarding,
    OAuthAccess, OAuthEndpoints, UpstreamTimeouts,
};
pub use counters::{ApiCounters, ApiTotals, BodyBytes, LATENCY_BOUNDS_US, StatusClass};
pub use policy::CompiledPolicy;
pub use raftgate_model::oauth::error::ErrorStyle;
pub use request_rules::{
    CompiledAccess, CompiledPath, CompiledRules, CompiledVersion, CompiledVersions, HeaderEdits,
    PathTable,
};
pub use route_table::{PathMatch, Place, RouteConflict, RouteTable, UnservedApi};
pub use upstream_tls::{CompiledTls, TlsConfigs, gateway_tls};

use shared_map::SharedMap;

/// Everything about the configured APIs that a request can depend on, at one revision.
///
/// A copy shares with it what is not changed in the copy.
#[derive(Clone, Debug, Default)]
pub struct GatewaySnapshot {
    apis: SharedMap<ApiId, Arc<CompiledApi>>,
    policies: SharedMap<PolicyId, Arc<CompiledPolicy>>,
    routes: RouteTable,
}

/// APIs and policies in other versions than before, or gone.
#[derive(Clone, Debug, Default)]
pub struct SnapshotChange {
    /// What is served of each API from now on.
    pub apis: Vec<(ApiId, Option<Arc<CompiledApi>>)>,
    /// What each policy says from now on.
    pub policies: Vec<(PolicyId, Option<Arc<CompiledPolicy>>)>,
}

impl GatewaySnapshot {
    /// Builds the snapshot that serves these APIs; an earlier one keeps its listen path against a later one.
    ///
    /// A conflict takes the later API's route and nothing else: by its id it is still found, for its clients, tokens and
    /// notifications.
    pub fn build(
        apis: impl IntoIterator<Item = Arc<CompiledApi>>,
        policies: impl IntoIterator<Item = Arc<CompiledPolicy>>,
    ) -> (Self, Vec<RouteConflict>) {
        let mut snapshot = Self::default();
        let mut conflicts = Vec::new();
        for api in apis {
            conflicts.extend(snapshot.put(api).err());
        }
        for policy in policies {
            snapshot.policies.insert(policy.id.clone(), policy);
        }
        (snapshot, conflicts)
    }

    /// The same with some APIs and policies in other versions: among 10,000 APIs some microseconds, not milliseconds.
    ///
    /// `None` when two APIs want one place: who has it, only a look at all of them tells. To be asked of a snapshot that was
    /// built without a conflict and keeps nobody's place, for the same reason.
    #[must_use]
    pub fn with(&self, change: SnapshotChange) -> Option<Self> {
        let mut next = self.clone();
        // All places are freed before the first is taken: APIs may exchange them.
        for (id, _) in &change.apis {
            if let Some(before) = next.apis.remove(id) {
                next.routes.remove(&before);
            }
        }
        for api in change.apis.into_iter().filter_map(|(_, api)| api) {
            next.put(api).ok()?;
        }
        for (id, policy) in change.policies {
            match policy {
                Some(policy) => drop(next.policies.insert(id, policy)),
                None => drop(next.policies.remove(&id)),
            }
        }
        Some(next)
    }

    /// Takes an API in, and mounts it where nobody stands.
    fn put(&mut self, api: Arc<CompiledApi>) -> Result<(), RouteConflict> {
        self.apis.insert(api.id.clone(), Arc::clone(&api));
        self.routes.insert(api)
    }

    /// The same, with APIs that do not run by their newest definition: the places that are theirs, and the versions that
    /// they go on by.
    ///
    /// An older version serves where it is mounted, unless the place is another API's by now.
    #[must_use]
    pub fn keeping(
        mut self,
        unserved: impl IntoIterator<Item = UnservedApi>,
        older: impl IntoIterator<Item = Arc<CompiledApi>>,
    ) -> (Self, Vec<RouteConflict>) {
        self.routes = self.routes.keeping(unserved);
        let mut conflicts = Vec::new();
        for api in older {
            conflicts.extend(self.put(api).err());
        }
        (self, conflicts)
    }

    /// The policy with this id.
    #[must_use]
    pub fn policy(&self, id: &PolicyId) -> Option<&Arc<CompiledPolicy>> {
        self.policies.get(id)
    }

    /// The policy with this id, if it may make sessions for an API: one of another organisation is as good as none (Tyk).
    #[must_use]
    pub fn policy_for(&self, api: &CompiledApi, id: &PolicyId) -> Option<&Arc<CompiledPolicy>> {
        self.policy(id)
            .filter(|policy| policy.policy.org == api.org)
    }

    /// The API with this id, if it is configured and active.
    #[must_use]
    pub fn api(&self, id: &ApiId) -> Option<&Arc<CompiledApi>> {
        self.apis.get(id)
    }

    /// All APIs, in no particular order.
    pub fn apis(&self) -> impl Iterator<Item = &Arc<CompiledApi>> {
        self.apis.values()
    }

    /// The routes of this snapshot.
    #[must_use]
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }
}

/// The one place where snapshots are replaced; its owner is the only writer.
#[derive(Debug)]
pub struct Publisher {
    current: Arc<ArcSwap<GatewaySnapshot>>,
}

impl Default for Publisher {
    fn default() -> Self {
        Self::new(GatewaySnapshot::default())
    }
}

impl Publisher {
    /// A publisher whose first snapshot is `snapshot`.
    #[must_use]
    pub fn new(snapshot: GatewaySnapshot) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(snapshot)),
        }
    }

    /// Makes `snapshot` the one that every later request sees; requests in flight keep theirs.
    pub fn publish(&self, snapshot: GatewaySnapshot) {
        self.current.store(Arc::new(snapshot));
    }

    /// The snapshot in force, for readers outside the request path.
    #[must_use]
    pub fn current(&self) -> Arc<GatewaySnapshot> {
        self.current.load_full()
    }

    /// Where readers for HTTP workers come from.
    #[must_use]
    pub fn source(&self) -> SnapshotSource {
        SnapshotSource {
            current: Arc::clone(&self.current),
        }
    }
}

/// Makes readers; cheap to clone and to send to another thread.
#[derive(Clone, Debug)]
pub struct SnapshotSource {
    current: Arc<ArcSwap<GatewaySnapshot>>,
}

impl SnapshotSource {
    /// A reader for one worker.
    #[must_use]
    pub fn reader(&self) -> SnapshotReader {
        SnapshotReader {
            cache: Cache::new(Arc::clone(&self.current)),
        }
    }

    /// The snapshot in force, for readers outside the request path.
    #[must_use]
    pub fn current(&self) -> Arc<GatewaySnapshot> {
        self.current.load_full()
    }
}

/// One worker's view of the snapshot in force.
///
/// A read borrows the reader, so a snapshot cannot be held across an await by accident: take the `Arc` of what the request
/// needs and let go.
#[derive(Debug)]
pub struct SnapshotReader {
    cache: Cache<Arc<ArcSwap<GatewaySnapshot>>, Arc<GatewaySnapshot>>,
}

impl SnapshotReader {
    /// The snapshot in force: one atomic load when it has not changed since the last read.
    pub fn load(&mut self) -> &GatewaySnapshot {
        self.cache.load()
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
