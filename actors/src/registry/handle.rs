//! What others hold of the Registry: the snapshot and how far it is.

use std::fmt;
use std::time::Duration;

use raftgate_model::id::{ApiId, Revision};
use tokio::sync::watch;

use super::degraded::{DegradedApi, DegradedApis, Hindrance};
use crate::snapshot::SnapshotSource;

/// How many APIs that cannot be served are named at once.
const NAMED_MAX: usize = 10;

/// How far the published configuration is.
#[derive(Clone, Debug)]
pub struct ConfigStatus {
    /// The configuration revision that the snapshot in force contains; none before the first one.
    pub revision: Option<Revision>,
    /// The APIs that do not run by the definition that this revision has of them.
    pub degraded: DegradedApis,
}

impl Default for ConfigStatus {
    fn default() -> Self {
        Self {
            revision: None,
            degraded: DegradedApis::from([]),
        }
    }
}

impl ConfigStatus {
    /// Whether an API may be stored otherwise than it is published, `newest` being the revision of what is stored.
    ///
    /// What the snapshot then lacks says nothing about the API. To be asked of a status that was read before the snapshot.
    #[must_use]
    pub fn is_behind(&self, api: &ApiId, newest: Revision) -> bool {
        !self.contains(newest) || self.degraded.iter().any(|degraded| degraded.id == *api)
    }

    fn contains(&self, revision: Revision) -> bool {
        self.revision.is_some_and(|published| published >= revision)
    }

    fn degraded_of(&self, scope: Scope<'_>) -> impl Iterator<Item = &DegradedApi> {
        let degraded = self.degraded.iter();
        degraded.filter(move |api| scope.includes(&api.id))
    }

    fn has_late(&self, scope: Scope<'_>) -> bool {
        self.degraded_of(scope)
            .any(|api| api.hindrance == Hindrance::Late)
    }
}

/// Which APIs a change is about.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// These; what becomes of others is not asked.
    Apis(&'a [ApiId]),
    /// All that there are.
    Everything,
}

impl Scope<'_> {
    fn includes(self, id: &ApiId) -> bool {
        match self {
            Self::Apis(ids) => ids.contains(id),
            Self::Everything => true,
        }
    }
}

/// How long a change of configuration is waited for by whoever has no limit of its own.
///
/// Twice what one API may take to compile: a change that is later than that is not worth a caller's patience.
pub const IN_FORCE_LIMIT: Duration = Duration::from_secs(10);

/// Why configuration that is stored is not in force on this node; what was in force before stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInForce {
    /// The Registry is gone: nothing comes into force any more.
    #[error("the owner of the configuration has stopped")]
    Stopped,
    /// It did not come into force in time; it still may.
    #[error("the configuration is stored, but was not in force on this node in time")]
    Late,
    /// It cannot be served.
    #[error("the configuration is stored, but cannot be served on this node: {0}")]
    Unservable(Unservable),
}

/// APIs whose newest definition cannot be served; shown with their reasons, the first few of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unservable(Vec<DegradedApi>);

impl fmt::Display for Unservable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, api) in self.0.iter().take(NAMED_MAX).enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}API {}: {}", api.id, api.reason)?;
        }
        match self.0.len().saturating_sub(NAMED_MAX) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Where the snapshot in force is read, and waited for.
#[derive(Clone, Debug)]
pub struct RegistryHandle {
    source: SnapshotSource,
    statuses: watch::Receiver<ConfigStatus>,
}

impl RegistryHandle {
    /// A handle on what an owner of the configuration publishes: snapshots, and with each of them how far it is.
    #[must_use]
    pub fn new(source: SnapshotSource, statuses: watch::Receiver<ConfigStatus>) -> Self {
        Self { source, statuses }
    }

    /// Where readers of the snapshot come from.
    #[must_use]
    pub fn source(&self) -> SnapshotSource {
        self.source.clone()
    }

    /// How far the published configuration is.
    #[must_use]
    pub fn status(&self) -> ConfigStatus {
        self.statuses.borrow().clone()
    }

    /// Tells of every newer state of the published configuration; a slow receiver sees only the newest.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<ConfigStatus> {
        self.statuses.clone()
    }

    /// Waits until configuration up to a revision is published on this node, for a limited time.
    ///
    /// A single API may still go on by an older definition, or by none: see [`RegistryHandle::in_force`].
    ///
    /// # Errors
    /// The Registry is gone, or the time was over.
    pub async fn published(&self, revision: Revision, limit: Duration) -> Result<(), NotInForce> {
        self.in_force(revision, Scope::Apis(&[]), limit).await
    }

    /// Waits until configuration up to a revision is in force on this node and these APIs run by it, for a limited time.
    ///
    /// # Errors
    /// See [`NotInForce`]: what cannot be served is said at once, what is late when the time is over.
    pub async fn in_force(
        &self,
        revision: Revision,
        scope: Scope<'_>,
        limit: Duration,
    ) -> Result<(), NotInForce> {
        let mut statuses = self.statuses.clone();
        let settled =
            statuses.wait_for(|status| status.contains(revision) && !status.has_late(scope));
        let unservable: Vec<_> = match tokio::time::timeout(limit, settled).await {
            Ok(Ok(status)) => status.degraded_of(scope).cloned().collect(),
            Ok(Err(_)) => return Err(NotInForce::Stopped),
            Err(_) => return Err(NotInForce::Late),
        };
        if unservable.is_empty() {
            return Ok(());
        }
        Err(NotInForce::Unservable(Unservable(unservable)))
    }
}

#[cfg(test)]
#[path = "handle_tests.rs"]
mod tests;
