//! APIs and policies as they are in force on this node, and what is said where that is not what is stored.

use std::fmt;
use std::sync::Arc;

use raftgate_actors::snapshot::{Access, CompiledApi, CompiledPolicy};
use raftgate_model::id::{ApiId, PolicyId};
use raftgate_model::state::record::ApiRecord;
use raftgate_model::time::Ttl;

use super::{Control, ControlFailure};

/// When to ask again after what cannot be judged: it is late, or somebody has to mend it.
const UNJUDGED_RETRY_AFTER: Ttl = Ttl::from_s(5);

/// What an API is to those who look for one of a kind.
pub(super) enum Standing {
    /// Of that kind, by the version in force.
    Meant(Arc<CompiledApi>),
    /// Of another kind.
    Other,
    /// Switched off: nothing of it is in force, this is stored.
    Inactive(Arc<ApiRecord>),
    /// There is none.
    Absent,
}

impl Standing {
    /// The version in force of an API of that kind.
    pub(super) fn meant(self) -> Option<Arc<CompiledApi>> {
        match self {
            Self::Meant(api) => Some(api),
            Self::Other | Self::Inactive(_) | Self::Absent => None,
        }
    }
}

impl Control {
    /// What an API of any kind is.
    ///
    /// # Errors
    /// There is such an API, and what is stored of it is not in force: nothing is known of it.
    pub(super) fn api_in_force(&self, id: &ApiId) -> Result<Standing, ControlFailure> {
        self.standing(id, |_| true)
    }

    /// What an API is to those who look for an OAuth API.
    ///
    /// # Errors
    /// There is such an API, and what is stored of it is not what is in force: whether it is an OAuth API is not known.
    pub(super) fn oauth_api(&self, id: &ApiId) -> Result<Standing, ControlFailure> {
        self.standing(id, |api| matches!(api.access, Access::OAuth(_)))
    }

    fn standing(
        &self,
        id: &ApiId,
        is_meant: impl Fn(&CompiledApi) -> bool,
    ) -> Result<Standing, ControlFailure> {
        // First, so that the snapshot is at least as new.
        let status = self.registry.status();
        let snapshot = self.registry.source().current();
        let in_force = snapshot.api(id);
        if let Some(api) = in_force.filter(|api| is_meant(api)) {
            return Ok(Standing::Meant(Arc::clone(api)));
        }
        let Some(stored) = self.cluster.view().api(id) else {
            return Ok(Standing::Absent);
        };
        if status.is_behind(id, stored.revision) {
            return Err(unjudged(format_args!("serve API {id}")));
        }
        Ok(match in_force {
            Some(_) => Standing::Other,
            None => Standing::Inactive(stored),
        })
    }

    /// The version in force of a policy; none for one that is not there.
    ///
    /// # Errors
    /// There is such a policy, and it is not in force.
    pub(super) fn policy_in_force(
        &self,
        id: &PolicyId,
    ) -> Result<Option<Arc<CompiledPolicy>>, ControlFailure> {
        let snapshot = self.registry.source().current();
        match snapshot.policy(id) {
            Some(policy) => Ok(Some(Arc::clone(policy))),
            None if self.cluster.view().policy(id).is_some() => {
                Err(unjudged(format_args!("apply policy {id}")))
            }
            None => Ok(None),
        }
    }
}

fn unjudged(what: fmt::Arguments<'_>) -> ControlFailure {
    ControlFailure::NotCarriedOut {
        reason: format!("this node does not {what} as it is stored"),
        retry_after: UNJUDGED_RETRY_AFTER,
    }
}
