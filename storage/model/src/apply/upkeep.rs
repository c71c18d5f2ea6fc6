//! Founding and sweeping.

use crate::answer::{Refusal, Reply};
use crate::command::{Found, SWEEP_GRACE, SWEEP_ITEMS_MAX, SweepItem};
use crate::state::{ClientKey, ReadState, RecordKey, Txn};

/// Founds the cluster; once more after a restore, with a new incarnation that honours the old tokens.
pub(super) fn found<S: ReadState>(txn: &mut Txn<'_, S>, found: &Found) -> Result<Reply, Refusal> {
    let meta = txn.meta();
    let first = meta.cluster == [0; 16];
    if !first && (meta.cluster != found.cluster || meta.incarnation == found.incarnation) {
        return Err(Refusal::AlreadyFounded);
    }
    let ancestors = if first {
        meta.ancestors.clone()
    } else {
        meta.ancestors
            .iter()
            .copied()
            .chain([meta.incarnation])
            .collect()
    };
    let meta = txn.meta_mut();
    meta.cluster = found.cluster;
    meta.incarnation = found.incarnation;
    meta.ancestors = ancestors;
    meta.activate(found.active_key);
    Ok(Reply::Founded(found.incarnation))
}

/// Removes the records named whose time has been over for a while, or whose client's mark ended them.
pub(super) fn sweep<S: ReadState>(txn: &mut Txn<'_, S>, items: &[SweepItem]) -> Reply {
    let mut swept = 0_u32;
    for item in items.iter().take(SWEEP_ITEMS_MAX) {
        let key = match item {
            SweepItem::Grant(id) => txn.grant(id).and_then(|grant| {
                let key = grant.client_key();
                is_over(txn, grant.expires_at, &key, grant.revision)
                    .then_some(RecordKey::Grant(*id))
            }),
            SweepItem::Code(id) => txn.code(id).and_then(|code| {
                let key = code.client_key();
                is_over(txn, code.expires_at, &key, code.revision).then_some(RecordKey::Code(*id))
            }),
            SweepItem::Family(id) => txn.family(id).and_then(|family| {
                let key = family.client_key();
                is_over(txn, family.expires_at, &key, family.revision)
                    .then_some(RecordKey::Family(*id))
            }),
            SweepItem::ApiKey(id) => txn.api_key(id).and_then(|key| {
                let ends_at = key.ends_at?;
                (ends_at.plus(SWEEP_GRACE) <= txn.now()).then_some(RecordKey::ApiKey(*id))
            }),
        };
        if let Some(key) = key {
            txn.delete(key);
            swept = swept.saturating_add(1);
        }
    }
    Reply::Swept(swept)
}

fn is_over<S: ReadState>(
    txn: &Txn<'_, S>,
    expires_at: crate::time::Timestamp,
    client: &ClientKey,
    revision: crate::id::Revision,
) -> bool {
    expires_at.plus(SWEEP_GRACE) <= txn.now() || txn.revoked_since(client, revision)
}
