//! Identify: from the request's credential to its caller.

use raftgate_actors::snapshot::{Access, CompiledApi};

use crate::proxy::refusal::Refusal;
use crate::proxy::request::RequestView;

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody in particular, which a keyless API is content with.
    Anonymous,
}

/// Finds out who makes a request, as the API demands.
pub(crate) fn identify(_view: &RequestView<'_>, api: &CompiledApi) -> Result<Caller, Refusal> {
    match &api.access {
        Access::Keyless => Ok(Caller::Anonymous),
        // There is no token state to judge by here, and no 401 for a token that was not judged.
        Access::OAuth(_) => Err(Refusal::Unjudged),
    }
}
