//! Refreshing: each generation once, an older one ends the family.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::issue::{self, NewGrant, refresh_token};
use super::password::Standing;
use super::{clients, notifications, password, revoke};
use crate::answer::{Issued, RefreshFault, Refusal, Reply};
use crate::command::Refresh;
use crate::oauth::scope::Scope;
use crate::state::record::{ClientRecord, Family, NotificationKind};
use crate::state::{ReadState, Record, RecordKey, Txn};
use crate::token::AccessToken;

/// Exchanges a refresh token for a new pair (RFC 6749 section 6, RFC 9700 section 4.14.2).
pub(super) fn refresh<S: ReadState>(
    txn: &mut Txn<'_, S>,
    refresh: &Refresh,
) -> Result<Reply, Refusal> {
    let client = clients::authenticated(txn, &refresh.client)?;
    let id = refresh.token.family;
    let family = txn
        .family(&id)
        .ok_or(Refusal::Refresh(RefreshFault::Unknown))?;
    if family.api != client.api || family.client != client.id {
        let fault = astray(txn, refresh, &client, &family);
        return Err(Refusal::Refresh(fault));
    }
    if txn.revoked_since(&refresh.client.key, family.revision) {
        return Err(Refusal::Refresh(RefreshFault::Unknown));
    }
    if family.expires_at <= txn.now() {
        return Err(Refusal::Refresh(RefreshFault::Expired));
    }
    match password::standing(txn, &family) {
        Standing::Stands => {}
        Standing::Waits => return Err(Refusal::Refresh(RefreshFault::Unknown)),
        Standing::Ends => {
            revoke::family(txn, id);
            return Err(Refusal::Refresh(RefreshFault::Unknown));
        }
    }
    if refresh.token.generation == family.generation {
        return rotate(txn, refresh, &client, &family);
    }
    if refresh.token.generation > family.generation {
        // Only a state restored from before that generation meets this; nobody misused anything.
        return Err(Refusal::Refresh(RefreshFault::Unknown));
    }
    if is_retry(txn, refresh, &family)
        && let Some(issued) = present_answer(txn, refresh, &family)
    {
        return Ok(Reply::Issued(issued));
    }
    end_family(txn, refresh, &client);
    Err(Refusal::Refresh(RefreshFault::Reused))
}

/// Judges a token that came to another registration than its own. One of a client of the same name took the wrong way; in the
/// hands of another client it has leaked, whatever its generation so far, and its family ends.
fn astray<S: ReadState>(
    txn: &mut Txn<'_, S>,
    refresh: &Refresh,
    client: &ClientRecord,
    family: &Family,
) -> RefreshFault {
    let key = family.client_key();
    // Without its client's registration nothing of it is good any more.
    let Some(owner) = txn.client(&key) else {
        return RefreshFault::OtherClient;
    };
    if clients::may_be_of(client, &owner) {
        return RefreshFault::OtherApi;
    }
    let over = txn.revoked_since(&key, family.revision)
        || family.expires_at <= txn.now()
        || refresh.token.generation > family.generation;
    if !over {
        end_family(txn, refresh, &owner);
    }
    RefreshFault::OtherClient
}

/// Moves the family on by one generation.
fn rotate<S: ReadState>(
    txn: &mut Txn<'_, S>,
    refresh: &Refresh,
    client: &ClientRecord,
    family: &Family,
) -> Result<Reply, Refusal> {
    let id = refresh.token.family;
    let scope = narrowed(refresh.scope.as_ref(), family.scope.as_ref())?;
    issue::check_session(txn, &client.api, &family.session)?;
    txn.delete(RecordKey::Grant(family.grant));
    let mut issued = issue::grant(
        txn,
        NewGrant {
            id: refresh.grant,
            client,
            family: Some(id),
            session: &family.session,
            scope,
            lifetime: refresh.lifetimes.access,
        },
    );
    let now = txn.now();
    let next = Family {
        generation: family.generation.saturating_add(1),
        grant: refresh.grant,
        expires_at: refresh.lifetimes.refresh.map_or(family.expires_at, |ttl| {
            issue::end_of(&family.session, now, ttl)
        }),
        rotated_at: now,
        request: request_hash(refresh),
        ..family.clone()
    };
    issued.refresh = Some(refresh_token(id, &next));
    txn.put(RecordKey::Family(id), Record::Family(Arc::new(next)));
    if let Some(terms) = refresh.notify {
        let news = notifications::News {
            kind: NotificationKind::Refresh,
            family: Some(id),
            code: None,
            issued: &issued,
            old_refresh: Some(refresh.token),
        };
        notifications::enqueue(txn, client, terms, &news);
    }
    Ok(Reply::Issued(issued))
}

/// The scope of the new token: what was asked for if the authorization covers it.
fn narrowed(asked: Option<&Scope>, held: Option<&Scope>) -> Result<Option<Scope>, Refusal> {
    match (asked, held) {
        (None, held) => Ok(held.cloned()),
        (Some(asked), Some(held)) if asked.is_subset_of(held) => Ok(Some(asked.clone())),
        (Some(_), _) => Err(Refusal::ScopeExceeded),
    }
}

/// Whether this repeats the request that made the present generation, because its answer was lost.
fn is_retry<S: ReadState>(txn: &Txn<'_, S>, refresh: &Refresh, family: &Family) -> bool {
    refresh.token.generation.checked_add(1) == Some(family.generation)
        && txn.now().since(family.rotated_at) < refresh.retry_window
        && family.request == request_hash(refresh)
}

/// The tokens of the present generation, if its access token still lives.
fn present_answer<S: ReadState>(
    txn: &Txn<'_, S>,
    refresh: &Refresh,
    family: &Family,
) -> Option<Issued> {
    let grant = txn.grant(&family.grant)?;
    Some(Issued {
        access: AccessToken {
            birth: grant.birth,
            id: family.grant,
        },
        refresh: Some(refresh_token(refresh.token.family, family)),
        scope: grant.scope.clone(),
        expires_at: grant.expires_at,
        at: txn.now(),
    })
}

/// Ends the family of a token that was misused, and tells its client's resource owners.
fn end_family<S: ReadState>(txn: &mut Txn<'_, S>, refresh: &Refresh, owner: &ClientRecord) {
    revoke::family(txn, refresh.token.family);
    let misuse = notifications::Misuse {
        id: refresh.grant,
        family: Some(refresh.token.family),
        code: None,
        old_refresh: Some(refresh.token),
        asked: &refresh.client.key.api,
    };
    notifications::tell_of_misuse(txn, owner, refresh.notify, &misuse);
}

/// What makes two refreshes the same request, besides the token: the scope asked for.
fn request_hash(refresh: &Refresh) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"refresh");
    if let Some(scope) = &refresh.scope {
        hash.update([1]);
        hash.update(scope.as_str().as_bytes());
    }
    hash.finalize().into()
}
