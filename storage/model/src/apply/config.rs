//! APIs, policies and the definitions folder.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::sync::Arc;

use crate::answer::{Refusal, Reply};
use crate::command::{PutApi, PutPolicy, SourceMark, UpdateApi};
use crate::id::{ApiId, PolicyId};
use crate::state::record::{ApiRecord, Made, PolicyRecord, SourceRecord, SourceStanding};
use crate::state::{ReadState, Record, RecordKey, RouteKey, SourcePath, Txn};

/// Creates or replaces APIs, all of them unless one wants a listen path of another that keeps it.
///
/// The answer says whether the last of them was there before.
pub(super) fn put_apis<S: ReadState>(
    txn: &mut Txn<'_, S>,
    puts: &[PutApi],
) -> Result<Reply, Refusal> {
    let mut moving: BTreeSet<ApiId> = puts.iter().map(|put| put.id.clone()).collect();
    moving.extend(puts.iter().filter_map(|put| replaced_by(txn, put)));
    let mut wanted: BTreeMap<&RouteKey, &ApiId> = BTreeMap::new();
    for put in puts {
        for route in &put.routes {
            match wanted.insert(route, &put.id) {
                Some(other) if *other != put.id => {
                    return Err(Refusal::ListenPathTaken(other.clone()));
                }
                _ => {}
            }
            match txn.get(&RecordKey::Route(route.clone())) {
                Some(Record::Route(owner)) if !moving.contains(&owner) => {
                    return Err(Refusal::ListenPathTaken(owner));
                }
                _ => {}
            }
        }
    }
    let mut reply = Reply::Stored { existed: false };
    for put in puts {
        reply = put_api(txn, put);
    }
    Ok(reply)
}

/// Replaces an API that is still as it was read.
pub(super) fn update_api<S: ReadState>(
    txn: &mut Txn<'_, S>,
    update: &UpdateApi,
) -> Result<Reply, Refusal> {
    let current = txn.api(&update.put.id);
    if current.is_none_or(|api| api.revision != update.replaces) {
        return Err(Refusal::ApiChanged);
    }
    put_apis(txn, slice::from_ref(&update.put))
}

/// Stores an API and gives it its listen paths, whosever they were.
fn put_api<S: ReadState>(txn: &mut Txn<'_, S>, put: &PutApi) -> Reply {
    let old = txn.api(&put.id);
    let before = old.as_ref().and_then(|api| api.source.clone());
    let made = Made::Api(put.id.clone());
    let source = source_of(txn, put.source.as_ref(), before, made);
    if old
        .as_ref()
        .is_some_and(|old| is_unchanged(old, put, &source))
    {
        return Reply::Stored { existed: true };
    }
    if let Some(old) = &old {
        release(txn, old);
    }
    for route in &put.routes {
        txn.put(
            RecordKey::Route(route.clone()),
            Record::Route(put.id.clone()),
        );
    }
    let record = ApiRecord {
        id: put.id.clone(),
        org: put.org.clone(),
        document: put.document.clone(),
        document_hash: put.document_hash,
        routes: put.routes.clone().into(),
        source,
        updated_at: txn.now(),
        revision: txn.revision(),
    };
    txn.put(
        RecordKey::Api(put.id.clone()),
        Record::Api(Arc::new(record)),
    );
    txn.touch_config();
    Reply::Stored {
        existed: old.is_some(),
    }
}

/// Frees the listen paths of an API that are still its own.
fn release<S: ReadState>(txn: &mut Txn<'_, S>, api: &ApiRecord) {
    for route in api.routes.iter() {
        let key = RecordKey::Route(route.clone());
        if matches!(txn.get(&key), Some(Record::Route(owner)) if owner == api.id) {
            txn.delete(key);
        }
    }
}

/// The API that goes with this change: its file gave it another id before, and it is still what the file made.
fn replaced_by<S: ReadState>(txn: &Txn<'_, S>, put: &PutApi) -> Option<ApiId> {
    let path = &put.source.as_ref()?.path;
    match txn.source(path)?.made.clone() {
        Made::Api(old) if old != put.id && is_made_by(txn, &old, path) => Some(old),
        _ => None,
    }
}

fn is_made_by<S: ReadState>(txn: &Txn<'_, S>, id: &ApiId, path: &SourcePath) -> bool {
    txn.api(id)
        .is_some_and(|api| api.source.as_ref() == Some(path))
}

fn is_unchanged(old: &ApiRecord, put: &PutApi, source: &Option<SourcePath>) -> bool {
    old.document_hash == put.document_hash && *old.routes == *put.routes && old.source == *source
}

/// Deletes an API and frees its listen paths; its clients and tokens stay and work again should it return.
pub(super) fn delete_api<S: ReadState>(txn: &mut Txn<'_, S>, id: &ApiId) -> Reply {
    let Some(old) = txn.api(id) else {
        return Reply::Stored { existed: false };
    };
    release(txn, &old);
    txn.delete(RecordKey::Api(id.clone()));
    txn.touch_config();
    Reply::Stored { existed: true }
}

/// Creates or replaces a policy.
pub(super) fn put_policy<S: ReadState>(txn: &mut Txn<'_, S>, put: &PutPolicy) -> Reply {
    let old = txn.policy(&put.id);
    let before = old.as_ref().and_then(|policy| policy.source.clone());
    let made = Made::Policy(put.id.clone());
    let source = source_of(txn, put.source.as_ref(), before, made);
    let record = PolicyRecord {
        id: put.id.clone(),
        org: put.org.clone(),
        document: put.document.clone(),
        source,
        revision: txn.revision(),
    };
    txn.put(
        RecordKey::Policy(put.id.clone()),
        Record::Policy(Arc::new(record)),
    );
    txn.touch_config();
    Reply::Stored {
        existed: old.is_some(),
    }
}

/// Deletes a policy; sessions that refer to it are refused from then on.
pub(super) fn delete_policy<S: ReadState>(txn: &mut Txn<'_, S>, id: &PolicyId) -> Reply {
    let existed = txn.policy(id).is_some();
    if existed {
        txn.delete(RecordKey::Policy(id.clone()));
        txn.touch_config();
    }
    Reply::Stored { existed }
}

/// Removes what a file made, and only if that is still what the file made.
pub(super) fn remove_source<S: ReadState>(txn: &mut Txn<'_, S>, path: &SourcePath) -> Reply {
    let Some(source) = txn.source(path) else {
        return Reply::Stored { existed: false };
    };
    forget_made(txn, path, &source.made);
    txn.delete(RecordKey::Source(path.clone()));
    Reply::Stored { existed: true }
}

/// The file that a definition is of from now on: the one that it comes from, else the one that it was of before.
fn source_of<S: ReadState>(
    txn: &mut Txn<'_, S>,
    mark: Option<&SourceMark>,
    before: Option<SourcePath>,
    made: Made,
) -> Option<SourcePath> {
    let Some(mark) = mark else {
        return before;
    };
    if let Some(before) = before.filter(|before| *before != mark.path) {
        displace(txn, before);
    }
    remember(txn, mark, made);
    Some(mark.path.clone())
}

/// Notes that another file takes over what this one made: once that one is gone, this one shall count again.
///
/// A definition is of the file that made it last, and goes when that file makes something else: so this is what it made.
fn displace<S: ReadState>(txn: &mut Txn<'_, S>, path: SourcePath) {
    if let Some(source) = txn.source(&path) {
        let record = Record::Source(Arc::new(source.displaced()));
        txn.put(RecordKey::Source(path), record);
    }
}

/// Notes what a file made; what it made before under another id goes.
fn remember<S: ReadState>(txn: &mut Txn<'_, S>, mark: &SourceMark, made: Made) {
    if let Some(old) = txn.source(&mark.path).filter(|old| old.made != made) {
        forget_made(txn, &mark.path, &old.made);
    }
    let record = SourceRecord {
        content_hash: mark.content_hash,
        made,
        standing: SourceStanding::Applied,
    };
    txn.put(
        RecordKey::Source(mark.path.clone()),
        Record::Source(Arc::new(record)),
    );
}

fn forget_made<S: ReadState>(txn: &mut Txn<'_, S>, path: &SourcePath, made: &Made) {
    match made {
        Made::Api(id) => {
            if is_made_by(txn, id, path) {
                delete_api(txn, id);
            }
        }
        Made::Policy(id) => {
            if txn
                .policy(id)
                .is_some_and(|policy| policy.source.as_ref() == Some(path))
            {
                delete_policy(txn, id);
            }
        }
    }
}
