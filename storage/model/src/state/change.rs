//! The changes of one log entry, gathered over a state that stays untouched until they are carried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{
    ApiKeyRecord, ApiRecord, ClientRecord, Code, Family, Grant, Meta, Notification, Outbox,
    PolicyRecord, SourceRecord,
};
use super::{ClientKey, NotificationKey, ReadState, Record, RecordKey, SourcePath, Subject};
use crate::id::{ApiId, ApiKeyId, CodeId, FamilyId, GrantId, LogIndex, PolicyId, Revision};
use crate::time::Timestamp;
use crate::token::TokenBirth;

/// One record before and after a log entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The record's key.
    pub key: RecordKey,
    /// What stood there before the entry.
    pub before: Option<Record>,
    /// What stands there after it; `None` deletes.
    pub after: Option<Record>,
}

/// A log entry being applied: reads see the entry's own changes, the state underneath does not.
pub struct Txn<'a, S> {
    state: &'a S,
    index: LogIndex,
    meta: Meta,
    changes: Vec<Change>,
    position: BTreeMap<RecordKey, usize>,
}

impl<'a, S: ReadState> Txn<'a, S> {
    /// Begins an entry at this index of the log.
    pub fn begin(state: &'a S, index: LogIndex) -> Self {
        let meta = match state.get(&RecordKey::Meta) {
            Some(Record::Meta(meta)) => (*meta).clone(),
            _ => Meta::default(),
        };
        Self {
            state,
            index,
            meta,
            changes: Vec::new(),
            position: BTreeMap::new(),
        }
    }

    /// Ends the entry: every record that differs from before, in the order of first change.
    #[must_use]
    pub fn finish(mut self) -> Vec<Change> {
        let meta = std::mem::take(&mut self.meta);
        self.put(RecordKey::Meta, Record::Meta(Arc::new(meta)));
        self.changes.retain(|change| change.before != change.after);
        self.changes
    }

    /// The state's record of itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The state's record of itself, to change it.
    pub fn meta_mut(&mut self) -> &mut Meta {
        &mut self.meta
    }

    /// The state's clock.
    pub fn now(&self) -> Timestamp {
        self.meta.clock
    }

    /// The revision of the command being carried out.
    pub fn revision(&self) -> Revision {
        self.meta.revision
    }

    /// What a token issued by this entry is derived from, besides its id.
    pub fn birth(&self) -> TokenBirth {
        TokenBirth {
            key: self.meta.active_key,
            incarnation: self.meta.incarnation,
            index: self.index,
        }
    }

    /// The record under a key, as this entry sees it.
    pub fn get(&self, key: &RecordKey) -> Option<Record> {
        match self.position.get(key).and_then(|&at| self.changes.get(at)) {
            Some(change) => change.after.clone(),
            None => self.state.get(key),
        }
    }

    /// The first notification of an API that waits, from a sequence on, as this entry sees it.
    ///
    /// Steps over those that this entry took out of the queue, and over nothing else.
    pub fn first_queued(&self, api: &ApiId, from: u64) -> Option<NotificationKey> {
        let own = self.position.range(NotificationKey::places(api, from));
        let own = own
            .filter(|(_, at)| {
                let change = self.changes.get(**at);
                change
                    .and_then(|change| change.after.as_ref())
                    .is_some_and(Record::is_queued)
            })
            .find_map(|(key, _)| key.sequence());
        let place = |sequence| NotificationKey {
            api: api.clone(),
            sequence,
        };
        let untouched = |sequence: &u64| {
            own.is_some_and(|own| own <= *sequence)
                || !self
                    .position
                    .contains_key(&RecordKey::Notification(place(*sequence)))
        };
        let before = std::iter::successors(self.state.first_queued(api, from), |last| {
            self.state.first_queued(api, last.checked_add(1)?)
        });
        let before = before.into_iter().find(untouched);
        own.into_iter().chain(before).min().map(place)
    }

    /// Puts a record.
    pub fn put(&mut self, key: RecordKey, record: Record) {
        self.set(key, Some(record));
    }

    /// Deletes a record; deleting an absent one is no change.
    pub fn delete(&mut self, key: RecordKey) {
        self.set(key, None);
    }

    fn set(&mut self, key: RecordKey, after: Option<Record>) {
        if let Some(change) = self
            .position
            .get(&key)
            .and_then(|&at| self.changes.get_mut(at))
        {
            change.after = after;
            return;
        }
        let before = self.state.get(&key);
        self.position.insert(key.clone(), self.changes.len());
        self.changes.push(Change { key, before, after });
    }

    /// Notes that configuration changed with this command.
    pub fn touch_config(&mut self) {
        self.meta.config_revision = self.meta.revision;
    }

    /// Revokes everything of a subject that was issued until now.
    pub fn mark(&mut self, subject: Subject) {
        let revision = self.meta.revision;
        self.meta.newest_mark = revision;
        self.put(RecordKey::Mark(subject), Record::Mark(revision));
    }

    /// The newest revision at which the subject's tokens were revoked.
    fn marked(&self, subject: Subject) -> Revision {
        match self.get(&RecordKey::Mark(subject)) {
            Some(Record::Mark(revision)) => revision,
            _ => Revision::default(),
        }
    }

    /// Whether something issued to a registration at a revision was revoked by a mark since.
    pub fn revoked_since(&self, client: &ClientKey, issued: Revision) -> bool {
        issued <= self.meta.newest_mark
            && [
                Subject::Everyone,
                Subject::Api(client.api.clone()),
                Subject::Client(client.clone()),
            ]
            .into_iter()
            .any(|subject| issued <= self.marked(subject))
    }
}

macro_rules! typed_reads {
    ($($(#[$doc:meta])* $name:ident($key:ty) -> $variant:ident($record:ty);)*) => {
        impl<S: ReadState> Txn<'_, S> {
            $($(#[$doc])*
            pub fn $name(&self, key: &$key) -> Option<Arc<$record>> {
                match self.get(&RecordKey::$variant(key.clone())) {
                    Some(Record::$variant(record)) => Some(record),
                    _ => None,
                }
            })*
        }
    };
}

typed_reads! {
    /// An API.
    api(ApiId) -> Api(ApiRecord);
    /// A policy.
    policy(PolicyId) -> Policy(PolicyRecord);
    /// A client's registration.
    client(ClientKey) -> Client(ClientRecord);
    /// A code.
    code(CodeId) -> Code(Code);
    /// A grant.
    grant(GrantId) -> Grant(Grant);
    /// A family.
    family(FamilyId) -> Family(Family);
    /// An API's notification counters.
    outbox(ApiId) -> Outbox(Outbox);
    /// A notification.
    notification(NotificationKey) -> Notification(Notification);
    /// What a definition file made.
    source(SourcePath) -> Source(SourceRecord);
    /// A key or a basic-auth user.
    api_key(ApiKeyId) -> ApiKey(ApiKeyRecord);
}
