//! Revoking one token (RFC 7009).

use crate::answer::{Refusal, Reply};
use crate::command::{Revoke, RevokeOwner, RevokeTarget};
use crate::id::{ApiId, ClientId, FamilyId, GrantId};
use crate::state::{ReadState, RecordKey, Txn};

/// Revokes a token; an unknown one is no error, another client's is.
pub(super) fn revoke<S: ReadState>(
    txn: &mut Txn<'_, S>,
    revoke: &Revoke,
) -> Result<Reply, Refusal> {
    let found = match revoke.target {
        RevokeTarget::Access(id) => match txn.grant(&id) {
            None => false,
            Some(grant) => {
                check_owner(&revoke.owner, &grant.api, &grant.client)?;
                txn.delete(RecordKey::Grant(id));
                true
            }
        },
        RevokeTarget::Refresh(id) | RevokeTarget::RefreshAlone(id) => match txn.family(&id) {
            None => false,
            Some(record) => {
                check_owner(&revoke.owner, &record.api, &record.client)?;
                if matches!(revoke.target, RevokeTarget::Refresh(_)) {
                    txn.delete(RecordKey::Grant(record.grant));
                }
                txn.delete(RecordKey::Family(id));
                true
            }
        },
    };
    Ok(Reply::Revoked { found })
}

/// Ends a family: its refresh tokens of every generation, and its access token; tells whether any of them had time left.
pub(super) fn family<S: ReadState>(txn: &mut Txn<'_, S>, id: FamilyId) -> bool {
    let Some(family) = txn.family(&id) else {
        return false;
    };
    let lived = grant(txn, family.grant);
    txn.delete(RecordKey::Family(id));
    lived || family.expires_at > txn.now()
}

/// Ends an access token; tells whether it had time left.
pub(super) fn grant<S: ReadState>(txn: &mut Txn<'_, S>, id: GrantId) -> bool {
    let grant = txn.grant(&id);
    txn.delete(RecordKey::Grant(id));
    grant.is_some_and(|grant| grant.expires_at > txn.now())
}

fn check_owner(owner: &RevokeOwner, api: &ApiId, client: &ClientId) -> Result<(), Refusal> {
    let allowed = match owner {
        RevokeOwner::Client(key) => key.api == *api && key.client == *client,
        RevokeOwner::ClientAt { client: id, apis } => id == client && apis.contains(api),
        RevokeOwner::Api(id) => id == api,
        RevokeOwner::Anyone => true,
    };
    if allowed {
        Ok(())
    } else {
        Err(Refusal::NotYours)
    }
}
