//! Which APIs are OAuth APIs, by what is in force on this node, and what is said where that cannot be told.

use std::sync::Arc;

use raftgate_actors::snapshot::{Access, CompiledApi};
use raftgate_model::id::ApiId;
use raftgate_model::time::Ttl;

use super::{Control, ControlFailure};

/// When to ask again after an API that cannot be judged: it is late, or somebody has to mend it.
const UNJUDGED_RETRY_AFTER: Ttl = Ttl::from_s(5);

impl Control {
    /// The version in force of an OAuth API; none for another API, an inactive one and one that is not there.
    ///
    /// # Errors
    /// There is such an API, and what is stored of it is not what is in force: whether it is an OAuth API is not known.
    pub(super) fn oauth_api(&self, id: &ApiId) -> Result<Option<Arc<CompiledApi>>, ControlFailure> {
        // First, so that the snapshot is at least as new.
        let status = self.registry.status();
        let snapshot = self.registry.source().current();
        let in_force = snapshot.api(id);
        if let Some(api) = in_force.filter(|api| matches!(api.access, Access::OAuth(_))) {
            return Ok(Some(Arc::clone(api)));
        }
        let view = self.cluster.view();
        if view.api(id).is_some() && status.is_behind(id, view.meta().config_revision) {
            return Err(ControlFailure::NotCarriedOut {
                reason: format!("this node does not serve API {id} as it is stored"),
                retry_after: UNJUDGED_RETRY_AFTER,
            });
        }
        Ok(None)
    }
}
