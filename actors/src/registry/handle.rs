//! What others hold of the Registry: the snapshot and how far it is.

use std::time::Duration;

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

/// How long a change of configuration is waited for by whoever has no limit of its own.
///
/// Twice what one API may take to compile: a change that is later than that is not worth a caller's patience.
pub const IN_FORCE_LIMIT: Duration = Duration::from_secs(10);

/// Why configuration is not known to be in force; the last snapshot stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInForce {
    /// The Registry is gone.
    #[error("the owner of the configuration has stopped")]
    Stopped,
    /// It did not come into force in time; it still may.
    #[error("the configuration is stored, but was not in force on this node within {} s", .0.as_secs())]
    Late(Duration),
}

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

    /// Waits until configuration up to a revision is in force on this node, for a limited time.
    ///
    /// # Errors
    /// The Registry is gone, or the time was over.
    pub async fn in_force(&self, revision: Revision, limit: Duration) -> Result<(), NotInForce> {
        let mut statuses = self.statuses.clone();
        let published = statuses.wait_for(|status| {
            status
                .revision
                .is_some_and(|published| published >= revision)
        });
        match tokio::time::timeout(limit, published).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(NotInForce::Stopped),
            Err(_) => Err(NotInForce::Late(limit)),
        }
    }
}
