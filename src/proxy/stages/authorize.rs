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
use crate::proxy::allowed_paths::AllowedPaths;
use crate::proxy::client_meta::ClientMeta;
use crate::proxy::refusal::Refusal;
use crate::proxy::request::RequestView;

/// Proof that a request may be forwarded; only this stage makes one.
#[derive(Debug)]
pub(crate) struct Permit {
    // Nobody's session where the API or the path asks nobody who they are.
    caller: Caller,
    policy: Option<Arc<CompiledPolicy>>,
}

impl Permit {
    /// For a path that is free of proof: whatever credential came with it was not judged, and says nothing.
    pub(crate) const fn waived() -> Self {
        Self {
            caller: Caller::Anonymous,
            policy: None,
        }
    }

    /// What the caller's session says under a name in its metadata, the policy first (Tyk): a text as it stands, else JSON.
    ///
    /// A session that a policy makes has the metadata of its client, which a session of rules was given with its token.
    pub(crate) fn meta<'m>(
        &'m self,
        name: &str,
        of_client: &'m ClientMeta<'_>,
    ) -> Option<Cow<'m, str>> {
        let of_policy = self
            .policy
            .as_ref()
            .and_then(|policy| policy.policy.meta_data.as_ref());
        let of_rules = rules_of(&self.caller).and_then(SessionRules::meta_data);
        let mut sources = [of_policy, of_rules].into_iter().flatten();
        let of_session = sources.find_map(|meta| meta.get(name));
        match of_session.or_else(|| of_client.get(self.made_by_policy()?, name))? {
            Value::Null => None,
            Value::String(text) => Some(Cow::Borrowed(text)),
            other => Some(Cow::Owned(other.to_string())),
        }
    }

    /// The caller's grant, if a policy makes its session.
    fn made_by_policy(&self) -> Option<&Grant> {
        match &self.caller {
            Caller::Holder(grant) if matches!(grant.session, SessionSource::Policy(_)) => {
                Some(grant)
            }
            Caller::Anonymous | Caller::Holder(_) | Caller::Key(_) => None,
        }
    }
}

/// The session that a caller carries; none where a policy makes it, or nobody asks.
fn rules_of(caller: &Caller) -> Option<&SessionRules> {
    match caller {
        Caller::Anonymous => None,
        Caller::Key(key) => Some(&key.session),
        Caller::Holder(grant) => match &grant.session {
            SessionSource::Rules(rules) => Some(rules),
            SessionSource::Policy(_) => None,
        },
    }
}

/// Decides whether this caller may make this request; rights to single paths are matched by `paths`.
///
/// Policies are resolved at every check, so that an edited one acts on living tokens and keys.
pub(crate) fn authorize(
    snapshot: &GatewaySnapshot,
    paths: Option<&AllowedPaths>,
    selected: &Selected,
    caller: Caller,
    view: &RequestView<'_>,
) -> Result<Permit, Refusal> {
    if matches!(selected.api.access, Access::Keyless) {
        return Ok(Permit::waived());
    }
    let policy_of = |id: &PolicyId| policy(snapshot, selected, id).map(Some);
    let policy = match (&caller, rules_of(&caller)) {
        (Caller::Anonymous, _) => return Err(Refusal::CredentialMissing),
        (Caller::Holder(grant), None) => match &grant.session {
            SessionSource::Policy(id) => policy_of(id)?,
            SessionSource::Rules(_) => None,
        },
        (_, Some(rules)) if rules.is_inactive() => return Err(Refusal::SessionInactive),
        (_, Some(rules)) => match rules.rights() {
            Rights::Policy(id) => policy_of(id)?,
            Rights::Listed(_) | Rights::Master => None,
        },
        (Caller::Key(_), None) => None,
    };
    let listed = policy
        .as_ref()
        .map(|policy| &policy.policy.access_rights)
        .or_else(|| match rules_of(&caller)?.rights() {
            Rights::Listed(rights) => Some(rights),
            Rights::Policy(_) | Rights::Master => None,
        });
    // Neither a policy nor rights: a master key, which opens everything.
    if let Some(rights) = listed {
        let right = rights.get(&selected.api.id).ok_or(Refusal::NoRight)?;
        check_right(right, selected, paths, view)?;
    }
    Ok(Permit { caller, policy })
}

/// A policy that is gone or of another organisation makes its sessions unknown, as Tyk has it.
fn policy(
    snapshot: &GatewaySnapshot,
    selected: &Selected,
    id: &PolicyId,
) -> Result<Arc<CompiledPolicy>, Refusal> {
    let compiled = snapshot.policy_for(&selected.api, id);
    let compiled = compiled.ok_or(Refusal::TokenUnknown)?;
    if compiled.policy.inactive {
        return Err(Refusal::SessionInactive);
    }
    Ok(Arc::clone(compiled))
}

/// Where the API has versions the right must hold the one that is asked for; where it names paths, this one.
fn check_right(
    right: &AccessRight,
    selected: &Selected,
    paths: Option<&AllowedPaths>,
    view: &RequestView<'_>,
) -> Result<(), Refusal> {
    if !right.grants_version(selected.version_name()) {
        return Err(Refusal::NoRight);
    }
    if right.allowed_urls.is_empty() {
        return Ok(());
    }
    paths.ok_or(Refusal::Unjudged)?.check(right, selected, view)
}
