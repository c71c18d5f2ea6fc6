//! Keys, basic-auth users and admin tokens.

use std::sync::Arc;

use crate::admin_token::{ADMIN_TOKENS_MAX, AdminName, AdminToken};
use crate::answer::{Refusal, Reply};
use crate::command::{
    ApiKeyNaming, NewAdminToken, PasswordChange, PutApiKey, Retention, UpdateApiKey,
};
use crate::id::ApiKeyId;
use crate::state::record::{ApiKeyName, ApiKeyRecord};
use crate::state::{ReadState, Record, RecordKey, Txn};
use crate::time::Timestamp;

/// Creates, replaces or updates a key; a user is replaced only together with a password, for without one its name would be a key.
pub(super) fn put<S: ReadState>(txn: &mut Txn<'_, S>, put: &PutApiKey) -> Result<Reply, Refusal> {
    let now = txn.now();
    let old = txn.api_key(&put.id).filter(|old| !old.is_gone(now));
    let name = match (&put.naming, &old) {
        (ApiKeyNaming::Generated, _) => ApiKeyName::Generated(txn.birth()),
        (ApiKeyNaming::Custom(sealed), _) => ApiKeyName::Custom(sealed.clone()),
        (ApiKeyNaming::Replaced | ApiKeyNaming::Updated, Some(old)) => old.name.clone(),
        (ApiKeyNaming::Replaced | ApiKeyNaming::Updated, None) => {
            return Err(Refusal::UnknownApiKey);
        }
    };
    let updated = old.as_ref().filter(|_| put.naming == ApiKeyNaming::Updated);
    let is_user = old.as_ref().is_some_and(|old| old.is_user());
    if is_user && updated.is_none() && put.password == PasswordChange::Kept {
        return Err(Refusal::PasswordMissing);
    }
    let expires_s = expires_s(put, old.as_deref(), updated.map(AsRef::as_ref), now);
    let record = ApiKeyRecord {
        org: put.org.clone(),
        session: Arc::clone(&put.session),
        password: match &put.password {
            PasswordChange::Set(hash) => Some(hash.clone()),
            PasswordChange::Kept => updated.and_then(|old| old.password.clone()),
        },
        logins: old
            .as_ref()
            .map_or_else(Arc::default, |old| Arc::clone(&old.logins)),
        expires_s,
        ends_at: ends_at(put.retention, expires_s, now),
        created_at: updated.map_or(now, |old| old.created_at),
        updated_at: now,
        revision: txn.revision(),
        first_revision: old
            .as_ref()
            .map_or_else(|| txn.revision(), |old| old.first_revision),
        name,
    };
    let birth = match record.name {
        ApiKeyName::Generated(birth) => Some(birth),
        ApiKeyName::Custom(_) => None,
    };
    txn.put(RecordKey::ApiKey(put.id), Record::ApiKey(Arc::new(record)));
    Ok(Reply::ApiKey {
        birth,
        existed: old.is_some(),
    })
}

/// Updates a key that is still as it was read.
pub(super) fn update<S: ReadState>(
    txn: &mut Txn<'_, S>,
    update: &UpdateApiKey,
) -> Result<Reply, Refusal> {
    let now = txn.now();
    let current = txn.api_key(&update.put.id).filter(|key| !key.is_gone(now));
    match current {
        None => Err(Refusal::UnknownApiKey),
        Some(key) if key.revision != update.replaces => Err(Refusal::ApiKeyChanged),
        Some(_) => put(txn, &update.put),
    }
}

/// When the session ends: a past time counts as not given, so an update keeps what was (Tyk).
fn expires_s(
    put: &PutApiKey,
    old: Option<&ApiKeyRecord>,
    updated: Option<&ApiKeyRecord>,
    now: Timestamp,
) -> i64 {
    if let (None, Some(lifetime)) = (old, put.first_lifetime) {
        return i64::try_from(now.plus(lifetime).as_unix_s()).unwrap_or(i64::MAX);
    }
    let now_s = i64::try_from(now.as_unix_s()).unwrap_or(i64::MAX);
    if put.expires_s > 1 && put.expires_s <= now_s {
        return updated.map_or(0, |old| old.expires_s);
    }
    put.expires_s
}

fn ends_at(retention: Retention, expires_s: i64, now: Timestamp) -> Option<Timestamp> {
    let expiry = u64::try_from(expires_s)
        .ok()
        .filter(|seconds| *seconds > 0)
        .map(Timestamp::from_unix_s);
    match retention {
        Retention::Forever => None,
        Retention::AfterExpiry(grace) => expiry.map(|expiry| expiry.plus(grace)),
        Retention::FromNow(lifetime) => Some(now.plus(lifetime)),
        Retention::FromNowOrExpiry(lifetime) => expiry.map(|expiry| expiry.max(now.plus(lifetime))),
    }
}

/// Deletes a key.
pub(super) fn delete<S: ReadState>(txn: &mut Txn<'_, S>, id: &ApiKeyId) -> Reply {
    let now = txn.now();
    let existed = txn.api_key(id).is_some_and(|key| !key.is_gone(now));
    txn.delete(RecordKey::ApiKey(*id));
    Reply::Stored { existed }
}

/// Makes an admin token.
pub(super) fn new_admin_token<S: ReadState>(
    txn: &mut Txn<'_, S>,
    new: &NewAdminToken,
) -> Result<Reply, Refusal> {
    let tokens = admin_tokens(txn);
    if tokens.iter().any(|token| token.name == new.name) {
        return Err(Refusal::AdminTokenExists);
    }
    if tokens.len() >= ADMIN_TOKENS_MAX {
        return Err(Refusal::TooManyAdminTokens);
    }
    let token = AdminToken {
        name: new.name.clone(),
        role: new.role,
        verifier: new.verifier,
        created_at: txn.now(),
    };
    let tokens = tokens.iter().cloned().chain([token]).collect();
    txn.put(RecordKey::AdminTokens, Record::AdminTokens(tokens));
    Ok(Reply::Done)
}

/// Ends an admin token.
pub(super) fn delete_admin_token<S: ReadState>(txn: &mut Txn<'_, S>, name: &AdminName) -> Reply {
    let tokens = admin_tokens(txn);
    let left: Arc<[AdminToken]> = tokens
        .iter()
        .filter(|token| token.name != *name)
        .cloned()
        .collect();
    let existed = left.len() < tokens.len();
    if existed {
        txn.put(RecordKey::AdminTokens, Record::AdminTokens(left));
    }
    Reply::Stored { existed }
}

fn admin_tokens<S: ReadState>(txn: &Txn<'_, S>) -> Arc<[AdminToken]> {
    match txn.get(&RecordKey::AdminTokens) {
        Some(Record::AdminTokens(tokens)) => tokens,
        _ => Arc::default(),
    }
}
