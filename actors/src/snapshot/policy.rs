//! Policies as the data plane sees them.

use raftgate_model::id::PolicyId;
use raftgate_model::policy::Policy;

/// A policy that makes sessions: resolved by its id at every check.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// The policy's id.
    pub id: PolicyId,
    /// What it says.
    pub policy: Policy,
}

impl CompiledPolicy {
    /// A policy under the id that clients name.
    #[must_use]
    pub fn new(id: PolicyId, policy: Policy) -> Self {
        Self { id, policy }
    }
}
