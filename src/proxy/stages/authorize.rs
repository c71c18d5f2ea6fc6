//! Authorize: from a caller to the permit that forwarding demands.

use std::borrow::Cow;
use std::sync::Arc;

use raftgate_actors::snapshot::{Access, CompiledPolicy, GatewaySnapshot};
use raftgate_model::id::PolicyId;
use raftgate_model::session::{AccessRight, Rights, SessionRules};
use raftgate_model::state::record::{Grant, SessionSource};
use serde_json::Value;

use super::identify::Caller;
use super::selected::Selected;
use crate::proxy::refusal::Refusal;

/// Proof that a request may be forwarded; only this stage makes one.
#[derive(Debug, Default)]
pub(crate) struct Permit {
    // Nobody's session where the API or the path asks nobody who they are.
    grant: Option<Arc<Grant>>,
    policy: Option<Arc<CompiledPolicy>>,
}

impl Permit {
    /// For a path that is free of proof: whatever credential came with it was not judged, and says nothing.
    pub(crate) fn waived() -> Self {
        Self::default()
    }

    /// What the caller's session says under a name in its metadata, the policy first (Tyk): a text as it stands, else JSON.
    pub(crate) fn meta(&self, name: &str) -> Option<Cow<'_, str>> {
        let of_policy = self
            .policy
            .as_ref()
            .and_then(|policy| policy.policy.meta_data.as_ref());
        let of_rules = self.grant.as_ref().and_then(|grant| match &grant.session {
            SessionSource::Rules(rules) => rules.meta_data(),
            SessionSource::Policy(_) => None,
        });
        let mut sources = [of_policy, of_rules].into_iter().flatten();
        match sources.find_map(|meta| meta.get(name))? {
            Value::Null => None,
            Value::String(text) => Some(Cow::Borrowed(text)),
            other => Some(Cow::Owned(other.to_string())),
        }
    }
}

/// Decides whether this caller may make this request.
pub(crate) fn authorize(
    snapshot: &GatewaySnapshot,
    selected: &Selected,
    caller: Caller,
) -> Result<Permit, Refusal> {
    match (&selected.api.access, caller) {
        (Access::Keyless, _) => Ok(Permit::default()),
        (Access::OAuth(_), Caller::Holder(grant)) => {
            let policy = check_rights(snapshot, selected, &grant)?;
            Ok(Permit {
                grant: Some(grant),
                policy,
            })
        }
        (Access::OAuth(_), Caller::Anonymous) => Err(Refusal::CredentialMissing),
    }
}

/// Policies are resolved at every check, so that an edited one acts on living tokens.
fn check_rights(
    snapshot: &GatewaySnapshot,
    selected: &Selected,
    grant: &Grant,
) -> Result<Option<Arc<CompiledPolicy>>, Refusal> {
    match &grant.session {
        SessionSource::Policy(id) => policy_grants(snapshot, selected, id).map(Some),
        SessionSource::Rules(rules) => rules_grant(snapshot, selected, rules),
    }
}

/// A policy that is gone or of another organisation makes its sessions unknown, as Tyk has it.
fn policy_grants(
    snapshot: &GatewaySnapshot,
    selected: &Selected,
    id: &PolicyId,
) -> Result<Arc<CompiledPolicy>, Refusal> {
    let compiled = snapshot.policy_for(&selected.api, id);
    let compiled = compiled.ok_or(Refusal::TokenUnknown)?;
    if compiled.policy.inactive {
        return Err(Refusal::SessionInactive);
    }
    let right = compiled.policy.access_rights.get(&selected.api.id);
    check_right(right, selected)?;
    Ok(Arc::clone(compiled))
}

fn rules_grant(
    snapshot: &GatewaySnapshot,
    selected: &Selected,
    rules: &SessionRules,
) -> Result<Option<Arc<CompiledPolicy>>, Refusal> {
    if rules.is_inactive() {
        return Err(Refusal::SessionInactive);
    }
    match rules.rights() {
        Rights::Policy(id) => policy_grants(snapshot, selected, id).map(Some),
        Rights::Listed(rights) => {
            check_right(rights.get(&selected.api.id), selected).map(|()| None)
        }
        Rights::Master => Ok(None),
    }
}

/// The right must be to the API, and where that has versions, to the version that is asked for.
fn check_right(right: Option<&AccessRight>, selected: &Selected) -> Result<(), Refusal> {
    let right = right.ok_or(Refusal::NoRight)?;
    let holds = |name: &str| right.versions.iter().any(|version| version == name);
    if selected.version_name().is_none_or(holds) {
        Ok(())
    } else {
        Err(Refusal::NoRight)
    }
}
