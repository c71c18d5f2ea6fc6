//! What others hold of the Registry: the snapshot and how far it is.

use raftgate_model::id::Revision;
use tokio::sync::watch;

use super::DegradedApis;
use crate::snapshot::SnapshotSource;

/// How far the published configuration is.
#[derive(Clone, Debug)]
pub struct ConfigStatus {
    /// The configuration revision that the snapshot in force contains; none before the first one.
    pub revision: Option<Revision>,
    /// The APIs that run by an older definition than their newest, with the reason.
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

/// The Registry is gone; the last snapshot stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the owner of the configuration has stopped")]
pub struct RegistryStopped;

/// Where the snapshot in force is read, and waited for.
#[derive(Clone, Debug)]
pub struct RegistryHandle {
    source: SnapshotSource,
    statuses: watch::Receiver<ConfigStatus>,
}

impl RegistryHandle {
    pub(super) fn new(source: SnapshotSource, statuses: watch::Receiver<ConfigStatus>) -> Self {
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

    /// Waits until configuration up to a revision is in force on this node; the caller sets the time limit.
    ///
    /// # Errors
    /// The Registry is gone.
    pub async fn in_force(&self, revision: Revision) -> Result<(), RegistryStopped> {
        let mut statuses = self.statuses.clone();
        statuses
            .wait_for(|status| {
                status
                    .revision
                    .is_some_and(|published| published >= revision)
            })
            .await
            .map(drop)
            .map_err(|_| RegistryStopped)
    }
}
