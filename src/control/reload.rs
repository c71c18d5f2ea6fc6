//! `/tyk/reload` and `/tyk/reload/group`: nothing has to be reloaded, so both only wait.

use actix_web::{HttpResponse, web};
use raftgate_actors::registry::{IN_FORCE_LIMIT, Scope};

use super::{Control, ControlFailure, shape};

/// Answers once everything that this node has applied is in force on it; what cannot be served is named.
pub(super) async fn here(control: web::Data<Control>) -> Result<HttpResponse, ControlFailure> {
    let applied = control.cluster.view().meta().config_revision;
    control
        .registry
        .in_force(applied, Scope::Everything, IN_FORCE_LIMIT)
        .await?;
    Ok(shape::ok(""))
}
