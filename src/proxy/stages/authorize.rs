//! Authorize: from a caller to the permit that forwarding demands.

use raftgate_actors::snapshot::{Access, CompiledApi, GatewaySnapshot};
use raftgate_model::id::PolicyId;
use raftgate_model::session::{Rights, SessionRules};
use raftgate_model::state::record::{Grant, SessionSource};

use super::identify::Caller;
use crate::proxy::refusal::Refusal;

/// Proof that a request may be forwarded; only [`authorize`] makes one.
#[derive(Debug)]
pub(crate) struct Permit {
    // Private, so that no other stage can make one.
    _proof: (),
}

/// Decides whether this caller may call this API.
pub(crate) fn authorize(
    snapshot: &GatewaySnapshot,
    api: &CompiledApi,
    caller: Caller,
) -> Result<Permit, Refusal> {
    match (&api.access, caller) {
        (Access::Keyless, _) => Ok(Permit { _proof: () }),
        (Access::OAuth(_), Caller::Holder(grant)) => {
            check_rights(snapshot, api, &grant).map(|()| Permit { _proof: () })
        }
        (Access::OAuth(_), Caller::Anonymous) => Err(Refusal::CredentialMissing),
    }
}

/// Policies are resolved at every check, so that an edited one acts on living tokens.
fn check_rights(
    snapshot: &GatewaySnapshot,
    api: &CompiledApi,
    grant: &Grant,
) -> Result<(), Refusal> {
    match &grant.session {
        SessionSource::Policy(id) => policy_grants(snapshot, api, id),
        SessionSource::Rules(rules) => rules_grant(snapshot, api, rules),
    }
}

/// A policy that is gone or of another organisation makes its sessions unknown, as Tyk has it.
fn policy_grants(
    snapshot: &GatewaySnapshot,
    api: &CompiledApi,
    id: &PolicyId,
) -> Result<(), Refusal> {
    let policy = snapshot.policy_for(api, id);
    let policy = &policy.ok_or(Refusal::TokenUnknown)?.policy;
    if policy.inactive {
        return Err(Refusal::SessionInactive);
    }
    policy
        .access_rights
        .get(&api.id)
        .map(|_| ())
        .ok_or(Refusal::NoRight)
}

fn rules_grant(
    snapshot: &GatewaySnapshot,
    api: &CompiledApi,
    rules: &SessionRules,
) -> Result<(), Refusal> {
    if rules.is_inactive() {
        return Err(Refusal::SessionInactive);
    }
    match rules.rights() {
        Rights::Policy(id) => policy_grants(snapshot, api, id),
        Rights::Listed(rights) => rights.get(&api.id).map(|_| ()).ok_or(Refusal::NoRight),
        Rights::Master => Ok(()),
    }
}
