//! Which APIs are OAuth APIs, by what is in force on this node, and what is said where that cannot be told.

use std::sync::Arc;

use raftgate_actors::snapshot::{Access, CompiledApi};
use raftgate_model::id::ApiId;
use raftgate_model::time::Ttl;

use super::{Control, ControlFailure};

/// When to ask again after an API that cannot be judged: it is late, or somebody has to mend it.
const UNJUDGED_RETRY_AFTER: Ttl = Ttl::from_s(5);

/// What an API is to those who ask for an OAuth API.
pub(super) enum Standing {
    /// An OAuth API, by the version in force.
    OAuth(Arc<CompiledApi>),
    /// An API that asks for something else.
    Other,
    /// An API that is switched off: nothing of it is in force.
    Inactive,
    /// There is none.
    Absent,
}

impl Standing {
    /// The version in force of an OAuth API.
    pub(super) fn into_oauth(self) -> Option<Arc<CompiledApi>> {
        match self {
            Self::OAuth(api) => Some(api),
            Self::Other | Self::Inactive | Self::Absent => None,
        }
    }
}

impl Control {
    /// What an API is, by what is in force on this node.
    ///
    /// # Errors
    /// There is such an API, and what is stored of it is not what is in force: whether it is an OAuth API is not known.
    pub(super) fn oauth_api(&self, id: &ApiId) -> Result<Standing, ControlFailure> {
        // First, so that the snapshot is at least as new.
        let status = self.registry.status();
        let snapshot = self.registry.source().current();
        let in_force = snapshot.api(id);
        if let Some(api) = in_force.filter(|api| matches!(api.access, Access::OAuth(_))) {
            return Ok(Standing::OAuth(Arc::clone(api)));
        }
        let Some(stored) = self.cluster.view().api(id) else {
            return Ok(Standing::Absent);
        };
        if status.is_behind(id, stored.revision) {
            return Err(ControlFailure::NotCarriedOut {
                reason: format!("this node does not serve API {id} as it is stored"),
                retry_after: UNJUDGED_RETRY_AFTER,
            });
        }
        Ok(match in_force {
            Some(_) => Standing::Other,
            None => Standing::Inactive,
        })
    }
}
