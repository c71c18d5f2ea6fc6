//! Authorize: from a caller to the permit that forwarding demands.

use raftgate_actors::snapshot::{Access, CompiledApi};

use super::identify::Caller;
use crate::proxy::refusal::Refusal;
use crate::proxy::request::RequestView;

/// Proof that a request may be forwarded; only [`authorize`] makes one.
#[derive(Debug)]
pub(crate) struct Permit {
    // Private, so that no other stage can make one.
    _proof: (),
}

/// Decides whether this caller may make this request to this API.
pub(crate) fn authorize(
    _view: &RequestView<'_>,
    api: &CompiledApi,
    caller: Caller,
) -> Result<Permit, Refusal> {
    match (&api.access, caller) {
        (Access::Keyless, Caller::Anonymous) => Ok(Permit { _proof: () }),
        (Access::OAuth(_), Caller::Anonymous) => Err(Refusal::Unjudged),
    }
}
